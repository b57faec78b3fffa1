//! What the service learns from Kafka besides records, and how librdkafka's errors become that.

use rdkafka::error::RDKafkaErrorCode;

use crate::event::{Offset, Partition, TopicIndex};
use crate::pipeline::AssignmentEpoch;
use crate::time::Timestamp;

/// What happened, in order. The service answers the first three: see [`super::Consumer::poll`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerEvent {
    /// The group gave these partitions to us; they are consumed once [`super::Consumer::assign`] names their offsets.
    Assigned(Vec<Partition>),
    /// The group wants these back: flush, then [`super::Consumer::unassign`]. Nobody else has them before that.
    Revoked(Vec<Partition>),
    /// These are gone: we were away too long, and somebody else may have them already. Drop what is not stored, then
    /// [`super::Consumer::unassign`].
    Lost(Vec<Partition>),
    /// Where the logs end; see [`super::Consumer::ask_log_ends`].
    LogEnds {
        /// The instant before the question was sent: what `ends` says was true then or later, so it counts as then.
        asked_at: Timestamp,
        /// The offset after the last record (the last stable offset under read_committed). A partition whose leader gave no answer is left out.
        ends: Vec<(Partition, Offset)>,
    },
    /// A partition brings nothing; whether librdkafka tries again says [`PartitionFault::stands_still`].
    PartitionFault {
        /// Which.
        partition: Partition,
        /// The assignment under which it was consumed.
        epoch: AssignmentEpoch,
        /// The offset at which it stopped, where librdkafka says so.
        offset: Option<Offset>,
        /// What kind of fault.
        fault: PartitionFault,
        /// The words for it.
        text: String,
    },
    /// No broker can be reached; librdkafka goes on trying. Told once until [`ConsumerEvent::BrokersUp`].
    BrokersDown {
        /// What it waits for.
        text: String,
    },
    /// A broker answers again.
    BrokersUp,
    /// The password, the user or the certificate is not accepted. librdkafka goes on trying, which may be right (a password that is being
    /// changed) or not: the service decides.
    AuthenticationFailed {
        /// One sentence.
        text: String,
    },
    /// A topic of the book does not exist (yet); told again as often as the metadata is read.
    TopicMissing {
        /// Which.
        topic: TopicIndex,
        /// One sentence.
        text: String,
    },
    /// A topic was deleted and made anew, and what is read now may be the middle of other logs: nothing of it may be stored under the old id.
    /// Told until [`super::Consumer::describe_topics`] has seen the new one. See [`super::Consumer::ask_topics`].
    TopicRemade {
        /// Which.
        topic: TopicIndex,
        /// One sentence with both ids.
        text: String,
    },
    /// A topic has more partitions than [`super::Consumer::describe_topics`] saw: these. The group gives them later, or to somebody else.
    PartitionsAdded(Vec<Partition>),
    /// The user may not read the topic, or may not be in the group.
    AccessDenied {
        /// One sentence.
        text: String,
    },
    /// Anything else. After a fatal one this consumer brings nothing more: close it and open another, or give up.
    Error {
        /// Whether this consumer is of no more use.
        fatal: bool,
        /// librdkafka's words.
        text: String,
    },
}

/// Why a partition stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionFault {
    /// The log does not hold the offset: retention passed it, or the topic was made anew and is shorter.
    OffsetOutOfRange,
    /// The log no longer holds what was read before: an unclean election, or a topic made anew.
    LogTruncated,
    /// The topic or partition is not there any more.
    Gone,
    /// The user may not read it.
    Denied,
    /// A record came another way than the batches do, and was not handed on: read again from the last position.
    Strayed,
    /// librdkafka's error of this number.
    Other(i32),
}

impl PartitionFault {
    /// Whether nothing comes until [`super::Consumer::reassign`]. After the others librdkafka tries again by itself.
    pub fn stands_still(self) -> bool {
        matches!(self, PartitionFault::OffsetOutOfRange | PartitionFault::LogTruncated | PartitionFault::Strayed)
    }

    /// As metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            PartitionFault::OffsetOutOfRange => "offset_out_of_range",
            PartitionFault::LogTruncated => "log_truncated",
            PartitionFault::Gone => "gone",
            PartitionFault::Denied => "denied",
            PartitionFault::Strayed => "strayed",
            PartitionFault::Other(_) => "other",
        }
    }

    pub(super) fn of(code: RDKafkaErrorCode) -> PartitionFault {
        match code {
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => PartitionFault::OffsetOutOfRange,
            RDKafkaErrorCode::LogTruncation => PartitionFault::LogTruncated,
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicId => PartitionFault::Gone,
            RDKafkaErrorCode::TopicAuthorizationFailed => PartitionFault::Denied,
            other => PartitionFault::Other(other as i32),
        }
    }
}

/// librdkafka's error `code` and its `reason` as an event. `names` are the subscribed topics, `user` is `sasl.username`.
///
/// | code | becomes |
/// |---|---|
/// | `_AUTHENTICATION`, `SASL_AUTHENTICATION_FAILED`, `_SSL` | `AuthenticationFailed` |
/// | `_ALL_BROKERS_DOWN` | `BrokersDown` |
/// | `_TRANSPORT`, `_RESOLVE`, `_TIMED_OUT` of one broker | nothing: `BrokersDown` follows if it matters, the log has it |
/// | unknown topic | `TopicMissing` |
/// | topic, group or cluster authorization | `AccessDenied` |
/// | all else | `Error` |
pub(super) fn classify(
    code: RDKafkaErrorCode,
    reason: &str,
    names: &[(TopicIndex, String)],
    user: Option<&str>,
) -> Option<ConsumerEvent> {
    use RDKafkaErrorCode as Code;
    Some(match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            let who = user.map_or_else(String::new, |user| format!(" user {user:?}"));
            let text = format!(
                "kafka does not accept{who}: {reason}; check sasl.mechanism, sasl.username and kafka.sasl_password_file"
            );
            ConsumerEvent::AuthenticationFailed { text }
        }
        Code::SSL => {
            let text = format!(
                "no secure connection to kafka: {reason}; check security.protocol, ssl.ca.location and the certificates"
            );
            ConsumerEvent::AuthenticationFailed { text }
        }
        Code::AllBrokersDown => ConsumerEvent::BrokersDown { text: reason.to_owned() },
        Code::BrokerTransportFailure | Code::Resolve | Code::OperationTimedOut => return None,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownTopicId => {
            let Some((topic, name)) = names.iter().find(|(_, name)| names_topic(reason, name)) else {
                return Some(ConsumerEvent::Error { fatal: false, text: reason.to_owned() });
            };
            let text =
                format!("kafka has no topic {name:?}: waiting for it to be made; if it is misspelt, mend the book");
            ConsumerEvent::TopicMissing { topic: *topic, text }
        }
        Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            let who = user.map_or_else(|| "this client".to_owned(), |user| format!("user {user:?}"));
            let text = format!(
                "kafka denies {who} access: {reason}; it needs Read and Describe on the topics and Read on the group"
            );
            ConsumerEvent::AccessDenied { text }
        }
        Code::Fatal => ConsumerEvent::Error { fatal: true, text: reason.to_owned() },
        _ => ConsumerEvent::Error { fatal: false, text: reason.to_owned() },
    })
}

/// Whether librdkafka's "Subscribed topic not available: NAME: why" is about `name`; names may be prefixes of one another.
fn names_topic(reason: &str, name: &str) -> bool {
    reason
        .split_once(": ")
        .is_some_and(|(_, rest)| rest.strip_prefix(name).is_some_and(|after| after.starts_with(": ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_events() {
        let names = [(TopicIndex(0), "orders".to_owned()), (TopicIndex(1), "orders.eu".to_owned())];
        let check = |code, reason: &str, expected: &str| {
            let event = classify(code, reason, &names, Some("me"));
            assert!(format!("{event:?}").contains(expected), "{code:?} {reason}: {event:?}");
        };
        let missing = "Subscribed topic not available: orders.eu: Broker: Unknown topic or partition";
        check(RDKafkaErrorCode::UnknownTopicOrPartition, missing, "TopicMissing { topic: TopicIndex(1)");
        check(
            RDKafkaErrorCode::UnknownTopicOrPartition,
            "Subscribed topic not available: order: x",
            "Error { fatal: false",
        );
        check(RDKafkaErrorCode::Authentication, "refused", "kafka does not accept user \\\"me\\\": refused");
        check(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down", "BrokersDown");
        check(RDKafkaErrorCode::BrokerTransportFailure, "connection refused", "None");
        check(RDKafkaErrorCode::GroupAuthorizationFailed, "no", "AccessDenied");
        check(RDKafkaErrorCode::Fatal, "fenced", "Error { fatal: true");
    }
}
