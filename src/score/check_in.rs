//! What a check-in must be, wherever a person typed it.

use super::CheckIn;
use crate::book::{Book, Source, Unit};
use crate::fixed::Fixed;
use crate::time::Span;

/// How far a check-in's `at` may lie ahead of when it was written down: clocks differ.
const AHEAD_MAX: Span = Span(5 * Span::MINUTE.0);

impl CheckIn {
    /// Whether `book` can take it.
    ///
    /// | a check-in | is refused |
    /// |---|---|
    /// | of a key result that the book does not have | yes |
    /// | that says nothing | yes |
    /// | with a value for a key result that is computed | yes |
    /// | with a share beyond 0..1, such as 80 for 80% | yes |
    /// | with a confidence beyond 0..1 | yes |
    /// | that speaks of the future | yes |
    ///
    /// # Errors
    /// One sentence what is wrong and how to mend it.
    pub fn fits(&self, book: &Book) -> Result<(), String> {
        let name = format!("{}/{}", self.objective, self.key_result);
        let objective = book.objectives.iter().find(|objective| objective.id == self.objective);
        let key_result = objective.and_then(|objective| objective.key_results.iter().find(|k| k.id == self.key_result));
        let key_result = key_result.ok_or_else(|| format!("the book has no key result {name}"))?;
        let share = |value: Option<Fixed>| value.is_none_or(|value| (Fixed::ZERO..=Fixed::ONE).contains(&value));
        if self.value.is_none() && self.confidence.is_none() && self.note.is_none() && self.blocker.is_none() {
            return Err("a check-in says something: send value, confidence, note or blocker".to_owned());
        }
        if self.value.is_some() && !matches!(key_result.source, Source::Manual) {
            return Err(format!("{name} is computed, so its value cannot be set; leave `value` out"));
        }
        if key_result.unit == Unit::Ratio && !share(self.value) {
            return Err(format!("the value of {name} is a share: write it like 80% or 0.8"));
        }
        if !share(self.confidence) {
            return Err("confidence is a share from 0 to 1".to_owned());
        }
        if self.at.0 > self.recorded_at.0.saturating_add(AHEAD_MAX.0) {
            return Err("at lies in the future: a check-in speaks of what was".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{SourceFile, load};
    use crate::time::Timestamp;

    const BOOK: &str = "apiVersion: krscore/v1
cycles: [ { id: c, start: 2026-10-01, end: 2027-01-01, timezone: UTC } ]
events: { picked: { topic: picks, time: at } }
metrics: { picks: { type: count, event: picked } }
objectives:
  - id: o
    title: o
    key_results:
      - { id: share, title: t, type: manual, baseline: 0%, target: 100% }
      - { id: points, title: t, type: manual, baseline: 31, target: 45 }
      - { id: picks, title: t, metric: picks, at_least: 1 }
";

    #[test]
    fn check_ins_fit_as_the_table_says() {
        let book = load(&[SourceFile { name: "book.yaml".to_owned(), text: BOOK.to_owned() }]).expect("a book").book;
        for (key_result, value, confidence, note, ahead_secs, expected) in [
            ("share", Some("0.8"), None, None, 0, "fits"),
            ("share", Some("80"), None, None, 0, "write it like 80%"),
            ("share", Some("-0.05"), None, None, 0, "write it like 80%"),
            ("points", Some("80"), None, None, 0, "fits"),
            ("picks", Some("80"), None, None, 0, "is computed"),
            ("picks", None, None, Some("a note"), 0, "fits"),
            ("picks", None, Some("0.5"), None, 299, "fits"),
            ("picks", None, Some("1.5"), None, 0, "confidence is a share"),
            ("picks", None, Some("0.5"), None, 301, "lies in the future"),
            ("picks", None, None, None, 0, "says something"),
            ("other", None, None, Some("a note"), 0, "has no key result o/other"),
        ] {
            let number = |text: Option<&str>| text.map(|text| Fixed::parse(text).expect("a number"));
            let check_in = CheckIn {
                objective: "o".to_owned(),
                key_result: key_result.to_owned(),
                at: Timestamp(ahead_secs * Span::SECOND.0),
                recorded_at: Timestamp(0),
                value: number(value),
                confidence: number(confidence),
                note: note.map(str::to_owned),
                blocker: None,
                author: None,
            };
            let found = check_in.fits(&book).map_or_else(|fault| fault, |()| "fits".to_owned());
            assert!(found.contains(expected), "{key_result} {value:?} {confidence:?}: {found}, expected {expected}");
        }
    }
}
