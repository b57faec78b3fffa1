//! The demo's parts: the sample book, a believable company that makes events for it, and the feed that sends them into a mock cluster.
//!
//! ```text
//! Setting (when, which seed) ─▶ SampleBook (its dates moved)
//!                            └▶ Company: an iterator of Emissions, pure ─▶ Feed (a thread) ─▶ Kafka
//!                                                                            ▲ waits for what the service has read
//! ```
//!
//! Only [`Feed`] knows a clock or Kafka: the same [`Setting`] makes the same bytes.

mod company;
mod feed;
mod flaws;
mod people;
mod random;
mod sample_book;
mod story;
mod warehouse;

pub use company::{Company, Emission, TOPICS};
pub use feed::{Feed, FeedProgress, PARTITIONS};
pub use sample_book::{SAMPLE_BOOK, check_ins, moved_book};
pub use story::{Setting, WEEKS_MAX};

#[cfg(test)]
mod tests;
