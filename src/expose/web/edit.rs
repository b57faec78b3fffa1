//! What the page says of an edited book that does not score yet.

use super::text::Text;
use crate::expose::readiness::Edit;

/// Faults that the page lists; all are in the log.
const FAULTS_SHOWN_MAX: usize = 10;

/// A notice.
pub(crate) struct EditView {
    pub(crate) sentence: &'static str,
    pub(crate) detail: Option<String>,
    pub(crate) faults: Vec<String>,
}

/// The notice, if there is anything to say.
pub(crate) fn edit(edit: &Edit, text: &'static Text) -> Option<EditView> {
    let (sentence, detail, faults) = match edit {
        Edit::None => return None,
        Edit::Waiting { reason, .. } => (text.edit_waiting, Some(reason.clone()), &[][..]),
        Edit::Filling { records_left, .. } => {
            (text.edit_filling, Some(format!("{records_left} {}", text.records_behind)), &[][..])
        }
        Edit::Faulty { faults } => (text.edit_faulty, None, &faults[..faults.len().min(FAULTS_SHOWN_MAX)]),
    };
    Some(EditView { sentence, detail, faults: faults.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expose::web::text::Language;

    #[test]
    fn an_edit_that_does_not_score_yet_is_told_and_at_most_ten_of_its_faults() {
        let check = |given: Edit, expected: &str| {
            for language in [Language::English, Language::Chinese] {
                let view = edit(&given, language.text());
                let shown = view.map_or("-".to_owned(), |view| {
                    assert!(!view.sentence.is_empty());
                    format!("{} {}", view.detail.unwrap_or_default(), view.faults.len())
                });
                assert!(shown.starts_with(expected), "{given:?}: {shown}");
            }
        };
        let book = || "sha256:1".to_owned();
        check(Edit::None, "-");
        check(Edit::Waiting { book: book(), reason: "kafka has no topic x".to_owned() }, "kafka has no topic x 0");
        let filling =
            Edit::Filling { book: book(), aggregates: 2, key_results: Vec::new(), records_left: 7, records_read: 1 };
        check(filling, "7 ");
        check(Edit::Faulty { faults: vec!["book.yaml:1:1: wrong".to_owned(); 12] }, " 10");
    }
}
