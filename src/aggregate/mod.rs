//! Aggregation: rows become facts that only add. Knows nothing of Kafka, stores or scores.

pub mod aggregator;
pub mod budget;
pub mod cell;
pub mod dedup;
pub mod definition;
pub mod delta;
pub mod distinct;
pub mod facts;
mod fingerprint_set;
mod interner;
pub mod level;
pub mod loading;
mod measured;
pub mod member;
pub mod packed;
pub mod pair;
pub mod plan;
mod planner;
mod restrict;
pub mod series;
mod sink;
pub mod sketch;
mod slice;
pub mod spread;
#[cfg(test)]
mod tests;
mod window_plan;
