//! From `kcat` to the gauge, and from a person's word to the gauge; a signal drains and loses nothing.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::Place;
use crate::service::{Service, Setup, day, instant, key_result};
use crate::support::{http, kafka, services};

/// How long a record may take to be a gauge.
const GAUGE_LIMIT: Duration = Duration::from_secs(3);

/// How long a drain may take.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A warehouse's book over one topic: a ratio by members, a count, and a word of a person.
pub fn warehouse(topic: &str) -> String {
    format!(
        r#"apiVersion: krscore/v1
cycles:
  - {{ id: now, start: {start}, end: {end}, timezone: Asia/Shanghai }}
events:
  picked: {{ topic: {topic}, id: id, time: at, where: "type = 'picked'", dimensions: [warehouse] }}
  mispicked: {{ topic: {topic}, id: id, time: at, where: "type = 'mispicked'", dimensions: [warehouse] }}
metrics:
  picks: {{ type: count, event: picked }}
  mispicks: {{ type: count, event: mispicked }}
  accuracy: {{ type: ratio, bad: mispicks, total: picks }}
objectives:
  - id: warehouse
    title: 构建弹性高效的智能仓储体系
    owner: warehouse-director
    key_results:
      - {{ id: accuracy, title: 拣货准确率, metric: accuracy, baseline: 90%, target: 99%, stretch: 100%, window: cycle, by: [warehouse] }}
      - {{ id: picks, title: Picks, metric: picks, baseline: 0, target: 1000, stretch: 2000, window: cycle }}
      - {{ id: training, title: Trained people, type: manual, baseline: 0%, target: 100%, stale_after: 14d }}
"#,
        start = day(-40),
        end = day(60),
    )
}

/// `count` picks from number `from` on, one a line, an hour old; the partition is kcat's choice.
pub fn picks(from: usize, count: usize) -> String {
    let at = instant(-3_600);
    (from..from + count)
        .map(|id| format!(r#"{{"type":"picked","id":{id},"at":"{at}","warehouse":"SH{}"}}{}"#, id % 3, "\n"))
        .collect()
}

fn picked(service: &Service) -> Option<f64> {
    service.metric("okr_key_result_value", &[("key_result", "picks")])
}

fn kcat_becomes_gauges(place: &Place) {
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 3);
    let setup = Setup::new(&brokers, &place.url(), &warehouse(&topic));
    let service = setup.spawn();
    service.until_ready();
    println!("ready after {:?}", service.begun.elapsed());
    let mut sent = 0;
    let mut slowest = Duration::ZERO;
    for count in [1, 2, 500] {
        kafka::produce(&brokers, &topic, None, &picks(sent, count));
        let produced = Instant::now();
        sent += count;
        service.until("the picks are a gauge", || (picked(&service)? == sent as f64).then_some(()));
        slowest = slowest.max(produced.elapsed());
    }
    println!("from kcat's end to the gauge: at most {slowest:?}");
    assert!(slowest < GAUGE_LIMIT, "{slowest:?}");
    kafka::produce(&brokers, &topic, None, &picks(0, 5).replace("\"picked\"", "\"mispicked\""));
    let accuracy = || service.metric("okr_key_result_value", &[("key_result", "accuracy")]);
    let expected = (503.0_f64 - 5.0) / 503.0;
    service.until("the ratio has fallen", || ((accuracy()? - expected).abs() < 1e-9).then_some(()));
    println!("drained in {:?}", service.stop());
}

#[test]
fn records_become_gauges_within_3_s_over_sqlite() {
    kcat_becomes_gauges(&Place::sqlite());
}

#[test]
fn records_become_gauges_within_3_s_over_postgres() {
    let Some(place) = Place::postgres() else { return };
    kcat_becomes_gauges(&place);
}

/// Properties under which a client reads slowly.
const SLOW: [(&str, &str); 4] = [
    ("FETCH_QUEUE_BACKOFF_MS", "500"),
    ("QUEUED_MAX_MESSAGES_KBYTES", "256"),
    ("QUEUED_MIN_MESSAGES", "100"),
    ("MAX_PARTITION_FETCH_BYTES", "100000"),
];

/// A signal in the middle of a backlog: it ends in time and well, and the next start goes on without loss.
fn a_signal_drains(place: &Place, signal: &str) {
    const BACKLOG: usize = 400_000;
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 2);
    kafka::produce(&brokers, &topic, None, &picks(0, BACKLOG));
    let mut setup = Setup::new(&brokers, &place.url(), &warehouse(&topic));
    setup.set("STORE__COMMIT_INTERVAL", "100ms");
    // Small fetches, far between: the backlog lasts longer than the test needs.
    for (name, value) in SLOW {
        setup.set(&format!("KAFKA__PROPERTIES__{name}"), value);
    }
    let mut service = setup.spawn();
    let read = || service.metrics("krscore_records_total", &[]).iter().sum::<f64>();
    let seen = service.until("part of the backlog is counted", || Some(read()).filter(|count| *count > 0.0));
    let begun = Instant::now();
    service.signal(signal);
    let status = service.ended(DRAIN_LIMIT);
    println!("SIG{signal} after {seen} of {BACKLOG}: ended in {:?}", begun.elapsed());
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert!(service.has_said("drained"), "{}", service.log());
    let stored = place.rows("SELECT CAST(sum(coalesce(next_offset, 0)) AS TEXT) FROM partition_claim");
    println!("offsets in the store: {stored:?}");
    let stored: usize = stored.concat().parse().expect("a number");
    assert!(stored < BACKLOG, "all of it was read before the signal came: nothing was shown");
    SLOW.iter().for_each(|(name, _)| setup.unset(&format!("KAFKA__PROPERTIES__{name}")));
    let again = setup.spawn();
    again.until("all of the backlog is counted", || (picked(&again)? == BACKLOG as f64).then_some(()));
    assert_eq!(again.stop().as_secs() / 10, 0, "an idle service ends at once");
}

#[test]
fn sigterm_drains_in_a_backlog_and_a_restart_loses_nothing() {
    a_signal_drains(&Place::sqlite(), "TERM");
}

#[test]
fn sigint_drains_in_a_backlog_and_a_restart_loses_nothing() {
    let Some(place) = Place::postgres() else { return };
    a_signal_drains(&place, "INT");
}

#[test]
fn explain_over_http_says_what_replay_explains() {
    let Some(brokers) = services::kafka() else { return };
    let (topic, place) = (services::unique(), Place::sqlite());
    kafka::create_topic(&brokers, &topic, 1);
    let lines = picks(0, 300) + &picks(0, 7).replace("\"picked\"", "\"mispicked\"");
    kafka::produce(&brokers, &topic, None, &lines);
    let setup = Setup::new(&brokers, &place.url(), &warehouse(&topic));
    let service = setup.spawn();
    service.until_caught_up();
    let url = format!("http://{}", service.address());
    let events = format!("{topic}={}", setup.file("events.ndjson", &lines));
    for name in ["warehouse/accuracy", "warehouse/picks"] {
        let live = setup.asked(&["explain", "book.yaml", name, "--url", &url, "--format", "json"]);
        let live: Value = serde_json::from_str(&live).expect("JSON");
        let at = live["as_of"].as_str().expect("an instant").to_owned();
        let files = setup.asked(&["explain", "book.yaml", name, "--events", &events, "--at", &at, "--format", "json"]);
        let files: Value = serde_json::from_str(&files).expect("JSON");
        for field in ["n", "arithmetic", "status", "reason", "definition", "window", "as_of"] {
            assert!(!live[field].is_null(), "{name} has no {field}: {live:#}");
            assert_eq!(live[field], files[field], "{name}: {field}\n{live:#}\n{files:#}");
        }
        let table = setup.asked(&["explain", "book.yaml", name, "--url", &url]);
        assert!(table.contains("300"), "{table}");
    }
    service.stop();
}

/// A check-in by the command, and one over HTTP with the token: both are gauges within seconds.
fn check_ins_become_gauges(place: &Place) {
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 1);
    let mut setup = Setup::new(&brokers, &place.url(), &warehouse(&topic));
    let token = "a-token-that-is-long-enough-0123456789";
    let file = setup.file("token", format!("{token}\n"));
    setup.set("HTTP__TOKEN_FILE", &file);
    let service = setup.spawn();
    service.until_ready();
    let trained = || service.metric("okr_key_result_value", &[("key_result", "training")]);
    assert_eq!(trained(), None);
    setup.asked(&["checkin", "warehouse/training", "--value", "40%", "--note", "first course", "--book", "book.yaml"]);
    let told = Instant::now();
    service.until("40 % is a gauge", || (trained()? == 0.4).then_some(()));
    println!("from `checkin` to the gauge: {:?}", told.elapsed());
    let url = format!("http://{}/api/v1/check-ins", service.address());
    let body = r#"{"objective":"warehouse","key_result":"training","value":0.55}"#;
    for wrong in [None, Some("another-token-that-is-long-enough-9876543210")] {
        let answer = http::post_as(&url, wrong, "application/json", body).expect("an answer");
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    let answer = http::post_as(&url, Some(token), "application/json", body).expect("an answer");
    assert_eq!(answer.status, 201, "{answer:?}");
    let told = Instant::now();
    service.until("55 % is a gauge", || (trained()? == 0.55).then_some(()));
    println!("from POST to the gauge: {:?}", told.elapsed());
    let document = service.scores();
    assert_eq!(key_result(&document, "warehouse", "training")["value"], 0.55);
    assert!(!service.log().contains(token), "the token is in the log");
    service.stop();
}

#[test]
fn check_ins_become_gauges_over_sqlite() {
    check_ins_become_gauges(&Place::sqlite());
}

#[test]
fn check_ins_become_gauges_over_postgres() {
    let Some(place) = Place::postgres() else { return };
    check_ins_become_gauges(&place);
}
