//! The ground that the other tests stand on: the real servers do what `deploy/dev/services` promises.

mod support;

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use support::{http, kafka, postgres, prometheus, services};

#[test]
fn what_kcat_produces_kcat_reads() {
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 3);
    kafka::produce(&brokers, &topic, Some(1), "a\t{\"n\":1}\nb\t{\"n\":2}\n");
    kafka::produce(&brokers, &topic, Some(2), "no key\n");
    let lines = kafka::consume_all(&brokers, &topic);
    assert_eq!(lines, ["1\t0\ta\t{\"n\":1}", "1\t1\tb\t{\"n\":2}", "2\t0\t\tno key"]);
}

#[test]
fn a_topic_that_nobody_created_is_not_there() {
    let Some(brokers) = services::kafka() else { return };
    let consumer: BaseConsumer = kafka::config(&brokers).create().expect("a client");
    let metadata = consumer.fetch_metadata(Some(&services::unique()), Duration::from_secs(10)).expect("metadata");
    assert!(metadata.topics()[0].error().is_some());
}

#[test]
fn the_password_decides_over_plain_and_scram() {
    let Some(listener) = services::kafka_sasl() else { return };
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let fetch = |password: &str, seconds_max: u64| {
            let mut config = kafka::config(&listener.brokers);
            config.set("security.protocol", "SASL_PLAINTEXT").set("sasl.mechanisms", mechanism);
            config.set("sasl.username", &listener.user).set("sasl.password", password);
            let consumer: BaseConsumer = config.create().expect("a client");
            consumer.fetch_metadata(None, Duration::from_secs(seconds_max)).map(|metadata| metadata.brokers().len())
        };
        assert_eq!(fetch(&listener.password, 10).ok(), Some(1), "{mechanism}");
        assert!(fetch("wrong", 1).is_err(), "{mechanism}");
    }
}

#[test]
fn a_broker_that_was_killed_comes_back_with_its_records() {
    let Some(own) = services::OwnServices::start("KRSCORE_TEST_KAFKA", &["kafka"]) else { return };
    let brokers = own.variable("KRSCORE_TEST_KAFKA");
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 1);
    kafka::produce(&brokers, &topic, None, "k\tv\n");
    own.kill(&["kafka"]);
    own.up(&["kafka"]);
    assert_eq!(kafka::consume_all(&brokers, &topic), ["0\t0\tk\tv"]);
}

#[test]
fn a_database_that_was_killed_comes_back_with_its_rows() {
    let Some(own) = services::OwnServices::start("KRSCORE_TEST_POSTGRES", &["postgres"]) else { return };
    let database = postgres::Database::create_on(&own.variable("KRSCORE_TEST_POSTGRES"));
    postgres::psql(&database.url, "CREATE TABLE t AS SELECT 42 AS n");
    own.kill(&["postgres"]);
    own.up(&["postgres"]);
    assert_eq!(postgres::psql(&database.url, "SELECT n FROM t"), "42");
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let Some(one) = postgres::Database::create() else { return };
    let Some(two) = postgres::Database::create() else { return };
    postgres::psql(&one.url, "CREATE TABLE only_here (n int)");
    assert_eq!(postgres::psql(&two.url, "SELECT to_regclass('only_here') IS NULL"), "t");
}

#[test]
fn prometheus_scrapes_a_target_and_alerts_on_it() {
    let (Some(server), Some(alertmanager)) = (services::prometheus(), services::alertmanager()) else { return };
    let job = services::unique();
    // Prometheus' own page stands in for a service.
    let _target = prometheus::scrape(&job, server.trim_start_matches("http://"));
    wait_for("the scrape", || prometheus::query(&format!("up{{job=\"{job}\"}} == 1")).len() == 1);
    let rules = format!(
        "groups: [{{ name: {job}, rules: [{{ alert: Up, expr: 'up{{job=\"{job}\"}} == 1', labels: {{ severity: page }} }}] }}]"
    );
    let _rules = prometheus::load_rules(&job, &rules);
    wait_for("the alert", || {
        let filter = http::escape(&format!("job=\"{job}\""));
        http::get(&format!("{alertmanager}/api/v2/alerts?filter={filter}"))
            .is_ok_and(|answer| answer.body.contains("\"Up\""))
    });
}

// Polls what cannot be waited for: scraping goes by Prometheus' own clock.
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < until, "{what} did not come within 30 s");
        std::thread::sleep(Duration::from_millis(100));
    }
}
