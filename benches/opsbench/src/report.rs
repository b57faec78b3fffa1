//! Medians, ratios to the floor of the same round, the table and the JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::answers::Answers;
use crate::drive::{Contestant, Row};
use crate::key_result::Choice;
use crate::measure::{Run, StoreKind};

/// Faults of a row that are shown.
const FAULTS_SHOWN_MAX: usize = 5;

impl Run {
    /// CPU nanoseconds a record.
    fn ns(&self, records: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e9 / records as f64
    }

    /// Records a second.
    fn rate(&self, records: u64) -> f64 {
        records as f64 / self.wall.as_secs_f64()
    }

    fn mib(&self) -> f64 {
        self.peak_bytes as f64 / 1_048_576.0
    }
}

/// One run, for whoever waits.
pub fn line(name: &str, run: &Run, records: u64) -> String {
    let answers = if run.faults.is_empty() { "exact".to_owned() } else { format!("{} faults", run.faults.len()) };
    let (ns, rate, mib) = (run.ns(records), run.rate(records) / 1e6, run.mib());
    format!("{name:<44} {ns:>7.0} ns CPU a record, {rate:>5.2} M/s, {mib:>6.0} MiB, {answers}")
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values.get(low)? + values.get(high)?) / 2.0)
}

/// The median over the rounds of what `figure` gives for one row, divided by what it gives for another in the same round.
fn ratio(of: &Row, to: &Row, figure: impl Fn(&Run) -> f64) -> Option<f64> {
    median(of.runs.iter().zip(&to.runs).map(|(of, to)| figure(of) / figure(to)))
}

fn two(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.2}"))
}

/// The table, in Markdown.
pub fn table(rows: &[Row], answers: &Answers) -> String {
    let records = answers.records;
    let mut text = String::new();
    let rounds = rows.iter().map(|row| row.runs.len()).max().unwrap_or(0);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(2).collect::<Vec<_>>().join(" and ");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    _ = writeln!(
        text,
        "\n{records} records of {} bytes in 16 partitions, seed {}; medians of {rounds} rounds; {cores} cores, of which the broker needs its part; \
         load of the last 1 and 5 minutes {load}\n",
        answers.bytes / records.max(1),
        answers.seed
    );
    text.push_str("| what | CPU ns a record | / floor's | drained, M/s | / floor's | peak MiB | answers |\n|---|---|---|---|---|---|---|\n");
    let floor = rows.iter().find(|row| row.contestant == Contestant::Floor);
    for row in rows {
        let of_floor = |figure: &dyn Fn(&Run) -> f64| two(floor.and_then(|floor| ratio(row, floor, figure)));
        let cpu = median(row.runs.iter().map(|run| run.ns(records))).unwrap_or(f64::NAN);
        let rate = median(row.runs.iter().map(|run| run.rate(records) / 1e6)).unwrap_or(f64::NAN);
        let peak = median(row.runs.iter().map(Run::mib)).unwrap_or(f64::NAN);
        let faults = row.runs.iter().map(|run| run.faults.len()).max().unwrap_or(0);
        let exact = if faults == 0 { "exact".to_owned() } else { format!("{faults} differ") };
        let (cpu_ratio, rate_ratio) = (of_floor(&|run| run.ns(records)), of_floor(&|run| run.rate(records)));
        let name = row.contestant.name();
        _ = writeln!(text, "| {name} | {cpu:.0} | {cpu_ratio} | {rate:.2} | {rate_ratio} | {peak:.0} | {exact} |");
    }
    text.push('\n');
    for (what, value) in comparisons(rows) {
        _ = writeln!(text, "{what}: {value:.2}");
    }
    for row in rows {
        for fault in row.runs.iter().flat_map(|run| &run.faults).take(FAULTS_SHOWN_MAX) {
            _ = writeln!(text, "{}: {fault}", row.contestant.name());
        }
    }
    text
}

/// Ratios between rows other than the floor.
fn comparisons(rows: &[Row]) -> Vec<(String, f64)> {
    let krscore = |choice: Choice| {
        let wanted = Contestant::Krscore { choice, has_ids: false, store: StoreKind::Sqlite };
        rows.iter().find(|row| row.contestant == wanted)
    };
    let cpu = |run: &Run| run.cpu.as_secs_f64();
    let mut found = Vec::new();
    for (what, of, to) in [
        ("CPU, 20 key results / 1", Choice::Twenty, Choice::One),
        ("CPU, 100 key results / 20", Choice::Hundred, Choice::Twenty),
        ("CPU, 400 members / 12", Choice::Members(400), Choice::Members(12)),
    ] {
        if let (Some(of), Some(to)) = (krscore(of), krscore(to)) {
            found.extend(ratio(of, to, cpu).map(|value| (what.to_owned(), value)));
        }
    }
    let Some(eight) = krscore(Choice::Eight) else { return found };
    for row in rows {
        if matches!(row.contestant, Contestant::Naive | Contestant::Foreign(..) | Contestant::Telegraf) {
            let name = row.contestant.name();
            found.extend(ratio(row, eight, cpu).map(|value| (format!("CPU, {name} / krscore's 8 results"), value)));
            let memory = ratio(row, eight, Run::mib);
            found.extend(memory.map(|value| (format!("peak memory, {name} / krscore's 8 results"), value)));
        }
    }
    found
}

/// Every figure of every round.
pub fn json(rows: &[Row], answers: &Answers) -> Value {
    let records = answers.records;
    let run = |run: &Run| {
        json!({
            "wall_seconds": run.wall.as_secs_f64(),
            "cpu_seconds": run.cpu.as_secs_f64(),
            "cpu_ns_per_record": run.ns(records),
            "records_per_second": run.rate(records),
            "peak_bytes": run.peak_bytes,
            "faults": run.faults,
        })
    };
    let row =
        |row: &Row| json!({ "what": row.contestant.name(), "rounds": row.runs.iter().map(run).collect::<Vec<_>>() });
    json!({
        "records": records,
        "bytes": answers.bytes,
        "seed": answers.seed,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "comparisons": comparisons(rows).into_iter().map(|(what, value)| json!({ "what": what, "ratio": value })).collect::<Vec<_>>(),
    })
}
