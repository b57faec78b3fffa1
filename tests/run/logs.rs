//! What befalls logs and stores, on the real broker: each is decided, recorded, and seen.
//!
//! | what befalls | what is done |
//! |---|---|
//! | a stored chunk was altered, cut short, or written by a newer version | it ends with one sentence that names the partition |
//! | the store is another Kafka cluster's | it ends with one sentence, unless `store.accept_cluster` names the new one |
//! | a topic was deleted and made anew | what was counted of the old one counts no more, the new one is read from its beginning, `data_from` says so |
//! | retention passed the offset at which the store stands | consumption goes on behind it, `data_from` says so |
//! | a log ends before the offset at which the store stands: its files were lost | the partition stands, and says so: what comes at those offsets would count beside what was |
//! | a partition was added, while running or not | it is read from its beginning |

use std::time::Duration;

use crate::admin::Admin;
use crate::live::{picks, warehouse};
use crate::place::Place;
use crate::service::{Service, Setup, key_result};
use crate::support::{kafka, services};

const END_LIMIT: Duration = Duration::from_secs(30);

/// A topic of one partition, and a service's setup over a store of SQLite.
fn setup(brokers: &str, place: &Place) -> (String, Setup) {
    let topic = services::unique();
    kafka::create_topic(brokers, &topic, 1);
    let mut setup = Setup::new(brokers, &place.url(), &warehouse(&topic));
    setup.set("KAFKA__PROPERTIES__TOPIC_METADATA_REFRESH_INTERVAL_MS", "1000");
    (topic, setup)
}

/// Runs until so many picks are counted, and stops.
fn counted(setup: &Setup, picks: f64) {
    let service = setup.spawn();
    until_picked(&service, picks);
    service.stop();
}

fn until_picked(service: &Service, picks: f64) {
    let value = || service.metric("okr_key_result_value", &[("key_result", "picks")]);
    service.until("the picks are counted", || (value()? == picks).then_some(()));
}

/// It ends with 1, and its log says all of these.
fn refused(setup: &Setup, parts: &[&str]) {
    let mut service = setup.spawn();
    assert_eq!(service.ended(END_LIMIT).code(), Some(1), "{}", service.log());
    for part in parts {
        assert!(service.log().contains(part), "{part}\n{}", service.log());
    }
}

#[test]
fn stored_chunks_that_cannot_be_believed_are_refused_by_name() {
    let Some(brokers) = services::kafka() else { return };
    let place = Place::sqlite();
    let (topic, setup) = setup(&brokers, &place);
    kafka::produce(&brokers, &topic, Some(0), &picks(0, 10));
    counted(&setup, 10.0);
    place.execute("CREATE TABLE kept AS SELECT rowid AS chunk, bytes FROM chunk");
    let unread = format!("stored facts of {topic}/0 cannot be read");
    for (damage, says) in [
        ("substr(bytes, 1, 59) || x'00' || substr(bytes, 61)", "checksum of chunk section"),
        ("substr(bytes, 1, length(bytes) - 3)", "chunk truncated at byte"),
        (
            "substr(bytes, 1, 4) || x'0200' || substr(bytes, 7)",
            "chunk format version 2 at byte 4, this krscore reads version 1",
        ),
        ("substr(bytes, 1, 30)", "chunk truncated at byte 30"),
        ("x'' || 'nothing of ours'", "the row was not written by krscore"),
    ] {
        place.execute(&format!("UPDATE chunk SET bytes = CAST({damage} AS BLOB)"));
        refused(&setup, &[&unread, says]);
        place.execute("UPDATE chunk SET bytes = (SELECT kept.bytes FROM kept WHERE kept.chunk = chunk.rowid)");
    }
    counted(&setup, 10.0);
}

#[test]
fn a_store_of_another_cluster_is_refused_until_told_otherwise() {
    let Some(brokers) = services::kafka() else { return };
    let place = Place::sqlite();
    let (topic, mut setup) = setup(&brokers, &place);
    kafka::produce(&brokers, &topic, Some(0), &picks(0, 10));
    counted(&setup, 10.0);
    let cluster = place.rows("SELECT DISTINCT cluster FROM partition_claim").concat();
    place.execute("UPDATE partition_claim SET cluster = 'Another_cluster'");
    refused(&setup, &["holds facts of the kafka cluster Another_cluster", "mend kafka.brokers", &cluster]);
    setup.set("STORE__ACCEPT_CLUSTER", &cluster);
    // The same records again, from the new cluster's beginning; those of the other do not count beside them.
    counted(&setup, 10.0);
    setup.unset("STORE__ACCEPT_CLUSTER");
    counted(&setup, 10.0);
}

/// What was recorded beside the facts, and what readers see of it.
fn check_incident(service: &Service, place: &Place, topic: &str, kind: &str, detail: &str) {
    let count = || service.metric("krscore_incidents_total", &[("topic", topic), ("kind", kind)]);
    service.until("the incident is a metric", || (count()? == 1.0).then_some(()));
    let kept = place.rows(&format!("SELECT detail FROM dead_letter WHERE reason = '{kind}'"));
    assert!(kept.len() == 1 && kept[0].contains(detail), "{kept:?}");
    let explained = service.get("/api/v1/explain/warehouse/picks").unwrap_or_default();
    assert!(explained.contains(&format!("incidents of {topic}: {kind}")), "{explained}");
    let document = service.scores();
    assert!(!key_result(&document, "warehouse", "picks")["window"]["data_from"].is_null(), "{document:#}");
}

#[test]
fn a_topic_made_anew_is_read_from_its_beginning_and_the_old_facts_count_no_more() {
    let Some(brokers) = services::kafka() else { return };
    let place = Place::sqlite();
    let (topic, setup) = setup(&brokers, &place);
    kafka::produce(&brokers, &topic, Some(0), &picks(0, 10));
    let mut service = setup.spawn();
    until_picked(&service, 10.0);
    let admin = Admin::new(&brokers);
    admin.delete(&topic);
    kafka::create_topic(&brokers, &topic, 1);
    kafka::produce(&brokers, &topic, Some(0), &picks(8, 4));
    // While it runs: nothing of the new log may be stored under the old id.
    assert_eq!(service.ended(END_LIMIT).code(), Some(1), "{}", service.log());
    let again = setup.spawn();
    until_picked(&again, 4.0);
    check_incident(&again, &place, &topic, "topic_remade", "it was read up to offset 10");
    again.kill();
    let again = setup.spawn();
    until_picked(&again, 4.0);
    check_incident(&again, &place, &topic, "topic_remade", "counts no more");
    again.stop();
}

#[test]
fn retention_that_has_passed_the_stored_offset_is_recorded_and_data_from_tells() {
    let Some(brokers) = services::kafka() else { return };
    let place = Place::sqlite();
    let (topic, setup) = setup(&brokers, &place);
    kafka::produce(&brokers, &topic, Some(0), &picks(0, 10));
    counted(&setup, 10.0);
    kafka::produce(&brokers, &topic, Some(0), &picks(10, 10));
    Admin::new(&brokers).cut(&topic, 0, 15);
    let service = setup.spawn();
    until_picked(&service, 15.0);
    assert!(service.has_said("retention has taken records that were not read"), "{}", service.log());
    check_incident(&service, &place, &topic, "retention_passed", "offsets 10 to 15 were gone before they were read");
    let skipped = service.metric("krscore_skipped_offsets_total", &[("topic", &topic)]);
    assert_eq!(skipped, Some(5.0));
    // What an edit would recompute, and what it cannot: Kafka says where the topic begins.
    let url = format!("http://{}", service.address());
    let gone = format!("cannot     {topic}/0: what lay before offset 15 is not in the topic any more; missing there: ");
    for target in [url.as_str(), place.url().as_str()] {
        let told = setup.asked(&["check", "book.yaml", "--against", target]);
        assert!(told.contains(&gone) && !told.contains("recompute"), "{told}");
    }
    let edited = warehouse(&topic).replace("target: 1000,", "target: 1000, by: [warehouse],");
    setup.file("edited.yaml", edited.replace("type = 'picked'", "type = 'picked' AND id > 2"));
    let told = setup.asked(&["check", "edited.yaml", "--against", &url]);
    assert!(told.contains(&format!("from     {topic}/0 [15, 20)\n")) && told.contains(&gone), "{told}");
    service.stop();
}

#[test]
fn a_log_that_ends_before_the_stored_offset_stands_and_says_so() {
    let Some(own) = services::OwnServices::start("KRSCORE_TEST_KAFKA", &["kafka"]) else { return };
    let (brokers, place) = (own.variable("KRSCORE_TEST_KAFKA"), Place::sqlite());
    let (topic, setup) = setup(&brokers, &place);
    kafka::produce(&brokers, &topic, Some(0), &picks(0, 10));
    counted(&setup, 10.0);
    own.stop(&["kafka"]);
    own.lose_log(&topic, 0);
    own.up(&["kafka"]);
    kafka::produce(&brokers, &topic, Some(0), &picks(10, 3));
    let service = setup.spawn();
    let stands =
        || service.metric("krscore_partition_standing", &[("topic", &topic), ("reason", "offset_out_of_range")]);
    service.until("the partition stands", || (stands()? == 1.0).then_some(()));
    service.until("the log says why", || service.has_said("the log ends before what was read of it").then_some(()));
    until_picked(&service, 10.0);
    assert_eq!(place.rows("SELECT CAST(next_offset AS TEXT) FROM partition_claim"), ["10"]);
    service.stop();
}

#[test]
fn a_partition_that_is_added_is_read_from_its_beginning() {
    let Some(brokers) = services::kafka() else { return };
    let place = Place::sqlite();
    let (topic, setup) = setup(&brokers, &place);
    kafka::produce(&brokers, &topic, Some(0), &picks(0, 10));
    counted(&setup, 10.0);
    let admin = Admin::new(&brokers);
    admin.grow(&topic, 2);
    kafka::produce(&brokers, &topic, Some(1), &picks(10, 5));
    let service = setup.spawn();
    until_picked(&service, 15.0);
    admin.grow(&topic, 3);
    service.until("it is seen", || service.has_said("partitions were added").then_some(()));
    kafka::produce(&brokers, &topic, Some(2), &picks(15, 7));
    until_picked(&service, 22.0);
    service.kill();
    counted(&setup, 22.0);
    let stands = place.rows(
        "SELECT CAST(partition AS TEXT) || ':' || CAST(next_offset AS TEXT) FROM partition_claim ORDER BY partition",
    );
    assert_eq!(stands, ["0:10", "1:5", "2:7"]);
}
