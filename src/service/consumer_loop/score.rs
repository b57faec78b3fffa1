//! What passes between the consumer thread and the scoring thread.

use super::*;

/// Why the service ends where the scoring thread has.
const SCORER_ENDED: &str = "the scoring thread ended with a panic; this is a fault of krscore";

impl ConsumerLoop {
    /// Hands work over. There is always room: what may be owed at once is bounded.
    pub(super) fn score(&mut self, work: ToScorer) -> Result<(), String> {
        self.unscored += 1;
        self.wiring.to_scorer.send(work).map_err(|_| SCORER_ENDED.to_owned())
    }

    /// Takes the answers that have come.
    pub(super) fn hear_scorer(&mut self) -> Result<(), String> {
        loop {
            match self.wiring.from_scorer.try_recv() {
                Ok(scored) => self.scored(scored)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(SCORER_ENDED.to_owned()),
            }
        }
    }

    /// Waits until the scoring thread owes no answer: what it still sends to the store goes there before what is asked next.
    pub(super) fn wait_for_scorer(&mut self) -> Result<(), String> {
        while self.unscored > 0 {
            let scored = self.wiring.from_scorer.recv().map_err(|_| SCORER_ENDED.to_owned())?;
            self.scored(scored)?;
        }
        Ok(())
    }

    /// Waits for one answer, of the scoring thread if it owes one, else of the store.
    pub(super) fn wait_for_answer(&mut self, wait: Duration) -> Result<(), String> {
        if self.unscored == 0 {
            return match self.wiring.from_store.recv_timeout(wait) {
                Ok(answer) => self.answered(answer),
                Err(_) => Ok(()),
            };
        }
        match self.wiring.from_scorer.recv_timeout(wait) {
            Ok(scored) => self.scored(scored),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(SCORER_ENDED.to_owned()),
        }
    }

    fn scored(&mut self, scored: Scored) -> Result<(), String> {
        self.unscored = self.unscored.saturating_sub(1);
        let is_restored = scored.is_restored();
        for effect in self.intake.hear(scored) {
            self.happen(effect)?;
        }
        if is_restored { self.facts_restored() } else { Ok(()) }
    }
}
