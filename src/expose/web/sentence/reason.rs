//! Why a status is what it is, and what holds a score back.

use super::{interval, length};
use crate::aggregate::budget::Budget;
use crate::expose::web::text::Language;
use crate::score::{Absence, Ground, PassedBudget, Reason, Remark, Shortfall, SilentSource, Stretch};
use crate::snapshot::HeldBack;
use crate::time::Span;

impl Language {
    /// Why a status is what it is, in one sentence.
    pub(crate) fn reason(self, reason: &Reason) -> String {
        if self == Language::English {
            return reason.to_string();
        }
        let ground = ground(&reason.ground);
        reason.remarks.iter().fold(ground, |sentence, remark| format!("{sentence}；{}", self::remark(remark)))
    }

    /// What holds a score's instant back.
    pub(crate) fn held_back(self, held: &HeldBack) -> String {
        match (self, held) {
            (Language::English, held) => held.to_string(),
            (Language::Chinese, HeldBack::Unread { event, topic }) => format!("{event}：主题 {topic} 还有未读取的分区"),
            (Language::Chinese, HeldBack::Partition { event, known, topic, partition, lag_records }) => {
                let lag = lag_records.map_or_else(String::new, |lag| format!("，距末尾还有 {lag} 条记录"));
                format!("{event}，已知至 {known}：主题 {topic} 的分区 {partition}{lag}")
            }
        }
    }
}

const ALL_THE_SAME: &str = "若仍要评判，请设置 `partial: accept`";

fn ground(ground: &Ground) -> String {
    match ground {
        Ground::Closed { score, success, reached: true } => format!("已结束：得分 {score} 达到达成线 {success}"),
        Ground::Closed { score, success, reached: false } => format!("已结束：得分 {score} 未达到达成线 {success}"),
        Ground::ClosedEmpty(why) => format!("已结束但没有得分：{}", absence(why)),
        Ground::NotBegun { cycle, date } => format!("周期 {cycle} 从 {date} 开始"),
        Ground::PastBudget(passed) => format!("没有数值：{}", budget(passed)),
        Ground::Empty(why) => absence(why),
        Ground::Silent { source, lasted, allowed } => silent(source, *lasted, *allowed),
        Ground::Unchecked { rows, ids_max } => format!(
            "{rows} 条事件无法查重：某个分区的 id 超过 {ids_max} 个，最早几天的已被舍弃；请调大 [state] 中的 `dedup_ids_max`"
        ),
        Ground::TooFew { n, least } => format!("窗口内只有 {n} 条事件，少于所需的 {least} 条（min_events）"),
        Ground::CoveredLate { from, window } => {
            format!("数据自 {from} 起才有，而窗口始于 {window}；{ALL_THE_SAME}")
        }
        Ground::ChangedBefore { from } => {
            format!("数据自 {from} 起才有，在那之前设定、此后未变的部分无从得知；{ALL_THE_SAME}")
        }
        Ground::NotRead => "窗口内的事件未被读取".to_owned(),
        Ground::BaselineMeasuring { from, to } => format!("基线仍在测量：{from} 至 {to}"),
        Ground::BaselineEmpty { from, to } => format!("基线在 {from} 至 {to} 期间没有数值"),
        Ground::BaselineTooFew { n, least, from, to } => {
            format!("基线在 {from} 至 {to} 期间只有 {n} 条事件，少于所需的 {least} 条（min_events）")
        }
        Ground::BaselineCoveredLate { covered, from, to } => {
            format!("数据自 {covered} 起才有，而基线的测量期为 {from} 至 {to}；{ALL_THE_SAME}")
        }
        Ground::NoTarget => "实测基线为 0，无法按其比例设定目标".to_owned(),
        Ground::NoDayYet => "周期内还没有哪一天结束且事件足以评判".to_owned(),
        Ground::Reached { score, success, exactly: true } => format!("得分 {score} 正好达到达成线 {success}"),
        Ground::Reached { score, success, exactly: false } => format!("得分 {score} 超过达成线 {success}"),
        Ground::AsExpected { score, expected } => format!("得分 {score} 正好等于目前的预期 {expected}"),
        Ground::PastExpected { score, expected } => format!("得分 {score} 超过目前的预期 {expected}"),
        Ground::NearByShare { score, expected, share } => {
            format!("得分 {score} 不低于目前预期 {expected} 的 {}", tight(share))
        }
        Ground::NearByGap { short, allowed } => format!("{}，在允许的 {allowed} 以内", shortfall(short)),
        Ground::TooEarly { short, elapsed } => format!("{}，但周期只过了 {}", shortfall(short), tight(elapsed)),
        Ground::Between { short, least } => format!("{}；达到 {least} 即为正常", shortfall(short)),
        Ground::WellBelow { short: Shortfall { score, gap, expected }, share } => {
            format!("得分 {score} 低于目前预期 {expected} 的 {}，差 {gap}", tight(share))
        }
    }
}

fn shortfall(Shortfall { score, gap, expected }: &Shortfall) -> String {
    format!("得分 {score} 比目前的预期 {expected} 低 {gap}")
}

fn silent(source: &SilentSource, lasted: Span, allowed: Span) -> String {
    let (lasted, allowed) = (length(lasted), length(allowed));
    match source {
        SilentSource::Topic { topic, last } => {
            format!("主题 {topic} 没有新数据：最后一条记录是 {last} 的，距今 {lasted}，允许 {allowed}（silent_after）")
        }
        SilentSource::NewTopic { topic } => {
            format!("周期已开始 {lasted}，主题 {topic} 从未有过记录，允许 {allowed}（silent_after）")
        }
        SilentSource::Watermark { known } => {
            format!("数据只完整到 {known}，距今 {lasted}，允许 {allowed}（silent_after）")
        }
        SilentSource::CheckIns { last } => {
            format!("最近一次填报是 {last} 的，距今 {lasted}，允许 {allowed}（stale_after）")
        }
    }
}

fn absence(absence: &Absence) -> String {
    match absence {
        Absence::PastBudget(passed) => budget(passed),
        Absence::NoCheckIn => "还没有人填报数值".to_owned(),
        Absence::NoMilestones => "没有里程碑".to_owned(),
        Absence::Unread { topics } if topics.is_empty() => "尚未读取任何数据".to_owned(),
        Absence::Unread { topics } => format!("尚无从得知：主题 {} 还有未读取的分区", topics.join("、")),
        Absence::TooYoung { horizon } => format!("窗口内最早的起始还不满 {}，因此无一可评判", length(*horizon)),
        Absence::NoBucketYet => "窗口内还没有结束的时间段".to_owned(),
        Absence::NoInterval { interval, stretch } => {
            format!("{}没有完整结束的一{}", within(stretch), self::interval(*interval))
        }
        Absence::BeginsLater { at, stretch } => format!("窗口 {}之后才有数据：始于 {at}", span(stretch)),
        Absence::NotRead { stretch } => format!("窗口 {}内的事件未被读取", span(stretch)),
        Absence::NoTotal { total, metric, stretch } => {
            format!("{}{total} 为 0，因此 {metric} 没有数值", within(stretch))
        }
        Absence::NoFormula { formula, stretch } => {
            format!("{}`{formula}` 没有数值：缺少输入，或除数为 0", within(stretch))
        }
        Absence::NoTime { stretch } => format!("{}没有计入的时间", within(stretch)),
        Absence::NoEvents { metric, stretch } => format!("{}{metric} 没有事件", within(stretch)),
    }
}

/// `A 至 B ` or `A 至 B（限 peak）`: what follows stands close.
fn span(Stretch { from, to, during }: &Stretch) -> String {
    let during = if during.is_empty() { " ".to_owned() } else { format!("（限 {}）", during.join(" 或 ")) };
    format!("{from} 至 {to}{during}")
}

fn within(stretch: &Stretch) -> String {
    format!("在 {}期间，", span(stretch))
}

fn budget(PassedBudget { budget, limit }: &PassedBudget) -> String {
    let noun = match budget {
        Budget::Pairs => "配对",
        Budget::Distinct => "不同值",
        Budget::Levels => "状态键",
        Budget::Members => "成员",
        Budget::DedupIds => "id",
    };
    let setting = budget.as_str();
    format!("{noun}超过 {limit} 个，这是可容纳的上限；请调大 [state] 中的 `{setting}` 并重启")
}

fn remark(remark: &Remark) -> String {
    match remark {
        Remark::BeyondWhole { part, total } => format!("{part} 不在 {total} 的范围内：部分大于整体，或小于 0"),
        Remark::ProvisionalBaseline { until } => format!("实测基线在 {until} 之前为暂定"),
        Remark::MembersHidden { dimension, passed } => format!("按 {dimension} 的成员未显示：{}", budget(passed)),
    }
}

/// A per cent sign stands close in Chinese.
fn tight(share: &str) -> String {
    share.replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Interval;

    fn check(ground: Ground, english: &str, chinese: &str) {
        let reason = Reason { ground, remarks: Vec::new() };
        assert_eq!(Language::English.reason(&reason), english);
        assert_eq!(Language::Chinese.reason(&reason), chinese);
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn stretch(during: &[&str]) -> Stretch {
        Stretch { from: text("A"), to: text("B"), during: during.iter().map(|name| text(name)).collect() }
    }

    #[test]
    fn the_table_of_scores() {
        let (score, expected) = (text("0.40"), text("0.50"));
        let short = || Shortfall { score: text("0.40"), gap: text("0.10"), expected: text("0.50") };
        let closed = |reached| Ground::Closed { score: text("0.40"), success: text("1.00"), reached };
        let reached = |exactly| Ground::Reached { score: text("0.40"), success: text("0.30"), exactly };
        check(
            closed(true),
            "closed: 0.40 reached the 1.00 that counts as success",
            "已结束：得分 0.40 达到达成线 1.00",
        );
        check(
            closed(false),
            "closed: 0.40 did not reach the 1.00 that counts as success",
            "已结束：得分 0.40 未达到达成线 1.00",
        );
        check(reached(true), "0.40 meets the 0.30 that counts as success", "得分 0.40 正好达到达成线 0.30");
        check(reached(false), "0.40 is past the 0.30 that counts as success", "得分 0.40 超过达成线 0.30");
        check(
            Ground::AsExpected { score: score.clone(), expected: expected.clone() },
            "0.40 is the 0.50 expected by now",
            "得分 0.40 正好等于目前的预期 0.50",
        );
        check(
            Ground::PastExpected { score: score.clone(), expected: expected.clone() },
            "0.40 is past the 0.50 expected by now",
            "得分 0.40 超过目前的预期 0.50",
        );
        check(
            Ground::NearByShare { score, expected, share: text("90 %") },
            "0.40 is at least 90 % of the 0.50 expected by now",
            "得分 0.40 不低于目前预期 0.50 的 90%",
        );
        check(
            Ground::NearByGap { short: short(), allowed: text("0.20") },
            "0.40 is 0.10 short of the 0.50 expected by now, within the 0.20 that is allowed",
            "得分 0.40 比目前的预期 0.50 低 0.10，在允许的 0.20 以内",
        );
        check(
            Ground::TooEarly { short: short(), elapsed: text("19 %") },
            "0.40 is 0.10 short of the 0.50 expected by now, but only 19 % of the cycle has elapsed",
            "得分 0.40 比目前的预期 0.50 低 0.10，但周期只过了 19%",
        );
        check(
            Ground::Between { short: short(), least: text("0.45") },
            "0.40 is 0.10 short of the 0.50 expected by now; from 0.45 on it is on track",
            "得分 0.40 比目前的预期 0.50 低 0.10；达到 0.45 即为正常",
        );
        check(
            Ground::WellBelow { short: short(), share: text("60 %") },
            "0.40 is below 60 % of the 0.50 expected by now, and 0.10 short of it",
            "得分 0.40 低于目前预期 0.50 的 60%，差 0.10",
        );
    }

    #[test]
    fn the_table_of_what_cannot_be_judged() {
        let (from, to) = (|| text("A"), || text("B"));
        check(
            Ground::NotBegun { cycle: text("2026-Q4"), date: text("2026-10-01") },
            "the cycle 2026-Q4 begins on 2026-10-01",
            "周期 2026-Q4 从 2026-10-01 开始",
        );
        check(
            Ground::PastBudget(PassedBudget { budget: Budget::Pairs, limit: 5 }),
            "there is no value: there are more than 5 pairs, which is all that may be held; raise `pairs_max` in [state] and restart",
            "没有数值：配对超过 5 个，这是可容纳的上限；请调大 [state] 中的 `pairs_max` 并重启",
        );
        check(
            Ground::Unchecked { rows: 1, ids_max: 5 },
            "1 row could not be checked for copies: there were more than 5 ids in a partition, and those of the oldest days were let go; raise `dedup_ids_max` in [state]",
            "1 条事件无法查重：某个分区的 id 超过 5 个，最早几天的已被舍弃；请调大 [state] 中的 `dedup_ids_max`",
        );
        check(
            Ground::TooFew { n: 2, least: 3 },
            "2 events in the window, fewer than the 3 that it takes (min_events)",
            "窗口内只有 2 条事件，少于所需的 3 条（min_events）",
        );
        check(
            Ground::CoveredLate { from: from(), window: to() },
            "the events reach back only to A but the window begins at B; `partial: accept` judges it all the same",
            "数据自 A 起才有，而窗口始于 B；若仍要评判，请设置 `partial: accept`",
        );
        check(
            Ground::ChangedBefore { from: from() },
            "the events reach back only to A, and what has not changed since then is unknown; `partial: accept` judges it all the same",
            "数据自 A 起才有，在那之前设定、此后未变的部分无从得知；若仍要评判，请设置 `partial: accept`",
        );
        check(Ground::NotRead, "the events of the window were not read", "窗口内的事件未被读取");
        check(
            Ground::BaselineMeasuring { from: from(), to: to() },
            "the baseline is still being measured from A to B",
            "基线仍在测量：A 至 B",
        );
        check(
            Ground::BaselineEmpty { from: from(), to: to() },
            "the baseline has no value from A to B",
            "基线在 A 至 B 期间没有数值",
        );
        check(
            Ground::BaselineTooFew { n: 1, least: 3, from: from(), to: to() },
            "the baseline has 1 event from A to B, fewer than the 3 that it takes (min_events)",
            "基线在 A 至 B 期间只有 1 条事件，少于所需的 3 条（min_events）",
        );
        check(
            Ground::BaselineCoveredLate { covered: text("C"), from: from(), to: to() },
            "the events reach back only to C but the baseline is measured from A to B; `partial: accept` judges it all the same",
            "数据自 C 起才有，而基线的测量期为 A 至 B；若仍要评判，请设置 `partial: accept`",
        );
        check(
            Ground::NoTarget,
            "the measured baseline is 0, and a share of nothing is no target",
            "实测基线为 0，无法按其比例设定目标",
        );
        check(
            Ground::NoDayYet,
            "no day of the cycle has ended with enough events to judge it",
            "周期内还没有哪一天结束且事件足以评判",
        );
    }

    #[test]
    fn the_table_of_silence() {
        let check = |source, english, chinese| {
            check(Ground::Silent { source, lasted: Span::DAY, allowed: Span::HOUR }, english, chinese)
        };
        check(
            SilentSource::Topic { topic: text("picks"), last: text("A") },
            "topic picks is silent: its last record is of A, 1d ago, and 1h are allowed (silent_after)",
            "主题 picks 没有新数据：最后一条记录是 A 的，距今 1 天，允许 1 小时（silent_after）",
        );
        check(
            SilentSource::NewTopic { topic: text("picks") },
            "topic picks never had a record, 1d into the cycle, and 1h of silence are allowed (silent_after)",
            "周期已开始 1 天，主题 picks 从未有过记录，允许 1 小时（silent_after）",
        );
        check(
            SilentSource::Watermark { known: text("A") },
            "everything is known only up to A, 1d ago, and 1h are allowed (silent_after)",
            "数据只完整到 A，距今 1 天，允许 1 小时（silent_after）",
        );
        check(
            SilentSource::CheckIns { last: text("A") },
            "the last check-in is of A, 1d ago, and 1h are allowed (stale_after)",
            "最近一次填报是 A 的，距今 1 天，允许 1 小时（stale_after）",
        );
    }

    #[test]
    fn the_table_of_absence() {
        let check = |absence, english, chinese| check(Ground::Empty(absence), english, chinese);
        check(
            Absence::PastBudget(PassedBudget { budget: Budget::Distinct, limit: 5 }),
            "there are more than 5 distinct values, which is all that may be held; raise `distinct_max` in [state] and restart",
            "不同值超过 5 个，这是可容纳的上限；请调大 [state] 中的 `distinct_max` 并重启",
        );
        check(Absence::NoCheckIn, "nobody has checked in a value", "还没有人填报数值");
        check(Absence::NoMilestones, "there are no milestones", "没有里程碑");
        check(Absence::Unread { topics: Vec::new() }, "nothing was read yet", "尚未读取任何数据");
        check(
            Absence::Unread { topics: vec![text("a"), text("b")] },
            "nothing is known yet: topics a, b have partitions that were not read",
            "尚无从得知：主题 a、b 还有未读取的分区",
        );
        check(
            Absence::TooYoung { horizon: Span::DAY },
            "no start of the window is 1d old yet, so none is judged",
            "窗口内最早的起始还不满 1 天，因此无一可评判",
        );
        check(Absence::NoBucketYet, "no bucket of the window has ended yet", "窗口内还没有结束的时间段");
        check(
            Absence::NoInterval { interval: Interval::Week, stretch: stretch(&["peak", "office"]) },
            "no whole week has ended from A to B during peak or office",
            "在 A 至 B（限 peak 或 office）期间，没有完整结束的一周",
        );
        check(
            Absence::BeginsLater { at: text("C"), stretch: stretch(&[]) },
            "the events begin only at C, after the window from A to B",
            "窗口 A 至 B 之后才有数据：始于 C",
        );
        check(
            Absence::NotRead { stretch: stretch(&[]) },
            "the events of the window from A to B were not read",
            "窗口 A 至 B 内的事件未被读取",
        );
        check(
            Absence::NoTotal { total: text("picks"), metric: text("accuracy"), stretch: stretch(&[]) },
            "picks is 0 from A to B, so accuracy has no value",
            "在 A 至 B 期间，picks 为 0，因此 accuracy 没有数值",
        );
        check(
            Absence::NoFormula { formula: text("a / b"), stretch: stretch(&[]) },
            "`a / b` has no value from A to B: an input is missing or a divisor is 0",
            "在 A 至 B 期间，`a / b` 没有数值：缺少输入，或除数为 0",
        );
        check(
            Absence::NoTime { stretch: stretch(&[]) },
            "there is no time from A to B",
            "在 A 至 B 期间，没有计入的时间",
        );
        check(
            Absence::NoEvents { metric: text("picks"), stretch: stretch(&["peak"]) },
            "picks has no events from A to B during peak",
            "在 A 至 B（限 peak）期间，picks 没有事件",
        );
    }

    #[test]
    fn the_table_of_what_holds_back() {
        let partition = |lag_records| HeldBack::Partition {
            event: text("picked"),
            known: text("A"),
            topic: text("picks"),
            partition: 3,
            lag_records,
        };
        for (held, english, chinese) in [
            (
                HeldBack::Unread { event: text("picked"), topic: text("picks") },
                "picked: a partition of topic picks was not read yet",
                "picked：主题 picks 还有未读取的分区",
            ),
            (
                partition(Some(1)),
                "picked, known up to A: partition 3 of topic picks, 1 record behind its end",
                "picked，已知至 A：主题 picks 的分区 3，距末尾还有 1 条记录",
            ),
            (
                partition(None),
                "picked, known up to A: partition 3 of topic picks",
                "picked，已知至 A：主题 picks 的分区 3",
            ),
        ] {
            assert_eq!(Language::English.held_back(&held), english);
            assert_eq!(Language::Chinese.held_back(&held), chinese);
        }
    }

    #[test]
    fn remarks_follow_the_rule() {
        let passed = PassedBudget { budget: Budget::Members, limit: 5 };
        let reason = Reason {
            ground: Ground::ClosedEmpty(Absence::NoCheckIn),
            remarks: vec![
                Remark::BeyondWhole { part: text("errors"), total: text("picks") },
                Remark::ProvisionalBaseline { until: text("A") },
                Remark::MembersHidden { dimension: text("zone"), passed },
            ],
        };
        assert_eq!(
            Language::English.reason(&reason),
            "closed without a score: nobody has checked in a value; errors does not lie within picks: a part greater than its whole, \
             or one below 0; its measured baseline is provisional until A; members of zone are not shown: there are more than 5 members, \
             which is all that may be held; raise `members_max` in [state] and restart"
        );
        assert_eq!(
            Language::Chinese.reason(&reason),
            "已结束但没有得分：还没有人填报数值；errors 不在 picks 的范围内：部分大于整体，或小于 0；实测基线在 A 之前为暂定；\
             按 zone 的成员未显示：成员超过 5 个，这是可容纳的上限；请调大 [state] 中的 `members_max` 并重启"
        );
    }
}
