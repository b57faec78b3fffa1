//! The rows of the star, made from a book and a Snapshot: pure functions, no database.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::book::{Book, Cycle, CycleIndex, Goal, KeyResult, Kind, Objective, Source};
use crate::fixed::Fixed;
use crate::score::{KeyResultScore, Scores, Status};
use crate::snapshot::Snapshot;
use crate::store::rows::storable;
use crate::time::Timestamp;

/// Days that `dim_date` gets at most: 100 years. A longer cycle is cut there, its facts are not.
const DATES_MAX: usize = 36_525;

/// All that the book says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dimensions {
    /// The days of all cycles, each once.
    pub dates: Vec<DateRow>,
    /// The cycles.
    pub cycles: Vec<CycleRow>,
    /// The teams, each once.
    pub teams: Vec<TeamRow>,
    /// The objectives.
    pub objectives: Vec<ObjectiveRow>,
    /// The key results.
    pub key_results: Vec<KeyResultRow>,
}

/// A day. Fields are the columns of `dim_date`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the columns' comments are in migrations/postgres
pub struct DateRow {
    pub date: String,
    pub year: i16,
    pub quarter: i8,
    pub month: i8,
    pub month_name: &'static str,
    pub day_of_month: i8,
    pub iso_year: i16,
    pub iso_week: i8,
    pub day_of_week: i8,
    pub day_name: &'static str,
    pub is_weekend: bool,
    pub year_quarter: String,
    pub year_month: String,
    pub year_week: String,
}

/// A cycle. Fields are the columns of `dim_cycle`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct CycleRow {
    pub cycle_id: String,
    pub first_date: String,
    pub last_date: String,
    pub start_at: Option<String>,
    pub end_at: Option<String>,
    pub timezone: String,
    pub days: i32,
}

/// A team. Fields are the columns of `dim_team`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct TeamRow {
    pub team_id: String,
}

/// An objective. Fields are the columns of `dim_objective`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct ObjectiveRow {
    pub cycle_id: String,
    pub objective_id: String,
    pub title: String,
    pub owner: Option<String>,
    pub team: Option<String>,
    pub parent_objective_id: Option<String>,
    pub parent_key_result_id: Option<String>,
    pub path: String,
    pub depth: usize,
    pub position: usize,
}

/// A key result. Fields are the columns of `dim_key_result`; numbers are decimal text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct KeyResultRow {
    pub cycle_id: String,
    pub objective_id: String,
    pub key_result_id: String,
    pub title: String,
    pub owner: Option<String>,
    pub team: Option<String>,
    pub r#type: &'static str,
    pub kind: &'static str,
    pub unit: String,
    pub weight: String,
    pub baseline: Option<String>,
    pub target: Option<String>,
    pub stretch: Option<String>,
    pub at_least: Option<String>,
    pub at_most: Option<String>,
    pub position: usize,
    /// XXH3-64 of all the others, in hex.
    pub content_hash: String,
}

/// A key result on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyResultFact {
    /// The cycle's id.
    pub cycle_id: String,
    /// The objective's id.
    pub objective_id: String,
    /// The key result's id.
    pub key_result_id: String,
    /// The local day of the cycle.
    #[serde(serialize_with = "as_text")]
    pub date: Date,
    /// As scored, in text.
    #[serde(flatten)]
    pub values: FactValues,
}

/// What a fact says: the columns of both fact tables; numbers are decimal text, instants ISO 8601.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct FactValues {
    pub as_of: Option<String>,
    pub value: Option<String>,
    pub n: Option<i64>,
    pub numerator: Option<String>,
    pub denominator: Option<String>,
    pub baseline: Option<String>,
    pub target: Option<String>,
    pub attainment: Option<String>,
    pub score: Option<String>,
    pub expected_score: Option<String>,
    pub status: &'static str,
    pub status_order: i32,
}

fn as_text<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The dimension rows of a book.
pub fn dimensions(book: &Book) -> Dimensions {
    let teams: BTreeSet<&str> = book.objectives.iter().filter_map(|objective| objective.team.as_deref()).collect();
    let cycle_of =
        |objective: &Objective| cycle(book, objective.cycle).map_or_else(String::new, |cycle| cycle.id.clone());
    Dimensions {
        dates: dates(book),
        cycles: book.cycles.iter().map(cycle_row).collect(),
        teams: teams.into_iter().map(|team| TeamRow { team_id: text(team) }).collect(),
        objectives: (1..)
            .zip(&book.objectives)
            .map(|(position, objective)| objective_row(book, objective, cycle_of(objective), position))
            .collect(),
        key_results: book
            .objectives
            .iter()
            .flat_map(|objective| {
                let cycle_id = cycle_of(objective);
                (1..).zip(&objective.key_results).map(move |(position, key_result)| {
                    key_result_row(objective, key_result, cycle_id.clone(), position)
                })
            })
            .collect(),
    }
}

/// The running day of every key result: the local day of the Snapshot's instant, in a cycle that has ended its last day.
pub fn current(snapshot: &Snapshot) -> Vec<KeyResultFact> {
    let date_in = |cycle: &Cycle| {
        let last = cycle.end_date.yesterday().unwrap_or(cycle.end_date);
        let now = jiff::Timestamp::from_microsecond(snapshot.at.0).ok()?;
        let today = cycle.zone.zone.to_datetime(now).date();
        Some(today.min(last))
    };
    facts(&snapshot.book, &snapshot.scores, |_, cycle| date_in(cycle))
}

/// The day `date` of one key result, scored as of that day's end; positions as in the book.
pub fn day(book: &Book, objective: usize, key_result: usize, date: Date, score: &KeyResultScore) -> KeyResultFact {
    let (objective, known) = (&book.objectives[objective], &book.objectives[objective].key_results[key_result]);
    KeyResultFact {
        cycle_id: cycle(book, objective.cycle).map_or_else(String::new, |cycle| cycle.id.clone()),
        objective_id: objective.id.clone(),
        key_result_id: known.id.clone(),
        date,
        values: values(known, score),
    }
}

/// The day `date` of every key result of a cycle, from scores computed for the end of that day.
pub fn daily(book: &Book, scores: &Scores, of: CycleIndex, date: Date) -> Vec<KeyResultFact> {
    facts(book, scores, |index, _| (index == of).then_some(date))
}

fn facts(book: &Book, scores: &Scores, date: impl Fn(CycleIndex, &Cycle) -> Option<Date>) -> Vec<KeyResultFact> {
    let mut facts = Vec::new();
    for (objective, objective_score) in book.objectives.iter().zip(&scores.objectives) {
        let Some(cycle) = cycle(book, objective.cycle) else {
            continue;
        };
        let Some(date) = date(objective.cycle, cycle) else {
            continue;
        };
        for (key_result, score) in objective.key_results.iter().zip(&objective_score.key_results) {
            facts.push(KeyResultFact {
                cycle_id: cycle.id.clone(),
                objective_id: objective.id.clone(),
                key_result_id: key_result.id.clone(),
                date,
                values: values(key_result, score),
            });
        }
    }
    facts
}

fn values(key_result: &KeyResult, score: &KeyResultScore) -> FactValues {
    // Milestones are held against all of themselves, which is no target that the book states.
    let target = score.target.filter(|_| !matches!(key_result.goal, Goal::Milestones));
    FactValues {
        as_of: score.as_of.and_then(instant),
        value: decimal(score.value),
        n: score.n,
        numerator: decimal(score.numerator),
        denominator: decimal(score.denominator),
        baseline: decimal(score.baseline),
        target: decimal(target),
        attainment: decimal(score.attainment),
        score: decimal(score.score),
        expected_score: decimal(score.expected),
        status: score.status.as_str(),
        status_order: status_order(score.status),
    }
}

/// Sorts statuses for people, the one to look at first being 1.
pub fn status_order(status: Status) -> i32 {
    match status {
        Status::Missed => 1,
        Status::OffTrack => 2,
        Status::AtRisk => 3,
        Status::Stale => 4,
        Status::NoData => 5,
        Status::InsufficientData => 6,
        Status::Pending => 7,
        Status::OnTrack => 8,
        Status::Achieved => 9,
    }
}

/// ISO 8601 in UTC, always with six decimals, so that texts sort as instants do; `None` beyond year 9999.
pub(super) fn instant(at: Timestamp) -> Option<String> {
    jiff::Timestamp::from_microsecond(at.0).ok().map(|at| format!("{at:.6}"))
}

fn decimal(value: Option<Fixed>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn text(text: &str) -> String {
    storable(text).into_owned()
}

fn cycle(book: &Book, index: CycleIndex) -> Option<&Cycle> {
    book.cycles.get(usize::from(index.0))
}

fn dates(book: &Book) -> Vec<DateRow> {
    let mut days = BTreeSet::new();
    for cycle in &book.cycles {
        let mut day = cycle.start_date;
        while day < cycle.end_date && days.len() < DATES_MAX {
            days.insert(day);
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
    }
    days.into_iter().map(date_row).collect()
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn name(names: &[&'static str], number: i8) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

fn date_row(date: Date) -> DateRow {
    let week = date.iso_week_date();
    let day_of_week = date.weekday().to_monday_one_offset();
    let (year, month) = (date.year(), date.month());
    let quarter = (month - 1) / 3 + 1;
    DateRow {
        date: date.to_string(),
        year,
        quarter,
        month,
        month_name: name(&MONTHS, month),
        day_of_month: date.day(),
        iso_year: week.year(),
        iso_week: week.week(),
        day_of_week,
        day_name: name(&DAYS, day_of_week),
        is_weekend: day_of_week > 5,
        year_quarter: format!("{year:04}-Q{quarter}"),
        year_month: format!("{year:04}-{month:02}"),
        year_week: format!("{:04}-W{:02}", week.year(), week.week()),
    }
}

fn cycle_row(cycle: &Cycle) -> CycleRow {
    CycleRow {
        cycle_id: text(&cycle.id),
        first_date: cycle.start_date.to_string(),
        last_date: cycle.end_date.yesterday().unwrap_or(cycle.end_date).to_string(),
        start_at: instant(cycle.start),
        end_at: instant(cycle.end),
        timezone: cycle.zone.name.clone(),
        days: (cycle.end_date - cycle.start_date).get_days(),
    }
}

fn objective_row(book: &Book, objective: &Objective, cycle_id: String, position: usize) -> ObjectiveRow {
    let mut path = vec![objective.id.as_str()];
    let mut above = objective;
    // A valid book has no circle; were there one, the walk would end here all the same.
    while path.len() <= book.objectives.len()
        && let Some((parent, _)) = parent_of(above)
        && let Some(found) = book.objectives.iter().find(|objective| objective.id == parent)
    {
        path.push(&found.id);
        above = found;
    }
    path.reverse();
    let parent = parent_of(objective);
    ObjectiveRow {
        cycle_id,
        objective_id: objective.id.clone(),
        title: text(&objective.title),
        owner: objective.owner.as_deref().map(text),
        team: objective.team.as_deref().map(text),
        parent_objective_id: parent.map(|(objective, _)| objective.to_owned()),
        parent_key_result_id: parent.and_then(|(_, key_result)| key_result).map(str::to_owned),
        depth: path.len() - 1,
        path: path.join("/"),
        position,
    }
}

/// The objective, and the key result of it, that an objective aligns to.
fn parent_of(objective: &Objective) -> Option<(&str, Option<&str>)> {
    let aligned = objective.aligns_to.as_deref()?;
    Some(aligned.split_once('/').map_or((aligned, None), |(objective, key_result)| (objective, Some(key_result))))
}

/// What a value is held against, as numbers.
#[derive(Default)]
struct Bounds {
    baseline: Option<Fixed>,
    target: Option<Fixed>,
    stretch: Option<Fixed>,
    at_least: Option<Fixed>,
    at_most: Option<Fixed>,
}

fn goal(key_result: &KeyResult) -> Bounds {
    match &key_result.goal {
        // What is measured stands with the facts, where it is known.
        Goal::Improve { target, stretch, .. } => {
            let baseline = key_result.goal.written_baseline();
            Bounds { baseline, target: target.amount(baseline), stretch: *stretch, ..Bounds::default() }
        }
        Goal::Maintain { at_least, at_most, .. } => {
            let target = if at_least.is_some() && at_most.is_some() { None } else { at_least.or(*at_most) };
            Bounds { target, at_least: *at_least, at_most: *at_most, ..Bounds::default() }
        }
        Goal::Milestones | Goal::Nothing => Bounds::default(),
    }
}

fn key_result_row(objective: &Objective, key_result: &KeyResult, cycle_id: String, position: usize) -> KeyResultRow {
    let goal = goal(key_result);
    let r#type = match (&key_result.source, &key_result.goal) {
        (Source::Manual, _) => "manual",
        (Source::Milestones(_), _) | (_, Goal::Milestones) => "milestone",
        (_, Goal::Improve { .. }) => "improve",
        (_, Goal::Maintain { .. } | Goal::Nothing) => "maintain",
    };
    let mut row = KeyResultRow {
        cycle_id,
        objective_id: objective.id.clone(),
        key_result_id: key_result.id.clone(),
        title: text(&key_result.title),
        owner: key_result.owner.as_deref().or(objective.owner.as_deref()).map(text),
        team: objective.team.as_deref().map(text),
        r#type,
        kind: match key_result.kind {
            Kind::Committed => "committed",
            Kind::Aspirational => "aspirational",
        },
        unit: text(key_result.unit.as_str()),
        weight: key_result.weight.to_string(),
        baseline: decimal(goal.baseline),
        target: decimal(goal.target),
        stretch: decimal(goal.stretch),
        at_least: decimal(goal.at_least),
        at_most: decimal(goal.at_most),
        position,
        content_hash: String::new(),
    };
    // A row of texts always serialises; an empty text would only make one more version.
    let content = serde_json::to_vec(&row).unwrap_or_default();
    row.content_hash = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&content));
    row
}
