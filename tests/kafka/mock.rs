//! What needs no broker: librdkafka's mock cluster, or nobody at all.

use std::time::{Duration, Instant};

use krscore::ingest::kafka::{Consumer, ConsumerEvent};
use krscore::pipeline::{AssignmentEpoch, LogStart};
use krscore::settings::Secret;
use krscore::time::Timestamp;
use rdkafka::mocking::MockCluster;

use crate::member::*;

/// The service makes a consumer on one thread and drives it on another.
const _: fn() = || {
    fn sent<T: Send>() {}
    sent::<Consumer>();
};

#[test]
fn mock_cluster_records_come_once_and_in_order() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 4, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let sender = producer(&brokers, &[]);
    for number in 0..4 {
        send(&sender, "orders", number, (0..1_000).map(|index| format!("{number}:{index}")));
    }
    let mut claims = Claims::default();
    let mut members = [Member::open(&settings(&brokers, "g", &[]), "orders")];
    until("4,000 records", &mut members, &mut claims, |_, claims| claims.records() == 4_000);
    until("log ends", &mut members, &mut claims, |members, _| at_end(&mut members[0], 4));
    assert_eq!(claims.surprises, Vec::<String>::new());
    for (partition, payloads) in &claims.payloads {
        let expected: Vec<_> = (0..1_000).map(|index| format!("{}:{index}", partition.number)).collect();
        assert_eq!(*payloads, expected);
    }
    let [mut member] = members;
    let described = member.consumer.describe_topics(PATIENCE).unwrap();
    println!("mock: {described:?}");
    assert_eq!(described.topics[&TOPIC].partitions, 4);
    assert!(described.cluster_id.is_some_and(|id| id.starts_with("mockCluster")));
    // No search by time in the mock cluster: whole logs.
    let starts = member.consumer.log_starts(&[partition(0)], Timestamp(1_700_000_000_000_000), PATIENCE).unwrap();
    assert_eq!(starts, [(partition(0), LogStart { offset: 0, complete_since: None })]);
    member.consumer.commit_offsets_async(&[(partition(0), 1_000)]);
    member.close();
}

#[test]
fn mock_cluster_brokers_that_go_and_come_back_are_told() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 1, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let sender = producer(&brokers, &[]);
    send(&sender, "orders", 0, ["one".to_owned()]);
    let mut claims = Claims::default();
    let mut members = [Member::open(&settings(&brokers, "g", &[]), "orders")];
    until("a record", &mut members, &mut claims, |_, claims| claims.records() == 1);
    cluster.broker_down(-1).unwrap();
    let down = |members: &mut [Member]| {
        members[0].events.iter().filter(|event| matches!(event, ConsumerEvent::BrokersDown { .. })).count()
    };
    until("word of it", &mut members, &mut claims, |members, _| down(members) == 1);
    cluster.broker_up(-1).unwrap();
    until("word of its return", &mut members, &mut claims, |members, _| {
        members[0].consumer.ask_log_ends(Timestamp(1));
        members[0].events.contains(&ConsumerEvent::BrokersUp)
    });
    assert_eq!(down(&mut members), 1);
    let [member] = members;
    member.close();
}

#[test]
fn no_broker_at_all_is_told_and_does_not_hold_up_closing() {
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut members = [Member::open(&settings(&address, "g", &[]), "orders")];
    until("word of it", &mut members, &mut Claims::default(), |members, _| {
        members[0].events.iter().any(|event| matches!(event, ConsumerEvent::BrokersDown { .. }))
    });
    let [mut member] = members;
    assert!(member.consumer.describe_topics(Duration::from_millis(200)).is_err());
    member.close();
}

#[test]
fn a_rebalance_without_an_answer_does_not_hold_up_closing() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 4, 1).unwrap();
    let settings = settings(&cluster.bootstrap_servers(), "g", &[]);
    let mut consumer = Consumer::open(&settings, &[to_read("orders")]).unwrap();
    let begun = Instant::now();
    while !consumer.poll().iter().any(|event| matches!(event, ConsumerEvent::Assigned(_))) {
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!(consumer.reassign(&[(partition(0), 0, None)], AssignmentEpoch(1)).is_err());
    consumer.close(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_setting_that_librdkafka_refuses_is_named_and_a_secret_is_not_shown() {
    let check = |name: &str, value: &str, expected: &str| {
        let error = Consumer::open(&settings("127.0.0.1:1", "g", &[(name, value)]), &[to_read("t")]).err().unwrap();
        assert!(error.to_string().contains(expected) && !error.to_string().contains("hunter2"), "{error}");
    };
    check("fetch.wait.max.msecs", "5", "kafka.properties fetch.wait.max.msecs");
    check("fetch.wait.max.ms", "often", "kafka.properties fetch.wait.max.ms");
    let mut secret =
        settings("127.0.0.1:1", "g", &[("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "NONE")]);
    secret.sasl_password = Some(Secret::new("hunter2"));
    assert!(Consumer::open(&secret, &[to_read("t")]).is_err_and(|error| !error.to_string().contains("hunter2")));
}

#[test]
fn a_longer_message_than_a_fetch_brings_makes_the_fetch_longer() {
    for properties in [
        &[("message.max.bytes", "16777216")][..],
        &[("message.max.bytes", "16777216"), ("fetch.max.bytes", "16777216")],
        &[("message.max.bytes", "1000000")],
    ] {
        let opened = Consumer::open(&settings("127.0.0.1:1", "g", properties), &[to_read("t")]);
        assert!(opened.is_ok(), "{properties:?}: {}", opened.err().map_or_else(String::new, |error| error.to_string()));
    }
}
