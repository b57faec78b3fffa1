//! Who reads while it runs: Prometheus with the generated alerts and dashboard, and plain SQL clients on the BI tables.

use krscore::expose::generate::dashboards;

use crate::live::{picks, warehouse};
use crate::place::Place;
use crate::service::{PATIENCE, Service, Setup, eventually};
use crate::support::{kafka, postgres, prometheus, services};

/// A key result over the metric in which a fault is counted.
const LINES: &str = "      - { id: lines, title: Lines, metric: lines, baseline: 0, target: 10, window: cycle }\n";

/// A service that has read 300 picks of `target` that are wanted.
fn started(place: &Place, target: &str) -> Option<(Setup, Service)> {
    let brokers = services::kafka()?;
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 1);
    // One of each fault that is counted: a record that is none, and a value that is no number.
    let lines = picks(0, 299)
        + &picks(299, 1).replace("}", ",\"lines\":\"many\"}")
        + &picks(0, 6).replace("\"picked\"", "\"mispicked\"")
        + "no json\n";
    kafka::produce(&brokers, &topic, None, &lines);
    let book = warehouse(&topic)
        .replace("target: 1000, stretch: 2000", target)
        .replace("metrics:\n", "metrics:\n  lines: { type: sum, event: picked, value: lines, unit: lines }\n")
        .replace("      - { id: training", &format!("{LINES}      - {{ id: training"));
    let setup = Setup::new(&brokers, &place.url(), &book);
    let service = setup.spawn();
    service.until_ready();
    Some((setup, service))
}

#[test]
fn prometheus_scrapes_it_an_off_track_alert_fires_and_every_query_of_the_dashboard_has_data() {
    let Some(_) = services::prometheus() else { return };
    let place = Place::sqlite();
    // 0.3 % of the target after 40 % of the cycle.
    let Some((setup, service)) = started(&place, "target: 100_000, stretch: 200_000") else { return };
    let job = services::unique();
    let _target = prometheus::scrape(&job, &service.address());
    let rules = setup.asked(&["generate", "alerts"]);
    // The hours for which a rule holds back are promtool's to test: here the real Prometheus fires at once.
    let at_once: Vec<String> = rules
        .lines()
        .map(|line| match line.trim_start().strip_prefix("for: ") {
            Some(_) => line.replace(line.trim_start(), "for: 0s"),
            None => line.to_owned(),
        })
        .collect();
    let _rules = prometheus::load_rules(&job, &(at_once.join("\n") + "\n"));
    let fires = format!(r#"ALERTS{{job="{job}",alertstate="firing",key_result="picks"}}"#);
    let firing = eventually("it fires", PATIENCE, || Some(prometheus::query(&fires)).filter(|found| !found.is_empty()));
    let firing = firing.unwrap_or_else(|| panic!("no alert fires:\n{}", service.get("/metrics").unwrap_or_default()));
    println!("{firing:?}");
    let names: Vec<&str> = firing.iter().filter_map(|(labels, _)| labels["alertname"].as_str()).collect();
    assert!(names.iter().any(|name| name.contains("OffTrack")), "{names:?}");
    let queries = dashboards::queries(&setup.asked(&["generate", "dashboards"])).expect("a dashboard");
    assert!(!queries.is_empty());
    let mut silent = Vec::new();
    for query in &queries {
        let has_data = || Some(prometheus::query(&query.expression)).filter(|found| !found.is_empty());
        if eventually("data", std::time::Duration::from_secs(12), has_data).is_none() {
            silent.push(format!("{} {}: {}", query.panel, query.reference, query.expression));
        }
    }
    println!("{} queries", queries.len());
    assert!(silent.is_empty(), "without data:\n{}", silent.join("\n"));
    service.stop();
}

/// A plain client sees today's row and the rows of days that have ended, while the service runs.
fn bi_is_read_by_plain_sql(place: &Place) {
    let Some((_setup, service)) = started(place, "target: 1000, stretch: 2000") else { return };
    let progress = place.bi("v_key_result_progress");
    let statement = format!(
        "SELECT key_result_title || ' ' || status || ' ' || n FROM {progress} WHERE is_running = {} AND key_result_id = 'picks'",
        if matches!(place, Place::Sqlite(_)) { "1" } else { "true" }
    );
    let now =
        service.until("the running day is there", || Some(place.rows(&statement)).filter(|rows| !rows.is_empty()));
    println!("{now:?}");
    assert!(now[0].starts_with("Picks ") && now[0].ends_with(" 300"), "{now:?}");
    let daily = format!(
        "SELECT CAST(date AS TEXT) || ' ' || key_result_id || ' ' || restated_status FROM {}",
        place.bi("fact_key_result_daily")
    );
    let days = service.until("ended days are there", || Some(place.rows(&daily)).filter(|rows| rows.len() > 1));
    println!("{} daily rows, the last of them {:?}", days.len(), days.last());
    if let Place::Postgres(database) = place {
        let admin = services::variable("KRSCORE_TEST_POSTGRES_ADMIN").expect("the servers have one");
        let name = database.url.rsplit_once('/').expect("a URL").1;
        let admin = format!("{}/{name}", admin.rsplit_once('/').expect("a URL").0);
        let as_reader = |statement: &str| postgres::psql(&admin, &format!("SET ROLE bi_reader; {statement}"));
        assert_eq!(as_reader(&statement), now[0]);
        assert_eq!(as_reader("SELECT has_table_privilege('chunk', 'SELECT')"), "f");
    }
    service.stop();
}

#[test]
fn bi_is_read_by_plain_sql_over_sqlite() {
    bi_is_read_by_plain_sql(&Place::sqlite());
}

#[test]
fn bi_is_read_by_plain_sql_over_postgres() {
    let Some(place) = Place::postgres() else { return };
    bi_is_read_by_plain_sql(&place);
}
