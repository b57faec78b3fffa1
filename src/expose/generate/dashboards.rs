//! The Grafana dashboard of `krscore generate dashboards`: one for every book, its rows chosen by the variables cycle, objective and
//! key result, which Grafana fills from labels.

use serde_json::{Value, json};

use crate::conventions::{
    COMMIT_SECONDS, CONSUMER_LAG, CYCLE_ELAPSED_RATIO, DEAD_LETTERS, Family, KEY_RESULT_AS_OF, KEY_RESULT_ATTAINMENT,
    KEY_RESULT_BASELINE, KEY_RESULT_EXPECTED_SCORE, KEY_RESULT_INFO, KEY_RESULT_MEMBER_SCORE, KEY_RESULT_MEMBER_VALUE,
    KEY_RESULT_SCORE, KEY_RESULT_STATUS, KEY_RESULT_TARGET, KEY_RESULT_VALUE, KEY_RESULT_WINDOW_EVENTS,
    OBJECTIVE_COVERAGE, OBJECTIVE_INFO, OBJECTIVE_SCORE, RECORDS, SNAPSHOT_AGE, STORE_BYTES, VALUE_FAULTS, WATERMARK,
};
use crate::score::Status;

/// Grafana's version of the dashboard format; later ones migrate it by themselves.
const SCHEMA_VERSION: u32 = 41;

const OBJECTIVES: &str = r#"cycle=~"$cycle", objective=~"$objective""#;
const KEY_RESULTS: &str = r#"cycle=~"$cycle", objective=~"$objective", key_result=~"$key_result""#;

/// The dashboard, as JSON to import or to provision.
pub fn dashboard() -> String {
    let mut grid = Grid::default();
    overview(&mut grid);
    key_results(&mut grid);
    values(&mut grid);
    service(&mut grid);
    let dashboard = json!({
        "uid": "krscore",
        "title": "OKR scores (krscore)",
        "tags": ["okr", "krscore"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-30d", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": variables()},
        "panels": grid.panels,
    });
    // The alternate form of a JSON value is indented, and its keys are sorted: the same bytes every time.
    format!("{dashboard:#}\n")
}

/// A query of a panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanelQuery {
    /// The panel's title.
    pub panel: String,
    /// Grafana's letter of the query.
    pub reference: String,
    /// PromQL, with every variable replaced by what matches all.
    pub expression: String,
}

/// Every query of a dashboard's panels, ready to be run on a Prometheus.
///
/// # Errors
/// `dashboard` is no JSON.
pub fn queries(dashboard: &str) -> Result<Vec<PanelQuery>, serde_json::Error> {
    let dashboard: Value = serde_json::from_str(dashboard)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let panels = dashboard["panels"].as_array().cloned().unwrap_or_default();
    let queries = panels.iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(|target| PanelQuery {
            panel: text(&panel["title"]),
            reference: text(&target["refId"]),
            expression: substitute(&text(&target["expr"])),
        })
    });
    Ok(queries.collect())
}

fn substitute(expression: &str) -> String {
    let replaced = expression.replace("$__rate_interval", "5m");
    ["$cycle", "$objective", "$key_result"].iter().fold(replaced, |text, variable| text.replace(variable, ".*"))
}

fn variables() -> Value {
    let of_labels = |name: &str, label: &str, query: String| {
        json!({
            "name": name, "label": label, "type": "query", "datasource": datasource(), "refresh": 2, "sort": 1,
            "query": {"query": query, "refId": "variable"}, "definition": query,
            "multi": true, "includeAll": true, "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]},
        })
    };
    json!([
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1},
        of_labels("cycle", "Cycle", format!("label_values({}, cycle)", CYCLE_ELAPSED_RATIO.name)),
        of_labels("objective", "Objective", format!("label_values({}{{cycle=~\"$cycle\"}}, objective)", OBJECTIVE_INFO.name)),
        of_labels("key_result", "Key result", format!("label_values({}{{{OBJECTIVES}}}, key_result)", KEY_RESULT_INFO.name)),
    ])
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Panels, placed from left to right in rows of 24 units.
#[derive(Default)]
struct Grid {
    panels: Vec<Value>,
    x: u32,
    y: u32,
    row_height: u32,
}

impl Grid {
    /// A panel; `shape` holds what is special to its type.
    fn panel(&mut self, title: &str, kind: &str, [width, height]: [u32; 2], targets: Vec<Value>, shape: Value) {
        if self.x + width > 24 {
            self.line_break();
        }
        let letters = targets.into_iter().zip('A'..='Z').map(|(mut target, letter)| {
            target["refId"] = json!(letter.to_string());
            target["datasource"] = datasource();
            target
        });
        let mut panel = json!({
            "id": self.panels.len() + 1,
            "title": title,
            "type": kind,
            "datasource": datasource(),
            "gridPos": {"x": self.x, "y": self.y, "w": width, "h": height},
            "targets": letters.collect::<Vec<_>>(),
        });
        if let (Some(panel), Value::Object(shape)) = (panel.as_object_mut(), shape) {
            panel.extend(shape);
        }
        self.panels.push(panel);
        self.x += width;
        self.row_height = self.row_height.max(height);
    }

    /// A heading over what follows.
    fn row(&mut self, title: &str) {
        self.line_break();
        let place = json!({"x": 0, "y": self.y, "w": 24, "h": 1});
        self.panels.push(json!({"id": self.panels.len() + 1, "title": title, "type": "row", "collapsed": false, "gridPos": place, "panels": []}));
        self.y += 1;
    }

    fn line_break(&mut self) {
        self.y += self.row_height;
        (self.x, self.row_height) = (0, 0);
    }
}

/// A query over time.
fn over_time(expression: String, legend: &str) -> Value {
    json!({"expr": expression, "legendFormat": legend, "range": true, "instant": false})
}

/// A query of now.
fn now(expression: String, legend: &str) -> Value {
    json!({"expr": expression, "legendFormat": legend, "range": false, "instant": true})
}

/// A query of now, as rows.
fn rows(expression: String) -> Value {
    json!({"expr": expression, "legendFormat": "", "format": "table", "range": false, "instant": true})
}

/// A key result's number with title and owner. Whatever scraped it, and however often: the same number counts once.
fn titled(expression: &str) -> String {
    format!(
        "max by (cycle, objective, key_result) ({expression}) * on (cycle, objective, key_result) group_left (title, owner) \
         max by (cycle, objective, key_result, title, owner) ({}{{{KEY_RESULTS}}})",
        KEY_RESULT_INFO.name
    )
}

fn of_key_results(family: &Family) -> String {
    format!("{}{{{KEY_RESULTS}}}", family.name)
}

/// A status as a number, for panels that show numbers only: its place in [`Status::ALL`], from 1.
fn status_code() -> String {
    let terms = Status::ALL.iter().zip(1..).map(|(status, code)| {
        format!("{}{{{KEY_RESULTS}, status=\"{}\"}} * {code}", KEY_RESULT_STATUS.name, status.as_str())
    });
    titled(&terms.collect::<Vec<_>>().join(" or "))
}

fn status_mappings() -> Value {
    let options = Status::ALL.iter().zip(1..).map(|(status, code)| {
        let color = match status {
            Status::Achieved | Status::OnTrack => "green",
            Status::AtRisk => "orange",
            Status::OffTrack | Status::Missed => "red",
            Status::Pending | Status::NoData | Status::Stale | Status::InsufficientData => "#8e8e8e",
        };
        (code.to_string(), json!({"text": status.as_str().replace('_', " "), "color": color, "index": code}))
    });
    json!([{"type": "value", "options": options.collect::<serde_json::Map<_, _>>()}])
}

fn share(unit: &str) -> Value {
    let steps =
        json!([{"color": "red", "value": null}, {"color": "orange", "value": 0.4}, {"color": "green", "value": 0.7}]);
    json!({"fieldConfig": {"defaults": {"unit": unit, "min": 0, "max": 1, "decimals": 2, "thresholds": {"mode": "absolute", "steps": steps}}, "overrides": []}})
}

fn unit(unit: &str) -> Value {
    json!({"fieldConfig": {"defaults": {"unit": unit, "custom": {"lineWidth": 2, "fillOpacity": 0}}, "overrides": []},
           "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}})
}

fn overview(grid: &mut Grid) {
    let elapsed = format!("max by (cycle) ({}{{cycle=~\"$cycle\"}})", CYCLE_ELAPSED_RATIO.name);
    grid.panel("Cycle elapsed", "gauge", [4, 7], vec![now(elapsed, "{{cycle}}")], json!({
        "fieldConfig": {"defaults": {"unit": "percentunit", "min": 0, "max": 1, "decimals": 0, "color": {"mode": "fixed", "fixedColor": "blue"}}, "overrides": []}
    }));
    let by_status = format!(
        "count by (status) (max by (cycle, objective, key_result, status) ({}) == 1)",
        of_key_results(&KEY_RESULT_STATUS)
    );
    grid.panel("Key results by status", "stat", [6, 7], vec![now(by_status, "{{status}}")], json!({
        "options": {"colorMode": "none", "graphMode": "none", "textMode": "value_and_name", "orientation": "horizontal"}
    }));
    let with_title = |family: &Family| {
        format!(
            "max by (cycle, objective) ({}{{{OBJECTIVES}}}) * on (cycle, objective) group_left (title) max by (cycle, objective, title) ({}{{{OBJECTIVES}}})",
            family.name, OBJECTIVE_INFO.name
        )
    };
    let mut bars = share("none");
    bars["options"] = json!({"displayMode": "basic", "orientation": "horizontal", "valueMode": "color"});
    grid.panel(
        "Objectives' scores",
        "bargauge",
        [8, 7],
        vec![now(with_title(&OBJECTIVE_SCORE), "{{title}}")],
        bars.clone(),
    );
    bars["fieldConfig"]["defaults"]["unit"] = json!("percentunit");
    grid.panel(
        "Share that can be judged",
        "bargauge",
        [6, 7],
        vec![now(with_title(&OBJECTIVE_COVERAGE), "{{title}}")],
        bars,
    );
}

fn key_results(grid: &mut Grid) {
    grid.row("Key results");
    let columns = [
        ("Status", status_code()),
        ("Score", titled(&of_key_results(&KEY_RESULT_SCORE))),
        ("Expected", titled(&of_key_results(&KEY_RESULT_EXPECTED_SCORE))),
        ("Attainment", titled(&of_key_results(&KEY_RESULT_ATTAINMENT))),
        ("Value", titled(&of_key_results(&KEY_RESULT_VALUE))),
        ("Target", titled(&of_key_results(&KEY_RESULT_TARGET))),
        ("Events", titled(&of_key_results(&KEY_RESULT_WINDOW_EVENTS))),
    ];
    let names = columns.iter().zip('A'..='Z').map(|((name, _), letter)| (format!("Value #{letter}"), json!(name)));
    let mut names: serde_json::Map<String, Value> = names.collect();
    names.extend([("title".to_owned(), json!("Key result")), ("owner".to_owned(), json!("Owner"))]);
    let transformations = json!([
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": true, "cycle": true, "key_result": true}, "renameByName": names}},
    ]);
    let by_name =
        |name: &str, properties: Value| json!({"matcher": {"id": "byName", "options": name}, "properties": properties});
    let bar = json!([{"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic"}}, {"id": "min", "value": 0}, {"id": "max", "value": 1}]);
    let colored = json!([{"id": "mappings", "value": status_mappings()}, {"id": "custom.cellOptions", "value": {"type": "color-text"}}]);
    let targets = columns.into_iter().map(|(_, expression)| rows(expression)).collect();
    grid.panel("Key results", "table", [24, 10], targets, json!({
        "transformations": transformations,
        "fieldConfig": {"defaults": {"decimals": 3}, "overrides": [by_name("Score", bar), by_name("Status", colored)]},
        "options": {"showHeader": true, "sortBy": [{"displayName": "Score", "desc": false}]},
    }));
    let mut lines = unit("none");
    lines["fieldConfig"]["defaults"]["min"] = json!(0);
    lines["fieldConfig"]["defaults"]["max"] = json!(1);
    lines["fieldConfig"]["overrides"] = json!([{
        "matcher": {"id": "byRegexp", "options": "/ expected$/"},
        "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 6]}}, {"id": "custom.lineWidth", "value": 1}],
    }]);
    let scores = over_time(titled(&of_key_results(&KEY_RESULT_SCORE)), "{{title}}");
    let expected = over_time(titled(&of_key_results(&KEY_RESULT_EXPECTED_SCORE)), "{{title}} expected");
    grid.panel("Score against expected", "timeseries", [12, 10], vec![scores, expected], lines);
    grid.panel("Status over time", "state-timeline", [12, 10], vec![over_time(status_code(), "{{title}}")], json!({
        "fieldConfig": {"defaults": {"mappings": status_mappings(), "custom": {"fillOpacity": 80, "lineWidth": 0}}, "overrides": []},
        "options": {"mergeValues": true, "showValue": "never", "rowHeight": 0.8},
    }));
}

fn values(grid: &mut Grid) {
    grid.row("Values, in base units (seconds, shares of 1)");
    let lines = [(&KEY_RESULT_VALUE, "value"), (&KEY_RESULT_TARGET, "target"), (&KEY_RESULT_BASELINE, "baseline")];
    let targets =
        lines.map(|(family, name)| over_time(titled(&of_key_results(family)), &format!("{{{{title}}}} {name}")));
    grid.panel("Value against target", "timeseries", [12, 10], targets.into(), unit("none"));
    let member =
        |family: &Family| format!("max by (objective, key_result, dimension, member) ({})", of_key_results(family));
    let legend = "{{key_result}} · {{member}}";
    let bars = json!({"options": {"displayMode": "basic", "orientation": "horizontal"}, "fieldConfig": {"defaults": {"min": 0}, "overrides": []}});
    grid.panel("Members' values", "bargauge", [6, 10], vec![now(member(&KEY_RESULT_MEMBER_VALUE), legend)], bars);
    let mut scores = share("none");
    scores["options"] = json!({"displayMode": "basic", "orientation": "horizontal"});
    grid.panel("Members' scores", "bargauge", [6, 10], vec![now(member(&KEY_RESULT_MEMBER_SCORE), legend)], scores);
}

fn service(grid: &mut Grid) {
    grid.row("Freshness and the service");
    let lateness = titled(&format!("(time() - {})", of_key_results(&KEY_RESULT_AS_OF)));
    grid.panel("Scores are known up to, ago", "timeseries", [8, 8], vec![over_time(lateness, "{{title}}")], unit("s"));
    let watermark = format!("time() - max by (event) ({})", WATERMARK.name);
    grid.panel("Events are known up to, ago", "timeseries", [8, 8], vec![over_time(watermark, "{{event}}")], unit("s"));
    let age = over_time(format!("max by (instance) ({})", SNAPSHOT_AGE.name), "{{instance}}");
    grid.panel("Age of the scores shown", "timeseries", [8, 8], vec![age], unit("s"));
    let lag = over_time(format!("sum by (topic) ({})", CONSUMER_LAG.name), "{{topic}}");
    grid.panel("Records behind", "timeseries", [8, 8], vec![lag], unit("short"));
    let rate =
        over_time(format!("sum by (topic, result) (rate({}[$__rate_interval]))", RECORDS.name), "{{topic}} {{result}}");
    grid.panel("Records per second", "timeseries", [8, 8], vec![rate], unit("short"));
    let letters =
        over_time(format!("sum by (topic, reason) (increase({}[1h]))", DEAD_LETTERS.name), "{{topic}} {{reason}}");
    let faults =
        over_time(format!("sum by (metric, reason) (increase({}[1h]))", VALUE_FAULTS.name), "{{metric}} {{reason}}");
    grid.panel("Dead letters and value faults in an hour", "timeseries", [8, 8], vec![letters, faults], unit("short"));
    let quantile = |q: &str| {
        let expression =
            format!("histogram_quantile({q}, sum by (le) (rate({}_bucket[$__rate_interval])))", COMMIT_SECONDS.name);
        over_time(expression, &format!("p{}", &q[2..]))
    };
    grid.panel("Commits take", "timeseries", [12, 8], vec![quantile("0.50"), quantile("0.99")], unit("s"));
    let bytes = over_time(format!("max by (instance) ({})", STORE_BYTES.name), "{{instance}}");
    grid.panel("Store", "timeseries", [12, 8], vec![bytes], unit("bytes"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conventions::FAMILIES;

    #[test]
    fn every_query_names_families_and_leaves_no_variable() {
        let queries = queries(&dashboard()).expect("our own JSON");
        assert!(queries.len() >= 20, "{}", queries.len());
        for query in &queries {
            assert!(!query.expression.contains('$'), "{query:?}");
            let words = query.expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            for word in words.filter(|word| word.starts_with("okr_") || word.starts_with("krscore_")) {
                let word = word.strip_suffix("_bucket").unwrap_or(word);
                assert!(FAMILIES.iter().any(|family| family.name == word), "{}: {word}", query.panel);
            }
        }
    }

    #[test]
    fn panels_have_numbers_of_their_own_and_do_not_overlap() {
        let dashboard: Value = serde_json::from_str(&dashboard()).expect("our own JSON");
        let panels = dashboard["panels"].as_array().expect("panels");
        let mut taken = std::collections::BTreeSet::new();
        for (index, panel) in panels.iter().enumerate() {
            assert_eq!(panel["id"], index + 1);
            let side = |name: &str| panel["gridPos"][name].as_u64().expect("a number");
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(x < 24 && taken.insert((x, y)), "{}", panel["title"]);
                }
            }
        }
    }
}
