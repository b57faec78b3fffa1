//! Stories of what is written beside the chunks: dead letters, check-ins, books.

use std::sync::Arc;

use krscore::fixed::Fixed;
use krscore::score::{BaselineId, CheckIn, FrozenBaseline, FrozenOffsets};
use krscore::store::{Commit, DEAD_LETTER_SAMPLE_BYTES_MAX, DeadLetter, DeadLetterFilter, Store};
use krscore::time::Timestamp;

use crate::place::{Place, key, moved};

pub fn letter(offset: i64, event: &str, reason: &str) -> DeadLetter {
    DeadLetter {
        key: key(0),
        offset,
        event: event.to_owned(),
        reason: reason.to_owned(),
        detail: format!("line {offset}"),
        record_at: Some(Timestamp(1_000_000)),
        sample: b"{\"broken\"".to_vec(),
    }
}

/// All dead letters as `offset event reason detail`.
pub async fn listed(store: &Store) -> Vec<String> {
    let letters = store.dead_letters(&DeadLetterFilter::default(), 10_000).await.expect("dead letters");
    letters
        .iter()
        .map(|letter| format!("{} {} {} {}", letter.offset, letter.event, letter.reason, letter.detail))
        .collect()
}

pub async fn a_dead_letter_is_stored_once(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    let commit = |from, to, dead_letters: Vec<DeadLetter>| Commit {
        partitions: vec![moved(&key(0), 1, from, to, &[])],
        dead_letters,
        ..Commit::default()
    };
    let mut odd = letter(3, "", "not_utf8");
    odd.detail = "a NUL: \0".to_owned();
    odd.sample = vec![0xff; DEAD_LETTER_SAMPLE_BYTES_MAX + 1];
    odd.record_at = None;
    let first = commit(None, 4, vec![letter(1, "picked", "bad_time"), letter(1, "packed", "bad_time"), odd]);
    assert_eq!(store.commit(&first).await, krscore::store::CommitOutcome::Committed);
    let again = DeadLetter { detail: "another word".to_owned(), ..letter(1, "picked", "bad_time") };
    let second = commit(Some(4), 5, vec![again, letter(4, "picked", "bad_id")]);
    assert_eq!(store.commit(&second).await, krscore::store::CommitOutcome::Committed);

    assert_eq!(
        listed(&store).await,
        [
            "4 picked bad_id line 4",
            "3  not_utf8 a NUL: \u{2400}",
            "1 packed bad_time line 1",
            "1 picked bad_time line 1"
        ]
    );
    let only = |event: Option<&str>, reason: Option<&str>| DeadLetterFilter {
        topic: Some("orders".to_owned()),
        event: event.map(str::to_owned),
        reason: reason.map(str::to_owned),
    };
    for (filter, limit, count) in [
        (only(Some("picked"), None), 10, 2),
        (only(Some("picked"), Some("bad_id")), 10, 1),
        (only(Some(""), None), 10, 1),
        (only(None, None), 3, 3),
        (DeadLetterFilter { topic: Some("others".to_owned()), ..DeadLetterFilter::default() }, 10, 0),
    ] {
        assert_eq!(store.dead_letters(&filter, limit).await.expect("dead letters").len(), count, "{filter:?}");
    }
    let broken = store.dead_letters(&only(Some(""), None), 1).await.expect("dead letters").remove(0);
    assert_eq!((broken.sample, broken.record_at, broken.key), (vec![0xff; DEAD_LETTER_SAMPLE_BYTES_MAX], None, key(0)));
}

pub async fn dead_letters_of_a_reason_are_capped(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    for (from, to) in [(None, 700), (Some(700), 1_400)] {
        let mut dead_letters: Vec<_> =
            (from.unwrap_or(0)..to).map(|offset| letter(offset, "picked", "bad_time")).collect();
        dead_letters.push(letter(to, "packed", "bad_id"));
        let commit = Commit { partitions: vec![moved(&key(0), 1, from, to, &[])], dead_letters, ..Commit::default() };
        assert_eq!(store.commit(&commit).await, krscore::store::CommitOutcome::Committed);
    }
    let count = async |reason: &str| {
        let filter = DeadLetterFilter { reason: Some(reason.to_owned()), ..DeadLetterFilter::default() };
        store.dead_letters(&filter, 10_000).await.expect("dead letters").len()
    };
    assert_eq!((count("bad_time").await, count("bad_id").await), (1_000, 2));
}

fn word(at: i64, recorded_at: i64, value: Option<&str>, note: &str) -> CheckIn {
    CheckIn {
        objective: "loved-support".to_owned(),
        key_result: "training".to_owned(),
        at: Timestamp(at),
        recorded_at: Timestamp(recorded_at),
        value: value.map(|value| value.parse().expect("a number")),
        confidence: Some(Fixed(800_000_000)),
        note: Some(note.to_owned()),
        blocker: None,
        author: Some("培训".to_owned()),
    }
}

pub async fn check_ins_are_kept_in_their_order(place: Arc<Place>) {
    let store = place.consumer().await;
    let before = store.check_ins_version().await.expect("a version");
    let late = word(50, 300, Some("0.45"), "late, about earlier");
    let words = [
        word(100, 100, Some("0.123456789"), "first"),
        word(100, 200, Some("-999999999999999999.000000001"), "a correction"),
        word(100, 200, None, "at the same instant: the later one holds"),
    ];
    let mut versions = vec![before];
    for said in words.iter().chain([&late]) {
        store.add_check_in(said).await.expect("a check-in");
        versions.push(store.check_ins_version().await.expect("a version"));
    }
    versions.dedup();
    assert_eq!(versions.len(), 5, "each changes the version");
    let expected: Vec<CheckIn> = [late].into_iter().chain(words).collect();
    assert_eq!(store.check_ins().await.expect("check-ins"), expected);
}

pub async fn a_book_is_recorded_once(place: Arc<Place>) {
    let store = place.consumer().await;
    store.record_book_revision("sha256:1", "apiVersion: krscore/v1").await.expect("recorded");
    store.record_book_revision("sha256:2", "apiVersion: krscore/v1 # 第二").await.expect("recorded");
    store.record_book_revision("sha256:1", "the text of a hash never changes").await.expect("recorded");
    assert_eq!(
        place.rows(&["hash", "text", "first_at < last_at"], "book_revision ORDER BY hash").await,
        if place.postgres {
            ["sha256:1|apiVersion: krscore/v1|true", "sha256:2|apiVersion: krscore/v1 # 第二|false"]
        } else {
            ["sha256:1|apiVersion: krscore/v1|1", "sha256:2|apiVersion: krscore/v1 # 第二|0"]
        }
    );
}

pub fn frozen(id: u64, value: &str, n: Option<i64>, next: i64) -> FrozenBaseline {
    let offsets = |partition| FrozenOffsets { topic: "订单 \"a\"".to_owned(), partition, first: 3, next };
    FrozenBaseline {
        id: BaselineId(id),
        objective: "smart-warehouse".to_owned(),
        key_result: "capacity".to_owned(),
        from: Timestamp(-5),
        to: Timestamp(1_790_899_200_000_000),
        value: value.parse().expect("a number"),
        n,
        frozen_at: Timestamp(1_791_158_400_000_001),
        offsets: vec![offsets(0), offsets(1)],
    }
}

pub async fn a_measured_baseline_is_frozen_once(place: Arc<Place>) {
    let store = place.consumer().await;
    assert_eq!(store.baselines().await.expect("baselines"), []);
    store.claim(&[key(0)]).await.expect("claims");
    // Names are hashes: half of them are negative numbers to a database.
    let first = [frozen(u64::MAX - 1, "123456789012345.000000001", None, 9), frozen(7, "-4.6", Some(i64::MAX), 9)];
    let with_facts =
        Commit { partitions: vec![moved(&key(0), 1, None, 9, &[])], baselines: first.to_vec(), ..Commit::default() };
    assert_eq!(store.commit(&with_facts).await, krscore::store::CommitOutcome::Committed);
    // Later facts say otherwise; and where nothing was consumed, a baseline is committed alone.
    let alone =
        Commit { baselines: vec![frozen(7, "4.7", Some(1), 10), frozen(8, "1", None, 10)], ..Commit::default() };
    assert_eq!(store.commit(&alone).await, krscore::store::CommitOutcome::Committed);
    let [last, stays] = first;
    assert_eq!(store.baselines().await.expect("baselines"), [last, stays, frozen(8, "1", None, 10)]);
    // A fenced commit freezes nothing.
    let fenced = Commit {
        partitions: vec![moved(&key(0), 1, Some(5), 9, &[])],
        baselines: vec![frozen(9, "1", None, 10)],
        ..Commit::default()
    };
    assert!(matches!(store.commit(&fenced).await, krscore::store::CommitOutcome::Fenced { .. }));
    assert_eq!(store.baselines().await.expect("baselines").len(), 3);
}
