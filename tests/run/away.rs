//! Brokers, topics and databases that are away: at the start they are waited for, later nothing advances and nothing falls, and
//! all goes on by itself.

use std::time::Instant;

use crate::live::{picks, warehouse};
use crate::service::{Service, Setup, key_result};
use crate::support::kafka;
use crate::support::services::{OwnServices, unique};

fn waits_for(service: &Service, phase: &str) -> String {
    service.until(&format!("it waits in phase {phase}"), || {
        let (ready, body) = service.readiness();
        let found = body["waiting_for"]["phase"] == phase;
        assert!(!(ready && found), "ready while it waits: {body}");
        found.then(|| body["waiting_for"].to_string())
    })
}

fn picked(service: &Service) -> Option<f64> {
    service.metric("okr_key_result_value", &[("key_result", "picks")])
}

fn as_of(service: &Service) -> Option<f64> {
    service.metric("okr_key_result_as_of_timestamp_seconds", &[("key_result", "picks")])
}

fn age(service: &Service) -> f64 {
    service.metric("krscore_snapshot_age_seconds", &[]).unwrap_or_default()
}

/// Waits until scores stand still: two answers `secs` of the service's clock apart with the same `as_of`.
fn until_as_of_stands(service: &Service, secs: f64) -> f64 {
    let mut since = (f64::NAN, Instant::now());
    service.until("as_of stands still", || {
        let at = as_of(service)?;
        if at != since.0 {
            since = (at, Instant::now());
        }
        (since.1.elapsed().as_secs_f64() > secs).then_some(at)
    })
}

fn not_off_track(service: &Service) {
    let document = service.scores();
    for name in ["accuracy", "picks"] {
        assert_ne!(key_result(&document, "warehouse", name)["status"], "off_track", "{document:#}");
    }
}

#[test]
fn a_broker_a_topic_and_a_database_that_are_away_are_waited_for() {
    let Some(own) = OwnServices::start("KRSCORE_TEST_KAFKA", &["kafka", "postgres"]) else { return };
    let (brokers, url) = (own.variable("KRSCORE_TEST_KAFKA"), own.variable("KRSCORE_TEST_POSTGRES"));
    let topic = unique();
    own.stop(&["postgres"]);
    own.kill(&["kafka"]);
    // At the start: first the store, then a broker, then the topic.
    let book = warehouse(&topic).replace("target: 1000", "target: 100").replace("baseline: 90%", "baseline: 50%");
    let mut setup = Setup::new(&brokers, &url, &book);
    // A static member may fence itself when the broker is away for longer than its session; the default does not.
    setup.unset("KAFKA__PROPERTIES__GROUP_INSTANCE_ID");
    let service = setup.spawn();
    println!("{}", waits_for(&service, "store"));
    assert!(service.has_said("waiting for the store"), "{}", service.log());
    own.up(&["postgres"]);
    println!("{}", waits_for(&service, "broker"));
    assert!(service.has_said("waiting for kafka"), "{}", service.log());
    own.up(&["kafka"]);
    let said = waits_for(&service, "topics");
    assert!(said.contains(&topic), "the missing topic is not named: {said}");
    assert!(service.has_said("waiting for topics"), "{}", service.log());
    kafka::create_topic(&brokers, &topic, 2);
    let made = Instant::now();
    service.until_ready();
    println!("ready {:?} after the topic was made", made.elapsed());
    kafka::produce(&brokers, &topic, None, &picks(0, 90));
    service.until("90 picks", || (picked(&service)? == 90.0).then_some(()));
    not_off_track(&service);

    // The broker goes: as_of stands, nothing falls; and it goes on by itself.
    own.kill(&["kafka"]);
    let stood = until_as_of_stands(&service, 4.0);
    not_off_track(&service);
    assert_eq!(picked(&service), Some(90.0));
    own.up(&["kafka"]);
    let back = Instant::now();
    service.until("as_of moves again", || (as_of(&service)? > stood).then_some(()));
    println!("as_of moved {:?} after the broker was back", back.elapsed());
    kafka::produce(&brokers, &topic, None, &picks(90, 10));
    service.until("100 picks", || (picked(&service)? == 100.0).then_some(()));

    // The database goes: what is shown stays, its age grows; and it goes on by itself.
    own.kill(&["postgres"]);
    kafka::produce(&brokers, &topic, None, &picks(100, 10));
    service.until("the Snapshot is old", || (age(&service) > 4.0).then_some(()));
    assert_eq!(picked(&service), Some(100.0), "nothing is shown that is not stored");
    not_off_track(&service);
    own.up(&["postgres"]);
    let back = Instant::now();
    service.until("110 picks", || (picked(&service)? == 110.0).then_some(()));
    println!("the backlog was stored {:?} after the database was back", back.elapsed());
    service.until("the Snapshot is young", || (age(&service) < 3.0).then_some(()));
    service.stop();

    // What was committed while servers came and went is all that there is.
    let again = setup.spawn();
    again.until_caught_up();
    assert_eq!(picked(&again), Some(110.0));
    again.stop();
}
