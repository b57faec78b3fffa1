//! The HTTP surface, over a real loopback listener, from made-up Snapshots.

#[path = "api/alerts.rs"]
mod alerts;
#[path = "api/check_ins.rs"]
mod check_ins;
#[path = "api/metrics.rs"]
mod metrics;
#[path = "api/routes.rs"]
mod routes;
#[path = "api/sample.rs"]
mod sample;
#[path = "api/server.rs"]
mod server;

/// Serves the sample page for people who work on it: `KRSCORE_PAGE_LISTEN=127.0.0.1:9999 cargo test --test api -- --ignored look`;
/// with `KRSCORE_PAGE_WAITING=1` the page of before the first Snapshot.
#[test]
#[ignore = "serves until it is stopped"]
fn look_at_the_page() {
    let listen = std::env::var("KRSCORE_PAGE_LISTEN").unwrap_or_else(|_| "127.0.0.1:9999".into());
    let mut snapshot = sample::company();
    // The ages on the page are those of the sample's instant, moved to now.
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros() as i64;
    let later = |at: &mut krscore::time::Timestamp| at.0 += now - sample::AT.0;
    later(&mut snapshot.at);
    for score in snapshot.scores.objectives.iter_mut().flat_map(|objective| &mut objective.key_results) {
        [&mut score.as_of, &mut score.last_event_at].into_iter().flatten().for_each(later);
    }
    let waiting = std::env::var("KRSCORE_PAGE_WAITING").is_ok();
    server::block_on(server::serve_at(&listen, (!waiting).then_some(snapshot), std::future::pending()));
}
