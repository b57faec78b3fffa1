//! The token that allows writing.

use sha2::{Digest, Sha256};

/// Least length of a token in characters: guessing must not be worth trying.
pub const TOKEN_CHARS_MIN: usize = 16;

/// A secret of which only the digest is kept: it cannot be printed, and comparing digests takes the same time whatever is sent.
#[derive(Clone)]
pub struct Token {
    digest: [u8; 32],
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token of that text; `None` if it is shorter than [`TOKEN_CHARS_MIN`].
    pub fn new(text: &str) -> Option<Token> {
        (text.chars().count() >= TOKEN_CHARS_MIN).then(|| Token { digest: digest(text) })
    }

    /// Whether `sent` is this token.
    pub fn admits(&self, sent: &str) -> bool {
        let differences =
            self.digest.iter().zip(digest(sent)).fold(0_u8, |seen, (mine, theirs)| seen | (mine ^ theirs));
        differences == 0
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits_only_itself() {
        let token = Token::new("0123456789abcdef").expect("long enough");
        for (sent, admitted) in
            [("0123456789abcdef", true), ("0123456789abcdeF", false), ("0123456789abcde", false), ("", false)]
        {
            assert_eq!(token.admits(sent), admitted, "{sent:?}");
        }
        assert!(Token::new("0123456789abcde").is_none());
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
