//! The pipeline: `step` takes one input and answers with effects. No clock, no I/O: whatever happens outside comes in as an input,
//! whatever shall happen outside goes out as an effect, and the same inputs give the same effects.

pub mod backfill;
mod budget_use;
mod chunk_members;
mod claimed;
pub mod counter;
mod cut;
mod daily;
mod derive;
pub mod floor;
mod frozen;
mod join;
mod ledger;
mod load;
mod message;
mod pack;
mod raise;
mod restore;
mod state;

pub use daily::DailyFact;
pub use ledger::Held;
pub use message::*;
pub use pack::{DEAD_LETTER_SAMPLE_BYTES_MAX, DEAD_LETTER_SAMPLES_MAX};
pub use state::{DELTA_ENTRIES_MAX, State};

/// Takes one input; what shall happen outside because of it comes back, in order.
pub fn step(state: &mut State, input: Input<'_>) -> Vec<Effect> {
    state.step(input)
}
