//! Scores as a table for people.

use std::io::IsTerminal;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};

use crate::book::{KeyResult, Objective};
use crate::expose::people::{self, Language};
use crate::score::{KeyResultScore, ObjectiveScore, Status};
use crate::snapshot::Snapshot;

/// Columns of the table.
const HEADER: [&str; 8] = ["key result", "value", "from → to", "score", "expected", "status", "n", "as of"];

/// Width where stdout is no terminal, whose width would be its own.
const WIDTH: u16 = 140;

/// The scores as text, a table an objective.
pub(super) fn scores(snapshot: &Snapshot) -> String {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = String::new();
    for (objective, score) in snapshot.book.objectives.iter().zip(&snapshot.scores.objectives) {
        text.push_str(&heading(objective, score));
        text.push_str(&table(snapshot, objective, score, colour).to_string());
        text.push_str("\n\n");
    }
    if !snapshot.book.kpis.is_empty() {
        text.push_str("indicators, shown and not scored\n");
    }
    for (kpi, score) in snapshot.book.kpis.iter().zip(&snapshot.scores.kpis) {
        text.push_str(&format!("{} · {} · {}\n", kpi.shown.id, kpi.shown.title, value(&kpi.shown, score)));
    }
    for (key, count) in &snapshot.counters {
        if let Some(line) = people::counter(key, *count) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn heading(objective: &Objective, score: &ObjectiveScore) -> String {
    let number = score.score.map_or("no score".to_owned(), |score| format!("score {}", people::score(score)));
    format!("{} · {} · {number} · {}\n", objective.id, objective.title, score.status.as_str())
}

fn table(snapshot: &Snapshot, objective: &Objective, score: &ObjectiveScore, colour: bool) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_header(HEADER);
    if !std::io::stdout().is_terminal() {
        table.set_width(WIDTH);
    }
    let zone = &snapshot.book.cycles[usize::from(objective.cycle.0)].zone;
    for (key_result, score) in objective.key_results.iter().zip(&score.key_results) {
        let status = Cell::new(score.status.as_str());
        let status = if colour { status.fg(shade(score.status)).add_attribute(Attribute::Bold) } else { status };
        table.add_row(vec![
            Cell::new(format!("{}\n{}", key_result.id, key_result.title)),
            Cell::new(value(key_result, score)),
            Cell::new(people::goal(key_result, score, Language::English)),
            Cell::new(score.score.map_or("–".to_owned(), people::score)),
            Cell::new(score.expected.map_or("–".to_owned(), people::score)),
            status,
            Cell::new(score.n.map_or("–".to_owned(), |n| n.to_string())),
            Cell::new(score.as_of.map_or("–".to_owned(), |at| people::instant(at, zone))),
        ]);
    }
    table
}

fn value(key_result: &KeyResult, score: &KeyResultScore) -> String {
    score.value.map_or("–".to_owned(), |value| people::value(value, &key_result.unit, Language::English))
}

fn shade(status: Status) -> Color {
    match status {
        Status::Achieved | Status::OnTrack => Color::Green,
        Status::AtRisk | Status::Stale | Status::InsufficientData => Color::Yellow,
        Status::Missed | Status::OffTrack => Color::Red,
        Status::Pending | Status::NoData => Color::Grey,
    }
}
