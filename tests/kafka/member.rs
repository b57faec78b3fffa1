//! A service in small around the consumer, and what the tests share.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use krscore::event::{Offset, Partition, TopicIndex};
use krscore::ingest::kafka::{Consumer, ConsumerEvent, TopicToRead};
use krscore::pipeline::AssignmentEpoch;
use krscore::settings::KafkaSettings;
use krscore::time::Timestamp;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

/// No wait of these tests is longer.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const TOPIC: TopicIndex = TopicIndex(0);

/// That topic, without headers.
pub fn to_read(name: &str) -> TopicToRead {
    TopicToRead { index: TOPIC, name: name.to_owned(), reads_headers: false }
}

/// The real broker's address, or `None` with a word about it.
pub fn broker(test: &str) -> Option<String> {
    address(test, "KRSCORE_TEST_KAFKA")
}

/// The address in the environment's `variable`, or `None` with a word about it.
pub fn address(test: &str, variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok();
    if address.is_none() {
        let required = std::env::var("KRSCORE_TEST_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "{test} needs {variable}");
        // Straight to the descriptor: the test runner keeps what `println!` writes in a test that passes.
        let _ = writeln!(std::io::stderr(), "skipped: {test} needs {variable} (start it with deploy/dev/services up)");
    }
    address
}

pub fn unique(name: &str) -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{name}-{}-{nanos}", std::process::id())
}

pub fn settings(brokers: &str, group: &str, properties: &[(&str, &str)]) -> KafkaSettings {
    // Changes of topics are seen at once, and a rebalance takes no heartbeats of seconds.
    let quick = [
        ("topic.metadata.refresh.interval.ms", "500"),
        ("heartbeat.interval.ms", "300"),
        ("session.timeout.ms", "6000"),
    ];
    KafkaSettings {
        brokers: brokers.to_owned(),
        group: group.to_owned(),
        properties: quick
            .iter()
            .chain(properties)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..KafkaSettings::default()
    }
}

/// A service in small: claims are offsets in a map that all members share.
pub struct Member {
    pub consumer: Consumer,
    pub epoch: u64,
    pub held: BTreeSet<Partition>,
    pub events: Vec<ConsumerEvent>,
}

/// Where each partition goes on, what was read, and every offset that was not the one expected.
#[derive(Default)]
pub struct Claims {
    pub next: BTreeMap<Partition, Offset>,
    pub payloads: BTreeMap<Partition, Vec<String>>,
    pub surprises: Vec<String>,
}

impl Claims {
    pub fn records(&self) -> usize {
        self.payloads.values().map(Vec::len).sum()
    }
}

impl Member {
    pub fn open(settings: &KafkaSettings, topic: &str) -> Member {
        let consumer = Consumer::open(settings, &[to_read(topic)]).unwrap();
        Member { consumer, epoch: 0, held: BTreeSet::new(), events: Vec::new() }
    }

    /// One turn of the loop: answers rebalances, reads what is there.
    pub fn turn(&mut self, claims: &mut Claims) {
        for event in self.consumer.poll() {
            match &event {
                ConsumerEvent::Assigned(partitions) => {
                    self.epoch += 1;
                    let starts: Vec<_> = partitions
                        .iter()
                        .map(|partition| (*partition, *claims.next.entry(*partition).or_default(), None))
                        .collect();
                    self.consumer.assign(&starts, AssignmentEpoch(self.epoch)).unwrap();
                    self.held.extend(partitions);
                }
                ConsumerEvent::Revoked(partitions) | ConsumerEvent::Lost(partitions) => {
                    self.consumer.unassign(partitions).unwrap();
                    self.held.retain(|partition| !partitions.contains(partition));
                }
                _ => {}
            }
            self.events.push(event);
        }
        let held = &self.held;
        self.consumer.batch(Duration::from_millis(10), 1_000, |partition, _, records, _| {
            if !held.contains(&partition) {
                claims.surprises.push(format!("{partition:?} is not held"));
            }
            for record in records {
                let next = claims.next.entry(partition).or_default();
                if record.offset != *next {
                    claims.surprises.push(format!("{partition:?}: expected {next}, got {}", record.offset));
                }
                *next = record.offset + 1;
                let text = String::from_utf8(record.payload.unwrap_or_default().to_vec()).unwrap();
                claims.payloads.entry(partition).or_default().push(text);
            }
        });
    }

    pub fn close(self) {
        let begun = Instant::now();
        self.consumer.close(Duration::from_secs(20)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

/// Turns `members` until `done`, or fails with what is known.
pub fn until(
    what: &str,
    members: &mut [Member],
    claims: &mut Claims,
    mut done: impl FnMut(&mut [Member], &Claims) -> bool,
) {
    let begun = Instant::now();
    while !done(members, claims) {
        let events: Vec<_> =
            members.iter().map(|member| member.events.iter().rev().take(5).collect::<Vec<_>>()).collect();
        assert!(
            begun.elapsed() < PATIENCE,
            "no {what} within {PATIENCE:?}: {} records, next {:?}, last events {events:?}",
            claims.records(),
            claims.next
        );
        for member in members.iter_mut() {
            member.turn(claims);
        }
    }
}

pub fn producer(brokers: &str, properties: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("linger.ms", "1");
    for (name, value) in properties {
        config.set(*name, *value);
    }
    config.create().unwrap()
}

pub fn send(producer: &BaseProducer, topic: &str, partition: i32, payloads: impl IntoIterator<Item = String>) {
    for payload in payloads {
        let record = BaseRecord::<[u8], str>::to(topic).partition(partition).payload(&payload);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

pub fn partition(number: i32) -> Partition {
    Partition { topic: TOPIC, number }
}

/// Asks for log ends until one answer says that each partition stands at its end, by the consumer's own position.
pub fn at_end(member: &mut Member, partitions: i32) -> bool {
    member.consumer.ask_log_ends(Timestamp(1));
    let Some(ConsumerEvent::LogEnds { asked_at: Timestamp(1), ends }) =
        member.events.iter().rev().find(|event| matches!(event, ConsumerEvent::LogEnds { .. }))
    else {
        return false;
    };
    let positions: BTreeMap<_, _> = member.consumer.positions().unwrap().into_iter().collect();
    ends.len() == partitions as usize
        && ends.iter().all(|(partition, end)| positions.get(partition) == Some(&Some(*end)))
}
