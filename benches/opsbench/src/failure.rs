//! Why OpsBench ends: what it was about, and what went wrong.

/// One sentence for people.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// What it was about, and the error.
    pub fn new(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Failure {
        Failure(format!("{what}: {error}"))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
