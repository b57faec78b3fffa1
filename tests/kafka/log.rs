//! The logs of a real broker: transactions, retention, search by time, truncation, topics that come late or are made anew.

use std::time::Duration;

use krscore::ingest::kafka::{Consumer, ConsumerEvent, PartitionFault};
use krscore::pipeline::{AssignmentEpoch, LogStart};
use krscore::time::Timestamp;
use rdkafka::producer::{BaseRecord, Producer};

use crate::admin::Admin;
use crate::member::*;

#[test]
fn case_15_the_position_passes_control_records_and_aborted_ones() {
    let Some(brokers) = broker("case_15_the_position_passes_control_records_and_aborted_ones") else {
        return;
    };
    let topic = unique("case-15");
    Admin::new(&brokers).create(&topic, 1);
    let sender = producer(&brokers, &[("transactional.id", &topic)]);
    let transaction = |payload: &str, commit: bool| {
        sender.begin_transaction().unwrap();
        sender
            .send(BaseRecord::<[u8], str>::to(&topic).partition(0).payload(payload))
            .map_err(|(error, _)| error)
            .unwrap();
        sender.flush(PATIENCE).unwrap();
        if commit { sender.commit_transaction(PATIENCE).unwrap() } else { sender.abort_transaction(PATIENCE).unwrap() }
    };
    sender.init_transactions(PATIENCE).unwrap();
    transaction("kept", true);
    transaction("dropped", false);
    let mut claims = Claims::default();
    let mut members = [Member::open(&settings(&brokers, &topic, &[]), &topic)];
    until("the end", &mut members, &mut claims, |members, _| at_end(&mut members[0], 1));
    assert_eq!(claims.payloads.get(&partition(0)).map(Vec::as_slice), Some(["kept".to_owned()].as_slice()));
    assert_eq!(members[0].consumer.positions().unwrap(), [(partition(0), Some(4))]);
    // An open transaction: its record is not read and the end stays before it.
    sender.begin_transaction().unwrap();
    sender.send(BaseRecord::<[u8], str>::to(&topic).partition(0).payload("open")).map_err(|(error, _)| error).unwrap();
    sender.flush(PATIENCE).unwrap();
    members[0].events.clear();
    until("the end before an open transaction", &mut members, &mut claims, |members, _| at_end(&mut members[0], 1));
    assert_eq!(members[0].consumer.positions().unwrap(), [(partition(0), Some(4))]);
    sender.abort_transaction(PATIENCE).unwrap();
    until("the end after it", &mut members, &mut claims, |members, _| {
        at_end(&mut members[0], 1) && members[0].consumer.positions().unwrap() == [(partition(0), Some(6))]
    });
    let [member] = members;
    member.close();
}

#[test]
fn an_offset_that_retention_passed_is_an_event_and_the_partition_can_be_started_again() {
    let Some(brokers) = broker("an_offset_that_retention_passed_is_an_event_and_the_partition_can_be_started_again")
    else {
        return;
    };
    let topic = unique("retention");
    let admin = Admin::new(&brokers);
    admin.create(&topic, 2);
    let sender = producer(&brokers, &[]);
    for number in 0..2 {
        send(&sender, &topic, number, (0..10).map(|index| index.to_string()));
    }
    admin.cut(&topic, 0, 5);
    let mut claims = Claims::default();
    claims.next.insert(partition(0), 2);
    let mut members = [Member::open(&settings(&brokers, &topic, &[]), &topic)];
    let fault = |member: &Member| {
        member.events.iter().find_map(|event| match event {
            ConsumerEvent::PartitionFault { partition, epoch, offset, fault, text } => {
                Some((*partition, *epoch, *offset, *fault, text.clone()))
            }
            _ => None,
        })
    };
    until("a fault", &mut members, &mut claims, |members, _| fault(&members[0]).is_some());
    let (faulty, epoch, offset, kind, text) = fault(&members[0]).unwrap();
    println!("out of range: offset {offset:?}, {text}");
    assert_eq!((faulty, epoch, kind), (partition(0), AssignmentEpoch(1), PartitionFault::OffsetOutOfRange));
    let starts = members[0].consumer.log_starts(&[partition(0)], Timestamp(0), PATIENCE).unwrap();
    assert_eq!(starts, [(partition(0), LogStart { offset: 5, complete_since: None })]);
    claims.next.insert(partition(0), 5);
    members[0].consumer.reassign(&[(partition(0), 5, None)], AssignmentEpoch(9)).unwrap();
    until("the rest and the other partition", &mut members, &mut claims, |_, claims| claims.records() == 15);
    assert_eq!(claims.surprises, Vec::<String>::new());
    let [member] = members;
    member.close();
}

#[test]
fn log_starts_by_time() {
    let Some(brokers) = broker("log_starts_by_time") else {
        return;
    };
    let topic = unique("starts");
    let admin = Admin::new(&brokers);
    admin.create(&topic, 4);
    let sender = producer(&brokers, &[]);
    let minutes = |minutes: i64| 1_700_000_000_000 + minutes * 60_000;
    // 0: minutes 0, 10, … 90; 1: the same, cut before the record of minute 50; 2: all newer; 3: empty.
    for index in 0..10 {
        for (number, minute) in [(0, index * 10), (1, index * 10), (2, 200 + index)] {
            let record = BaseRecord::<[u8], str>::to(&topic).partition(number).payload("x").timestamp(minutes(minute));
            sender.send(record).map_err(|(error, _)| error).unwrap();
        }
    }
    sender.flush(PATIENCE).unwrap();
    admin.cut(&topic, 1, 5);
    let consumer = Consumer::open(&settings(&brokers, &topic, &[]), &[to_read(&topic)]).unwrap();
    let check = |number: i32, floor: Timestamp, offset: i64, complete_since: Option<i64>| {
        let found = consumer.log_starts(&[partition(number)], floor, PATIENCE).unwrap();
        let complete_since = complete_since.map(|millis| Timestamp(millis * 1_000));
        assert_eq!(found, [(partition(number), LogStart { offset, complete_since })], "{number} {floor:?}");
    };
    let floor = |minute: i64| Timestamp(minutes(minute) * 1_000);
    check(0, floor(45), 4, Some(minutes(40))); // the record of minute 40 counts: 5 minutes of grace
    check(0, floor(46), 5, Some(minutes(41)));
    check(0, floor(5), 0, None); // the first record: whole
    check(0, floor(-500), 0, None);
    check(0, floor(96), 0, None); // nothing so late: from the beginning
    check(0, Timestamp(i64::MIN), 0, None);
    check(1, floor(76), 8, Some(minutes(71)));
    check(1, floor(46), 5, None); // the first that is left: newer ones may have been cut
    check(1, floor(96), 5, None);
    check(2, floor(46), 0, None);
    check(3, floor(46), 0, None);
    assert!(consumer.log_starts(&[partition(7)], floor(0), Duration::from_secs(2)).is_err());
    consumer.close(PATIENCE).unwrap();
}

#[test]
fn a_missing_topic_is_told_and_consumed_once_it_is_made_and_grown_and_made_anew() {
    let Some(brokers) = broker("a_missing_topic_is_told_and_consumed_once_it_is_made_and_grown_and_made_anew") else {
        return;
    };
    let topic = unique("late");
    let admin = Admin::new(&brokers);
    let mut claims = Claims::default();
    let mut members = [Member::open(&settings(&brokers, &topic, &[]), &topic)];
    let told = |event: &ConsumerEvent| matches!(event, ConsumerEvent::TopicMissing { topic: TOPIC, .. });
    until("word of it", &mut members, &mut claims, |members, _| members[0].events.iter().any(told));
    assert!(members[0].consumer.describe_topics(PATIENCE).unwrap().topics.is_empty());
    admin.create(&topic, 1);
    let sender = producer(&brokers, &[]);
    send(&sender, &topic, 0, ["one".to_owned()]);
    until("a record", &mut members, &mut claims, |_, claims| claims.records() == 1);
    admin.grow(&topic, 2);
    until("the new partition", &mut members, &mut claims, |members, _| members[0].held.len() == 2);
    drop(sender);
    let sender = producer(&brokers, &[]);
    send(&sender, &topic, 1, ["two".to_owned()]);
    until("its record", &mut members, &mut claims, |_, claims| claims.records() == 2);
    let before = members[0].consumer.describe_topics(PATIENCE).unwrap();
    assert!(before.cluster_id.is_some());
    assert_eq!((before.topics[&TOPIC].partitions, before.topics[&TOPIC].id.len()), (2, 22));
    members[0].events.clear();
    admin.delete(&topic);
    let ask = |members: &mut [Member]| members[0].consumer.ask_topics();
    until("word of its end", &mut members, &mut claims, |members, _| {
        ask(members);
        members[0].events.iter().any(told)
    });
    admin.create(&topic, 1);
    until("word of the new one", &mut members, &mut claims, |members, _| {
        ask(members);
        members[0].events.iter().any(|event| matches!(event, ConsumerEvent::TopicRemade { topic: TOPIC, .. }))
    });
    let after = members[0].consumer.describe_topics(PATIENCE).unwrap();
    assert_ne!(before.topics[&TOPIC].id, after.topics[&TOPIC].id);
    println!("events: {:?}", members[0].events);
    let [member] = members;
    member.close();
}

#[test]
fn a_record_of_a_lesser_leader_epoch_is_a_truncated_log() {
    let Some(brokers) = broker("a_record_of_a_lesser_leader_epoch_is_a_truncated_log") else {
        return;
    };
    let topic = unique("epoch");
    Admin::new(&brokers).create(&topic, 1);
    send(&producer(&brokers, &[]), &topic, 0, (0..10).map(|index| index.to_string()));
    let mut claims = Claims::default();
    let mut members = [Member::open(&settings(&brokers, &topic, &[]), &topic)];
    until("10 records", &mut members, &mut claims, |_, claims| claims.records() == 10);
    // The store says that the record before offset 4 was of epoch 7, and the log's are of 0.
    members[0].consumer.reassign(&[(partition(0), 4, Some(7))], AssignmentEpoch(2)).unwrap();
    until("a fault", &mut members, &mut claims, |members, _| {
        members[0].events.iter().any(|event| {
            let expected = (partition(0), AssignmentEpoch(2), Some(4), PartitionFault::LogTruncated);
            matches!(event, ConsumerEvent::PartitionFault { partition, epoch, offset, fault, .. }
                if (*partition, *epoch, *offset, *fault) == expected)
        })
    });
    assert_eq!((claims.records(), claims.surprises.len()), (10, 0));
    let [member] = members;
    member.close();
}
