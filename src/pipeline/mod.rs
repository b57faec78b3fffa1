//! The pipeline: `step` takes one input and answers with effects. No clock, no I/O: whatever happens outside comes in as an input,
//! whatever shall happen outside goes out as an effect, and the same inputs give the same effects.
//!
//! ```text
//!   Input ⇒ Intake (deltas, ids, offsets) ── Handover ──▶ Scorer (ledger, scores, days) ⇒ Effects
//!              ▲                                             │
//!              └─────────────────── news ────────────────────┘
//! ```
//!
//! The halves share nothing. [`State`] runs them one after the other; the service runs each on a thread of its own, so that records are taken
//! while what came before is merged and scored.

pub mod backfill;
pub mod counter;
pub mod floor;
mod handover;
mod intake;
mod message;
mod pack;
mod scorer;
mod state;

pub use handover::{Handover, Reaction, Scored, ToScorer, Told};
pub use intake::{DELTA_ENTRIES_MAX, Intake};
pub use message::*;
pub use pack::{DEAD_LETTER_SAMPLE_BYTES_MAX, DEAD_LETTER_SAMPLES_MAX};
pub use scorer::{DailyFact, Held, Scorer};
pub use state::State;

/// Takes one input; what shall happen outside because of it comes back, in order.
pub fn step(state: &mut State, input: Input<'_>) -> Vec<Effect> {
    state.step(input)
}
