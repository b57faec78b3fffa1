//! The consumer role over a PostgreSQL store: an advisory lock of the session that writes, named by its `application_name`.
//!
//! DESIGN §5 speaks of a lease row. A row with an expiry would do the same with two disadvantages: after `kill -9` the next process waits for
//! the expiry (or the expiry is so short that one slow second loses the role), and it depends on clocks. The lock falls the moment the
//! server sees the socket close, and because writes run on the same session, a process that lost its role cannot send another commit
//! before it has taken the role again. A host that vanishes without closing its sockets is noticed by TCP keepalive ([`KEEPALIVE`], 11 s).
//!
//! The role only keeps two consumers from taking partitions from each other for ever; that no commit counts twice is the epochs' work.
//! A pooler between must pool sessions, not transactions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;

use super::super::error::StoreError;
use super::super::lock::holder;

/// The server's TCP keepalive towards us: the first after 5 idle seconds, then every 2, lost after 3.
pub(super) const KEEPALIVE: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "2"), ("tcp_keepalives_count", "3")];

/// How long until it is asked who is waited for: a process just killed is gone by then, unless the server was busy with it. A lost session
/// of this very process is waited for no longer: the store's caller hears of it, and asks again.
const TOLD_AFTER: Duration = Duration::from_secs(2);

/// How often the server looks, while it is busy for us, whether we are still there. Without it the session of a killed process keeps the
/// role until its statement ends. PostgreSQL 13 and servers on some systems do not know it; they only need longer.
pub(super) const WATCH_US: &str = "SET client_connection_check_interval = '500ms'";

/// How long until it is asked for again.
const RETRY: Duration = Duration::from_millis(50);

/// The lock's two numbers are "krsc" and 1; it is one of this database only.
const TAKE: &str = "SELECT pg_try_advisory_lock(1802662755, 1)";

const HOLDER: &str = "
SELECT a.application_name || ', session ' || a.pid
  || coalesce(' from ' || host(a.client_addr), '')
  || coalesce(', since ' || to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', '')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 1802662755::oid AND l.objid = 1::oid AND l.objsubid = 2
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// How a store's writing session is named, one name a store that this process opens. 63 bytes are what PostgreSQL keeps.
pub(super) fn session_name() -> String {
    static OPENED: AtomicU32 = AtomicU32::new(1);
    let mut name = format!("krscore {}, {}", OPENED.fetch_add(1, Ordering::Relaxed), holder());
    name.truncate(name.floor_char_boundary(63));
    name
}

/// Takes the role on this connection, waiting up to `patience` for the one who has it: the next process of a restart or a rolling
/// update may come before the server has seen the last one go.
pub(super) async fn take(
    store: &str,
    session: &str,
    connection: &mut PgConnection,
    patience: Duration,
) -> Result<(), StoreError> {
    let failed = |error| StoreError::of(store, "take the consumer role", error);
    let (began, mut told) = (Instant::now(), false);
    loop {
        let (taken,): (bool,) = sqlx::query_as(TAKE).fetch_one(&mut *connection).await.map_err(failed)?;
        if taken {
            return Ok(());
        }
        let waited = began.elapsed();
        if waited >= patience.min(if told { patience } else { TOLD_AFTER }) {
            let found: Option<(String,)> =
                sqlx::query_as(HOLDER).fetch_optional(&mut *connection).await.map_err(failed)?;
            let holder = found.map_or_else(|| "it just let go".to_owned(), |(holder,)| holder);
            let store = store.to_owned();
            // A session of this very store that the network cut off; keepalive ends it.
            if holder.starts_with(session) {
                let reason = format!("the server has not yet ended this process's lost session ({holder})");
                return Err(StoreError::Unreachable { store, reason });
            }
            if waited >= patience {
                return Err(StoreError::InUse { store, holder });
            }
            tracing::warn!(store, holder, patience_secs = patience.as_secs(), "waiting for the consumer role");
            told = true;
        }
        tokio::time::sleep(RETRY).await;
    }
}
