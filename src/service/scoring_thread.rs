//! The scoring thread: merges and scores what the consumer thread hands over, so that consumption does not stand still for it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use crate::expose::metrics::ServiceMetrics;
use crate::pipeline::{Scored, Scorer, ToScorer};

/// Work that may wait, and as many answers. What is handed over is answered before more is, and before stored facts or another book: so there are
/// never more than two, one of these and the word that the cut before it is stored, and neither thread ever waits for room.
const TO_SCORER_MAX: usize = 4;

/// The scorer and its two ends.
pub(super) struct ScoringThread {
    scorer: Scorer,
    asked: Receiver<ToScorer>,
    answers: SyncSender<Scored>,
    metrics: ServiceMetrics,
}

impl ScoringThread {
    /// The thread, before it runs, and the consumer thread's ends.
    pub(super) fn new(
        scorer: Scorer,
        metrics: ServiceMetrics,
    ) -> (ScoringThread, SyncSender<ToScorer>, Receiver<Scored>) {
        let (to_scorer, asked) = sync_channel(TO_SCORER_MAX);
        let (answers, from_scorer) = sync_channel(TO_SCORER_MAX);
        (ScoringThread { scorer, asked, answers, metrics }, to_scorer, from_scorer)
    }

    /// Works until nobody asks any more.
    pub(super) fn run(mut self) {
        for work in self.asked {
            let begun = Instant::now();
            let scored = self.scorer.step(work);
            if scored.is_cut() {
                self.metrics.scored(begun.elapsed());
            }
            if self.answers.send(scored).is_err() {
                return;
            }
        }
    }
}
