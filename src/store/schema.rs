//! The schema's versions: migrations are part of the binary, only the consumer applies them, and a schema from the future is refused.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use super::error::{StoreError, connection_is_lost, describe};

/// The table that says which migrations a store has.
const TABLE: &str = "krscore_migration";

/// SQLite's migrations, oldest first. Never edit one that was released: add another.
pub(super) const SQLITE: &[(&str, &str)] = &[
    ("state", include_str!("migrations/sqlite/0001_state.sql")),
    ("bi", include_str!("migrations/sqlite/0002_bi.sql")),
    ("fold", include_str!("migrations/sqlite/0003_fold.sql")),
    ("lanes", include_str!("migrations/sqlite/0004_lanes.sql")),
    ("measured_baseline", include_str!("migrations/sqlite/0005_measured_baseline.sql")),
];

/// PostgreSQL's migrations, step by step the same versions.
pub(super) const POSTGRES: &[(&str, &str)] = &[
    ("state", include_str!("migrations/postgres/0001_state.sql")),
    ("bi", include_str!("migrations/postgres/0002_bi.sql")),
    ("fold", include_str!("migrations/postgres/0003_fold.sql")),
    ("lanes", include_str!("migrations/postgres/0004_lanes.sql")),
    ("measured_baseline", include_str!("migrations/postgres/0005_measured_baseline.sql")),
];

/// Brings the schema up to date; each migration is one transaction.
pub(super) async fn migrate<C: Migrate>(
    store: &str,
    connection: &mut C,
    steps: &'static [(&str, &str)],
) -> Result<(), StoreError> {
    migrator(steps).run_direct(None, connection, false).await.map_err(|error| explained(store, error, steps))
}

/// A reader's check: the schema is exactly this binary's.
pub(super) async fn check<C: Migrate>(
    store: &str,
    connection: &mut C,
    steps: &'static [(&str, &str)],
) -> Result<(), StoreError> {
    let known = newest(steps);
    let found = match connection.list_applied_migrations(TABLE).await {
        Ok(applied) => applied.iter().map(|migration| migration.version).max().unwrap_or(0),
        Err(MigrateError::Execute(error)) if connection_is_lost(&error) => {
            return Err(StoreError::of(store, "read the schema's version", error));
        }
        // No such table: nothing was ever migrated here.
        Err(MigrateError::Execute(sqlx::Error::Database(error))) if is_missing_table(error.as_ref()) => 0,
        Err(error) => return Err(explained(store, error, steps)),
    };
    match found {
        found if found > known => Err(StoreError::Newer { store: store.to_owned(), found, known }),
        found if found < known => Err(StoreError::Older { store: store.to_owned(), found, known }),
        _ => Ok(()),
    }
}

fn migrator(steps: &'static [(&str, &str)]) -> Migrator {
    let migrations = steps
        .iter()
        .zip(1_i64..)
        .map(|((name, sql), version)| {
            Migration::new(version, (*name).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    // "Dangerous" is changing it for stores that exist; this name has been the same since the first.
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

fn newest(steps: &[(&str, &str)]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

fn is_missing_table(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
}

fn explained(store: &str, error: MigrateError, steps: &[(&str, &str)]) -> StoreError {
    let store = store.to_owned();
    match error {
        MigrateError::VersionMissing(found) => StoreError::Newer { store, found, known: newest(steps) },
        MigrateError::VersionMismatch(version) => StoreError::Altered { store, version },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            let denied =
                matches!(&error, sqlx::Error::Database(database) if database.code().as_deref() == Some("42501"));
            let mend = if denied {
                "; let this user own the database, or grant it CREATE on the database and its schema"
            } else {
                ""
            };
            StoreError::Migration { store, reason: format!("{}{mend}", describe(&error)) }
        }
        other => StoreError::Migration { store, reason: other.to_string() },
    }
}
