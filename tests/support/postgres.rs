//! A PostgreSQL database of a test's own, and `psql` as the client that is not ours.

use std::process::Command;

use super::services;

/// An empty database. Dropped with the value, whoever is still connected.
pub struct Database {
    /// `postgres://user@host:port/name`.
    pub url: String,
    server: String,
    name: String,
}

impl Database {
    /// Creates one on the shared server, or reports the test as skipped.
    pub fn create() -> Option<Database> {
        Some(Database::create_on(&services::postgres()?))
    }

    /// Creates one on the server of that URL.
    pub fn create_on(server: &str) -> Database {
        let name = services::unique();
        psql(server, &format!("CREATE DATABASE {name}"));
        let (address, _) = server.rsplit_once('/').expect("a URL that ends in /database");
        Database { url: format!("{address}/{name}"), server: server.to_owned(), name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Not checked: the test may have taken its server away.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = Command::new("psql").args(["-qXc", &drop, &self.server]).output();
    }
}

/// Runs one statement with `psql` and returns its rows: columns divided by `|`, no header. Panics with its words if it fails.
pub fn psql(url: &str, statement: &str) -> String {
    let output = Command::new("psql")
        .args(["-qXAt", "-v", "ON_ERROR_STOP=1", "-c", statement, url])
        .output()
        .expect("psql is installed (deploy/dev/install)");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "psql: {statement}\n{words}");
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}
