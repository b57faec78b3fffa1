//! Key, headers and timestamp of records that `kcat` writes, as fields: filters, ids, dimensions and event times.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::place::Place;
use crate::service::{Setup, day};
use crate::support::{kafka, services};

fn book(topic: &str, plain: &str) -> String {
    format!(
        r#"apiVersion: krscore/v1
cycles:
  - {{ id: now, start: {start}, end: {end}, timezone: UTC }}
events:
  sold:
    topic: {topic}
    id: [$key, line]
    time: $timestamp
    where: $header.source = 'app' AND $timestamp > 1700000000000
    dimensions: {{ shop: $key, trace: $header.trace.id }}
  noted: {{ topic: {topic}, time: $timestamp, where: $key LIKE 'note%' }}
  # Another topic of the same book, of which no header is named.
  plain: {{ topic: {plain}, id: $key, time: $timestamp }}
metrics:
  sales: {{ type: count, event: sold }}
  latest: {{ type: value, event: sold, value: $timestamp }}
  notes: {{ type: count, event: noted }}
  plains: {{ type: count, event: plain }}
objectives:
  - id: shop
    title: Sell
    owner: me
    key_results:
      - {{ id: sales, title: t, metric: sales, baseline: 0, target: 100, window: cycle, by: [shop, trace] }}
      - {{ id: latest, title: t, metric: latest, stat: max, baseline: 0, target: 1, window: cycle }}
      - {{ id: notes, title: t, metric: notes, baseline: 0, target: 100, window: cycle }}
      - {{ id: plains, title: t, metric: plains, baseline: 0, target: 100, window: cycle }}
"#,
        start = day(-30),
        end = day(60),
    )
}

/// Sends one record a line, `key<TAB>value`, all with these headers.
fn send(brokers: &str, topic: &str, headers: &[&str], lines: &str) {
    let mut arguments = vec!["-P", "-b", brokers, "-t", topic, "-p", "0", "-K", "\t"];
    headers.iter().for_each(|header| arguments.extend(["-H", header]));
    kafka::kcat(&arguments, lines);
}

#[test]
fn keys_headers_and_timestamps_are_fields() {
    let Some(brokers) = services::kafka() else { return };
    let (topic, plain) = (services::unique(), services::unique());
    kafka::create_topic(&brokers, &topic, 1);
    kafka::create_topic(&brokers, &plain, 1);
    let place = Place::sqlite();
    let setup = Setup::new(&brokers, &place.url(), &book(&topic, &plain));
    let before = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as f64;
    send(&brokers, &topic, &["source=app", "trace.id=t1"], "SH1\t{\"line\":1}\nSH1\t{\"line\":2}\nSH1\t{\"line\":1}\n");
    // The last of several headers of a name wins.
    send(&brokers, &topic, &["source=test", "source=app", "trace.id=t2"], "BJ2\t{\"line\":1}\n");
    send(&brokers, &topic, &["source=app", "source=test"], "BJ2\t{\"line\":2}\n");
    send(&brokers, &topic, &[], "BJ2\t{\"line\":3}\nnote-1\t{}\n");
    // Bytes that are no text: as a header a fault of the filter, as a key a dead letter of the event whose id it is.
    let sender: rdkafka::producer::BaseProducer = kafka::config(&brokers).create().expect("a producer");
    let app = rdkafka::message::Header { key: "source", value: Some(b"app".as_slice()) };
    let broken = rdkafka::message::Header { key: "source", value: Some(b"\xff".as_slice()) };
    for (key, header) in [(b"\xff\xfe".as_slice(), app), (b"SH1", broken)] {
        use rdkafka::producer::{BaseRecord, Producer as _};
        let headers = rdkafka::message::OwnedHeaders::new().insert(header);
        let record = BaseRecord::to(&topic).key(key).payload("{\"line\":9}").headers(headers);
        sender.send(record).map_err(|(fault, _)| fault).expect("queued");
        sender.flush(std::time::Duration::from_secs(30)).expect("the broker has it");
    }
    send(&brokers, &plain, &["source=app"], "a\t{}\nb\t{}\na\t{}\n");
    let service = setup.spawn();
    service.until_caught_up();
    let metrics = service.get("/metrics").unwrap_or_default();
    let value = |key_result| service.metric("okr_key_result_value", &[("key_result", key_result)]);
    assert_eq!(value("sales"), Some(3.0), "{metrics}");
    assert_eq!(value("notes"), Some(1.0), "{metrics}");
    assert_eq!(value("plains"), Some(2.0), "{metrics}");
    let latest = value("latest").expect("a value");
    assert!(
        (before - 1.0..before + 600_000.0).contains(&latest),
        "{latest} is a time in milliseconds, not before {before}"
    );
    let member = |dimension, member| {
        service.metric("okr_key_result_member_value", &[("dimension", dimension), ("member", member)])
    };
    assert_eq!((member("shop", "SH1"), member("shop", "BJ2")), (Some(2.0), Some(1.0)), "{metrics}");
    assert_eq!((member("trace", "t1"), member("trace", "t2")), (Some(2.0), Some(1.0)), "{metrics}");
    let stored = place
        .rows("SELECT event || ' ' || reason || ' ' || record_offset FROM dead_letter ORDER BY record_offset, event");
    // The filter of `noted` reads the key of both; `sold` accepts the first and cannot judge the second.
    assert_eq!(
        stored,
        [
            "metric/event/noted value_fault/invalid_utf8 7",
            "sold id_unreadable 7",
            "metric/event/sold value_fault/invalid_utf8 8"
        ],
        "{metrics}"
    );
    service.stop();
}

/// A book that counts all records of the topic; `by_header` adds those of the app.
fn by_header(topic: &str, by_header: bool) -> String {
    let kept = |line: &&str| by_header || !line.contains("app");
    let text = format!(
        r#"apiVersion: krscore/v1
cycles:
  - {{ id: now, start: {start}, end: {end}, timezone: UTC }}
events:
  sold: {{ topic: {topic}, time: $timestamp }}
  sold_by_app: {{ topic: {topic}, time: $timestamp, where: $header.source = 'app' }}
metrics:
  sales: {{ type: count, event: sold }}
  app_sales: {{ type: count, event: sold_by_app }}
objectives:
  - id: shop
    title: Sell
    owner: me
    key_results:
      - {{ id: sales, title: t, metric: sales, baseline: 0, target: 100, window: cycle }}
      - {{ id: app-sales, title: t, metric: app_sales, baseline: 0, target: 100, window: cycle }}
"#,
        start = day(-30),
        end = day(60),
    );
    text.lines().filter(kept).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_edit_that_names_the_first_header_is_filled_and_goes_on_with_headers() {
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 1);
    let place = Place::sqlite();
    let setup = Setup::new(&brokers, &place.url(), &by_header(&topic, false));
    send(&brokers, &topic, &["source=app"], "a\t{}\nb\t{}\n");
    send(&brokers, &topic, &["source=test"], "c\t{}\n");
    let service = setup.spawn();
    let value = |key_result| service.metric("okr_key_result_value", &[("key_result", key_result)]);
    service.until("all are counted", || (value("sales")? == 3.0).then_some(()));
    setup.file("book.yaml", by_header(&topic, true));
    service.signal("HUP");
    service.until("those that were there are filled", || (value("app-sales")? == 2.0).then_some(()));
    send(&brokers, &topic, &["source=app"], "d\t{}\n");
    send(&brokers, &topic, &["source=test"], "e\t{}\n");
    service.until("one more comes", || (value("sales")? == 5.0 && value("app-sales")? == 3.0).then_some(()));
    service.stop();
}
