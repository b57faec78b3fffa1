//! `opsbench live`: krscore has drained the topics, and goes on with what comes at a steady rate. How long consumption stands for a commit
//! then, and how soon an event moves a gauge.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::event::Kind;
use crate::failure::Failure;
use crate::key_result::Choice;
use crate::measure::{Bench, BenchArguments, START_LIMIT, SqliteStore, get};
use crate::sink::Sink;
use crate::stream::{Nature, Stream};

/// Records a second.
const RATE: u64 = 10_000;

/// Records of a moment.
const AT_ONCE: u64 = 50;

/// How often the gauge is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// How long the last records may take to show.
const SETTLED: Duration = Duration::from_secs(3);

/// The key result whose gauge is watched, and what it counts.
const WATCHED: (&str, Kind) = ("picks", Kind::Picked);

/// How long consumption stands for a commit, and what is done beside it.
const STANDS: &str = "krscore_cut_seconds";
const SCORES: &str = "krscore_scoring_seconds";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    bench: BenchArguments,
    /// How long records come. Their time runs 200 times as fast as the clock, and the first one is 3 hours old
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=50))]
    seconds: u64,
}

/// What was produced, or seen, by when.
#[derive(Clone, Copy, Debug)]
struct Count {
    at: Instant,
    count: u64,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let bench = arguments.bench.bench()?;
    let name = format!("live-{}", std::process::id());
    let store = SqliteStore::new(&bench.folder, &name);
    let service = bench.serve(Choice::Twenty, false, &store.url(), &name)?;
    service.process.wait_for("caught up", bench.limit())?;
    std::thread::sleep(SETTLED);

    let address = &*service.address;
    let before = get(address, "/metrics")?;
    let (begun_at, stopping) = (gauge(&before)?, AtomicBool::new(false));
    let (produced, seen) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| look(address, &stopping));
        let producing = scope.spawn(|| produce(arguments.seconds, &bench, begun_at));
        let produced = producing.join();
        std::thread::sleep(SETTLED);
        stopping.store(true, Ordering::Relaxed);
        (produced, looking.join())
    });
    let panicked = |what: &'static str| move |_| Failure::new(what, "panicked");
    let (produced, seen) =
        (produced.map_err(panicked("producing"))??, seen.map_err(panicked("looking at the gauge"))??);
    let after = get(address, "/metrics")?;
    let drained = Histogram::of(&before, STANDS)?;
    let stands = Histogram::of(&after, STANDS)?.since(&drained);
    let scores = Histogram::of(&after, SCORES)?.since(&Histogram::of(&before, SCORES)?);
    let (last, shown) = (produced.last().map(|last| last.count), seen.last().map(|last| last.count));
    if last != shown {
        return Err(Failure::new("the gauge", format!("shows {shown:?} in the end, where {last:?} were produced")));
    }
    let lags = lags(&produced, &seen);
    service.process.end(START_LIMIT);
    let quantile =
        |share: f64| lags.get((lags.len() as f64 * share) as usize).or(lags.last()).map_or(0.0, Duration::as_secs_f64);
    let took = produced.first().zip(produced.last()).map_or(Duration::ZERO, |(first, last)| last.at - first.at);
    let rate = (arguments.seconds * RATE - AT_ONCE) as f64 / took.as_secs_f64();
    println!("20 key results over SQLite, {} records drained, then {rate:.0} a second:", bench.answers.records);
    println!("consumption stands for a commit: {}; while these were drained: {}", stands.told(), drained.told());
    println!("merging and scoring beside it: {}", scores.told());
    println!("record produced -> gauge changed: p50 {:.2} s, p99 {:.2} s", quantile(0.5), quantile(0.99));
    Ok(())
}

/// Produces what comes after that which was generated, and says when how many had come that the gauge counts.
fn produce(seconds: u64, bench: &Bench, begun_at: u64) -> Result<Vec<Count>, Failure> {
    let (mut stream, mut generated) = (Stream::new(bench.answers.seed, bench.answers.begun_ms), 0);
    while generated < bench.answers.records {
        stream.step(|_| generated += 1);
    }
    let mut sink = Sink::open(Some(&bench.brokers), None)?;
    let (begun, mut records, mut counted, mut produced) = (Instant::now(), 0, begun_at, Vec::new());
    while records < seconds * RATE {
        let until = records + AT_ONCE;
        while records < until {
            let mut result = Ok(());
            stream.step(|message| {
                records += 1;
                counted += u64::from(message.event.kind == WATCHED.1 && message.nature != Nature::Malformed);
                if result.is_ok() {
                    result = sink.take(&message);
                }
            });
            result?;
        }
        produced.push(Count { at: Instant::now(), count: counted });
        let due = begun + Duration::from_secs_f64(records as f64 / RATE as f64);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    sink.finish()?;
    Ok(produced)
}

/// Looks at the gauge until told to stop: when it was first seen to show each number.
fn look(address: &str, stopping: &AtomicBool) -> Result<Vec<Count>, Failure> {
    let mut seen: Vec<Count> = Vec::new();
    while !stopping.load(Ordering::Relaxed) {
        let count = gauge(&get(address, "/metrics")?)?;
        if seen.last().is_none_or(|last| last.count != count) {
            seen.push(Count { at: Instant::now(), count });
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(seen)
}

/// The watched gauge in the text of `/metrics`.
fn gauge(text: &str) -> Result<u64, Failure> {
    let of_it = format!("key_result=\"{}\"", WATCHED.0);
    let mut lines = text.lines().filter(|line| line.starts_with("okr_key_result_value{") && line.contains(&of_it));
    let value = lines.find_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    value.map(|value| value as u64).ok_or_else(|| Failure::new(of_it, "/metrics has no value of it"))
}

/// How long each of what was produced took to be seen, in order of length.
fn lags(produced: &[Count], seen: &[Count]) -> Vec<Duration> {
    let lag = |one: &Count| {
        let shown = seen.iter().find(|seen| seen.count >= one.count)?;
        Some(shown.at.saturating_duration_since(one.at))
    };
    let mut lags: Vec<Duration> = produced.iter().filter_map(lag).collect();
    lags.sort_unstable();
    lags
}

/// A histogram of seconds.
#[derive(Clone, Debug, PartialEq)]
struct Histogram {
    count: u64,
    seconds: f64,
    /// Upper bounds in seconds, and how many took no longer.
    buckets: Vec<(f64, u64)>,
}

impl Histogram {
    fn of(text: &str, family: &str) -> Result<Histogram, Failure> {
        let number = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(family)?.strip_prefix(name));
            let number = lines.find_map(|rest| rest.trim().parse::<f64>().ok());
            number.ok_or_else(|| Failure::new(family, format!("/metrics has no {name} of it")))
        };
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix(family)?.strip_prefix("_bucket{le=\"")?.split_once("\"} ")?;
            Some((bound.parse().ok()?, count.trim().parse().ok()?))
        };
        let buckets = text.lines().filter_map(bucket).collect();
        Ok(Histogram { count: number("_count ")? as u64, seconds: number("_sum ")?, buckets })
    }

    /// What came since `before`.
    fn since(&self, before: &Histogram) -> Histogram {
        let buckets = self.buckets.iter().zip(&before.buckets);
        Histogram {
            count: self.count - before.count,
            seconds: self.seconds - before.seconds,
            buckets: buckets.map(|((bound, count), (_, earlier))| (*bound, count - earlier)).collect(),
        }
    }

    fn told(&self) -> String {
        if self.count == 0 {
            return "nothing was committed".to_owned();
        }
        let p99 = self.buckets.iter().find(|(_, count)| *count as f64 >= self.count as f64 * 0.99);
        let bound = p99.map_or(f64::INFINITY, |(bound, _)| *bound);
        let mut below = 0;
        let mut within = Vec::new();
        for (bound, count) in &self.buckets {
            if *count > below {
                within.push(format!("{} up to {} ms", count - below, bound * 1e3));
            }
            below = *count;
        }
        let mean = self.seconds / self.count as f64 * 1e3;
        format!("mean {mean:.1} ms, p99 at most {} ms, of {} ({})", bound * 1e3, self.count, within.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_the_time_until_so_many_are_seen() {
        let start = Instant::now();
        let count = |ms: u64, count: u64| Count { at: start + Duration::from_millis(ms), count };
        let produced = [count(0, 10), count(10, 20), count(20, 30), count(30, 40)];
        let seen = [count(5, 0), count(500, 25), count(900, 31), count(2_000, 40)];
        let millis: Vec<u128> = lags(&produced, &seen).iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [490, 500, 880, 1_970]);
    }

    #[test]
    fn a_histogram_is_told_from_what_came_since() {
        let text = |buckets: [u64; 3], sum: f64| {
            let [five, ten, all] = buckets;
            format!(
                "# HELP krscore_cut_seconds x\nkrscore_cut_seconds_bucket{{le=\"0.005\"}} {five}\n\
                 krscore_cut_seconds_bucket{{le=\"0.01\"}} {ten}\nkrscore_cut_seconds_bucket{{le=\"+Inf\"}} {all}\n\
                 krscore_cut_seconds_sum {sum}\nkrscore_cut_seconds_count {all}\n"
            )
        };
        let of = |text: &str| Histogram::of(text, STANDS).unwrap_or_else(|failure| panic!("{failure}"));
        let told = |after: [u64; 3], sum: f64| of(&text(after, sum)).since(&of(&text([1, 1, 2], 0.5))).told();
        assert_eq!(told([1, 1, 2], 0.5), "nothing was committed");
        assert_eq!(told([2, 3, 4], 0.512), "mean 6.0 ms, p99 at most 10 ms, of 2 (1 up to 5 ms, 1 up to 10 ms)");
        assert_eq!(told([1, 2, 4], 0.62), "mean 60.0 ms, p99 at most inf ms, of 2 (1 up to 10 ms, 1 up to inf ms)");
        assert!(Histogram::of("krscore_cut_seconds_sum 1\n", STANDS).is_err());
    }
}
