//! What a user may set about Kafka, what the design fixes, and the defaults between.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

use super::KafkaError;
use crate::settings::KafkaSettings;

/// Properties that have one right value here: name, value, why.
const FIXED: [(&str, &str, &str); 7] = [
    ("enable.auto.commit", "false", "offsets are committed together with what was counted, in the store"),
    ("enable.auto.offset.store", "false", "offsets are committed together with what was counted, in the store"),
    (
        "auto.offset.reset",
        "error",
        "an offset that the log no longer holds is decided upon and recorded, never jumped over",
    ),
    (
        "enable.partition.eof",
        "false",
        "librdkafka counts the end of a partition as a record and then skips one after a rebalance",
    ),
    ("partition.assignment.strategy", "cooperative-sticky", "partitions are claimed and given back one by one"),
    ("allow.auto.create.topics", "false", "a misspelt topic has to be missed, not made"),
    ("statistics.interval.ms", "0", "nothing reads librdkafka's statistics; krscore_* metrics are measured here"),
];

/// Properties that have a setting of their own, or that the code behind them sets.
const ELSEWHERE: [(&str, &str); 6] = [
    ("bootstrap.servers", "set kafka.brokers instead"),
    ("metadata.broker.list", "set kafka.brokers instead"),
    ("group.id", "set kafka.group instead"),
    ("log.queue", "librdkafka's log already goes to krscore's own"),
    ("log_level", "filter krscore's own log by the target `librdkafka` instead"),
    ("debug", "it prints records and secrets in clear text"),
];

/// Defaults that differ from librdkafka's, or that bound memory. Each can be set otherwise.
const DEFAULTS: [(&str, &str); 14] = [
    ("client.id", "krscore"),
    // Records of aborted transactions are not events, and the log's end is then the last stable offset.
    ("isolation.level", "read_committed"),
    // Fetching stops while this many records, or 64 MiB, wait in the queue for all partitions together. librdkafka looks before each fetch,
    // and a fetch of 8 MiB is three times as much unpacked, with some 300 bytes of its own for each record: twice these two cost a quarter
    // more memory of a backlog, and drained it no faster (docs/performance.md).
    ("queued.min.messages", "25000"),
    ("queued.max.messages.kbytes", "65536"),
    ("fetch.max.bytes", "8388608"),
    // The largest record batch that can be read: a broker sends one that is greater than fetch.max.bytes all the same.
    ("receive.message.max.bytes", "100000000"),
    // How long a partition is left alone once the queue was full. 1 s by default, which is an idle core in a catch-up.
    ("fetch.queue.backoff.ms", "10"),
    // A broker answers the requests of one connection in order: the question for the log's end waits behind a fetch that waits for records.
    ("fetch.wait.max.ms", "200"),
    // Costs a few percent, and a score from flipped bits is worse.
    ("check.crcs", "true"),
    // So that a topic or partition that someone adds is seen in seconds, not in 5 minutes.
    ("topic.metadata.refresh.interval.ms", "10000"),
    // A broker that comes back is found within 3 s.
    ("reconnect.backoff.max.ms", "3000"),
    ("socket.keepalive.enable", "true"),
    // Brokers close connections that are idle; that is no news.
    ("log.connection.close", "false"),
    // Nothing is reported to brokers about this client, and closing does not wait for it.
    ("enable.metrics.push", "false"),
];

/// Defaults for the classic group protocol, where the client names them. A process that was killed holds its partitions for one session:
/// 10 s here, 45 s by default. A rebalance takes two rounds of heartbeats.
const CLASSIC_DEFAULTS: [(&str, &str); 3] = [
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("session.timeout.ms", "10000"),
    ("heartbeat.interval.ms", "1000"),
];

impl KafkaSettings {
    /// Whether librdkafka takes all of it, told without a client: nothing is connected and no group is joined.
    ///
    /// # Errors
    /// [`KafkaError::Property`] names the first property that cannot be as it is set, with the reason.
    pub fn validate(&self) -> Result<(), KafkaError> {
        self.client_config()?.create_native_config().map(drop).map_err(super::error::start_error)
    }

    /// What librdkafka is created with.
    ///
    /// # Errors
    /// [`KafkaError::Property`] names the first property that cannot be as it is set, with the reason.
    pub(super) fn client_config(&self) -> Result<ClientConfig, KafkaError> {
        self.check()?;
        let mut config = ClientConfig::new();
        let classic =
            self.properties.get("group.protocol").is_none_or(|protocol| protocol.eq_ignore_ascii_case("classic"));
        let fixed = FIXED
            .iter()
            .map(|(name, value, _)| (*name, *value))
            .filter(|(name, _)| *name != "partition.assignment.strategy");
        let group = CLASSIC_DEFAULTS.into_iter().filter(|_| classic);
        for (name, value) in DEFAULTS.into_iter().chain(group).chain(fixed) {
            config.set(name, value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        for (name, secret) in [("sasl.password", &self.sasl_password), ("ssl.key.password", &self.ssl_key_password)] {
            if let Some(secret) = secret {
                config.set(name, secret.expose());
            }
        }
        // librdkafka lets nobody fetch less at once than one message may be long.
        let bytes = |name| config.get(name).and_then(|value| value.parse::<u64>().ok());
        if let (Some(message), Some(fetch)) = (bytes("message.max.bytes"), bytes("fetch.max.bytes"))
            && message > fetch
            && !self.properties.contains_key("fetch.max.bytes")
        {
            config.set("fetch.max.bytes", message.to_string());
        }
        config.set("bootstrap.servers", &self.brokers).set("group.id", &self.group);
        // What is worth a line at all is decided by the subscriber's filter.
        config.set_log_level(RDKafkaLogLevel::Info);
        Ok(config)
    }

    /// Whether records of open and aborted transactions are left out.
    pub(super) fn reads_committed(&self) -> bool {
        self.properties.get("isolation.level").is_none_or(|level| level == "read_committed")
    }

    fn check(&self) -> Result<(), KafkaError> {
        let fault =
            |name: &str, reason: String| Err(KafkaError::Property { name: format!("kafka.properties {name}"), reason });
        for (name, text) in [("kafka.brokers", &self.brokers), ("kafka.group", &self.group)] {
            if text.trim().is_empty() {
                return Err(KafkaError::Property { name: name.to_owned(), reason: "it must not be empty".to_owned() });
            }
        }
        for (name, value) in &self.properties {
            if let Some((_, instead)) = ELSEWHERE.iter().find(|(elsewhere, _)| elsewhere == name) {
                return fault(name, (*instead).to_owned());
            }
            if let Some((_, right, why)) = FIXED.iter().find(|(fixed, _, _)| fixed == name)
                && value != right
            {
                return fault(name, format!("it can only be {right}: {why}"));
            }
        }
        for (name, secret) in [("sasl.password", &self.sasl_password), ("ssl.key.password", &self.ssl_key_password)] {
            if secret.is_some() && self.properties.contains_key(name) {
                return fault(
                    name,
                    format!("it is also set by kafka.{}_file; keep one of the two", name.replace('.', "_")),
                );
            }
        }
        let protocol = self.properties.get("security.protocol").map_or("plaintext", String::as_str);
        if self.sasl_password.is_some() && !protocol.to_ascii_lowercase().starts_with("sasl_") {
            return fault(
                "security.protocol",
                format!(
                    "it is {protocol}, so the password of kafka.sasl_password_file would not be used; set sasl_ssl or sasl_plaintext"
                ),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn settings(properties: &[(&str, &str)]) -> KafkaSettings {
        KafkaSettings {
            brokers: "127.0.0.1:1".to_owned(),
            group: "g".to_owned(),
            properties: properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..KafkaSettings::default()
        }
    }

    fn check(properties: &[(&str, &str)], expected: &str) {
        let said = match settings(properties).client_config() {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expected), "{properties:?}: {said}");
    }

    #[test]
    fn properties_that_the_design_depends_on_are_refused_by_name() {
        check(&[], "ok");
        check(&[("enable.auto.commit", "false"), ("fetch.wait.max.ms", "50")], "ok");
        check(&[("enable.auto.commit", "true")], "kafka.properties enable.auto.commit: it can only be false");
        check(&[("enable.partition.eof", "true")], "skips one after a rebalance");
        check(&[("auto.offset.reset", "earliest")], "it can only be error");
        check(&[("partition.assignment.strategy", "range")], "it can only be cooperative-sticky");
        check(&[("bootstrap.servers", "other:9092")], "set kafka.brokers instead");
    }

    #[test]
    fn a_password_without_sasl_is_refused() {
        let mut wrong = settings(&[]);
        wrong.sasl_password = Some(Secret::new("right"));
        assert!(wrong.client_config().is_err_and(|error| error.to_string().contains("would not be used")));
        wrong.properties.insert("security.protocol".to_owned(), "SASL_SSL".to_owned());
        let config = wrong.client_config().map(|config| config.get("sasl.password").map(str::to_owned));
        assert_eq!(config.ok().flatten().as_deref(), Some("right"));
    }

    #[test]
    fn the_next_generation_group_protocol_gets_no_classic_settings() {
        let next = settings(&[("group.protocol", "consumer")]).client_config().ok();
        assert!(next.is_some_and(|config| config.get("session.timeout.ms").is_none()
            && config.get("partition.assignment.strategy").is_none()));
    }
}
