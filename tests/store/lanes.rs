//! Stories of lanes: they have chunks of their own until they are joined, in one transaction with the book that needs them.

use std::sync::Arc;

use krscore::store::{Claim, Commit, CommitOutcome, Join, JoinPartition, PartitionKey, Store};

use crate::commits::committed;
use crate::place::{Place, chunks, key, moved};

const LANE: &str = "fill/1";

fn in_lane(number: i32) -> PartitionKey {
    PartitionKey { lane: LANE.to_owned(), ..key(number) }
}

fn claim(key: PartitionKey, epoch: i64, next_offset: Option<i64>) -> Claim {
    Claim { key, epoch, next_offset, leader_epoch: Some(7) }
}

fn join(partitions: Vec<JoinPartition>) -> Join {
    Join { partitions, book_hash: "sha256:new".to_owned(), book_text: "new".to_owned() }
}

/// Live at 10 and the lane at 10 in partition 0; only the lane, at 4, in partition 1.
async fn filled(store: &Store) -> Join {
    store.record_book_revision("sha256:old", "old").await.expect("recorded");
    store.claim(&[key(0), in_lane(0), in_lane(1)]).await.expect("claims");
    committed(store, vec![moved(&key(0), 1, None, 10, &[b"live"])]).await;
    committed(store, vec![moved(&in_lane(0), 1, None, 10, &[b"fill"]), moved(&in_lane(1), 1, None, 4, &[b"new"])])
        .await;
    join(vec![
        JoinPartition {
            key: key(0),
            live: Some(claim(key(0), 1, Some(10))),
            moves_to: None,
            lane: Some(claim(in_lane(0), 1, Some(10))),
        },
        JoinPartition { key: key(1), live: None, moves_to: Some(4), lane: Some(claim(in_lane(1), 1, Some(4))) },
    ])
}

pub async fn a_join_makes_a_lane_part_of_live_and_its_book_the_active_one(place: Arc<Place>) {
    let store = place.consumer().await;
    let join = filled(&store).await;
    assert_eq!(chunks(&store).await, ["0[0,10)0=live"], "not before");
    assert!(!store.is_joined(&join).await.expect("an answer"));
    // Where it fills holes of the very book that scores, the active book says nothing.
    let same = Join { book_hash: "sha256:old".to_owned(), ..join.clone() };
    assert!(!store.is_joined(&same).await.expect("an answer"));
    assert_eq!(store.join(&join).await, CommitOutcome::Committed);
    assert!(store.is_joined(&join).await.expect("an answer"));
    let mut joined = chunks(&store).await;
    joined.sort();
    assert_eq!(joined, ["0[0,10)0=fill", "0[0,10)0=live", "1[0,4)0=new"]);
    let active = store.active_book().await.expect("an answer");
    assert_eq!(active, Some(("sha256:new".to_owned(), "new".to_owned())));
    // What live had on its way by the book before it, or sends without knowing of the join, is not taken.
    let late = Commit { partitions: vec![moved(&key(0), 1, Some(10), 11, &[b"late"])], ..Commit::default() };
    assert_eq!(store.commit(&late).await, CommitOutcome::Fenced { partitions: vec![key(0)] });
    // Live goes on where it stood, and where the lane stood for it.
    let claims = store.claim(&[key(0), key(1)]).await.expect("claims");
    assert_eq!(claims.iter().map(|claim| claim.next_offset).collect::<Vec<_>>(), [Some(10), Some(4)]);
    // The same aggregates may be filled again.
    assert_eq!(store.claim(&[in_lane(0)]).await.expect("claims")[0].next_offset, None);
    assert!(store.has_lanes().await.expect("an answer"));
    store.drop_lanes("").await.expect("dropped");
    assert!(!store.has_lanes().await.expect("an answer"));
    assert_eq!(chunks(&store).await.len(), 3);
}

pub async fn a_join_is_refused_where_anything_has_moved(place: Arc<Place>) {
    let store = place.consumer().await;
    let join = filled(&store).await;
    committed(&store, vec![moved(&key(0), 1, Some(10), 11, &[b"more"])]).await;
    assert_eq!(store.join(&join).await, CommitOutcome::Fenced { partitions: vec![key(0)] });
    let mut at_11 = join.clone();
    at_11.partitions[0].live = Some(claim(key(0), 1, Some(11)));
    store.claim(&[in_lane(1), key(1)]).await.expect("claims");
    assert_eq!(store.join(&at_11).await, CommitOutcome::Fenced { partitions: vec![in_lane(1), key(1)] });
    assert_eq!(chunks(&store).await, ["0[0,10)0=live", "0[10,11)0=more"], "nothing of it was done");
    assert_eq!(store.active_book().await.expect("an answer").expect("a book").0, "sha256:old");
}

pub async fn lanes_that_are_over_are_dropped_with_what_they_hold(place: Arc<Place>) {
    let store = place.consumer().await;
    filled(&store).await;
    store.drop_lanes(LANE).await.expect("dropped");
    assert_eq!(store.load_chunks("cluster-1", &["id-of-orders".to_owned()], LANE).await.expect("chunks").len(), 2);
    store.drop_lanes("fill/2").await.expect("dropped");
    assert_eq!(store.load_chunks("cluster-1", &["id-of-orders".to_owned()], LANE).await.expect("chunks").len(), 0);
    assert_eq!(chunks(&store).await, ["0[0,10)0=live"]);
}

pub async fn the_book_that_was_activated_last_is_active_whatever_the_clock_says(place: Arc<Place>) {
    let store = place.consumer().await;
    assert_eq!(store.active_book().await.expect("an answer"), None);
    for hash in ["sha256:1", "sha256:2", "sha256:1"] {
        store.record_book_revision(hash, "text").await.expect("recorded");
        place.execute("UPDATE book_revision SET activated_at = activated_at + 1000000000000").await;
        assert_eq!(store.active_book().await.expect("an answer").expect("a book").0, hash);
    }
}
