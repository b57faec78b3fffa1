//! Stories of answers that never came.
//!
//! Over PostgreSQL a proxy cuts the connection at `COMMIT`. SQLite runs in this process: there is no connection to cut, an answer can only
//! be lost by dropping the call (told below for both), or by a failing disk; so there the same stories settle commits whose outcome is known.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;

use krscore::store::{Claim, Commit, CommitOutcome, OpenMode, Resolved, Store, StoreOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::commits::{commit_of, committed};
use crate::place::{Place, chunks, key, moved};

/// The future's answer if it comes within so many polls; else it is dropped where it stands.
pub async fn within_polls<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn settled(store: &Store, commit: &Commit) -> Resolved {
    // A ghost of the dropped connection may hold its rows until the server has seen it go.
    loop {
        if let Ok(resolved) = store.resolve_unknown(commit).await {
            return resolved;
        }
    }
}

fn epoch_of(claims: &[Claim]) -> i64 {
    claims.iter().map(|claim| claim.epoch).max().expect("a claim")
}

pub async fn a_call_dropped_at_any_point_is_all_or_nothing(place: Arc<Place>) {
    let store = place.consumer().await;
    let (mut epoch, mut at) = (epoch_of(&store.claim(&[key(0), key(1)]).await.expect("claims")), None);
    let mut kept = 0;
    for polls in 1_i64.. {
        let (from, to) = (at, polls);
        let parts =
            |epoch| commit_of(vec![moved(&key(0), epoch, from, to, &[b"a"]), moved(&key(1), epoch, from, to, &[b"b"])]);
        let commit = parts(epoch);
        if let Some(outcome) = within_polls(usize::try_from(polls).expect("a count"), store.commit(&commit)).await {
            assert_eq!(outcome, CommitOutcome::Committed);
            println!("{polls} polls, {kept} of the dropped calls were committed all the same");
            break;
        }
        let resolved = settled(&store, &commit).await;
        let found = chunks(&store).await.len();
        match resolved {
            Resolved::Committed(claims) => {
                kept += 1;
                epoch = epoch_of(&claims);
            }
            Resolved::NotCommitted(claims) => {
                epoch = epoch_of(&claims);
                assert_eq!(store.commit(&parts(epoch)).await, CommitOutcome::Committed);
            }
            // More than one claim lies between, since a settling itself was repeated: the offset tells here.
            Resolved::Elsewhere(_) => {
                let claims = store.claim(&[key(0), key(1)]).await.expect("claims");
                epoch = epoch_of(&claims);
                if claims[0].next_offset == from {
                    assert_eq!(store.commit(&parts(epoch)).await, CommitOutcome::Committed);
                }
            }
        }
        assert_eq!(found % 2, 0, "both partitions or neither");
        at = Some(to);
        assert_eq!(chunks(&store).await.len(), usize::try_from(polls * 2).expect("a count"), "each commit once");
    }
}

pub async fn an_answer_lost_after_commit_is_settled_by_a_claim(place: Arc<Place>) {
    lost(&place, Cut::AfterCommit, true).await;
}

pub async fn a_commit_that_never_arrived_is_settled_by_a_claim(place: Arc<Place>) {
    lost(&place, Cut::BeforeCommit, false).await;
}

async fn lost(place: &Place, cut: Cut, arrives: bool) {
    let commit = commit_of(vec![moved(&key(0), 1, None, 5, &[b"a"]), moved(&key(1), 1, None, 7, &[b"b"])]);
    let store = if place.postgres {
        let (options, proxy) = through_proxy(&place.options).await;
        let store = Store::open(&options, OpenMode::Consumer).await.expect("a consumer opens");
        store.claim(&[key(0), key(1)]).await.expect("claims");
        proxy.store(cut as u8, Ordering::SeqCst);
        let outcome = store.commit(&commit).await;
        assert!(matches!(&outcome, CommitOutcome::Unknown { error } if error.contains("COMMIT")), "{outcome:?}");
        store
    } else {
        let store = place.consumer().await;
        store.claim(&[key(0), key(1)]).await.expect("claims");
        if arrives {
            assert_eq!(store.commit(&commit).await, CommitOutcome::Committed);
        }
        store
    };
    let resolved = store.resolve_unknown(&commit).await.expect("a claim settles it");
    if arrives {
        assert!(matches!(&resolved, Resolved::Committed(claims) if claims[1].next_offset == Some(7)), "{resolved:?}");
    } else {
        assert!(matches!(&resolved, Resolved::NotCommitted(claims) if claims[1].next_offset.is_none()), "{resolved:?}");
        assert_eq!(chunks(&store).await, [""; 0]);
        committed(&store, vec![moved(&key(0), 2, None, 5, &[b"a"]), moved(&key(1), 2, None, 7, &[b"b"])]).await;
    }
    assert_eq!(chunks(&store).await, ["0[0,5)0=a", "1[0,7)0=b"]);
}

pub async fn a_claim_in_between_is_told(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0), key(1)]).await.expect("claims");
    let commit = commit_of(vec![moved(&key(0), 1, None, 5, &[b"a"]), moved(&key(1), 1, None, 7, &[b"b"])]);
    assert_eq!(store.commit(&commit).await, CommitOutcome::Committed);
    place.execute("UPDATE partition_claim SET epoch = epoch + 1 WHERE partition = 1").await;
    let resolved = store.resolve_unknown(&commit).await.expect("a claim settles it");
    assert_eq!(resolved, Resolved::Elsewhere(vec![key(1)]));
}

pub async fn connections_that_died_between_commits_are_replaced(place: Arc<Place>) {
    let store = place.consumer().await;
    store.claim(&[key(0)]).await.expect("claims");
    committed(&store, vec![moved(&key(0), 1, None, 1, &[b"a"])]).await;
    assert_eq!(chunks(&store).await.len(), 1);
    if place.postgres {
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        place.execute(all).await;
    }
    committed(&store, vec![moved(&key(0), 1, Some(1), 2, &[b"b"])]).await;
    assert_eq!(chunks(&store).await.len(), 2);
    let second = place.open(OpenMode::Consumer).await.map(drop);
    assert!(second.is_err(), "the role was taken again with the new connection");
}

/// What the proxy does at the next `COMMIT` of a client.
#[derive(Clone, Copy)]
enum Cut {
    /// Passes it on, waits for the answer, and keeps that to itself.
    AfterCommit = 1,
    /// Keeps it to itself.
    BeforeCommit = 2,
}

/// The same store through a proxy that cuts once it is told to; 0 is not at all.
async fn through_proxy(options: &StoreOptions) -> (StoreOptions, Arc<AtomicU8>) {
    let server: sqlx::postgres::PgConnectOptions = options.url.parse().expect("a URL");
    let target = format!("{}:{}", server.get_host(), server.get_port());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let here = listener.local_addr().expect("an address").to_string();
    let cut = Arc::new(AtomicU8::new(0));
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

async fn pass_on(mut client: TcpStream, mut server: TcpStream, cut: Arc<AtomicU8>) {
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            Ok(length) = client.read(&mut from_client) => {
                let bytes = &from_client[..length];
                let is_commit = bytes.windows(6).any(|window| window == b"COMMIT");
                match if is_commit { cut.swap(0, Ordering::SeqCst) } else { 0 } {
                    _ if length == 0 => return,
                    0 => if server.write_all(bytes).await.is_err() { return },
                    mode => {
                        if mode == Cut::AfterCommit as u8 {
                            server.write_all(bytes).await.expect("COMMIT goes out");
                            let answered = server.read(&mut from_server).await.expect("COMMIT is answered");
                            assert!(answered > 0);
                        }
                        return;
                    }
                }
            }
            Ok(length) = server.read(&mut from_server) => {
                if length == 0 || client.write_all(&from_server[..length]).await.is_err() { return }
            }
            else => return,
        }
    }
}
