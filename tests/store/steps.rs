//! Stories of a process killed between any two steps of a transaction.
//!
//! SQLite only ever appends to its log while a transaction goes on, so whatever a kill leaves is the file and a beginning of what was appended,
//! torn anywhere: each such beginning is opened again. Over PostgreSQL a proxy cuts the connection at every message that the client sends,
//! before it is passed on and after the server has it.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use krscore::store::{Commit, CommitOutcome, DeadLetterFilter, OpenMode, Resolved, Store, StoreOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::commits::committed;
use crate::folds;
use crate::place::{Place, chunks, key, moved};

/// SQLite's log is torn at each of so many bytes; its frames are 24 + 4,096.
const TORN_BYTES: usize = 515;

/// What is seen of a store: offsets, chunks, dead letters, frozen baselines.
async fn seen(store: &Store) -> String {
    let offsets: Vec<_> =
        store.partitions("cluster-1").await.expect("positions").iter().map(|claim| claim.next_offset).collect();
    let letters = store.dead_letters(&DeadLetterFilter::default(), 10).await.expect("dead letters").len();
    let frozen = store.baselines().await.expect("baselines").len();
    format!("{offsets:?} {letters} {frozen} {:?}", chunks(store).await)
}

fn second(epoch: i64) -> Commit {
    let part = vec![b'x'; 9_000];
    Commit {
        partitions: vec![moved(&key(0), epoch, Some(1), 2, &[&part, b"d"]), moved(&key(1), epoch, Some(1), 2, &[b"e"])],
        dead_letters: vec![crate::words::letter(1, "picked", "bad_time")],
        baselines: vec![crate::words::frozen(7, "4.6", None, 2)],
    }
}

async fn first(store: &Store) {
    store.claim(&[key(0), key(1)]).await.expect("claims");
    committed(store, vec![moved(&key(0), 1, None, 1, &[b"a"]), moved(&key(1), 1, None, 1, &[b"b"])]).await;
}

/// Does `work`, and opens what every kill in it would have left; what `look` sees must be as before or as after it, and nothing else.
async fn torn_anywhere<L: Future<Output = String>>(
    place: &Place,
    store: Store,
    work: impl AsyncFnOnce(&Store),
    look: impl Fn(Store) -> L,
) {
    let file = place.folder.path().join("krscore.db");
    let log = place.folder.path().join("krscore.db-wal");
    let read = |path: &Path| std::fs::read(path).expect("a file");
    let (file_before, log_before) = (read(&file), read(&log));
    work(&store).await;
    let (file_after, log_after) = (read(&file), read(&log));
    assert!(file_before == file_after && log_after.starts_with(&log_before), "the log is only appended to");
    assert!(log_after.len() > log_before.len() + 4_096);
    drop(store);
    let ends = (log_before.len()..log_after.len()).step_by(TORN_BYTES).chain([log_after.len()]);
    let mut states: Vec<String> = Vec::new();
    for end in ends {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("krscore.db"), &file_after).expect("a file");
        std::fs::write(folder.path().join("krscore.db-wal"), &log_after[..end]).expect("a log");
        let options = StoreOptions::new(format!("sqlite://{}", folder.path().join("krscore.db").display()));
        let store = Store::open(&options, OpenMode::Consumer).await.expect("what a kill left opens");
        let state = look(store).await;
        if states.last() != Some(&state) {
            states.push(state);
        }
    }
    assert_eq!(states.len(), 2, "before, then after, nothing between: {states:?}");
}

pub async fn killed_between_any_two_steps_a_commit_is_all_or_nothing(place: Arc<Place>) {
    if place.postgres {
        return cut_at_any_message(&place).await;
    }
    let store = place.consumer().await;
    first(&store).await;
    let commit = async |store: &Store| assert_eq!(store.commit(&second(1)).await, CommitOutcome::Committed);
    torn_anywhere(&place, store, commit, async |store| seen(&store).await).await;
}

pub async fn killed_between_any_two_steps_a_fold_changes_nothing_that_is_read(place: Arc<Place>) {
    let store = place.consumer().await;
    folds::with_commits(&store, 40).await;
    let before = folds::facts(&store).await;
    if place.postgres {
        drop(store);
        return folded_cut_at_any_message(&place, &before).await;
    }
    let before = &before;
    let look = async |store: Store| {
        assert!(folds::facts(&store).await == *before);
        format!("{} chunks", chunks(&store).await.len())
    };
    torn_anywhere(&place, store, async |store| _ = folds::compact_now(store).await.expect("a turn"), look).await;
}

async fn folded_cut_at_any_message(place: &Place, before: &[Vec<Vec<u8>>]) {
    for step in 1_i64.. {
        for step in [step, -step] {
            let (options, cut) = through_proxy(&place.options).await;
            let store = opened(&options).await;
            cut.store(step, Ordering::SeqCst);
            let is_done = folds::compact_now(&store).await.is_ok() && cut.swap(0, Ordering::SeqCst) != 0;
            drop(store);
            let store = opened(&place.options).await;
            assert!(folds::facts(&store).await == before, "message {step}");
            if is_done {
                assert_eq!(chunks(&store).await.len(), 1);
                return;
            }
        }
    }
}

/// Opens a store whose last consumer's session the server may not have seen go.
async fn opened(options: &StoreOptions) -> Store {
    loop {
        if let Ok(store) = Store::open(options, OpenMode::Consumer).await {
            return store;
        }
    }
}

/// Takes the second commit back.
const BACK: &str = "DELETE FROM dead_letter; DELETE FROM measured_baseline; DELETE FROM chunk WHERE from_offset = 1; UPDATE partition_claim SET next_offset = 1";

async fn cut_at_any_message(place: &Place) {
    let (options, cut) = through_proxy(&place.options).await;
    let store = Store::open(&options, OpenMode::Consumer).await.expect("a consumer opens");
    first(&store).await;
    let before = seen(&store).await;
    let (mut unknown, mut epoch) = (0, 1);
    for step in 1_i64.. {
        for step in [step, -step] {
            // The connection that was cut last is replaced first, so that each commit has the same messages.
            store.record_book_revision("hash", "text").await.expect("a writer");
            cut.store(step, Ordering::SeqCst);
            let outcome = store.commit(&second(epoch)).await;
            let was_cut = cut.swap(0, Ordering::SeqCst) == 0;
            if let CommitOutcome::Unknown { .. } = outcome {
                unknown += 1;
                let resolved = settled(&store, &second(epoch)).await;
                epoch += 1;
                if matches!(resolved, Resolved::Committed(_)) {
                    // It was COMMIT itself that was cut: all of it is there. Back to where we were, for the next step.
                    assert_ne!(seen(&store).await, before);
                    place.execute(BACK).await;
                } else {
                    assert_eq!(seen(&store).await, before, "message {step}");
                }
                continue;
            }
            if outcome == CommitOutcome::Committed && was_cut {
                // Nothing was sent but BEGIN: it was sent again on a new connection.
                assert_eq!(step.abs(), 1, "a cut that nobody noticed");
                place.execute(BACK).await;
                continue;
            }
            if outcome == CommitOutcome::Committed {
                assert!(step.abs() > 4, "a commit of {step} messages");
                assert_ne!(seen(&store).await, before);
                assert!(unknown >= 2, "COMMIT was cut before and after the server had it");
                return;
            }
            assert!(matches!(outcome, CommitOutcome::Failed { .. }), "message {step}: {outcome:?}");
            assert_eq!(seen(&store).await, before, "message {step}");
        }
    }
}

async fn settled(store: &Store, commit: &Commit) -> Resolved {
    // A ghost of the cut connection may hold its rows until the server has seen it go.
    loop {
        if let Ok(resolved) = store.resolve_unknown(commit).await {
            return resolved;
        }
    }
}

/// The same store through a proxy that cuts at the n-th message from then on: n before it is passed on, −n once the server has it; 0 is not
/// at all.
async fn through_proxy(options: &StoreOptions) -> (StoreOptions, Arc<AtomicI64>) {
    let server: sqlx::postgres::PgConnectOptions = options.url.parse().expect("a URL");
    let target = format!("{}:{}", server.get_host(), server.get_port());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let here = listener.local_addr().expect("an address").to_string();
    let cut = Arc::new(AtomicI64::new(0));
    let (through, told) =
        (StoreOptions { url: options.url.replace(&target, &here), ..options.clone() }, Arc::clone(&cut));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&target).await.expect("the server answers");
            tokio::spawn(pass_on(client, server, Arc::clone(&told)));
        }
    });
    (through, cut)
}

async fn pass_on(mut client: TcpStream, mut server: TcpStream, cut: Arc<AtomicI64>) {
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            Ok(length) = client.read(&mut from_client) => {
                let left = cut.load(Ordering::SeqCst);
                if left != 0 {
                    cut.store(left - left.signum(), Ordering::SeqCst);
                }
                if length == 0 || left == 1 {
                    return;
                }
                if server.write_all(&from_client[..length]).await.is_err() {
                    return;
                }
                if left == -1 {
                    let answered = server.read(&mut from_server).await.expect("an answer");
                    assert!(answered > 0);
                    return;
                }
            }
            Ok(length) = server.read(&mut from_server) => {
                if length == 0 || client.write_all(&from_server[..length]).await.is_err() { return }
            }
            else => return,
        }
    }
}
