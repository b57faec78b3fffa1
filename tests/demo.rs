//! `krscore demo` as people start it: the real binary, its page and metrics, its end.

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use support::http;

/// No run of these tests is longer.
const PATIENCE: Duration = Duration::from_secs(240);

fn demo(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_krscore"));
    command.arg("demo").args(arguments).env("TMPDIR", folder).stdin(Stdio::null());
    command
}

fn end(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = demo(folder, arguments).output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    // Where several of these share two busy cores, the first answer of the cluster may take seconds; that it is waited for is right.
    let patient = |line: &&str| !line.contains("WARN waiting for kafka");
    let stderr = text(stderr).split_inclusive('\n').filter(patient).collect();
    (status.code(), text(stdout), stderr)
}

fn assert_empty(folder: &Path) {
    let left: Vec<_> =
        std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").path()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// A demo that runs, killed if it is still there at the end of a test.
struct Live(Child);

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn once_loads_the_history_scores_it_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, err) = end(folder.path(), &["--once", "--weeks", "2", "--listen", "127.0.0.1:0"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for expected in ["http://127.0.0.1:", "/metrics", "book.yaml", "Ctrl-C", "history loaded: ", "15 key results: "] {
        assert!(out.contains(expected), "no {expected:?} in {out}");
    }
    for unexpected in ["no data", "stale", "insufficient", "pending"] {
        assert!(!out.contains(unexpected), "{unexpected:?} in {out}");
    }
    assert_empty(folder.path());
}

#[test]
fn a_taken_port_is_said_and_another_one_used() {
    // Taken by us, or by somebody else already.
    let _held = std::net::TcpListener::bind("127.0.0.1:9464");
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, err) = end(folder.path(), &["--once", "--weeks", "1"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("Port 9464 is taken") && !out.contains("127.0.0.1:9464"), "{out}");
    // A port that was asked for is not replaced.
    let (code, out, err) = end(folder.path(), &["--once", "--weeks", "1", "--listen", "127.0.0.1:9464"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("in use"), "{err}");
    assert_empty(folder.path());
}

#[test]
fn live_serves_page_and_metrics_of_every_key_result_until_ctrl_c() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = demo(folder.path(), &["--listen", "127.0.0.1:0", "--rate", "50"]);
    let mut live = Live(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts"));
    let (lines, said) = mpsc::channel();
    let out = BufReader::new(live.0.stdout.take().expect("piped"));
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let wait_for = |wanted: &str| loop {
        let line = said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the demo never said {wanted:?}"));
        if line.contains(wanted) {
            return line;
        }
    };
    let page = wait_for("page ");
    let base = page.trim().trim_start_matches("page").trim().split_once("/?").expect("a URL").0.to_owned();
    let book = wait_for("book ");
    let book = book.trim().trim_start_matches("book").trim().split("  ").next().expect("a path").to_owned();
    let shown = wait_for("history loaded");
    for status in ["on track", "at risk", "off track"] {
        assert!(shown.contains(status), "{shown}");
    }
    let answer = http::get(&format!("{base}/?lang=zh")).expect("the page answers");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("拣货准确率从96%提升至99%"), "{}", answer.body);
    let metrics = http::get(&format!("{base}/metrics")).expect("the metrics answer").body;
    let check = Command::new(env!("CARGO_BIN_EXE_krscore")).args(["check", &book]).output().expect("check runs");
    assert!(check.status.success() && check.stderr.is_empty(), "{check:?}");
    let book = std::fs::read_to_string(&book).expect("the book is where it was said to be");
    // Behind the key results stand metrics that are shown and never scored.
    let scored = book.split("\nkpis:").next().unwrap_or_default();
    let ids: Vec<&str> =
        scored.lines().filter_map(|line| line.trim().strip_prefix("- { id: ")?.split(", title").next()).collect();
    let key_results: Vec<&str> = ids.into_iter().filter(|id| !id.contains(',')).collect();
    assert_eq!(key_results.len(), 15, "{key_results:?}");
    for id in key_results {
        for family in ["okr_key_result_value{", "okr_key_result_score{", "okr_key_result_status{"] {
            let label = format!("key_result=\"{id}\"");
            assert!(
                metrics.lines().any(|line| line.starts_with(family) && line.contains(&label)),
                "no {family} of {id}"
            );
        }
    }
    for family in ["krscore_dead_letters_total{", "krscore_value_faults_total{", "krscore_copies_total{"] {
        assert!(metrics.contains(family), "no {family}");
    }
    let told = Command::new("kill").args(["-INT", &live.0.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let ended = live.0.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0));
    assert_empty(folder.path());
}

#[test]
fn wrong_use_is_told_before_anything_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, expected) in [
        (&["--rate", "0"][..], "--rate 0"),
        (&["--rate", "NaN"], "--rate NaN"),
        (&["--weeks", "13"], "13"),
        (&["--log", "a=b=c"], "--log"),
    ] {
        let (code, out, err) = end(folder.path(), arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.contains(expected), "{arguments:?} gave {err}");
    }
    assert_empty(folder.path());
}

#[test]
fn the_sample_book_is_printed_as_it_is_shipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, _) = end(folder.path(), &["--book"]);
    assert_eq!(code, Some(0));
    assert_eq!(out, include_str!("../config/demo/book.yaml"));
}
