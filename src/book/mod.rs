//! The book: objectives, key results, metrics and events as the YAML declares them, validated and numbered.
//!
//! ```text
//! SourceFile → yaml (nodes with their places) → shape (held against the tables of keys) → validate (domain types) → Book
//!                    amounts, expr, formula read what stands in single values            faults of all steps, at once
//! ```
//!
//! Nothing downstream sees YAML or SQL text; [`expr`] evaluates over rows. [`schema`] says the syntax to editors.

mod amounts;
pub mod expr;
mod fault;
mod field;
mod formula;
mod goal;
mod keys;
mod load;
mod model;
mod schema;
mod shape;
mod validate;
mod yaml;

pub use amounts::{TextFault, amount};
pub use fault::{Advice, Fault, SourceFile, render, render_advice};
pub use field::{Field, PATH_KEYS_MAX};
pub use goal::*;
pub use load::{Loaded, load};
pub use model::*;
pub use schema::schema;

#[cfg(test)]
mod tests;
