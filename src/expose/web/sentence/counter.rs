//! What was counted beside the rows.

use crate::expose::web::text::Language;
use crate::snapshot::CounterKey;

impl Language {
    /// What a counter counts.
    pub(crate) fn counter(self, key: &CounterKey) -> String {
        match self {
            Language::English => key.to_string(),
            Language::Chinese => chinese(key),
        }
    }
}

fn chinese(key: &CounterKey) -> String {
    match key {
        CounterKey::Records { topic, result } => {
            let result = match result.as_str() {
                "read" => "已读取",
                "dead_letter" => "死信",
                "tombstone" => "空值（墓碑）",
                other => other,
            };
            format!("{topic} 的记录：{result}")
        }
        CounterKey::DeadLetters { topic, reason } => format!("{topic} 的死信：{reason}"),
        CounterKey::ValueFaults { metric, reason } => format!("{metric} 无法取用的数值：{reason}"),
        CounterKey::Copies { event } => format!("已剔除的 {event} 重复"),
        CounterKey::Unchecked { event } => format!("未查重即计入的 {event}"),
        CounterKey::Incidents { topic, kind } => format!("{topic} 的异常：{kind}"),
        CounterKey::BelowFloor { event } => format!("未计入的 {event}：早于任何得分所读取的时间"),
        CounterKey::KeysAgain { metric } => format!("{metric} 中配对过去很久后又出现的键"),
        CounterKey::SkippedOffsets { topic } => format!("{topic} 的日志中没有的位点"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_counters() {
        let text = |text: &str| text.to_owned();
        let (topic, event, metric, reason) = (text("picks"), text("picked"), text("pick_time"), text("not_json"));
        let records = |result: &str| CounterKey::Records { topic: text("picks"), result: text(result) };
        for (key, english, chinese) in [
            (records("read"), "records of picks: read", "picks 的记录：已读取"),
            (records("dead_letter"), "records of picks: dead_letter", "picks 的记录：死信"),
            (records("tombstone"), "records of picks: tombstone", "picks 的记录：空值（墓碑）"),
            (
                CounterKey::DeadLetters { topic: topic.clone(), reason: reason.clone() },
                "dead letters of picks: not_json",
                "picks 的死信：not_json",
            ),
            (
                CounterKey::ValueFaults { metric: metric.clone(), reason: text("wrong_type") },
                "value faults of pick_time: wrong_type",
                "pick_time 无法取用的数值：wrong_type",
            ),
            (CounterKey::Copies { event: event.clone() }, "copies of picked removed", "已剔除的 picked 重复"),
            (
                CounterKey::Unchecked { event: event.clone() },
                "picked counted without looking for copies",
                "未查重即计入的 picked",
            ),
            (
                CounterKey::Incidents { topic: topic.clone(), kind: text("topic_remade") },
                "incidents of picks: topic_remade",
                "picks 的异常：topic_remade",
            ),
            (
                CounterKey::BelowFloor { event },
                "picked left out: older than anything that a score reads",
                "未计入的 picked：早于任何得分所读取的时间",
            ),
            (
                CounterKey::KeysAgain { metric },
                "keys of pick_time used again long after their pair",
                "pick_time 中配对过去很久后又出现的键",
            ),
            (
                CounterKey::SkippedOffsets { topic },
                "offsets of picks that the log did not give",
                "picks 的日志中没有的位点",
            ),
        ] {
            assert_eq!(Language::English.counter(&key), english);
            assert_eq!(Language::Chinese.counter(&key), chinese);
        }
    }
}
