//! Stories of claims and commits.

use std::sync::Arc;

use krscore::store::{Claim, Commit, CommitOutcome, PartitionCommit, Store, StoreError};

use crate::place::{Place, chunks, key, moved};

pub fn commit_of(partitions: Vec<PartitionCommit>) -> Commit {
    Commit { partitions, ..Commit::default() }
}

pub async fn committed(store: &Store, partitions: Vec<PartitionCommit>) {
    assert_eq!(store.commit(&commit_of(partitions)).await, CommitOutcome::Committed);
}

pub async fn what_is_committed_is_read_back(place: Arc<Place>) {
    let store = place.consumer().await;
    let claims = store.claim(&[key(1), key(0), key(1)]).await.expect("claims");
    let fresh = |number| Claim { key: key(number), epoch: 1, next_offset: None, leader_epoch: None };
    assert_eq!(claims, [fresh(0), fresh(1)], "in key order, each once");

    committed(&store, vec![moved(&key(1), 1, None, 5, &[b"c", b"d"]), moved(&key(0), 1, None, 10, &[b"a"])]).await;
    committed(&store, vec![moved(&key(0), 1, Some(10), 12, &[b"b"])]).await;
    assert_eq!(chunks(&store).await, ["0[0,10)0=a", "0[10,12)0=b", "1[0,5)0=c", "1[0,5)1=d"]);
    let none = store.load_chunks("cluster-1", &["another".to_owned()], "live").await.expect("chunks load");
    assert_eq!(none, []);

    store.close().await;
    let store = place.consumer().await;
    assert_eq!(chunks(&store).await.len(), 4, "still there after a restart");
    let claims = store.claim(&[key(0), key(1), key(2)]).await.expect("claims");
    let at = |number, next_offset| Claim { key: key(number), epoch: 2, next_offset, leader_epoch: Some(7) };
    assert_eq!(claims, [at(0, Some(12)), at(1, Some(5)), fresh(2)]);
    assert_eq!(store.partitions("cluster-1").await.expect("positions"), claims);
    assert!(store.store_bytes().await.expect("a size") > 0);
    store.ping().await.expect("an answer");
}

pub async fn an_offset_moves_without_a_chunk(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    committed(&store, vec![moved(&key(0), 1, None, 3, &[])]).await;
    committed(&store, vec![PartitionCommit { leader_epoch: None, ..moved(&key(0), 1, Some(3), 3, &[]) }]).await;
    committed(&store, Vec::new()).await;
    assert_eq!(chunks(&store).await, [""; 0]);
    assert_eq!(store.partitions("cluster-1").await.expect("positions")[0].next_offset, Some(3));
}

pub async fn a_second_claim_fences_the_first(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0), key(1)]).await.expect("claims");
    committed(&store, vec![moved(&key(0), 1, None, 1, &[b"a"]), moved(&key(1), 1, None, 1, &[b"b"])]).await;
    store.claim(&[key(1)]).await.expect("claims");
    let mut stale = commit_of(vec![moved(&key(0), 1, Some(1), 2, &[b"x"]), moved(&key(1), 1, Some(1), 2, &[b"y"])]);
    stale.dead_letters = vec![crate::words::letter(0, "picked", "bad_time")];
    assert_eq!(store.commit(&stale).await, CommitOutcome::Fenced { partitions: vec![key(1)] });
    assert_eq!(chunks(&store).await, ["0[0,1)0=a", "1[0,1)0=b"], "nothing of it is there");
    assert_eq!(crate::words::listed(&store).await, [""; 0]);
    committed(&store, vec![moved(&key(0), 1, Some(1), 2, &[b"x"]), moved(&key(1), 2, Some(1), 2, &[b"y"])]).await;
    let unclaimed = commit_of(vec![moved(&key(9), 1, None, 1, &[b"z"])]);
    assert_eq!(store.commit(&unclaimed).await, CommitOutcome::Fenced { partitions: vec![key(9)] });
}

pub async fn another_offset_fences(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0), key(1)]).await.expect("claims");
    committed(&store, vec![moved(&key(0), 1, None, 10, &[b"a"])]).await;
    for (case, commit) in [
        ("never committed", moved(&key(0), 1, None, 10, &[b"a"])),
        ("behind", moved(&key(0), 1, Some(9), 11, &[b"b"])),
        ("ahead", moved(&key(0), 1, Some(11), 12, &[b"b"])),
    ] {
        let outcome = store.commit(&commit_of(vec![moved(&key(1), 1, None, 1, &[b"c"]), commit])).await;
        assert_eq!(outcome, CommitOutcome::Fenced { partitions: vec![key(0)] }, "{case}");
    }
    assert_eq!(chunks(&store).await, ["0[0,10)0=a"]);
}

pub async fn lanes_have_offsets_of_their_own(place: Arc<Place>) {
    let store = place.consumer().await;
    let lane = krscore::store::PartitionKey { lane: "backfill-1".to_owned(), ..key(0) };
    store.claim(&[key(0), lane.clone()]).await.expect("claims");
    committed(&store, vec![moved(&key(0), 1, None, 10, &[b"live"]), moved(&lane, 1, None, 4, &[b"lane"])]).await;
    assert_eq!(chunks(&store).await, ["0[0,10)0=live"]);
    let found = store.load_chunks("cluster-1", &["id-of-orders".to_owned()], "backfill-1").await.expect("chunks load");
    assert_eq!((found.len(), found[0].to, &found[0].key), (1, 4, &lane));
}

pub async fn a_commit_that_can_never_be_right_is_refused(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    committed(&store, vec![moved(&key(0), 1, None, 5, &[b"a"])]).await;
    for (partitions, expected) in [
        (vec![moved(&key(0), 1, Some(5), 6, &[b"b"]); 2], "orders/0 of lane live: in the commit twice"),
        (
            vec![moved(&key(0), 1, Some(5), 5, &[b"b"])],
            "orders/0 of lane live: a chunk that does not move the offset from 5",
        ),
        (vec![moved(&key(0), 1, Some(5), 4, &[b"b"])], "orders/0 of lane live: goes backwards to 4"),
    ] {
        let outcome = store.commit(&commit_of(partitions)).await;
        assert_eq!(outcome, CommitOutcome::Failed { error: expected.to_owned() });
    }
    // The key of `chunk` refuses what fencing would let through: the same range twice.
    place.execute("UPDATE partition_claim SET next_offset = NULL").await;
    let outcome = store.commit(&commit_of(vec![moved(&key(0), 1, None, 5, &[b"a"])])).await;
    assert!(
        matches!(&outcome, CommitOutcome::Failed { error } if error.to_lowercase().contains("unique")),
        "{outcome:?}"
    );
    assert_eq!(chunks(&store).await, ["0[0,5)0=a"]);
}

pub async fn a_row_locked_by_another_fails_the_commit_and_leaves_nothing(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    let commit = commit_of(vec![moved(&key(0), 1, None, 1, &[b"a"])]);
    let lock = "UPDATE partition_claim SET topic = topic";
    let (outcome, claims) = if place.postgres {
        let mut other = place.postgres_client().await;
        sqlx::raw_sql("BEGIN").execute(&mut other).await.expect("begins");
        sqlx::raw_sql(lock).execute(&mut other).await.expect("locks");
        (store.commit(&commit).await, store.claim(&[key(0)]).await)
    } else {
        let mut other = place.sqlite_client().await;
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.expect("begins");
        sqlx::raw_sql(lock).execute(&mut other).await.expect("locks");
        (store.commit(&commit).await, store.claim(&[key(0)]).await)
    };
    assert!(claims.as_ref().is_err_and(StoreError::is_transient), "{claims:?}");
    assert!(matches!(&outcome, CommitOutcome::Failed { error } if error.contains("lock")), "{outcome:?}");
    assert_eq!(chunks(&store).await, [""; 0]);
    // `other` is gone and its lock with it: SQLite's at once, PostgreSQL's when the server has seen it.
    while store.commit(&commit).await != CommitOutcome::Committed {}
    assert_eq!(chunks(&store).await, ["0[0,1)0=a"]);
}

pub async fn a_big_commit_is_one_transaction(place: Arc<Place>) {
    let store = place.consumer().await;
    let keys: Vec<_> = (0..200).map(key).collect();
    store.claim(&keys).await.expect("claims");
    let (small, large) = (vec![b's'; 64 << 10], vec![b'l'; 8 << 20]);
    let mut partitions: Vec<_> = keys.iter().map(|key| moved(key, 1, None, 1, &[&small])).collect();
    partitions[199].parts = vec![large; 3];
    let mut stale = partitions.clone();
    stale[199].epoch = 9;
    assert_eq!(store.commit(&commit_of(stale)).await, CommitOutcome::Fenced { partitions: vec![key(199)] });
    assert_eq!(chunks(&store).await.len(), 0);
    committed(&store, partitions).await;
    let found = store.load_chunks("cluster-1", &["id-of-orders".to_owned()], "live").await.expect("chunks load");
    assert_eq!(found.len(), 202);
    assert_eq!(found.iter().map(|chunk| chunk.bytes.len()).sum::<usize>(), 199 * (64 << 10) + 3 * (8 << 20));
    assert!(store.store_bytes().await.expect("a size") > 37 << 20);
}

pub async fn chunks_come_in_order(place: Arc<Place>) {
    let store = place.consumer().await;
    let topic =
        |topic_id: &str, partition| krscore::store::PartitionKey { topic_id: topic_id.to_owned(), ..key(partition) };
    // By bytes, as Rust orders text: a collation of the database would put "a" before "B".
    let keys = [topic("B", 2), topic("B", 10), topic("a", 0), topic("é", 0)];
    store.claim(&keys).await.expect("claims");
    for (from, to) in [(None, 9), (Some(9), 10), (Some(10), 100)] {
        committed(&store, keys.iter().rev().map(|key| moved(key, 1, from, to, &[b"0", b"1"])).collect()).await;
    }
    let topics: Vec<String> = keys.iter().map(|key| key.topic_id.clone()).collect();
    let found = store.load_chunks("cluster-1", &topics, "live").await.expect("chunks load");
    let order: Vec<_> = found.iter().map(|chunk| (chunk.key.clone(), chunk.from, chunk.part)).collect();
    let mut sorted = order.clone();
    sorted.sort();
    assert_eq!((order.len(), order), (24, sorted));
}
