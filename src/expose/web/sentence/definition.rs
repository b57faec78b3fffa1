//! Definitions: what a key result computes, from which rows of which topics.

use jiff::civil::Date;

use super::{exact_length, interval};
use crate::book::{EndChoice, Placed, RatioSense, Stat};
use crate::expose::web::text::Language;
use crate::snapshot::definition::{
    CalendarDefinition, Definition, DurationDefinition, EventDefinition, MetricDefinition, RowsDefinition, stat_text,
};

impl Language {
    /// A line of a definition.
    pub(crate) fn definition(self, line: &Definition) -> String {
        match self {
            Language::English => line.to_string(),
            Language::Chinese => chinese(line),
        }
    }
}

fn chinese(line: &Definition) -> String {
    match line {
        Definition::CheckIn => "最近一次填报的数值".to_owned(),
        Definition::Milestones => "已完成里程碑的权重占全部权重的比例".to_owned(),
        Definition::Milestone { name, weight, done } => {
            let done = if *done { "已完成" } else { "未完成" };
            format!("{name}：权重 {weight}，{done}")
        }
        Definition::Statistic { stat, metric } => format!("{metric} {}", statistic(*stat)),
        Definition::Rate { metric, per } => format!("{metric} 每{}", interval(*per)),
        Definition::Calendar(calendar) => self::calendar(calendar),
        Definition::Only { dimension, member } => format!("仅 {dimension} = {member}"),
        Definition::Metric { name, is, filter } => {
            let filter = filter.as_ref().map_or_else(String::new, |filter| format!("，条件 {filter}"));
            format!("{name} = {}{filter}", metric(is))
        }
        Definition::Event(event) => self::event(event),
    }
}

fn statistic(stat: Stat) -> String {
    match stat {
        Stat::Mean => "的平均值".to_owned(),
        Stat::Min => "的最小值".to_owned(),
        Stat::Max => "的最大值".to_owned(),
        Stat::Within(span) => format!("不超过 {} 的比例", exact_length(span)),
        Stat::OnTime => "按时完成的比例".to_owned(),
        Stat::MostIn(of) => format!("最多的一{}", interval(of)),
        Stat::LeastIn(of) => format!("最少的一{}", interval(of)),
        Stat::Natural | Stat::Percentile(_) => stat_text(stat).map_or_else(String::new, |rank| format!("的 {rank}")),
    }
}

fn calendar(calendar: &CalendarDefinition) -> String {
    let weekdays = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
    let held = weekdays.iter().zip(calendar.weekdays).filter(|(_, held)| *held);
    let mut days: Vec<String> = held.map(|(day, _)| (*day).to_owned()).collect();
    days.extend(dates(&calendar.dates));
    if days.is_empty() {
        days.push("每天".to_owned());
    }
    let hours = if calendar.hours.is_empty() { String::new() } else { format!(" {}", calendar.hours.join("、")) };
    let except: Vec<String> = dates(&calendar.except_dates).chain(calendar.except.iter().cloned()).collect();
    let except = if except.is_empty() { String::new() } else { format!("，不含 {}", except.join("、")) };
    format!("{} = {}{hours}{except}", calendar.name, days.join("、"))
}

fn dates(ranges: &[(Date, Date)]) -> impl Iterator<Item = String> {
    ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} 至 {last}"),
    })
}

fn metric(metric: &MetricDefinition) -> String {
    match metric {
        MetricDefinition::Count(rows) => format!("{} 的条数", self::rows(rows)),
        MetricDefinition::Sum { value, rows } => format!("{} 的 {value} 之和", self::rows(rows)),
        MetricDefinition::Value { value, rows } => format!("{} 的 {value}", self::rows(rows)),
        MetricDefinition::Distinct { value, rows } => format!("{} 的不同 {value} 的个数", self::rows(rows)),
        MetricDefinition::Level { value, key, rows } => {
            format!("{} 中每个 {key} 最新的 {value} 之和", self::rows(rows))
        }
        MetricDefinition::Ratio { sense: RatioSense::Bad, part, total } => format!("1 − {part} / {total}"),
        MetricDefinition::Ratio { sense: RatioSense::Good | RatioSense::Part, part, total } => {
            format!("{part} / {total}")
        }
        MetricDefinition::Derived(formula) => formula.clone(),
        MetricDefinition::Duration(duration) => self::duration(duration),
    }
}

fn rows(rows: &RowsDefinition) -> String {
    let filter = rows.filter.as_ref().map_or_else(String::new, |filter| format!("（条件 {filter}）"));
    format!("{}{filter}", rows.event)
}

fn duration(duration: &DurationDefinition) -> String {
    let DurationDefinition { from, to, key, .. } = duration;
    let end = match duration.end {
        EndChoice::First => "首个",
        EndChoice::Last => "最后一个",
    };
    let deadline = duration.deadline.as_ref().map_or_else(String::new, |deadline| format!("，期限 {deadline}"));
    let void = duration.void.as_ref().map_or_else(String::new, |void| format!("，不含有 {void} 的"));
    let placed = match duration.placed {
        Placed::End => "计入结束之时",
        Placed::Start => "计入开始之时",
    };
    format!("从 {from} 到 {key} 相同的{end} {to} 的时长{deadline}{void}，{placed}")
}

fn event(event: &EventDefinition) -> String {
    let EventDefinition { name, topic, time, .. } = event;
    let each = event.each.as_ref().map_or_else(String::new, |each| format!("中 {each} 的元素"));
    let filter = event.filter.as_ref().map_or_else(String::new, |filter| format!("（条件 {filter}）"));
    let zone = event.zone.as_ref().map_or_else(String::new, |zone| format!("（时区 {zone}）"));
    let place = event.each.as_ref().map(|_| "位置");
    let id: Vec<&str> = event.id.iter().map(String::as_str).chain(place).collect();
    let copies =
        if event.id.is_empty() { String::new() } else { format!("，每个 {} 只计一次", id.join(" 与 ")) };
    format!("{name} = 主题 {topic} 的记录{each}{filter}，时间取自 {time}{zone}{copies}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Fixed;
    use crate::time::{Interval, Span};

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn check(line: Definition, english: &str, chinese: &str) {
        assert_eq!(Language::English.definition(&line), english);
        assert_eq!(Language::Chinese.definition(&line), chinese);
    }

    #[test]
    fn the_table_of_what_is_asked() {
        check(Definition::CheckIn, "the value of the latest check-in", "最近一次填报的数值");
        check(
            Definition::Milestones,
            "the weight of the milestones that are done, of all weight",
            "已完成里程碑的权重占全部权重的比例",
        );
        check(
            Definition::Milestone { name: text("move"), weight: Fixed::from_int(2), done: false },
            "move: weight 2, not done",
            "move：权重 2，未完成",
        );
        check(Definition::Rate { metric: text("picks"), per: Interval::Hour }, "picks per hour", "picks 每小时");
        check(Definition::Only { dimension: text("zone"), member: text("Z1") }, "only zone = Z1", "仅 zone = Z1");
        for (stat, english, chinese) in [
            (Stat::Natural, "lead", "lead "),
            (Stat::Mean, "mean of lead", "lead 的平均值"),
            (Stat::Percentile(9_990), "p99.9 of lead", "lead 的 p99.9"),
            (Stat::Min, "min of lead", "lead 的最小值"),
            (Stat::Max, "max of lead", "lead 的最大值"),
            (Stat::Within(Span(36 * Span::HOUR.0)), "within 1d12h of lead", "lead 不超过 1 天 12 小时 的比例"),
            (Stat::OnTime, "on_time of lead", "lead 按时完成的比例"),
            (Stat::MostIn(Interval::Day), "max day of lead", "lead 最多的一天"),
            (Stat::LeastIn(Interval::Week), "min week of lead", "lead 最少的一周"),
        ] {
            check(Definition::Statistic { stat, metric: text("lead") }, english, chinese);
        }
    }

    #[test]
    fn the_table_of_calendars() {
        let date = |day| jiff::civil::date(2026, 10, day);
        let weekend = CalendarDefinition {
            name: text("weekend"),
            weekdays: [false, false, false, false, false, true, true],
            dates: vec![(date(1), date(1)), (date(3), date(7))],
            hours: vec![text("08:00-12:00"), text("13:00-17:00")],
            except_dates: vec![(date(4), date(4))],
            except: vec![text("holidays")],
        };
        check(
            Definition::Calendar(weekend),
            "weekend = Saturday, Sunday, 2026-10-01, 2026-10-03 to 2026-10-07 08:00-12:00, 13:00-17:00, without 2026-10-04, holidays",
            "weekend = 周六、周日、2026-10-01、2026-10-03 至 2026-10-07 08:00-12:00、13:00-17:00，不含 2026-10-04、holidays",
        );
        let always = CalendarDefinition {
            name: text("always"),
            weekdays: [false; 7],
            dates: Vec::new(),
            hours: Vec::new(),
            except_dates: Vec::new(),
            except: Vec::new(),
        };
        check(Definition::Calendar(always), "always = every day", "always = 每天");
    }

    #[test]
    fn the_table_of_metrics() {
        let check = |is, english: &str, chinese: &str| {
            check(Definition::Metric { name: text("m"), is, filter: None }, english, chinese)
        };
        let rows = || RowsDefinition { event: text("picked"), filter: None };
        let (value, key) = (|| text("ms"), || text("order_id"));
        check(MetricDefinition::Count(rows()), "m = number of picked", "m = picked 的条数");
        check(
            MetricDefinition::Count(RowsDefinition { event: text("picked"), filter: Some(text("ok")) }),
            "m = number of picked where ok",
            "m = picked（条件 ok） 的条数",
        );
        check(
            MetricDefinition::Sum { value: value(), rows: rows() },
            "m = sum of ms over picked",
            "m = picked 的 ms 之和",
        );
        check(MetricDefinition::Value { value: value(), rows: rows() }, "m = ms over picked", "m = picked 的 ms");
        check(
            MetricDefinition::Distinct { value: value(), rows: rows() },
            "m = number of different ms over picked",
            "m = picked 的不同 ms 的个数",
        );
        check(
            MetricDefinition::Level { value: value(), key: key(), rows: rows() },
            "m = latest ms of each order_id, summed, over picked",
            "m = picked 中每个 order_id 最新的 ms 之和",
        );
        let ratio = |sense| MetricDefinition::Ratio { sense, part: text("a"), total: text("b") };
        check(ratio(RatioSense::Bad), "m = 1 − a / b", "m = 1 − a / b");
        check(ratio(RatioSense::Good), "m = a / b", "m = a / b");
        check(MetricDefinition::Derived(text("a + b")), "m = a + b", "m = a + b");
        let duration = DurationDefinition {
            from: text("created"),
            to: text("shipped"),
            end: EndChoice::First,
            key: key(),
            deadline: None,
            void: None,
            placed: Placed::End,
        };
        check(
            MetricDefinition::Duration(duration.clone()),
            "m = time from created to the first shipped with the same order_id, counted where it ends",
            "m = 从 created 到 order_id 相同的首个 shipped 的时长，计入结束之时",
        );
        let duration = DurationDefinition {
            end: EndChoice::Last,
            deadline: Some(text("due")),
            void: Some(text("cancelled")),
            placed: Placed::Start,
            ..duration
        };
        check(
            MetricDefinition::Duration(duration),
            "m = time from created to the last shipped with the same order_id, due at due, without those that were cancelled, counted where it starts",
            "m = 从 created 到 order_id 相同的最后一个 shipped 的时长，期限 due，不含有 cancelled 的，计入开始之时",
        );
        self::check(
            Definition::Metric {
                name: text("m"),
                is: MetricDefinition::Count(rows()),
                filter: Some(text("zone = 'a'")),
            },
            "m = number of picked, where zone = 'a'",
            "m = picked 的条数，条件 zone = 'a'",
        );
    }

    #[test]
    fn the_table_of_events() {
        let bare = EventDefinition {
            name: text("picked"),
            topic: text("picks"),
            each: None,
            filter: None,
            time: text("ts"),
            zone: None,
            id: Vec::new(),
        };
        check(
            Definition::Event(bare.clone()),
            "picked = records of topic picks, timed by ts",
            "picked = 主题 picks 的记录，时间取自 ts",
        );
        let whole = EventDefinition {
            each: Some(text("items")),
            filter: Some(text("ok")),
            zone: Some(text("Europe/Berlin")),
            id: vec![text("order_id")],
            ..bare
        };
        check(
            Definition::Event(whole),
            "picked = elements of items in records of topic picks where ok, timed by ts in Europe/Berlin, each order_id and place once",
            "picked = 主题 picks 的记录中 items 的元素（条件 ok），时间取自 ts（时区 Europe/Berlin），每个 order_id 与 位置 只计一次",
        );
    }
}
