//! The generated files, judged by Prometheus' own tool. Without it these tests say that they were skipped; with
//! `KRSCORE_TEST_REQUIRE_SERVICES=1` they fail instead.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use krscore::expose::generate::{alerts, dashboards};

/// Runs promtool; `None` and a word about it where there is none.
pub fn promtool(test: &str, arguments: &[&str], folder: &Path, input: &str) -> Option<(bool, String)> {
    let spawned = Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let required = std::env::var("KRSCORE_TEST_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
            assert!(!required, "{test} needs promtool (Debian package prometheus): {error}");
            // Straight to the descriptor: the test runner keeps what `eprintln!` writes in a test that passes.
            let _ = writeln!(std::io::stderr(), "skipped: {test} needs promtool (Debian package prometheus)");
            return None;
        }
    };
    // Dropped at the end of the statement, so that promtool sees the end.
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("promtool reads its input");
    let output = child.wait_with_output().expect("promtool ends");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Some((output.status.success(), text))
}

fn check(test: &str, arguments: &[&str], folder: &Path, input: &str) {
    if let Some((success, text)) = promtool(test, arguments, folder, input) {
        assert!(success, "{text}");
    }
}

#[test]
fn the_rules_do_what_their_tests_say() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rules.yml"), alerts::rules()).expect("written");
    check("the_rules_do_what_their_tests_say", &["check", "rules", "rules.yml"], folder.path(), "");
    for name in ["scores.test.yml", "service.test.yml"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alerts").join(name);
        std::fs::copy(&source, folder.path().join(name)).expect("copied");
        check("the_rules_do_what_their_tests_say", &["test", "rules", name], folder.path(), "");
    }
}

/// Each query stands as the expression of a recording rule, so that PromQL's own parser judges it.
#[test]
fn every_query_of_the_dashboard_is_promql() {
    let folder = tempfile::tempdir().expect("a folder");
    let queries = dashboards::queries(&dashboards::dashboard()).expect("our own JSON");
    let mut rules = String::from("groups:\n  - name: queries\n    rules:\n");
    for (index, query) in queries.iter().enumerate() {
        rules.push_str(&format!(
            "      - record: query:number_{index}\n        expr: |-\n          {}\n",
            query.expression
        ));
    }
    std::fs::write(folder.path().join("queries.yml"), rules).expect("written");
    check("every_query_of_the_dashboard_is_promql", &["check", "rules", "queries.yml"], folder.path(), "");
}
