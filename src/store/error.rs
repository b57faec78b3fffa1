//! What can go wrong with a store: each error says what, where, and how to mend it, and never shows a password.

use std::fmt::Write as _;

/// Why the store could not be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no store.
    #[error("store.url: {reason}; write sqlite://PATH or postgres://USER@HOST/DATABASE")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// A reader found no store.
    #[error("{store}: there is no store; `krscore run` creates it, or store.url names another place")]
    Absent {
        /// The store, without secrets.
        store: String,
    },
    /// The folder of an SQLite store cannot be used.
    #[error("{store}: cannot write in the folder {folder}: {reason}")]
    Folder {
        /// The store.
        store: String,
        /// Its folder.
        folder: String,
        /// What the system says, and how to mend it.
        reason: String,
    },
    /// Another process has the consumer role.
    #[error(
        "{store}: another consumer has it ({holder}); stop that one first, a second replica over one store is not supported yet"
    )]
    InUse {
        /// The store.
        store: String,
        /// Who has it.
        holder: String,
    },
    /// A newer krscore made the schema.
    #[error("{store}: its schema is version {found}, this krscore knows {known}; run the newer krscore that made it")]
    Newer {
        /// The store.
        store: String,
        /// The version there.
        found: i64,
        /// The newest that this binary knows.
        known: i64,
    },
    /// A reader found an older schema, and a reader never migrates.
    #[error("{store}: its schema is version {found}, this krscore needs {known}; `krscore run` brings it up to date")]
    Older {
        /// The store.
        store: String,
        /// The version there; 0 where there are no tables at all.
        found: i64,
        /// The newest that this binary knows.
        known: i64,
    },
    /// The tables were made by something else.
    #[error(
        "{store}: migration {version} is not the one of this krscore; was the schema changed by hand, or made by a build in between"
    )]
    Altered {
        /// The store.
        store: String,
        /// The migration whose text differs.
        version: i64,
    },
    /// A migration did not run; nothing of it is left.
    #[error("{store}: cannot bring the schema up to date: {reason}")]
    Migration {
        /// The store.
        store: String,
        /// What the database says, and how to mend it.
        reason: String,
    },
    /// The server does not let this user in.
    #[error("{store}: refused: {reason}; check the user in store.url and the password")]
    Refused {
        /// The store.
        store: String,
        /// What the server says.
        reason: String,
    },
    /// The server does not answer; worth waiting for.
    #[error("{store}: cannot be reached: {reason}; is it running, and are host and port in store.url right")]
    Unreachable {
        /// The store.
        store: String,
        /// What the system says.
        reason: String,
    },
    /// Another transaction holds what is needed; worth trying again.
    #[error(
        "{store}: cannot {doing} now: {reason}; it is tried again, if it stays so look for a client with an open transaction"
    )]
    Busy {
        /// The store.
        store: String,
        /// What was tried.
        doing: &'static str,
        /// What the database says.
        reason: String,
    },
    /// Anything else that the database says.
    #[error("{store}: cannot {doing}: {reason}")]
    Failed {
        /// The store.
        store: String,
        /// What was tried.
        doing: &'static str,
        /// What the database says.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later with nothing changed: the server was away, or another transaction in the way.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Unreachable { .. } | StoreError::Busy { .. })
    }

    /// The error of a call that was `doing` something on an open store.
    pub(super) fn of(store: &str, doing: &'static str, error: sqlx::Error) -> StoreError {
        let reason = describe(&error);
        let store = store.to_owned();
        if connection_is_lost(&error) {
            StoreError::Unreachable { store, reason }
        } else if is_in_the_way(&error) {
            StoreError::Busy { store, doing, reason }
        } else {
            StoreError::Failed { store, doing, reason }
        }
    }

    /// The error of a call that had no answer in time.
    pub(super) fn late(store: &str, doing: &str, seconds: u64) -> StoreError {
        StoreError::Unreachable { store: store.to_owned(), reason: format!("no answer within {seconds} s ({doing})") }
    }
}

/// Whether the connection that gave `error` is of no more use; otherwise the database answered, and it is.
pub(super) fn connection_is_lost(error: &sqlx::Error) -> bool {
    match error {
        // 57P01–57P05: the server ends this session; 08: connection exceptions; 25P03: idle in a transaction for too long.
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some()
                && (code.starts_with("57P") || code.starts_with("08") || code == "25P03" || code == "53300")
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed => true,
        _ => false,
    }
}

/// Whether a transaction of another client is the reason.
fn is_in_the_way(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else {
        return false;
    };
    let code = database.code().unwrap_or_default();
    if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        // A lock not had in time, a statement not done in time, a deadlock, a conflict.
        return matches!(&*code, "55P03" | "57014" | "40P01" | "40001");
    }
    // The low byte is SQLite's primary code: 5 is SQLITE_BUSY, 6 is SQLITE_LOCKED.
    code.parse::<i32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6))
}

/// What an error says, in one line, with PostgreSQL's code and hint where there are any.
pub(super) fn describe(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(database) = error else {
        return error.to_string();
    };
    let mut text = database.message().to_owned();
    if let Some(postgres) = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        for more in [postgres.detail(), postgres.hint()].into_iter().flatten() {
            // Writing to a String cannot fail.
            let _ = write!(text, "; {more}");
        }
        let _ = write!(text, " (SQLSTATE {})", postgres.code());
    }
    text
}
