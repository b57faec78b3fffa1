//! Targets, rules and queries of the real Prometheus. It is shared: a test gives its files a name of its own and looks only at
//! series that carry it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{http, services};

/// A file that Prometheus reads; gone with the value.
pub struct PrometheusFile {
    path: PathBuf,
    reload: Option<String>,
}

/// Lets Prometheus scrape `address` (`host:port`, path `/metrics`) every second, under the label `job="<job>"`. The
/// first scrape comes after up to 6 s.
pub fn scrape(job: &str, address: &str) -> PrometheusFile {
    let folder = services::variable("KRSCORE_TEST_PROMETHEUS_TARGETS").expect("a Prometheus");
    let text = serde_json::json!([{ "targets": [address], "labels": { "job": job } }]).to_string();
    PrometheusFile { path: write(Path::new(&folder), &format!("{job}.json"), &text), reload: None }
}

/// Loads a rule file; panics with Prometheus' words if it refuses it (it then keeps the rules it had).
pub fn load_rules(name: &str, yaml: &str) -> PrometheusFile {
    let server = services::prometheus().expect("a Prometheus");
    let folder = services::variable("KRSCORE_TEST_PROMETHEUS_RULES").expect("a Prometheus");
    let file =
        PrometheusFile { path: write(Path::new(&folder), &format!("{name}.yml"), yaml), reload: Some(server.clone()) };
    // On a refusal the file is dropped while unwinding, so that the next test's reload is not refused for it.
    let answer = http::post(&format!("{server}/-/reload"), "", "").expect("Prometheus answers");
    assert_eq!(answer.status, 200, "rules {name}: {}", answer.body);
    file
}

/// The instant query's vector: each series' labels and its value, in Prometheus' order.
pub fn query(promql: &str) -> Vec<(Value, f64)> {
    let server = services::prometheus().expect("a Prometheus");
    let answer =
        http::get(&format!("{server}/api/v1/query?query={}", http::escape(promql))).expect("Prometheus answers");
    assert_eq!(answer.status, 200, "{promql}: {}", answer.body);
    let document: Value = serde_json::from_str(&answer.body).expect("JSON");
    let result = document["data"]["result"].as_array().cloned().unwrap_or_default();
    let value = |series: &Value| series["value"][1].as_str().and_then(|text| text.parse().ok()).expect("a number");
    result.iter().map(|series| (series["metric"].clone(), value(series))).collect()
}

impl Drop for PrometheusFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(server) = &self.reload {
            let _ = http::post(&format!("{server}/-/reload"), "", "");
        }
    }
}

// Renamed into place under a name that matches no pattern before: Prometheus never reads half a file.
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let half = folder.join(format!("{name}.part"));
    std::fs::write(&half, text).expect("Prometheus' folder can be written");
    std::fs::rename(&half, folder.join(name)).expect("Prometheus' folder can be written");
    folder.join(name)
}
