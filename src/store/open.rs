//! The door: a URL becomes an open [`Store`], and every call goes on to the backend that it names.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::backend::Backend;
use super::bi::BiUpdate;
use super::compaction::Fold;
use super::error::StoreError;
use super::postgres::Postgres;
use super::session::Session;
use super::sqlite::Sqlite;
use super::{
    ChunkSummary, Claim, Commit, CommitOutcome, DeadLetter, DeadLetterFilter, Join, PartitionKey, Resolved,
    StoredCheckIn, StoredChunk,
};
use crate::event::Offset;
use crate::score::FrozenBaseline;
use crate::time::Timestamp;

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To consume: takes the consumer role, creates the SQLite file, migrates the schema.
    Consumer,
    /// To look, or to add a check-in, also while a consumer runs: takes no role, creates nothing, never migrates.
    Reader,
}

/// Where the store is. Shown without its password.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite://PATH` or `postgres://USER@HOST:PORT/DATABASE`.
    pub url: String,
    /// PostgreSQL's password, where the URL has none; from a secret file.
    pub password: Option<String>,
    /// How long a write waits for another transaction's lock; [`StoreOptions::LOCK_TIMEOUT`] unless set.
    pub lock_timeout: Duration,
    /// How long a consumer waits for the role over PostgreSQL; [`StoreOptions::ROLE_TIMEOUT`] unless set. SQLite's is the kernel's lock:
    /// it is free at once when its holder dies, so that is not waited for.
    pub role_timeout: Duration,
}

impl StoreOptions {
    /// How long a write waits for another transaction's lock.
    pub const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

    /// How long a consumer waits until the one before it has gone: longer than the service takes to drain (10 s) and than the server
    /// takes to notice a host that vanished (11 s).
    pub const ROLE_TIMEOUT: Duration = Duration::from_secs(20);

    /// The store at `url`, with no password of its own.
    pub fn new(url: impl Into<String>) -> StoreOptions {
        StoreOptions {
            url: url.into(),
            password: None,
            lock_timeout: StoreOptions::LOCK_TIMEOUT,
            role_timeout: StoreOptions::ROLE_TIMEOUT,
        }
    }
}

impl From<&crate::settings::Store> for StoreOptions {
    fn from(settings: &crate::settings::Store) -> StoreOptions {
        let password = settings.password.as_ref().map(|secret| secret.expose().to_owned());
        StoreOptions { password, ..StoreOptions::new(settings.url.clone()) }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("url", &format_args!("{self}"))
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("lock_timeout", &self.lock_timeout)
            .field("role_timeout", &self.role_timeout)
            .finish()
    }
}

/// The store for people: what a password could be in is left out.
impl fmt::Display for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            Ok(Place::Sqlite(options)) => write!(f, "sqlite://{}", options.get_filename().display()),
            Ok(Place::Postgres(options)) => f.write_str(&shown(&options)),
            Err(_) => f.write_str("(no store's URL)"),
        }
    }
}

/// The URL of a PostgreSQL database without password and parameters.
pub(super) fn shown(options: &PgConnectOptions) -> String {
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let user = options.get_username();
    format!("postgres://{user}@{place}/{}", options.get_database().unwrap_or(user))
}

enum Place {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl StoreOptions {
    /// Whether the URL is one that can be used, without asking anybody.
    ///
    /// # Errors
    /// [`StoreError::Url`].
    pub fn validate(&self) -> Result<(), StoreError> {
        self.place().map(drop)
    }

    fn place(&self) -> Result<Place, StoreError> {
        let fault = |reason: String| StoreError::Url { reason };
        let (scheme, rest) = self.url.split_once(':').ok_or_else(|| fault("there is no scheme in it".to_owned()))?;
        match scheme {
            "sqlite" => {
                let path = rest.trim_start_matches("//").split('?').next().unwrap_or_default();
                if path.is_empty() || rest.contains(":memory:") || rest.contains("mode=memory") {
                    return Err(fault("a store needs a file, memory would forget the offsets".to_owned()));
                }
                let options = SqliteConnectOptions::from_str(&self.url).map_err(|error| fault(error.to_string()))?;
                Ok(Place::Sqlite(options))
            }
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(&self.url).map_err(|error| fault(error.to_string()))?;
                Ok(Place::Postgres(match &self.password {
                    Some(password) => options.password(password),
                    None => options,
                }))
            }
            // The scheme may be anything, even a password's first half: it is not repeated.
            _ => Err(fault("it begins with neither sqlite: nor postgres:".to_owned())),
        }
    }
}

/// An open store. All calls take `&self`; writes queue for the one writing connection.
#[derive(Debug)]
pub struct Store {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Sqlite(Box<Session<Sqlite>>),
    Postgres(Box<Session<Postgres>>),
}

/// The same call on whichever backend it is.
macro_rules! each {
    ($store:expr, $session:ident => $call:expr) => {
        match &$store.inner {
            Inner::Sqlite($session) => $call,
            Inner::Postgres($session) => $call,
        }
    };
}

impl Store {
    /// Opens the store. Errors are sentences for people; [`StoreError::is_transient`] says which to wait for.
    pub async fn open(options: &StoreOptions, mode: OpenMode) -> Result<Store, StoreError> {
        let inner = match options.place()? {
            Place::Sqlite(place) => {
                let (backend, writer) = Sqlite::open(place, mode, options.lock_timeout).await?;
                Inner::Sqlite(Box::new(Session::new(backend, writer)))
            }
            Place::Postgres(place) => {
                let (backend, writer) = Postgres::open(place, mode, options.lock_timeout, options.role_timeout).await?;
                Inner::Postgres(Box::new(Session::new(backend, writer)))
            }
        };
        Ok(Store { inner })
    }

    /// The store for people, without secrets.
    pub fn name(&self) -> &str {
        each!(self, session => session.backend.name())
    }

    /// Claims partitions: each key's epoch rises by one, and commits under an earlier one fail from now on. Keys that the store does
    /// not know are created. Waits for a commit that is still under way on them, so what it answers is final. In key order, each once.
    pub async fn claim(&self, keys: &[PartitionKey]) -> Result<Vec<Claim>, StoreError> {
        each!(self, session => session.claim(keys).await)
    }

    /// Commits offsets, chunks and dead letters in one transaction: all or nothing. The dead letters' partitions must have been
    /// claimed once; of a topic and reason that has [`super::DEAD_LETTER_SAMPLES_MAX`] of them no more are kept.
    pub async fn commit(&self, commit: &Commit) -> CommitOutcome {
        each!(self, session => session.commit(commit).await)
    }

    /// Finds out what became of a commit that ended [`CommitOutcome::Unknown`], by claiming its partitions again: the claim waits
    /// for the lost transaction's row locks, so its answer is final. May be called again after an error.
    pub async fn resolve_unknown(&self, commit: &Commit) -> Result<Resolved, StoreError> {
        each!(self, session => session.resolve_unknown(commit).await)
    }

    /// All chunk parts of these topics in this lane, by topic id, partition, lane, range and part, as of one instant. Those of live are with
    /// those of every lane that was joined.
    pub async fn load_chunks(
        &self,
        cluster: &str,
        topic_ids: &[String],
        lane: &str,
    ) -> Result<Vec<StoredChunk>, StoreError> {
        each!(self, session => session.load_chunks(cluster, topic_ids, lane).await)
    }

    /// All chunks of a lane that are read, without their bytes, by cluster, topic id, partition and range.
    pub async fn chunk_summaries(&self, lane: &str) -> Result<Vec<ChunkSummary>, StoreError> {
        each!(self, session => session.chunk_summaries(lane).await)
    }

    /// The chunk parts of one partition and lane that lie in `[from, to)`, by range and part.
    pub async fn load_range(
        &self,
        key: &PartitionKey,
        from: Offset,
        to: Offset,
    ) -> Result<Vec<StoredChunk>, StoreError> {
        each!(self, session => session.load_range(key, from, to).await)
    }

    pub(super) async fn swap(&self, fold: &Fold, longest: &mut Duration) -> Result<bool, StoreError> {
        each!(self, session => session.swap(fold, longest).await)
    }

    pub(super) async fn delete_folded(&self, before: Timestamp, bytes_max: usize) -> Result<u64, StoreError> {
        each!(self, session => session.delete_folded(before, bytes_max).await)
    }

    /// The ids of the Kafka clusters of which anything was committed, in order; empty for one that gave none.
    pub async fn clusters(&self) -> Result<Vec<String>, StoreError> {
        each!(self, session => session.clusters().await)
    }

    /// Where every partition of the cluster stands, without claiming any.
    pub async fn partitions(&self, cluster: &str) -> Result<Vec<Claim>, StoreError> {
        each!(self, session => session.partitions(cluster).await)
    }

    /// Adds a person's word; nothing is ever overwritten, a correction is a new one.
    pub async fn add_check_in(&self, check_in: &StoredCheckIn) -> Result<(), StoreError> {
        each!(self, session => session.add_check_in(check_in).await)
    }

    /// All frozen measured baselines, by name.
    pub async fn baselines(&self) -> Result<Vec<FrozenBaseline>, StoreError> {
        each!(self, session => session.baselines().await)
    }

    /// All check-ins, by `at`, then `recorded_at`, then as they came: of one key result the last holds.
    pub async fn check_ins(&self) -> Result<Vec<StoredCheckIn>, StoreError> {
        each!(self, session => session.check_ins().await)
    }

    /// A number that differs whenever [`Store::check_ins`] does; cheap enough to ask every second.
    pub async fn check_ins_version(&self) -> Result<i64, StoreError> {
        each!(self, session => session.check_ins_version().await)
    }

    /// Stored dead letters, the newest first, at most `limit`.
    pub async fn dead_letters(&self, filter: &DeadLetterFilter, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        each!(self, session => session.dead_letters(filter, limit).await)
    }

    /// Makes a back-fill part of live and its book the active one, in one transaction.
    pub async fn join(&self, join: &Join) -> CommitOutcome {
        each!(self, session => session.join(join).await)
    }

    /// Whether a join that ended [`CommitOutcome::Unknown`] is in the store. May be called again after an error.
    pub async fn is_joined(&self, join: &Join) -> Result<bool, StoreError> {
        each!(self, session => session.is_joined(join).await)
    }

    /// Deletes what is left of back-fills other than the one in the lane `keep`.
    pub async fn drop_lanes(&self, keep: &str) -> Result<(), StoreError> {
        each!(self, session => session.drop_lanes(keep).await)
    }

    /// Whether there are back-fills that were not joined.
    pub async fn has_lanes(&self) -> Result<bool, StoreError> {
        each!(self, session => session.has_lanes().await)
    }

    /// Hash and text of the active book: the one that scored last. `None` before any did.
    pub async fn active_book(&self) -> Result<Option<(String, String)>, StoreError> {
        each!(self, session => session.active_book().await)
    }

    /// Records that the book with this hash and text scores from now on; its first and last time are kept.
    pub async fn record_book_revision(&self, hash: &str, text: &str) -> Result<(), StoreError> {
        each!(self, session => session.record_book_revision(hash, text).await)
    }

    /// Writes BI rows in a transaction of their own; writing the same again changes nothing. See [`super::bi`].
    pub async fn write_bi(&self, update: &BiUpdate) -> Result<(), StoreError> {
        each!(self, session => session.write_bi(update).await)
    }

    /// The bytes that the store's tables and indexes take.
    pub async fn store_bytes(&self) -> Result<u64, StoreError> {
        each!(self, session => session.store_bytes().await)
    }

    /// Asks the database for any answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        each!(self, session => session.ping().await)
    }

    /// Waits for the write under way, then closes all connections and lets the consumer role go. Dropping the store lets go too.
    pub async fn close(self) {
        match self.inner {
            Inner::Sqlite(session) => session.backend.close(session.take_writer().await).await,
            Inner::Postgres(session) => session.backend.close(session.take_writer().await).await,
        }
    }
}
