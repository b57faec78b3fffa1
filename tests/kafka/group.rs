//! The group on a real broker: rebalances, members that come, go, hang or are not let in.

use krscore::ingest::kafka::{Consumer, ConsumerEvent};
use krscore::pipeline::AssignmentEpoch;
use krscore::settings::Secret;

use crate::admin::Admin;
use crate::member::*;

#[test]
fn records_come_once_over_a_rebalance() {
    let Some(brokers) = broker("records_come_once_over_a_rebalance") else {
        return;
    };
    let topic = unique("once");
    Admin::new(&brokers).create(&topic, 4);
    let sender = producer(&brokers, &[]);
    let settings = settings(&brokers, &topic, &[]);
    let mut claims = Claims::default();
    let mut sent = 0;
    let mut more = |claims: &mut Claims, members: &mut [Member], rounds: usize| {
        for _ in 0..rounds {
            for number in 0..4 {
                send(&sender, &topic, number, (0..50).map(|index| format!("{number}:{}", sent + index)));
            }
            sent += 50;
            members.iter_mut().for_each(|member| member.turn(claims));
        }
        4 * sent
    };
    let mut members = vec![Member::open(&settings, &topic)];
    until("4 partitions", &mut members, &mut claims, |members, _| members[0].held.len() == 4);
    more(&mut claims, &mut members, 10);
    for _ in 0..2 {
        members.push(Member::open(&settings, &topic));
        until("2 and 2 partitions", &mut members, &mut claims, |members, _| {
            members.iter().all(|member| member.held.len() == 2)
        });
        more(&mut claims, &mut members, 10);
        let leaver = members.remove(0);
        leaver.close();
        more(&mut claims, &mut members, 10);
        until("4 partitions again", &mut members, &mut claims, |members, _| members[0].held.len() == 4);
    }
    let sent = more(&mut claims, &mut members, 10);
    until("all records", &mut members, &mut claims, |_, claims| claims.records() >= sent);
    assert_eq!(claims.surprises, Vec::<String>::new());
    for (partition, payloads) in &claims.payloads {
        let expected: Vec<_> = (0..sent / 4).map(|index| format!("{}:{index}", partition.number)).collect();
        assert_eq!(*payloads, expected);
    }
    members.into_iter().for_each(Member::close);
}

#[test]
fn case_40_a_kept_partition_at_its_end_goes_on_after_a_cooperative_rebalance() {
    let Some(brokers) = broker("case_40_a_kept_partition_at_its_end_goes_on_after_a_cooperative_rebalance") else {
        return;
    };
    let topic = unique("case-40");
    Admin::new(&brokers).create(&topic, 4);
    let sender = producer(&brokers, &[]);
    let settings = settings(&brokers, &topic, &[]);
    let mut claims = Claims::default();
    for number in 0..4 {
        send(&sender, &topic, number, ["first".to_owned()]);
    }
    let mut members = vec![Member::open(&settings, &topic)];
    until("the ends", &mut members, &mut claims, |members, _| at_end(&mut members[0], 4));
    members.push(Member::open(&settings, &topic));
    until("2 and 2 partitions", &mut members, &mut claims, |members, _| {
        members.iter().all(|member| member.held.len() == 2)
    });
    for number in 0..4 {
        send(&sender, &topic, number, ["second".to_owned()]);
    }
    until("8 records", &mut members, &mut claims, |_, claims| claims.records() == 8);
    assert_eq!(claims.surprises, Vec::<String>::new());
    until("2 ends each", &mut members, &mut claims, |members, _| members.iter_mut().all(|member| at_end(member, 2)));
    let faults = members
        .iter()
        .flat_map(|member| &member.events)
        .filter(|event| matches!(event, ConsumerEvent::PartitionFault { .. }));
    assert_eq!(faults.count(), 0);
    members.into_iter().for_each(Member::close);
}

#[test]
fn partitions_started_again_and_again_lose_nothing() {
    let Some(brokers) = broker("partitions_started_again_and_again_lose_nothing") else {
        return;
    };
    let topic = unique("again");
    Admin::new(&brokers).create(&topic, 4);
    let sender = producer(&brokers, &[]);
    for number in 0..4 {
        send(&sender, &topic, number, (0..20_000).map(|index| index.to_string()));
    }
    let mut claims = Claims::default();
    let mut members = [Member::open(&settings(&brokers, &topic, &[]), &topic)];
    until("4 partitions", &mut members, &mut claims, |members, _| members[0].held.len() == 4);
    let mut round = 1;
    until("80,000 records", &mut members, &mut claims, |members, claims| {
        round += 1;
        let partition = partition(round % 4);
        members[0]
            .consumer
            .reassign(&[(partition, claims.next[&partition], None)], AssignmentEpoch(round as u64))
            .unwrap();
        claims.records() == 80_000
    });
    assert_eq!(claims.surprises, Vec::<String>::new());
    println!("started again {round} times");
    let [member] = members;
    member.close();
}

#[test]
fn a_wrong_password_is_one_sentence() {
    let Some(brokers) = address("a_wrong_password_is_one_sentence", "KRSCORE_TEST_KAFKA_SASL") else {
        return;
    };
    let user = std::env::var("KRSCORE_TEST_KAFKA_SASL_USER").unwrap_or_else(|_| "krscore".to_owned());
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let properties =
            [("security.protocol", "sasl_plaintext"), ("sasl.mechanism", mechanism), ("sasl.username", &user)];
        let mut settings = settings(&brokers, "g", &properties);
        settings.sasl_password = Some(Secret::new("wrong"));
        let mut members = [Member::open(&settings, "t")];
        let said = |members: &mut [Member]| {
            members[0].events.iter().find_map(|event| match event {
                ConsumerEvent::AuthenticationFailed { text } => Some(text.clone()),
                _ => None,
            })
        };
        until("a refusal", &mut members, &mut Claims::default(), |members, _| said(members).is_some());
        let text = said(&mut members).unwrap();
        println!("{text}");
        assert!(
            text.starts_with(&format!("kafka does not accept user \"{user}\"")) && !text.contains("wrong\""),
            "{text}"
        );
        let [member] = members;
        member.close();
        let Ok(password) = std::env::var("KRSCORE_TEST_KAFKA_SASL_PASSWORD") else {
            continue;
        };
        settings.sasl_password = Some(Secret::new(password));
        let mut consumer = Consumer::open(&settings, &[to_read("t")]).unwrap();
        assert!(consumer.describe_topics(PATIENCE).unwrap().cluster_id.is_some());
        consumer.close(PATIENCE).unwrap();
    }
}

#[test]
fn a_member_that_another_one_of_its_name_pushes_out_is_told_once_that_it_is_of_no_more_use() {
    let Some(brokers) =
        broker("a_member_that_another_one_of_its_name_pushes_out_is_told_once_that_it_is_of_no_more_use")
    else {
        return;
    };
    let topic = unique("fenced");
    Admin::new(&brokers).create(&topic, 2);
    let settings = settings(&brokers, &topic, &[("group.instance.id", "one")]);
    let mut claims = Claims::default();
    let mut members = vec![Member::open(&settings, &topic)];
    until("2 partitions", &mut members, &mut claims, |members, _| members[0].held.len() == 2);
    members.push(Member::open(&settings, &topic));
    let fatal =
        |member: &Member| member.events.iter().any(|event| matches!(event, ConsumerEvent::Error { fatal: true, .. }));
    until("the end of the first", &mut members, &mut claims, |members, _| fatal(&members[0]));
    until("2 partitions of the second", &mut members, &mut claims, |members, _| members[1].held.len() == 2);
    assert!(!fatal(&members[1]));
    members.into_iter().for_each(Member::close);
}

#[test]
fn a_member_that_was_away_too_long_has_lost_its_partitions_and_gets_others() {
    let Some(brokers) = broker("a_member_that_was_away_too_long_has_lost_its_partitions_and_gets_others") else {
        return;
    };
    let topic = unique("away");
    Admin::new(&brokers).create(&topic, 2);
    let settings = settings(&brokers, &topic, &[("max.poll.interval.ms", "6000")]);
    let mut claims = Claims::default();
    let mut members = vec![Member::open(&settings, &topic), Member::open(&settings, &topic)];
    until("1 and 1 partitions", &mut members, &mut claims, |members, _| {
        members.iter().all(|member| member.held.len() == 1)
    });
    let lost: Vec<_> = members[0].held.iter().copied().collect();
    members[0].events.clear();
    // Only the second is driven until it has both.
    until("both partitions of the other", &mut members[1..], &mut claims, |members, _| members[0].held.len() == 2);
    send(&producer(&brokers, &[]), &topic, 0, ["one".to_owned()]);
    until("the loss, and a share again", &mut members, &mut claims, |members, claims| {
        members[0].events.contains(&ConsumerEvent::Lost(lost.clone()))
            && members.iter().all(|member| member.held.len() == 1)
            && claims.records() == 1
    });
    assert_eq!(claims.surprises, Vec::<String>::new());
    members.into_iter().for_each(Member::close);
}
