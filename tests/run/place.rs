//! Where a test's state is kept: an SQLite file or a PostgreSQL database, and plain SQL on either while `krscore` runs.

use crate::support::kafka::block_on;
use crate::support::postgres::{Database, psql};
use sqlx::{Connection as _, Row as _};

/// A store of a test's own; gone with the value.
pub enum Place {
    /// A file in a folder.
    Sqlite(tempfile::TempDir),
    /// A database.
    Postgres(Database),
}

impl Place {
    /// An SQLite file.
    pub fn sqlite() -> Place {
        Place::Sqlite(tempfile::tempdir().expect("a folder"))
    }

    /// A PostgreSQL database; `None` without a server.
    pub fn postgres() -> Option<Place> {
        Database::create().map(Place::Postgres)
    }

    /// `store.url`.
    pub fn url(&self) -> String {
        match self {
            Place::Sqlite(folder) => format!("sqlite://{}", folder.path().join("krscore.db").display()),
            Place::Postgres(database) => database.url.clone(),
        }
    }

    /// Runs a statement that changes something, while nothing else runs on the store.
    pub fn execute(&self, statement: &str) {
        match self {
            Place::Sqlite(_) => block_on(async {
                let mut connection = sqlx::SqliteConnection::connect(&self.url()).await.expect("a client");
                let statement = sqlx::AssertSqlSafe(statement.to_owned());
                sqlx::raw_sql(statement).execute(&mut connection).await.expect("it runs");
            }),
            Place::Postgres(database) => _ = psql(&database.url, statement),
        }
    }

    /// The rows of a statement whose only column is text.
    pub fn rows(&self, statement: &str) -> Vec<String> {
        match self {
            Place::Sqlite(_) => block_on(async {
                let url = format!("{}?mode=ro", self.url());
                let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("a second reader");
                let statement = sqlx::AssertSqlSafe(statement.to_owned());
                let rows = sqlx::query(statement).fetch_all(&mut connection).await.expect("rows");
                rows.iter().map(|row| row.get::<String, _>(0)).collect()
            }),
            Place::Postgres(database) => psql(&database.url, statement).lines().map(str::to_owned).collect(),
        }
    }

    /// What a table of the BI star is called.
    pub fn bi(&self, table: &str) -> String {
        match self {
            Place::Sqlite(_) if table.starts_with("v_") => table.to_owned(),
            Place::Sqlite(_) => format!("bi_{table}"),
            Place::Postgres(_) => format!("bi.{table}"),
        }
    }
}
