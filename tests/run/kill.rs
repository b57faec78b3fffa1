//! The process is killed 20 times while events stream in; what it shows at the end is what one quiet replay of the log shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;

use crate::place::Place;
use crate::service::{Setup, day};
use crate::support::{kafka, services};

/// How often the process is killed.
const KILLS: usize = 20;

/// Partitions of each topic.
pub const PARTITIONS: i32 = 4;

/// Records that are produced while each of the processes lives.
const RECORDS_OF_A_ROUND: usize = 2_000;

/// The longest that a process lives before it is killed; the shortest lives end before it has its partitions.
const LIFE_MAX: Duration = Duration::from_millis(1_500);

/// How long the broker may take for a transaction or a flush.
const BROKER_LIMIT: Duration = Duration::from_secs(30);

/// The topics, by the kind of event.
pub const TOPICS: [&str; 3] = ["orders", "deliveries", "picks"];

pub fn book(prefix: &str) -> String {
    let results = |cycle: &str| {
        format!(
            r#"  - id: {cycle}-results
    title: Everything that there is ({cycle})
    owner: me
    cycle: {cycle}
    key_results:
      - {{ id: orders, title: t, metric: orders, baseline: 0, target: 20000, stretch: 30000, window: cycle, by: [channel] }}
      - {{ id: revenue, title: t, metric: revenue, baseline: 0, target: 1_000_000, stretch: 2_000_000, window: cycle, by: [channel] }}
      - {{ id: accuracy, title: t, metric: accuracy, baseline: 80%, target: 99%, stretch: 100%, window: cycle, by: [warehouse] }}
      - {{ id: seconds, title: t, metric: seconds, stat: mean, baseline: 60s, target: 10s, stretch: 5s, window: cycle, by: [warehouse] }}
      - {{ id: seconds-p90, title: t, metric: seconds, stat: p90, baseline: 90s, target: 20s, stretch: 5s, window: cycle }}
      - {{ id: fulfilment, title: t, metric: fulfilment, stat: mean, baseline: 5d, target: 1d, stretch: 1h, window: cycle, by: [channel] }}
      - {{ id: fulfilment-p50, title: t, metric: fulfilment, stat: p50, baseline: 5d, target: 1d, stretch: 1h, window: cycle }}
      - {{ id: per-order, title: t, metric: per_order, baseline: 0, target: 100, stretch: 200, window: cycle }}
"#
        )
    };
    format!(
        r#"apiVersion: krscore/v1
cycles:
  - {{ id: past, start: {past}, end: {between}, timezone: Asia/Kathmandu, settle: 1d }}
  - {{ id: now, start: {between}, end: {end}, timezone: Asia/Kathmandu }}
events:
  ordered: {{ topic: {prefix}.orders, id: event_id, time: at, where: "type = 'created'", dimensions: [channel] }}
  cancelled: {{ topic: {prefix}.orders, id: event_id, time: at, where: "type = 'cancelled'" }}
  delivered: {{ topic: {prefix}.deliveries, id: event_id, time: at }}
  picked: {{ topic: {prefix}.picks, id: pick_id, time: {{ field: picked_ms, unit: ms }}, dimensions: [warehouse] }}
metrics:
  orders: {{ type: count, event: ordered }}
  revenue: {{ type: sum, event: ordered, value: amount, unit: CNY }}
  picks: {{ type: count, event: picked }}
  mispicks: {{ type: count, event: picked, where: "wrong = true" }}
  accuracy: {{ type: ratio, bad: mispicks, total: picks }}
  seconds: {{ type: value, event: picked, value: seconds, unit: seconds }}
  fulfilment: {{ type: duration, from: ordered, to: delivered, key: order_id, deadline: promised_at, void: cancelled }}
  per_order: {{ type: derived, formula: revenue / orders }}
objectives:
{live}{closed}      - {{ id: within, title: t, metric: fulfilment, stat: {{ within: 24h }}, baseline: 10%, target: 95%, window: cycle }}
      - {{ id: on-time, title: t, metric: fulfilment, stat: on_time, baseline: 10%, target: 95%, window: cycle }}
      - {{ id: accuracy-7d, title: t, metric: accuracy, baseline: 80%, target: 99%, window: {{ trailing: 7d }} }}
      - {{ id: band, title: t, metric: seconds, stat: mean, at_least: 10s, window: {{ to_date: week }} }}
"#,
        live = results("now"),
        closed = results("past"),
        past = day(-40),
        between = day(-10),
        end = day(50),
    )
}

/// A random sequence from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }
}

/// How a round's piece is produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Plain,
    Transaction,
    AbortedTransaction,
}

/// Records for one topic and partition each.
pub type Piece = Vec<(usize, i32, Vec<u8>)>;

/// Makes events, and keeps what an independent count of them needs.
pub struct Company {
    random: Random,
    begun_ms: i64,
    next: u64,
    /// The picks of each partition, which is what removes copies; and the broken records.
    picks: BTreeSet<(i32, u64)>,
    broken: u64,
}

impl Company {
    pub fn new(seed: u64) -> Company {
        let begun_ms = jiff::Timestamp::now().as_millisecond();
        Company { random: Random(seed), begun_ms, next: 0, picks: BTreeSet::new(), broken: 0 }
    }

    /// An instant from 39 days to 2 hours ago: in either cycle.
    fn at_ms(&mut self) -> i64 {
        let ago = 2 * 3_600_000 + self.random.below(39 * 86_400_000 - 2 * 3_600_000) as i64;
        self.begun_ms - ago
    }

    /// About `count` records; they count only if they are not aborted.
    pub fn piece(&mut self, count: usize, by: By) -> Piece {
        let mut piece = Piece::new();
        while piece.len() < count {
            self.next += 1;
            match self.random.below(10) {
                0..4 => self.order(&mut piece),
                4 => self.broken(&mut piece, by),
                _ => self.pick(&mut piece, by),
            }
        }
        piece
    }

    fn order(&mut self, piece: &mut Piece) {
        let (id, at) = (self.next, self.at_ms());
        let (home, away) = (self.random.below(4) as i32, self.random.below(4) as i32);
        let (cents, channel) = (self.random.below(100_000), ["web", "shop", "app"][self.random.below(3) as usize]);
        let takes_ms = self.random.below(4 * 86_400_000) as i64 - 3_600_000;
        let promised = rfc3339(at + 2 * 86_400_000);
        let created = format!(
            r#"{{"event_id":"c{id}","type":"created","order_id":{id},"at":"{}","amount":{}.{:02},"channel":"{channel}","promised_at":"{promised}"}}"#,
            rfc3339(at),
            cents / 100,
            cents % 100,
        );
        let delivered = format!(
            r#"{{"event_id":"d{id}","order_id":"{id}","at":"{}"}}"#,
            rfc3339((at + takes_ms).min(self.begun_ms))
        );
        let cancelled =
            format!(r#"{{"event_id":"x{id}","type":"cancelled","order_id":{id},"at":"{}"}}"#, rfc3339(at + 60_000));
        let mut records = vec![(0, home, created.clone())];
        match self.random.below(8) {
            0 => {}
            1 => records.push((0, home, cancelled)),
            // A copy in the same partition with another amount: the first holds.
            2 => records.extend([(0, home, created.replace("\"amount\":", "\"amount\":9")), (1, away, delivered)]),
            // The end first, as far as order matters between topics.
            3 => records.insert(0, (1, away, delivered)),
            _ => records.push((1, away, delivered)),
        }
        piece.extend(records.into_iter().map(|(topic, partition, text)| (topic, partition, text.into_bytes())));
    }

    fn pick(&mut self, piece: &mut Piece, by: By) {
        let (id, at, partition) = (self.next, self.at_ms(), self.random.below(4) as i32);
        let (wrong, seconds) = (self.random.below(20) == 0, self.random.below(90_000));
        let text = format!(
            r#"{{"pick_id":{id},"picked_ms":{at},"warehouse":"SH{}","wrong":{wrong},"seconds":{}.{:03}}}"#,
            id % 5,
            seconds / 1_000,
            seconds % 1_000,
        );
        let copies = 1 + usize::from(self.random.below(9) == 0);
        piece.extend(std::iter::repeat_n((2, partition, text.into_bytes()), copies));
        if by != By::AbortedTransaction {
            self.picks.insert((partition, id));
        }
    }

    fn broken(&mut self, piece: &mut Piece, by: By) {
        let broken: [&[u8]; 4] = [b"{\"pick_id\":1,", b"\xff\xfe", b"[1,2]", b"{\"pick_id\":7}"];
        let chosen = broken[self.random.below(4) as usize];
        piece.push((2, self.random.below(4) as i32, chosen.to_vec()));
        self.broken += u64::from(by != By::AbortedTransaction);
    }
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).expect("in range").to_string()
}

/// One plain and one transactional producer, so that each partition's log is in the order of the pieces.
pub struct Producers {
    plain: BaseProducer,
    transactional: BaseProducer,
    topics: Vec<String>,
}

impl Producers {
    pub fn new(brokers: &str, prefix: &str) -> Producers {
        let plain = kafka::config(brokers).set("enable.idempotence", "true").create().expect("a producer");
        let transactional: BaseProducer =
            kafka::config(brokers).set("transactional.id", prefix).create().expect("a producer");
        transactional.init_transactions(BROKER_LIMIT).expect("a transactional producer");
        Producers { plain, transactional, topics: TOPICS.iter().map(|name| format!("{prefix}.{name}")).collect() }
    }

    pub fn produce(&self, piece: &Piece, by: By) {
        let producer = if by == By::Plain { &self.plain } else { &self.transactional };
        if by != By::Plain {
            producer.begin_transaction().expect("a transaction begins");
        }
        for (topic, partition, payload) in piece {
            let record: BaseRecord<'_, (), [u8]> =
                BaseRecord::to(&self.topics[*topic]).partition(*partition).payload(payload);
            producer.send(record).map_err(|(fault, _)| fault).expect("queued");
            producer.poll(Duration::ZERO);
        }
        producer.flush(BROKER_LIMIT).expect("the broker has them");
        match by {
            By::Plain => {}
            By::Transaction => producer.commit_transaction(BROKER_LIMIT).expect("committed"),
            By::AbortedTransaction => producer.abort_transaction(BROKER_LIMIT).expect("aborted"),
        }
    }
}

fn killed_20_times(place: &Place, seed: u64) {
    let Some(brokers) = services::kafka() else { return };
    let prefix = services::unique();
    TOPICS.iter().for_each(|name| kafka::create_topic(&brokers, &format!("{prefix}.{name}"), PARTITIONS));
    let mut setup = Setup::new(&brokers, &place.url(), &book(&prefix));
    setup.set("STORE__COMMIT_INTERVAL", "100ms");
    let mut company = Company::new(seed);
    let mut random = Random(seed ^ 1);
    let begun = Instant::now();
    let producers = Producers::new(&brokers, &prefix);
    let mut commits = BTreeMap::new();
    std::thread::scope(|scope| {
        let (rounds, pieces) = mpsc::channel::<(Piece, By)>();
        let producing = scope.spawn(move || pieces.iter().for_each(|(piece, by)| producers.produce(&piece, by)));
        for _ in 0..KILLS {
            for by in [By::Plain, By::Transaction, By::AbortedTransaction, By::Plain] {
                let piece = company.piece(RECORDS_OF_A_ROUND / 4, by);
                rounds.send((piece, by)).expect("the producers live");
            }
            let service = setup.spawn();
            // The moment is random on purpose: the only wait of these tests that no condition ends.
            std::thread::sleep(Duration::from_millis(random.below(LIFE_MAX.as_millis() as u64)));
            let consumed = service.has_said("consuming");
            *commits.entry(consumed).or_insert(0) += 1;
            service.kill();
        }
        drop(rounds);
        producing.join().expect("all is produced");
    });
    println!("{KILLS} kills, of these while consuming: {:?}, after {:?}", commits.get(&true), begun.elapsed());
    let service = setup.spawn();
    service.until_caught_up();
    println!("caught up {:?} after the last start", service.begun.elapsed());
    let (live, replayed) = live_and_replayed(&setup, &service, &brokers, &prefix);
    check_equal(&live, &replayed);
    let picks: i64 = ["now", "past"].map(|cycle| n(&live, cycle, "accuracy")).iter().sum();
    assert_eq!(picks, company.picks.len() as i64, "picks, counted by whoever made them");
    check_store(place, &service, &company, &prefix);
    println!("drained in {:?}; all in {:?}", service.stop(), begun.elapsed());
}

/// The service's document, and that of `replay` at the same instant over what another client reads from the log.
pub fn live_and_replayed(
    setup: &Setup,
    service: &crate::service::Service,
    brokers: &str,
    prefix: &str,
) -> (Value, Value) {
    let mut arguments = vec!["replay".to_owned(), "book.yaml".to_owned(), "--format".to_owned(), "json".to_owned()];
    for topic in TOPICS.map(|name| format!("{prefix}.{name}")) {
        for partition in 0..PARTITIONS {
            let number = partition.to_string();
            let committed = "isolation.level=read_committed";
            let read = ["-C", "-b", brokers, "-t", &topic, "-p", &number, "-e", "-q", "-X", committed];
            let output = std::process::Command::new("kcat").args(read).output().expect("kcat");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let file = setup.file(&format!("{topic}-{number}.ndjson"), output.stdout);
            arguments.extend(["--events".to_owned(), format!("{topic}={file}")]);
        }
    }
    let live = service.scores();
    arguments.extend(["--at".to_owned(), live["at"].as_str().expect("an instant").to_owned()]);
    let replayed = setup.asked(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    (live, serde_json::from_str(&replayed).expect("JSON"))
}

/// The closed cycle is equal in everything; of the running one what does not depend on when the broker answered.
pub fn check_equal(live: &Value, replayed: &Value) {
    for field in ["at", "book", "catching_up", "cycles", "kpis"] {
        assert_eq!(live[field], replayed[field], "{field}");
    }
    for (ours, theirs) in pairs(&live["objectives"], &replayed["objectives"]) {
        if ours["cycle"] == "past" {
            for (ours, theirs) in pairs(&ours["key_results"], &theirs["key_results"]) {
                assert!(!ours["value"].is_null() && ours["n"] != 0, "no value: {ours:#}");
                assert_eq!(ours, theirs, "\n{ours:#}\n{theirs:#}");
            }
            assert_eq!(ours, theirs);
        }
        for (ours, theirs) in pairs(&ours["key_results"], &theirs["key_results"]) {
            for field in ["value", "n", "numerator", "denominator", "attainment", "score", "last_event_at", "members"] {
                assert_eq!(ours[field], theirs[field], "{field} of\n{ours:#}\n{theirs:#}");
            }
        }
    }
}

fn pairs<'a>(ours: &'a Value, theirs: &'a Value) -> impl Iterator<Item = (&'a Value, &'a Value)> {
    let list = |value: &'a Value| value.as_array().expect("a list");
    assert_eq!(list(ours).len(), list(theirs).len());
    list(ours).iter().zip(list(theirs))
}

fn n(document: &Value, cycle: &str, key_result: &str) -> i64 {
    crate::service::key_result(document, &format!("{cycle}-results"), key_result)["n"].as_i64().unwrap_or(-1)
}

/// Every partition's chunks lie side by side from the first offset to where it stands; each dead letter is there once.
fn check_store(place: &Place, service: &crate::service::Service, company: &Company, prefix: &str) {
    let partitions = place.rows("SELECT topic || '/' || partition || ' ' || next_offset FROM partition_claim");
    let mut stands: BTreeMap<String, i64> = BTreeMap::new();
    for row in &partitions {
        let (name, next) = row.split_once(' ').expect("two words");
        stands.insert(name.to_owned(), next.parse().expect("an offset"));
    }
    assert_eq!(stands.len(), TOPICS.len() * PARTITIONS as usize);
    let chunks = place.rows(
        "SELECT DISTINCT topic || '/' || partition || ' ' || from_offset || ' ' || to_offset
         FROM chunk JOIN partition_claim USING (partition_id)",
    );
    let mut ranges: BTreeMap<String, BTreeSet<(i64, i64)>> = BTreeMap::new();
    for row in &chunks {
        let words: Vec<&str> = row.split(' ').collect();
        let number = |word: &str| word.parse::<i64>().expect("an offset");
        ranges.entry(words[0].to_owned()).or_default().insert((number(words[1]), number(words[2])));
    }
    for (name, next) in &stands {
        let end = ranges[name].iter().fold(0, |end, (from, to)| {
            assert_eq!(*from, end, "{name}: a gap or an overlap before {from} in {:?}", ranges[name]);
            *to
        });
        assert_eq!(end, *next, "{name}: the last chunk ends elsewhere than the claim");
    }
    println!("{} chunks over {} partitions, all adjacent", chunks.len(), stands.len());
    let topic = format!("{prefix}.picks");
    let counted: f64 = service.metrics("krscore_dead_letters_total", &[("topic", &topic)]).iter().sum();
    assert_eq!(counted, company.broken as f64, "dead letters, counted by whoever made them");
    // Beyond 1,000 of a topic and reason they are only counted.
    let stored = place.rows("SELECT reason || ' ' || count(*) FROM dead_letter WHERE reason NOT LIKE 'value_fault/%' GROUP BY reason ORDER BY reason");
    for row in &stored {
        let (reason, count) = row.split_once(' ').expect("two words");
        let counted = service.metric("krscore_dead_letters_total", &[("topic", &topic), ("reason", reason)]);
        let count: f64 = count.parse().expect("a count");
        assert_eq!(Some(count), counted.map(|counted| counted.min(1_000.0)), "{reason}");
    }
    println!("dead letters: {stored:?}");
}

#[test]
fn killed_20_times_over_sqlite() {
    killed_20_times(&Place::sqlite(), 3);
}

#[test]
fn killed_20_times_over_postgres() {
    let Some(place) = Place::postgres() else { return };
    killed_20_times(&place, 4);
}
