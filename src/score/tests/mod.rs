//! Data in, text out: the rows of CASES.md that concern scoring, and the tables of this module's documentation.

mod goals;
mod lines;
mod property;
mod statuses;
mod values;
mod windows;
pub(crate) mod world;
