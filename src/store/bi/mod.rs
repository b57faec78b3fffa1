//! The star for BI tools: what the book and the scores say, as plain rows that any SQL client reads.
//!
//! | table | a row is |
//! |---|---|
//! | `dim_date` | a day of a cycle |
//! | `dim_cycle` | a cycle |
//! | `dim_team` | a team |
//! | `dim_objective` | an objective, as the book has it now; parent and path follow its alignment |
//! | `dim_key_result` | a version of a key result (type 2): a change in the book ends one and begins the next |
//! | `fact_key_result_daily` | a key result on a day that has ended: as first known (never changed), and as known now |
//! | `fact_key_result_latest` | a key result on the running day; replaced at every write |
//! | `v_key_result_progress` | both facts with all names, flat |
//!
//! They are written in a transaction of their own, beside the commits. That is safe because nothing is read back from them: all of it is derived
//! from the book and from scores of facts that are committed already, and a write is idempotent. A write that is lost, or comes twice, or
//! before a crash, is made good by the next one; the same rows again change nothing, not even `updated_at`. In the transaction of the
//! commit they would only make the moment longer in which a crash means reading again.
//! The one column group that is not re-derivable by definition is `as_known_*`: the day's first word. Its first write holds, whoever makes it.
//!
//! In PostgreSQL the tables stand in the schema `bi` with `numeric(38,9)`, `date`, `timestamptz`; in SQLite they have the prefix `bi_`, instants and days are
//! ISO 8601 text in UTC, and numbers are doubles (15 digits; the exact ones stand in the chunks). In both, `status_order` sorts the worst first.

mod postgres;
mod rows;
mod sqlite;

pub(crate) use postgres::{POSTGRES, POSTGRES_GRANTS};
pub use rows::{
    CycleRow, DateRow, Dimensions, FactValues, KeyResultFact, KeyResultRow, ObjectiveRow, TeamRow, current, daily, day,
    dimensions, status_order,
};
use serde::Serialize;
pub(crate) use sqlite::SQLITE;

use crate::time::Timestamp;

/// What one transaction writes. A key result's dimension row must be there, or in the same update, before its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BiUpdate {
    /// The instant of the scores: versions of key results begin and end here, and `updated_at` shows it.
    pub at: Timestamp,
    /// All that the book says; needed once for each book, and harmless more often. Key results that are not in it are ended.
    pub dimensions: Option<Dimensions>,
    /// Days that have ended. The first row of a key result and day sets `as_known_*`; each sets `restated_*`.
    pub daily: Vec<KeyResultFact>,
    /// The running day of all key results; those left out lose their row. Empty leaves the table alone.
    pub current: Vec<KeyResultFact>,
}

/// One backend's statements, in the order in which they run.
pub(crate) struct Statements {
    dates: &'static str,
    cycles: &'static str,
    teams: &'static str,
    objectives: &'static str,
    key_results_close: &'static str,
    key_results_open: &'static str,
    daily: &'static str,
    latest_gone: &'static str,
    latest: &'static str,
}

#[derive(Serialize)]
struct Document<'a, T> {
    at: Option<String>,
    rows: &'a [T],
}

impl BiUpdate {
    /// The statements to run, each with the JSON document that is its one parameter.
    pub(crate) fn statements(&self, of: &Statements) -> Result<Vec<(&'static str, String)>, sqlx::Error> {
        let at = self.at;
        let mut statements = Vec::new();
        if let Some(dimensions) = &self.dimensions {
            let key_results = document(at, &dimensions.key_results)?;
            statements.extend([
                (of.dates, document(at, &dimensions.dates)?),
                (of.cycles, document(at, &dimensions.cycles)?),
                (of.teams, document(at, &dimensions.teams)?),
                (of.objectives, document(at, &dimensions.objectives)?),
                (of.key_results_close, key_results.clone()),
                (of.key_results_open, key_results),
            ]);
        }
        if !self.daily.is_empty() {
            statements.push((of.daily, document(at, &self.daily)?));
        }
        if !self.current.is_empty() {
            let current = document(at, &self.current)?;
            statements.extend([(of.latest_gone, current.clone()), (of.latest, current)]);
        }
        Ok(statements)
    }
}

fn document<T: Serialize>(at: Timestamp, rows: &[T]) -> Result<String, sqlx::Error> {
    serde_json::to_string(&Document { at: rows::instant(at), rows }).map_err(|error| sqlx::Error::Encode(error.into()))
}
