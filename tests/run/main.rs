//! The real `krscore` process between the real Kafka, SQLite and PostgreSQL, Prometheus and plain SQL clients: what a user gets.
//!
//! | file | shows |
//! |---|---|
//! | `live` | a record becomes a gauge within 3 s; SIGTERM drains; explain, check-ins |
//! | `kill` | 20 times SIGKILL: the scores are those of one quiet replay |
//! | `edit` | the book is edited while it scores, and the process killed while the edit is filled |
//! | `away` | brokers, topics and databases that are away are waited for |
//! | `refused` | what cannot work ends at once with one sentence |
//! | `logs` | what befalls logs and stores: altered chunks, other clusters, topics made anew, retention, new partitions |
//! | `fields` | key, headers and timestamp as fields |
//! | `records` | broken records are counted and sampled, and nothing stops |
//! | `readers` | Prometheus, its alerts, the dashboard's queries; BI by SQL |

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the tests of the consumer need more of it")]
#[path = "../kafka/admin.rs"]
mod admin;
mod away;
mod fields;
mod edit;
mod kill;
mod live;
mod logs;
mod place;
mod readers;
mod records;
mod refused;
mod service;
