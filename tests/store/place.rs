//! Where a story takes place: a store of its own, and a plain SQL client beside it.

use std::future::Future;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use krscore::store::{OpenMode, PartitionCommit, PartitionKey, Store, StoreError, StoreOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// A store's place, empty at first.
pub struct Place {
    pub options: StoreOptions,
    pub postgres: bool,
    pub folder: tempfile::TempDir,
    /// An administrator's URL without database; only for PostgreSQL.
    pub server: String,
}

impl Place {
    pub async fn consumer(&self) -> Store {
        self.open(OpenMode::Consumer).await.expect("a consumer opens")
    }

    pub async fn reader(&self) -> Store {
        self.open(OpenMode::Reader).await.expect("a reader opens")
    }

    pub async fn open(&self, mode: OpenMode) -> Result<Store, StoreError> {
        Store::open(&self.options, mode).await
    }

    /// A table of the star.
    pub fn bi(&self, table: &str) -> String {
        if self.postgres { format!("bi.{table}") } else { format!("bi_{table}") }
    }

    /// The flat view.
    pub fn view(&self) -> &'static str {
        if self.postgres { "bi.v_key_result_progress" } else { "v_key_result_progress" }
    }

    /// What a plain client reads: every row's columns as text, joined by `|`, NULL empty.
    pub async fn rows(&self, columns: &[&str], rest: &str) -> Vec<String> {
        let columns: Vec<String> =
            columns.iter().map(|column| format!("coalesce(cast({column} as text), '')")).collect();
        let sql = AssertSqlSafe(format!("SELECT {} FROM {rest}", columns.join(" || '|' || ")));
        if self.postgres {
            let mut client = self.postgres_client().await;
            sqlx::query_scalar(sql).fetch_all(&mut client).await.expect("the query runs")
        } else {
            let mut client = self.sqlite_client().await;
            sqlx::query_scalar(sql).fetch_all(&mut client).await.expect("the query runs")
        }
    }

    /// Runs a statement as a plain client.
    pub async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.postgres {
            sqlx::raw_sql(sql).execute(&mut self.postgres_client().await).await.expect("the statement runs");
        } else {
            sqlx::raw_sql(sql).execute(&mut self.sqlite_client().await).await.expect("the statement runs");
        }
    }

    pub async fn postgres_client(&self) -> sqlx::PgConnection {
        sqlx::PgConnection::connect(&self.options.url).await.expect("the server answers")
    }

    pub async fn sqlite_client(&self) -> sqlx::SqliteConnection {
        let options: sqlx::sqlite::SqliteConnectOptions = self.options.url.parse().expect("a URL");
        options.connect().await.expect("the file opens")
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

pub fn on_sqlite<F: Future<Output = ()>>(story: impl FnOnce(std::sync::Arc<Place>) -> F) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = StoreOptions::new(format!("sqlite://{}", folder.path().join("krscore.db").display()));
    options.lock_timeout = Duration::from_millis(300);
    runtime().block_on(story(std::sync::Arc::new(Place { options, postgres: false, folder, server: String::new() })));
}

pub fn on_postgres<F: Future<Output = ()>>(name: &str, story: impl FnOnce(std::sync::Arc<Place>) -> F) {
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("KRSCORE_TEST_POSTGRES") else {
        let required = std::env::var("KRSCORE_TEST_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "{name} needs PostgreSQL: set KRSCORE_TEST_POSTGRES");
        // Past the test runner's capture, which shows nothing of a test that passes.
        let skipped = format!("skipped: {name} over PostgreSQL (KRSCORE_TEST_POSTGRES is not set)");
        let _ = writeln!(std::io::stderr(), "{skipped}");
        return;
    };
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let database = format!("krscore_test_{}_{number}", std::process::id());
    let base = server.rsplit_once('/').map_or(server.as_str(), |(base, _)| base).to_owned();
    let mut options = StoreOptions::new(format!("{base}/{database}"));
    options.lock_timeout = Duration::from_millis(300);
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = runtime();
    let admin = async |sql: String| {
        let mut admin = sqlx::PgConnection::connect(&server).await.expect("KRSCORE_TEST_POSTGRES answers");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.expect("an administrator's statement");
    };
    runtime.block_on(admin(format!("CREATE DATABASE {database}")));
    let place = std::sync::Arc::new(Place { options, postgres: true, folder, server: base });
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(story(place))));
    runtime.block_on(admin(format!("DROP DATABASE {database} WITH (FORCE)")));
    if let Err(panic) = told {
        std::panic::resume_unwind(panic);
    }
}

/// Partition `number` of the topic `orders`, live.
pub fn key(number: i32) -> PartitionKey {
    PartitionKey {
        cluster: "cluster-1".to_owned(),
        topic_id: "id-of-orders".to_owned(),
        topic: "orders".to_owned(),
        partition: number,
        lane: krscore::store::LIVE_LANE.to_owned(),
    }
}

/// A partition's commit of one chunk `[from or 0, to)` with these parts.
pub fn moved(key: &PartitionKey, epoch: i64, from: Option<i64>, to: i64, parts: &[&[u8]]) -> PartitionCommit {
    PartitionCommit {
        key: key.clone(),
        epoch,
        from,
        to,
        leader_epoch: Some(7),
        chunk_from: from.unwrap_or(0),
        parts: parts.iter().map(|part| part.to_vec()).collect(),
    }
}

/// All chunks of `orders`, as `partition[from,to)part=text`.
pub async fn chunks(store: &Store) -> Vec<String> {
    let chunks = store.load_chunks("cluster-1", &["id-of-orders".to_owned()], "live").await.expect("chunks load");
    let shown = |chunk: &krscore::store::StoredChunk| {
        let text = String::from_utf8_lossy(&chunk.bytes);
        format!("{}[{},{}){}={text}", chunk.key.partition, chunk.from, chunk.to, chunk.part)
    };
    chunks.iter().map(shown).collect()
}
