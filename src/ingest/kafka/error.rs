//! What goes wrong outside of the stream of events.

use std::time::Duration;

use rdkafka::error::KafkaError as NativeError;

use crate::settings;

/// What goes wrong with Kafka outside of the stream of [`super::ConsumerEvent`]s.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// A setting that cannot be so.
    #[error("{name}: {reason}")]
    Property {
        /// Its name.
        name: String,
        /// Why not, and what instead.
        reason: String,
    },
    /// librdkafka could not be started.
    #[error("the kafka client cannot start: {0}")]
    Start(String),
    /// librdkafka or a broker refused.
    #[error("kafka: {what} failed: {text}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The reason in librdkafka's words.
        text: String,
    },
    /// No answer in time.
    #[error("kafka: {what} had no answer within {} s", .waited.as_secs_f64())]
    NoAnswer {
        /// What was asked for.
        what: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A rebalance waits for [`super::Consumer::assign`] or [`super::Consumer::unassign`].
    #[error("kafka: a rebalance has to be answered first")]
    RebalanceUnanswered,
}

pub(super) fn start_error(error: NativeError) -> KafkaError {
    match error {
        NativeError::ClientConfig(_, text, name, _) => {
            let reason = if settings::is_secret(&name) { "librdkafka refuses the value".to_owned() } else { text };
            KafkaError::Property { name: format!("kafka.properties {name}"), reason }
        }
        other => KafkaError::Start(other.to_string()),
    }
}
