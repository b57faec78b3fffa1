//! The table of [`crate::aggregate::level`], in every order of arrival, by one partition and by two.

use std::collections::BTreeMap;

use crate::aggregate::level::{Latest, Levels, Observation};
use crate::aggregate::member::{MemberId, Members};
use crate::aggregate::pair::Tuples;
use crate::fixed::Fixed;
use crate::time::{Grain, Span, Timestamp};

/// The changes that are derived from levels: what is added in an hour, by member.
type Changes = BTreeMap<(i32, String), (i64, i128)>;

/// Takes `HOUR KEY VALUE [@SH1]` in order; `-` is NULL. Through a delta first, where `by_delta` says so.
fn changes(told: &[&str], by_delta: bool) -> Changes {
    // Numbers of members and tuples depend on the order in which they come, as they do in life.
    let (mut members, mut tuples) = (Members::default(), Tuples::default());
    let (mut latest, mut levels, mut changes) = (Latest::default(), Levels::default(), Changes::new());
    let mut rows = Vec::new();
    for told in told {
        let words: Vec<&str> = told.split_whitespace().collect();
        let at = Timestamp((words[0].parse::<f64>().expect("an hour") * Span::HOUR.0 as f64) as i64);
        let value = (words[2] != "-").then(|| Fixed::parse(words[2]).expect("a number"));
        let member = words.get(3).map_or(MemberId::NONE, |name| members.intern(&name[1..]));
        let told = Observation { at, value, tuple: tuples.intern(&[member]) };
        rows.push((words[1].bytes().map(u64::from).sum::<u64>(), Grain::HOUR.bucket(at), told));
    }
    if by_delta {
        rows.iter().for_each(|(key, bucket, told)| latest.join(*key, *bucket, *told, &tuples, &members));
        rows = latest.iter().map(|(key, bucket, told)| (key, bucket, *told)).collect();
    }
    for (key, bucket, told) in rows.iter().chain(&rows) {
        levels.join(*key, *bucket, *told, (&tuples, &members), |bucket, told, weight| {
            let Some(value) = told.value else { return };
            let member = members.name(tuples.members(told.tuple)[0]).to_owned();
            let change = changes.entry((bucket.0, member)).or_default();
            *change = (change.0 + weight, change.1 + i128::from(weight) * value.0);
        });
    }
    changes.retain(|_, change| *change != (0, 0));
    changes
}

/// What all orders of arrival give as of `hour`: keys and sum, then the sum of each member that has keys.
fn check(text: &str, hour: i32, expected: &str) {
    let parts: Vec<&str> = text.split(", ").collect();
    let mut orders: Vec<Vec<&str>> = vec![Vec::new()];
    for _ in 0..parts.len() {
        let mut longer = Vec::new();
        for order in &orders {
            let left = parts.iter().filter(|part| !order.contains(part));
            longer.extend(left.map(|part| [order.as_slice(), &[*part]].concat()));
        }
        orders = longer;
    }
    for (order, by_delta) in orders.iter().flat_map(|order| [(order, false), (order, true)]) {
        let mut members: BTreeMap<String, (i64, i128)> = BTreeMap::new();
        for ((_, member), change) in changes(order, by_delta).range(..(hour, String::new())) {
            let sum = members.entry(member.clone()).or_default();
            *sum = (sum.0 + change.0, sum.1 + change.1);
        }
        let keys: i64 = members.values().map(|(keys, _)| keys).sum();
        let sum: i128 = members.values().map(|(_, sum)| sum).sum();
        let members = members.iter().filter(|(_, (keys, _))| *keys != 0);
        let members: Vec<String> = members.map(|(name, (_, sum))| format!("{name} {}", Fixed(*sum))).collect();
        assert_eq!(format!("{keys} keys {}: {}", Fixed(sum), members.join(", ")), expected, "{order:?}");
    }
}

#[test]
fn levels_are_what_the_table_says_in_every_order() {
    check("10 k 5, 12 k 3", 13, "1 keys 3: (none) 3");
    check("10 k 5", 13, "1 keys 5: (none) 5");
    check("10 k 5", 10, "0 keys 0: ");
    check("-700000 k 5", 13, "1 keys 5: (none) 5");
    check("10 k 5, 13 k 3", 13, "1 keys 5: (none) 5");
    check("10 k 5, 12 k -", 13, "0 keys 0: ");
    check("10 k 5, 12 k -, 12.5 k 4", 13, "1 keys 4: (none) 4");
    check("10 k -, 12 k -", 13, "0 keys 0: ");
    check("12 k 5 @SH1, 12 k 7 @SH1", 13, "1 keys 7: SH1 7");
    check("12 k 5 @SH1, 12 k - @SH1", 13, "0 keys 0: ");
    check("12 k 5 @SH1, 12 k 5 @SH2", 13, "1 keys 5: SH2 5");
    check("12 k 5 @z, 12 k 5", 13, "1 keys 5: (none) 5");
    check("12 k 6 @a, 12 k 5 @z", 13, "1 keys 6: a 6");
    check("10 k 5 @SH1, 12 k 4 @SH2", 13, "1 keys 4: SH2 4");
    check("10 k 5 @SH1, 12 k 4 @SH2", 12, "1 keys 5: SH1 5");
    check("10 k 5 @SH1, 11 k 4 @SH2, 12 k 3 @SH1, 11.5 l 0.5 @SH2", 13, "2 keys 3.5: SH1 3, SH2 0.5");
    check("10 k 5 @SH1, 11 k -, 12 k 3 @SH1, 10.5 k 2 @SH3", 11, "1 keys 2: SH3 2");
}
