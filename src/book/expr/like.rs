//! LIKE: `%` is any text, `_` any one character; there is no escape, and case matters.
//!
//! Each part between two `%` is searched once, from left to right, and never again: no pattern makes it go back.

use super::LikePattern;

impl LikePattern {
    /// Whether the whole text has this form.
    pub fn matches(&self, text: &str) -> bool {
        like(&self.pattern, text).is_some()
    }
}

fn like(pattern: &str, text: &str) -> Option<()> {
    let mut parts = pattern.split('%');
    let mut rest = after(parts.next()?, text)?;
    let Some(last) = parts.next_back() else { return rest.is_empty().then_some(()) };
    for part in parts {
        rest = after_first(part, rest)?;
    }
    let start = match last.chars().count().checked_sub(1) {
        None => return Some(()),
        Some(back) => rest.char_indices().rev().nth(back)?.0,
    };
    after(last, rest.get(start..)?).map(drop)
}

/// What follows `part` at the beginning of `text`.
fn after<'t>(part: &str, text: &'t str) -> Option<&'t str> {
    if !part.contains('_') {
        return text.strip_prefix(part);
    }
    let mut chars = text.chars();
    for wanted in part.chars() {
        let found = chars.next()?;
        if wanted != '_' && wanted != found {
            return None;
        }
    }
    Some(chars.as_str())
}

/// What follows the first place where `part` is found.
fn after_first<'t>(part: &str, text: &'t str) -> Option<&'t str> {
    if !part.contains('_') {
        return text.get(text.find(part)? + part.len()..);
    }
    text.char_indices().find_map(|(at, _)| after(part, text.get(at..)?))
}
