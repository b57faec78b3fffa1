//! A `krscore run` of a test's own: its folder, its settings, its process, its log.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::http;

/// The longest that anything is waited for which shall come by itself; generous, for the machine is shared.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long to let others run before a condition is asked again.
const PAUSE: Duration = Duration::from_millis(10);

/// What a service is started with. The folder goes with the value.
pub struct Setup {
    /// Holds the book, secrets and an SQLite store.
    pub folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Setup {
    /// A service for `book` with a group of its own, on a port that the system chooses.
    pub fn new(brokers: &str, store: &str, book: &str) -> Setup {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("book.yaml"), book).expect("written");
        let mut setup = Setup { folder, environment: Vec::new() };
        setup.set("KAFKA__BROKERS", brokers);
        setup.set("KAFKA__GROUP", &crate::support::services::unique());
        // A static member has its partitions at once after a SIGKILL; the default waits for the dead member's session of 10 s.
        setup.set("KAFKA__PROPERTIES__GROUP_INSTANCE_ID", "krscore");
        setup.set("STORE__URL", store);
        setup.set("HTTP__LISTEN", "127.0.0.1:0");
        setup.set("LOG__FORMAT", "json");
        setup.set("BOOK", &setup.path("book.yaml"));
        setup
    }

    /// Sets `KRSCORE__<name>`, in place of an earlier value.
    pub fn set(&mut self, name: &str, value: &str) {
        let name = format!("KRSCORE__{name}");
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
    }

    /// Takes a setting back.
    pub fn unset(&mut self, name: &str) {
        let name = format!("KRSCORE__{name}");
        self.environment.retain(|(known, _)| *known != name);
    }

    /// A file of the folder, as text.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes a file into the folder and returns its path.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.folder.path().join(name), text).expect("written");
        self.path(name)
    }

    /// Starts `krscore run`; its log goes into a file, so that a killed process leaves its last words.
    pub fn spawn(&self) -> Service {
        let number = std::fs::read_dir(self.folder.path()).expect("listed").count();
        let log = self.folder.path().join(format!("run-{number}.log"));
        let stderr = File::create(&log).expect("a log file");
        let child = self.command(&["run"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn();
        Service { child: child.expect("krscore starts"), log, begun: Instant::now() }
    }

    /// Runs another verb to its end.
    pub fn krscore(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().expect("krscore starts")
    }

    /// The same, and its stdout; panics with its words if it fails.
    pub fn asked(&self, arguments: &[&str]) -> String {
        let output = self.krscore(arguments);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "krscore {arguments:?}: {}\n{words}", output.status);
        String::from_utf8(output.stdout).expect("text")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_krscore"));
        command.args(arguments).current_dir(self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A running `krscore`. Killed with the value.
pub struct Service {
    child: Child,
    log: PathBuf,
    /// When it was started.
    pub begun: Instant,
}

impl Service {
    /// Its log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The log's whole lines so far, as JSON; a line that is none is left out.
    pub fn lines(&self) -> Vec<Value> {
        self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Whether a line of the log has this message.
    pub fn has_said(&self, message: &str) -> bool {
        self.lines().iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains(message)))
    }

    /// `host:port` on which it listens; waits for it.
    pub fn address(&self) -> String {
        self.until("it listens", || {
            let lines = self.lines();
            let line = lines.iter().find(|line| line["message"] == "listening")?;
            line["address"].as_str().map(str::to_owned)
        })
    }

    /// The body of a GET; `None` if nobody answers or the status is none of 200.
    pub fn get(&self, path: &str) -> Option<String> {
        let answer = http::get(&format!("http://{}{path}", self.address())).ok()?;
        (answer.status == 200).then_some(answer.body)
    }

    /// `/readyz`: whether it says 200, and its JSON.
    pub fn readiness(&self) -> (bool, Value) {
        let answer = http::get(&format!("http://{}/readyz", self.address())).expect("an answer");
        (answer.status == 200, serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)))
    }

    /// The document of `/api/v1/scores`.
    pub fn scores(&self) -> Value {
        let body = self.until("there are scores", || self.get("/api/v1/scores"));
        serde_json::from_str(&body).expect("JSON")
    }

    /// One sample of `/metrics`: of the family, with all these labels.
    pub fn metric(&self, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.metrics(family, labels).first().copied()
    }

    /// All samples of the family that have these labels.
    pub fn metrics(&self, family: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        samples(&self.get("/metrics").unwrap_or_default(), family, labels)
    }

    /// Waits until `/readyz` says 200.
    pub fn until_ready(&self) {
        self.until("it is ready", || self.readiness().0.then_some(()));
    }

    /// Waits until every partition was read to its end as of an answer that the broker gave after now.
    pub fn until_caught_up(&self) {
        let at = now_secs();
        self.until("it has caught up", || {
            let marks = self.metrics("krscore_watermark_timestamp_seconds", &[]);
            (self.readiness().0 && !marks.is_empty() && marks.iter().all(|mark| *mark > at)).then_some(())
        });
    }

    /// Waits until `condition` gives something; panics with the log if it never does, or if the process has ended.
    pub fn until<T>(&self, what: &str, condition: impl FnMut() -> Option<T>) -> T {
        eventually(what, PATIENCE, condition)
            .unwrap_or_else(|| panic!("not within {PATIENCE:?}: {what}\n{}", self.log()))
    }

    /// SIGKILL; it has to be alive until then.
    pub fn kill(mut self) {
        let ended = self.child.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "it has ended by itself: {ended:?}\n{}", self.log());
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Sends `TERM` or `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is installed").success(), "SIG{name}");
    }

    /// Waits until it has ended; panics with the log if it does not within `limit`.
    pub fn ended(&mut self, limit: Duration) -> ExitStatus {
        let log = self.log.clone();
        let ended = eventually("it ends", limit, || self.child.try_wait().expect("it can be asked"));
        ended.unwrap_or_else(|| {
            panic!("it has not ended within {limit:?}\n{}", std::fs::read_to_string(log).unwrap_or_default())
        })
    }

    /// Asks it to end with SIGTERM, and wants it to have done so well.
    pub fn stop(mut self) -> Duration {
        let begun = Instant::now();
        self.signal("TERM");
        let status = self.ended(PATIENCE);
        assert_eq!(status.code(), Some(0), "{}", self.log());
        begun.elapsed()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks `condition` again and again until it gives something, for at most `limit`.
pub fn eventually<T>(_what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::park_timeout(PAUSE);
    }
}

/// The samples of `family` in an exposition that have all these labels.
pub fn samples(exposition: &str, family: &str, labels: &[(&str, &str)]) -> Vec<f64> {
    let of_family = exposition.lines().filter_map(|line| line.strip_prefix(family));
    let found = of_family.filter_map(|rest| {
        let (written, value) = rest.rsplit_once(' ')?;
        // The name ends here: it is no longer family's.
        let is_family = written.is_empty() || written.starts_with('{');
        let has = |(name, value): &(&str, &str)| written.contains(&format!("{name}=\"{value}\""));
        (is_family && labels.iter().all(has)).then(|| value.parse().ok())?
    });
    found.collect()
}

/// Now, in seconds since 1970.
pub fn now_secs() -> f64 {
    jiff::Timestamp::now().as_microsecond() as f64 / 1e6
}

/// The day that lies `days` from today in UTC, as a book has it.
pub fn day(days: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%d").to_string()
}

/// The instant that lies `secs` from now, in RFC 3339.
pub fn instant(secs: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(secs);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// One key result of a document.
pub fn key_result<'a>(document: &'a Value, objective: &str, key_result: &str) -> &'a Value {
    let with_id = |list: &'a Value, id: &str| {
        list.as_array().and_then(|list| list.iter().find(|one| one["id"] == id)).unwrap_or(&Value::Null)
    };
    with_id(&with_id(&document["objectives"], objective)["key_results"], key_result)
}
