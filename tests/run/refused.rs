//! What cannot work: one clear sentence, an exit code, no secret in the log, and nobody else is disturbed.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crate::live::{picks, warehouse};
use crate::place::Place;
use crate::service::Setup;
use crate::support::postgres::{Database, psql};
use crate::support::{kafka, services};

/// How long it may take until it ends.
const END_LIMIT: Duration = Duration::from_secs(60);

/// A port that no one listens on now.
const NOWHERE: &str = "127.0.0.1:9";

/// Runs it to its end: the exit code, and the last sentence for people, which is all that is not the log's.
fn check(setup: &Setup, code: i32, parts: &[&str]) -> String {
    let mut service = setup.spawn();
    let status = service.ended(END_LIMIT);
    let log = service.log();
    let sentences: Vec<&str> = log.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(status.code(), Some(code), "{log}");
    let last = sentences.last().copied().unwrap_or_default();
    assert!(last.starts_with("krscore: ") && !last.contains("panicked"), "no sentence at the end:\n{log}");
    for part in parts {
        assert!(log.contains(part), "{part:?} is not said:\n{log}");
    }
    println!("exit {code}: {last}");
    log
}

fn setup(store: &str) -> Setup {
    Setup::new(NOWHERE, store, &warehouse("nothing"))
}

fn sqlite() -> (Place, Setup) {
    let place = Place::sqlite();
    let setup = setup(&place.url());
    (place, setup)
}

/// Every address that it could open belongs to this test, which sees that nobody came.
#[test]
fn a_book_with_many_faults_is_told_all_of_them_before_any_socket() {
    let guards = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let [listen, broker, database] = guards.each_ref().map(|guard| guard.local_addr().expect("bound").to_string());
    let book = include_str!("../../src/book/tests/many.yaml");
    let mut setup = Setup::new(&broker, &format!("postgres://krscore@{database}/krscore"), book);
    // Were it bound, the sentence would be that of a port that is taken.
    setup.set("HTTP__LISTEN", &listen);
    let log = check(&setup, 1, &["the book has"]);
    let faults = log.lines().filter(|line| line.contains("book.yaml:") && line.contains(": fault: ")).count();
    println!("{faults} faults");
    assert!(faults >= 20, "{log}");
    assert!(!log.contains("listen"), "{log}");
    for guard in guards {
        guard.set_nonblocking(true).expect("a socket");
        assert!(guard.accept().is_err(), "a connection was opened");
    }
}

#[test]
fn settings_that_are_wrong_end_it_with_2() {
    let (_place, mut wrong) = sqlite();
    wrong.set("KAFKA__BROKER", NOWHERE);
    check(&wrong, 2, &["broker"]);
    let (_place, mut wrong) = sqlite();
    wrong.set("KAFKA__PROPERTIES__NO_SUCH_PROPERTY", "1");
    check(&wrong, 2, &["no.such.property"]);
    let (_place, mut wrong) = sqlite();
    wrong.set("KAFKA__PROPERTIES__ENABLE_AUTO_COMMIT", "true");
    check(&wrong, 2, &["enable.auto.commit", "can only be false"]);
    let (_place, mut wrong) = sqlite();
    wrong.set("STORE__URL", "mysql://there");
    check(&wrong, 2, &["store.url", "sqlite://PATH"]);
    let (_place, mut wrong) = sqlite();
    wrong.set("BOOK", "/nowhere/book.yaml");
    check(&wrong, 2, &["/nowhere/book.yaml"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (_place, mut setup) = sqlite();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    setup.set("HTTP__LISTEN", &address);
    check(&setup, 1, &[&address, "in use"]);
}

#[test]
fn a_data_folder_that_is_missing_or_cannot_be_written_is_named() {
    check(&setup("sqlite:///nowhere/at/all/krscore.db"), 1, &["/nowhere/at/all", "create it"]);
    // Not even root may make files here.
    check(&setup("sqlite:///proc/krscore.db"), 1, &["/proc"]);
}

#[test]
fn a_newer_schema_is_refused() {
    let Some(database) = Database::create() else { return };
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 1);
    let setup = Setup::new(&brokers, &database.url, &warehouse(&topic));
    let service = setup.spawn();
    service.until_ready();
    service.stop();
    psql(
        &database.url,
        "INSERT INTO krscore_migration (version, description, success, checksum, execution_time)
         SELECT 999, 'future', success, checksum, 0 FROM krscore_migration WHERE version = 1",
    );
    check(&setup, 1, &["its schema is version 999", "newer krscore"]);
}

#[test]
fn a_wrong_password_of_postgres_ends_it_and_no_password_is_in_the_log() {
    let Some(url) = services::postgres_password() else { return };
    let (before, after) = url.split_once("krscore-secret").expect("the password that the servers have");
    let mut wrong = setup(&format!("{before}hunter2-in-the-url{after}"));
    wrong.set("LOG__LEVEL", "debug");
    let log = check(&wrong, 1, &["refused", "password"]);
    assert!(!log.contains("hunter2"), "{log}");
    let mut wrong = setup(&format!("{}{after}", before.trim_end_matches(':')));
    let file = wrong.file("password", "hunter2-from-a-file\n");
    wrong.set("STORE__PASSWORD_FILE", &file);
    wrong.set("LOG__LEVEL", "debug");
    let log = check(&wrong, 1, &["refused", "password"]);
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn a_wrong_password_of_kafka_ends_it_and_no_password_is_in_the_log() {
    let Some(listener) = services::kafka_sasl() else { return };
    let place = Place::sqlite();
    let mut setup = Setup::new(&listener.brokers, &place.url(), &warehouse("nothing"));
    for (name, value) in [
        ("SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("SASL_MECHANISM", "SCRAM-SHA-256"),
        ("SASL_USERNAME", listener.user.as_str()),
    ] {
        setup.set(&format!("KAFKA__PROPERTIES__{name}"), value);
    }
    setup.set("LOG__LEVEL", "debug");
    let file = setup.file("password", "hunter2-from-a-file\n");
    setup.set("KAFKA__SASL_PASSWORD_FILE", &file);
    let log = check(&setup, 1, &[&listener.user, "password"]);
    assert!(!log.contains("hunter2"), "{log}");
    // The right one lets it in, and is in no line either.
    setup.file("password", format!("{}\n", listener.password));
    let service = setup.spawn();
    service.until("it asks for the topic", || service.has_said("waiting for topics").then_some(()));
    assert!(!service.log().contains(&listener.password), "{}", service.log());
    service.stop();
}

/// The second is refused with the reason before it joins the group, where its name is the first one's and would have fenced it.
fn a_second_process_is_refused(place: &Place) {
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 1);
    let setup = Setup::new(&brokers, &place.url(), &warehouse(&topic));
    let first = setup.spawn();
    first.until_ready();
    check(&setup, 1, &["another consumer has it", "a second replica over one store is not supported yet"]);
    if place.url().starts_with("postgres") {
        // Over PostgreSQL it waits for a while, and ends at once when it is told to.
        let waiting = setup.spawn();
        waiting.until("it waits", || waiting.has_said("waiting for the consumer role").then_some(()));
        waiting.stop();
    }
    kafka::produce(&brokers, &topic, None, &picks(0, 10));
    let picked = || first.metric("okr_key_result_value", &[("key_result", "picks")]);
    first.until("the first goes on", || (picked()? == 10.0).then_some(()));
    for word in ["revoked", "lost:", "fenced"] {
        assert!(!first.has_said(word), "{word}\n{}", first.log());
    }
    // The first one's death frees the store at once, or after its lease.
    first.kill();
    let again = setup.spawn();
    again.until_ready();
    println!("ready {:?} after the start that followed a SIGKILL", again.begun.elapsed());
    again.stop();
}

#[test]
fn a_second_process_is_refused_over_sqlite() {
    a_second_process_is_refused(&Place::sqlite());
}

#[test]
fn a_second_process_is_refused_over_postgres() {
    let Some(place) = Place::postgres() else { return };
    a_second_process_is_refused(&place);
}

/// One group over two stores would give each a part of the partitions, and neither the truth: static members end the one that came first,
/// which says so.
#[test]
fn two_stores_in_one_group_do_not_share_the_partitions_in_silence() {
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 2);
    let places = [Place::sqlite(), Place::sqlite()];
    let [first, second] = places.each_ref().map(|place| {
        let mut setup = Setup::new(&brokers, &place.url(), &warehouse(&topic));
        setup.set("KAFKA__GROUP", &topic);
        setup
    });
    let mut early = first.spawn();
    early.until_ready();
    let late = second.spawn();
    assert_eq!(early.ended(END_LIMIT).code(), Some(1), "{}", early.log());
    assert!(early.log().contains("fenced by other consumer with same group.instance.id"), "{}", early.log());
    late.until_ready();
    kafka::produce(&brokers, &topic, None, &picks(0, 100));
    late.until("it has all of them", || {
        (late.metric("okr_key_result_value", &[("key_result", "picks")])? == 100.0).then_some(())
    });
    late.stop();
}

#[test]
fn without_arguments_it_says_how_it_is_used() {
    let output = Command::new(env!("CARGO_BIN_EXE_krscore")).output().expect("krscore starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: krscore"));
}
