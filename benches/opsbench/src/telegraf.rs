//! Telegraf: it says nothing when it has drained the topics, so its CPU curve is watched; and it tells what it counted when it ends.

use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::measure::{Bench, Run, START_LIMIT};
use crate::peers::{PeerAnswers, Precision};
use crate::process::{Listen, Process};

/// What its log says when its inputs are started.
const BEGIN: &str = "[agent] Config:";

impl Bench {
    /// One run of the job in `benches/peers/telegraf`.
    pub fn telegraf(&self, folder: &Path, name: &str) -> Result<Run, Failure> {
        let output = self.folder.join(format!("{name}.influx"));
        let mut command = Command::new(folder.join("run"));
        command.arg(&self.brokers).arg(format!("opsbench-{name}")).arg(&output).current_dir(&self.folder);
        let process = Process::start(command, Listen::Stderr, self.file(&format!("{name}.log"))?)?;
        let (begin, _) = process.wait_for(BEGIN, START_LIMIT)?;
        let end = process.wait_until_idle(begin, self.limit())?;
        let peak_bytes = process.peak_memory().unwrap_or(0);
        process.end(START_LIMIT);
        let text = std::fs::read_to_string(&output).map_err(|error| Failure::new(output.display(), error))?;
        let mut exact = self.answers.peers.clone();
        // It has no join.
        (exact.lead_n, exact.lead_mean) = (None, None);
        let (wall, cpu) = (end.at.duration_since(begin.at), end.cpu.saturating_sub(begin.cpu));
        Ok(Run { wall, cpu, peak_bytes, faults: answers(&text).compare(&exact, Precision::Milliseconds) })
    }
}

/// What the lines of InfluxDB's line protocol come to: `picks,hour=2026-11-25T03,warehouse=WH-00 duration_ms_count=7,… 1795582800000000000`.
fn answers(text: &str) -> PeerAnswers {
    let mut answers = PeerAnswers::default();
    let mut duration_sum = 0.0;
    let add = |to: &mut Option<f64>, value: f64| *to = Some(to.unwrap_or(0.0) + value);
    for line in text.lines() {
        let mut parts = line.split(' ');
        let (Some(series), Some(fields)) = (parts.next(), parts.next()) else { continue };
        let (topic, tags) = series.split_once(',').unwrap_or((series, ""));
        let tag = |name: &str| tags.split(',').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='));
        let field = |name: &str| {
            let text = fields.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))?;
            text.trim_end_matches('i').parse::<f64>().ok()
        };
        let number = |name: &str| tag(name).and_then(|member| member.get(3..)?.parse::<f64>().ok()).unwrap_or(0.0);
        let hour = || {
            let at: Option<jiff::Timestamp> = tag("hour").and_then(|hour| format!("{hour}:00:00Z").parse().ok());
            at.map_or(0.0, |at| (at.as_second().div_euclid(3_600) % 1_009) as f64)
        };
        match topic {
            "picks" => {
                if let Some(n) = field("duration_ms_count") {
                    add(&mut answers.picks, n);
                    add(&mut answers.picks_check, n * hour() * number("warehouse"));
                    duration_sum += field("duration_ms_sum").unwrap_or(0.0);
                }
                answers.pick_p50 = field("duration_ms_050").or(answers.pick_p50);
                answers.pick_p90 = field("duration_ms_090").or(answers.pick_p90);
            }
            "errors" if tag("category") == Some("mispick") => {
                let n = fields.split(',').find_map(|field| field.split_once("latency_ms_count=")).map(|(_, n)| n);
                let n = n.and_then(|n| n.trim_end_matches('i').parse::<f64>().ok()).unwrap_or(0.0);
                add(&mut answers.mispicks, n);
                add(&mut answers.mispicks_check, n * hour() * number("warehouse"));
            }
            "orders" => {
                if let Some(n) = field("amount_count") {
                    add(&mut answers.orders, n);
                    add(&mut answers.orders_check, n * (10.0 * number("warehouse") + number("channel")));
                    add(&mut answers.amount, field("amount_sum").unwrap_or(0.0));
                }
            }
            "tickets" => {
                answers.handle_n = field("handle_s_count").or(answers.handle_n);
                answers.handle_mean = field("handle_s_mean").or(answers.handle_mean);
                answers.csat_n = field("csat_count").or(answers.csat_n);
                answers.csat_mean = field("csat_mean").or(answers.csat_mean);
            }
            _ => {}
        }
    }
    answers.pick_mean = answers.picks.map(|n| duration_sum / n);
    answers
}
