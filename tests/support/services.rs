//! The real servers: where they are, what to do without them, and a set of one's own to take away.
//!
//! | the test | takes |
//! |---|---|
//! | only talks to a server | `let Some(brokers) = services::kafka() else { return };` and names of its own ([`unique`]) |
//! | stops, kills or restarts one | [`OwnServices::start`]: nobody else is disturbed, and it ends with the test |
//!
//! Without a server the test says that it was skipped and returns; with `KRSCORE_TEST_REQUIRE_SERVICES` (tests/all) it fails.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Address of the broker, `host:port`, without authentication.
pub fn kafka() -> Option<String> {
    variable("KRSCORE_TEST_KAFKA")
}

/// The broker's listener that wants a password: SASL_PLAINTEXT with PLAIN or SCRAM-SHA-256.
pub struct SaslListener {
    /// `host:port`.
    pub brokers: String,
    /// The one user there is.
    pub user: String,
    /// The user's password; any other is refused.
    pub password: String,
}

/// The same broker behind a password.
pub fn kafka_sasl() -> Option<SaslListener> {
    Some(SaslListener {
        brokers: variable("KRSCORE_TEST_KAFKA_SASL")?,
        user: variable("KRSCORE_TEST_KAFKA_SASL_USER")?,
        password: variable("KRSCORE_TEST_KAFKA_SASL_PASSWORD")?,
    })
}

/// URL of a PostgreSQL database whose user may create databases; see [`super::postgres::Database`] for one of a test's own.
pub fn postgres() -> Option<String> {
    variable("KRSCORE_TEST_POSTGRES")
}

/// URL of a PostgreSQL user whose password is checked.
pub fn postgres_password() -> Option<String> {
    variable("KRSCORE_TEST_POSTGRES_PASSWORD")
}

/// `http://host:port` of Prometheus; [`super::prometheus`] gives it targets and rules.
pub fn prometheus() -> Option<String> {
    variable("KRSCORE_TEST_PROMETHEUS")
}

/// `http://host:port` of Alertmanager, to which Prometheus sends its alerts.
pub fn alertmanager() -> Option<String> {
    variable("KRSCORE_TEST_ALERTMANAGER")
}

/// The value of `name`; without it the running test is reported as skipped, or fails if servers are required.
pub fn variable(name: &str) -> Option<String> {
    if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
        return Some(value);
    }
    let flags = match name {
        "KRSCORE_TEST_ALERTMANAGER" => " --prometheus --alertmanager",
        _ => "",
    };
    let hint = format!("start it with `deploy/dev/services up{flags}` and `source target/services/env`");
    let required = std::env::var_os("KRSCORE_TEST_REQUIRE_SERVICES").is_some_and(|value| !value.is_empty());
    assert!(!required, "{} needs {name} ({hint})", test_name());
    // Straight to the descriptor: the test runner keeps what `eprintln!` writes in a test that passes.
    let _ = writeln!(std::io::stderr(), "skipped: {} needs {name} ({hint})", test_name());
    None
}

/// Path of the running test, as the test runner names its thread; a test asks this on its own thread.
pub fn test_name() -> String {
    std::thread::current().name().unwrap_or("unnamed").to_owned()
}

/// A name that no other test, thread or run has: the test's, the process id and a counter. Fit for topics, groups and databases.
pub fn unique() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let test: String = test_name().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    // PostgreSQL cuts names off after 63 bytes, so the part that makes it unique comes first.
    let name = format!("t{}_{}_{test}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    name.chars().take(60).collect::<String>().to_lowercase()
}

/// The package's own folder.
pub fn repo() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Servers that belong to one test, so that it can take them away. Stopped and removed on drop.
pub struct OwnServices {
    folder: PathBuf,
}

impl OwnServices {
    /// Starts `servers` (`["kafka", "postgres"]`) and waits until they answer: about 4 s for Kafka, 1 s for PostgreSQL.
    /// `None` without the servers' programs, as told by the absence of `needs` (`KRSCORE_TEST_KAFKA`): the test is skipped.
    pub fn start(needs: &str, servers: &[&str]) -> Option<OwnServices> {
        variable(needs)?;
        let state = variable("KRSCORE_SERVICES_DIR")?;
        // Below the shared set, whose `down` also ends what a killed test has left here.
        let own = OwnServices { folder: Path::new(&state).join("private").join(unique()) };
        own.up(servers);
        Some(own)
    }

    /// Starts them (again): a server that was stopped comes back with its data, at its old address.
    pub fn up(&self, servers: &[&str]) {
        let before = self.variables();
        self.run("up", servers, &[]);
        let after = self.variables();
        for (name, value) in before {
            assert_eq!(after.get(&name), Some(&value), "{name} has moved: its port was taken while it was down");
        }
    }

    /// Stops them as an administrator would; their data stays.
    pub fn stop(&self, servers: &[&str]) {
        self.run("down", servers, &[]);
    }

    /// Removes the files of a partition's log, as a lost disk does; Kafka must be stopped, and begins an empty one.
    pub fn lose_log(&self, topic: &str, partition: i32) {
        let name = format!("{topic}-{partition}");
        let mut folders = vec![self.folder.clone()];
        let mut lost = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten().filter(|entry| entry.path().is_dir()) {
                if entry.file_name().to_string_lossy() == name {
                    std::fs::remove_dir_all(entry.path()).expect("removed");
                    lost += 1;
                } else {
                    folders.push(entry.path());
                }
            }
        }
        assert_eq!(lost, 1, "logs of {name}");
    }

    /// Takes them away at once (SIGKILL; PostgreSQL: immediate shutdown); their data stays.
    pub fn kill(&self, servers: &[&str]) {
        self.run("down", servers, &["--kill"]);
    }

    /// What the shared set has in the environment: `KRSCORE_TEST_KAFKA` and so on, of this set.
    pub fn variable(&self, name: &str) -> String {
        self.variables()
            .remove(name)
            .unwrap_or_else(|| panic!("{name} is not among the servers of {}", self.folder.display()))
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.folder.join("env")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn run(&self, verb: &str, servers: &[&str], flags: &[&str]) {
        let output = Command::new(repo().join("deploy/dev/services"))
            .arg(verb)
            .args(servers.iter().map(|server| format!("--{server}")))
            .args(flags)
            .env("KRSCORE_SERVICES_DIR", &self.folder)
            .stdin(Stdio::null())
            .output()
            .expect("deploy/dev/services can be run");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "services {verb} {servers:?}: {}\n{text}", output.status);
    }
}

impl Drop for OwnServices {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A second panic would end the process and hide the first.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.run("down", &[], &[])));
        } else {
            self.run("down", &[], &[]);
        }
    }
}
