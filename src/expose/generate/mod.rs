//! What Prometheus and Grafana load: generic files, so that an edit of a book needs no new ones. Pure text, built from the names in
//! [`crate::conventions`], the same bytes every time.

pub mod alerts;
pub mod dashboards;
