//! The token that allows writing.

use std::path::{Path, PathBuf};

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

/// Why `http.token_file` holds no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("http.token_file: cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is empty or short.
    #[error("http.token_file: {} holds fewer than {TOKEN_CHARS_MIN} characters; make a token with `openssl rand -hex 32`", path.display())]
    Short {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// The token of that text; `None` if it is shorter than [`TOKEN_CHARS_MIN`].
    pub fn new(text: &str) -> Option<Token> {
        (text.chars().count() >= TOKEN_CHARS_MIN).then(|| Token { digest: digest(text) })
    }

    /// The token in a file, without the white space around it.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(path: &Path) -> Result<Token, TokenError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| TokenError::Unreadable { path: path.to_owned(), error })?;
        Token::new(text.trim()).ok_or_else(|| TokenError::Short { path: path.to_owned() })
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

    #[test]
    fn a_file_must_be_readable_and_long_enough() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        assert!(matches!(Token::read(&path), Err(TokenError::Unreadable { .. })));
        std::fs::write(&path, "short\n").expect("written");
        let error = Token::read(&path).expect_err("too short").to_string();
        assert!(error.contains("http.token_file") && error.contains("openssl rand"), "{error}");
        std::fs::write(&path, "0123456789abcdef\n").expect("written");
        assert!(Token::read(&path).expect("a token").admits("0123456789abcdef"));
    }
}
