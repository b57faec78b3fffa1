//! Topics of a test's own, and `kcat` as the client that is not ours.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

/// Creates a topic and waits until every partition has a leader. The broker makes none by itself.
pub fn create_topic(brokers: &str, name: &str, partitions: i32) {
    create_topic_with(brokers, name, partitions, &[]);
}

/// The same with settings of the topic: `[("retention.ms", "1000")]`.
pub fn create_topic_with(brokers: &str, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = config(brokers).create().expect("an admin client");
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    let results = block_on(admin.create_topics([&topic], &options)).expect("an answer to CreateTopics");
    for result in results {
        result.unwrap_or_else(|(topic, code)| panic!("topic {topic}: {code}"));
    }
    let consumer: BaseConsumer = config(brokers).create().expect("a client");
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let metadata = consumer.fetch_metadata(Some(name), Duration::from_secs(10)).expect("metadata");
        let led =
            metadata.topics().iter().flat_map(|topic| topic.partitions()).filter(|partition| partition.leader() >= 0);
        if led.count() == partitions as usize {
            return;
        }
        assert!(Instant::now() < until, "topic {name} got no leaders within 30 s");
        std::thread::yield_now();
    }
}

/// A client configuration for that address, for tests that need more than this module has.
pub fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

/// Produces one record a line of `lines` with `kcat`; `key\tvalue` where a line has a tab. `partition` `None`: by key.
/// Returns when the broker has them.
pub fn produce(brokers: &str, topic: &str, partition: Option<i32>, lines: &str) {
    let partition = partition.unwrap_or(-1).to_string();
    // -z none and acks=all are kcat's defaults; -T would echo.
    kcat(&["-P", "-b", brokers, "-t", topic, "-p", &partition, "-K", "\t"], lines);
}

/// Everything in the topic by `kcat`: one `partition offset key value` a line, tabs between, sorted.
pub fn consume_all(brokers: &str, topic: &str) -> Vec<String> {
    let output = kcat(&["-C", "-b", brokers, "-t", topic, "-e", "-q", "-f", "%p\t%o\t%k\t%s\n"], "");
    let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Runs `kcat` and returns what it printed; panics with its words if it fails.
pub fn kcat(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("kcat")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kcat is installed (deploy/dev/install)");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // Its own thread: kcat may answer before it has read all.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("kcat ends");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kcat {arguments:?}: {}\n{words}", output.status);
    writer.join().expect("the writer").expect("kcat read its input");
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a future of rdkafka's to its end in a test that is not async itself.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}
