//! Every string of the page, in each language. Titles are the book's and stay as they are.

use crate::expose::readiness::Phase;
use crate::score::Status;

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// The language that `?lang=` names, else the one that the browser prefers, else English.
    ///
    /// | `lang` | `Accept-Language` | page |
    /// |---|---|---|
    /// | `zh` | any | Chinese |
    /// | `en` | any | English |
    /// | none or unknown | `zh-CN,zh;q=0.9,en;q=0.8` | Chinese |
    /// | none | `de, en;q=0.7, zh;q=0.3` | English |
    /// | none | none | English |
    pub(crate) fn choose(lang: Option<&str>, accept_language: Option<&str>) -> Language {
        if let Some(language) = lang.and_then(Language::of_tag) {
            return language;
        }
        let mut best = (Language::English, 0.0);
        for part in accept_language.unwrap_or("").split(',') {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0_f32), str::parse).unwrap_or(0.0);
            if let Some(language) = Language::of_tag(tag.trim())
                && weight > best.1
            {
                best = (language, weight);
            }
        }
        best.0
    }

    fn of_tag(tag: &str) -> Option<Language> {
        match tag.split('-').next().unwrap_or("").to_ascii_lowercase().as_str() {
            "zh" => Some(Language::Chinese),
            "en" => Some(Language::English),
            _ => None,
        }
    }

    /// The value of `?lang=`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh",
        }
    }

    /// The title in this language: the book's own for it (`zh`, or `zh-CN` and the like), else the first.
    pub(crate) fn title<'a>(self, first: &'a str, titles: &'a [(String, String)]) -> &'a str {
        let own = titles.iter().find(|(tag, _)| Language::of_tag(tag) == Some(self));
        own.map_or(first, |(_, title)| title)
    }

    /// The other one, for the switch.
    pub(crate) fn other(self) -> Language {
        match self {
            Language::English => Language::Chinese,
            Language::Chinese => Language::English,
        }
    }

    /// Its strings.
    pub(crate) fn text(self) -> &'static Text {
        match self {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }
}

/// Declares the strings and both tables at once, so that no language can miss one.
macro_rules! texts {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// The strings of one language.
        pub(crate) struct Text {
            $(pub(crate) $name: &'static str,)*
        }
        static ENGLISH: Text = Text { $($name: $english,)* };
        static CHINESE: Text = Text { $($name: $chinese,)* };
    };
}

texts! {
    html_lang: "en", "zh-Hans";
    switch_to: "中文", "English";
    switch_label: "切换到中文", "Switch to English";
    site: "Objectives and key results", "目标与关键结果";
    skip: "Skip to the objectives", "跳到目标列表";
    as_of: "as of", "截至";
    elapsed: "elapsed", "已过";
    closed: "closed", "已结束";
    key_result: "Key result", "关键结果";
    value: "Value", "当前值";
    progress: "Score against expected", "得分与预期";
    status: "Status", "状态";
    trend: "7 days", "近 7 天";
    freshness: "Freshness", "数据时间";
    score: "Score", "得分";
    expected: "expected", "预期";
    success: "success", "达成线";
    coverage: "coverage", "覆盖";
    coverage_long: "Share of the weight that can be judged", "可评判的权重占比";
    owner: "Owner", "负责人";
    team: "Team", "团队";
    aligns_to: "Supports", "支撑";
    aspirational: "aspirational", "挑战型";
    committed: "committed", "承诺型";
    at_least: "at least", "不低于";
    at_most: "at most", "不高于";
    between_and: "to", "至";
    all_milestones: "all milestones", "全部里程碑";
    events: "events", "条事件";
    explanation: "Where this score comes from", "得分从何而来";
    members: "by", "按";
    member: "Member", "成员";
    target: "Target", "目标值";
    baseline: "Baseline", "基线";
    attainment: "Attainment", "完成度";
    window: "Window", "统计窗口";
    data_from: "Data from", "数据始于";
    rows: "Events in the window", "窗口内事件数";
    division: "Numerator / denominator", "分子 / 分母";
    last_event: "Last event", "最近事件";
    kind: "Kind", "类型";
    weight: "Weight", "权重";
    note: "Note", "备注";
    blocker: "Blocker", "阻碍";
    confidence: "Confidence", "信心";
    back: "All objectives", "全部目标";
    no_value: "no value yet", "暂无数值";
    improved: "better", "向好";
    worsened: "worse", "变差";
    unchanged: "unchanged", "持平";
    weighted_change: "score", "得分";
    live: "Live", "实时";
    stopped: "Not updating: the service cannot be reached", "未在更新：无法连接服务";
    catching_up: "Catching up with the topics. Scores say as of when they hold.", "正在追赶数据。各项得分以其数据时间为准。";
    records_behind: "records behind", "条记录待处理";
    partitions_unread: "partitions not read yet", "个分区尚未读取";
    edit_waiting: "The book was edited; the one before it still scores. The edit waits:", "目标手册已修改，目前仍按修改前的版本计分。修改等待：";
    edit_filling: "The book was edited; the one before it still scores while what the edit needs is computed from the topics.", "目标手册已修改；正从历史数据补算所需内容，期间仍按修改前的版本计分。";
    edit_faulty: "The edited book has faults and is not used; the one before it still scores.", "修改后的目标手册有误，未被采用，仍按修改前的版本计分。";
    waiting_title: "Scores will appear here", "得分即将显示在这里";
    waiting_lead: "The service is on its way. It waits for:", "服务正在启动，当前等待：";
    unknown: "not known yet", "尚未知";
    partition: "Partition", "分区";
    topic: "Topic", "主题";
    lag: "Behind", "待处理";
    event: "Event", "事件";
    known_until: "Known until", "已知至";
    offsets: "Offsets", "位点";
    filter: "Filter", "筛选条件";
    definition: "Definition", "定义";
    arithmetic: "Arithmetic", "计算过程";
    counters: "Left out or noted", "剔除与提示";
    held_back: "Held back by", "受限于";
    source: "Source data", "数据来源";
    final_result: "final", "终值";
    kpis: "Indicators, shown and not scored", "监控指标（仅展示，不计分）";
    indicator: "Indicator", "指标";
    plan: "Plan", "行动计划";
    step: "Step", "步骤";
    days: "Days", "日期";
    done: "Done", "完成";
    late: "late", "已逾期";
    resources: "Needs", "所需资源";
    risk: "Risk", "风险";
    original_target: "Original target", "原目标";
    baseline_measured: "measured", "实测";
    baseline_measuring: "still being measured", "测量中";
    baseline_provisional: "provisional", "暂定";
    baseline_frozen: "frozen", "已冻结";
    baseline_today: "by today's facts", "按当前数据";
    baseline_source: "Baseline from", "基线来源";
    not_found_title: "No such key result", "没有这个关键结果";
    not_found_lead: "The book that is being scored does not have it.", "当前 OKR 手册中没有它。";
    empty: "The book declares no objective.", "OKR 手册中没有目标。";
    status_achieved: "Achieved", "已达成";
    status_missed: "Missed", "未达成";
    status_pending: "Not begun", "未开始";
    status_no_data: "No data", "无数据";
    status_stale: "Stale", "数据停滞";
    status_insufficient_data: "Too little data", "数据不足";
    status_on_track: "On track", "正常";
    status_at_risk: "At risk", "有风险";
    status_off_track: "Off track", "偏离";
    phase_starting: "settings and book", "读取设置与手册";
    phase_store: "the store", "打开存储";
    phase_broker: "a Kafka broker", "连接 Kafka";
    phase_topics: "topics that do not exist yet", "等待主题创建";
    phase_assignment: "its partitions from the consumer group", "消费组分配分区";
    phase_claim: "its partitions in the store", "从存储认领分区";
    phase_catching_up: "the end of the topics", "追赶到最新数据";
    phase_first_commit: "the first commit", "首次提交";
    phase_ready: "the first scores", "首批得分";
    phase_draining: "the end: the process is draining", "服务正在停止";
    percent_space: "\u{202f}", "";
    second: "s", " 秒";
    millisecond: "ms", " 毫秒";
    minute: "m", " 分";
    hour: "h", " 小时";
    day: "d", " 天";
    ago: " ago", "前";
    percentage_points: "pp", "个百分点";
    unit_points: "points", "分";
    per_hour: "an hour", "次/小时";
    per_day: "a day", "次/天";
    per_week: "a week", "次/周";
    or: " or ", "或";
    during: "Counted during", "计入时段";
    interval: "Value of", "取值时段";
}

impl Text {
    /// A status in words.
    pub(crate) fn status(&self, status: Status) -> &'static str {
        match status {
            Status::Achieved => self.status_achieved,
            Status::Missed => self.status_missed,
            Status::Pending => self.status_pending,
            Status::NoData => self.status_no_data,
            Status::Stale => self.status_stale,
            Status::InsufficientData => self.status_insufficient_data,
            Status::OnTrack => self.status_on_track,
            Status::AtRisk => self.status_at_risk,
            Status::OffTrack => self.status_off_track,
        }
    }

    /// What is awaited, in words that go on from "it waits for:".
    pub(crate) fn phase(&self, phase: &Phase) -> &'static str {
        match phase {
            Phase::Starting => self.phase_starting,
            Phase::Store { .. } => self.phase_store,
            Phase::Broker { .. } => self.phase_broker,
            Phase::Topics { .. } => self.phase_topics,
            Phase::Assignment { .. } => self.phase_assignment,
            Phase::Claim { .. } => self.phase_claim,
            Phase::CatchingUp { .. } => self.phase_catching_up,
            Phase::FirstCommit => self.phase_first_commit,
            Phase::Ready => self.phase_ready,
            Phase::Draining => self.phase_draining,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_in_the_readers_language_where_the_book_has_one() {
        let titles = [("zh-CN".to_owned(), "目标".to_owned()), ("en".to_owned(), "goal".to_owned())];
        assert_eq!(Language::English.title("目标", &titles), "goal");
        assert_eq!(Language::Chinese.title("目标", &titles), "目标");
        assert_eq!(Language::English.title("目标", &titles[..1]), "目标");
        assert_eq!(Language::Chinese.title("goal", &[]), "goal");
    }

    #[test]
    fn the_table_of_languages() {
        use Language::{Chinese, English};
        for (lang, accept, expected) in [
            (Some("zh"), Some("en"), Chinese),
            (Some("en"), Some("zh"), English),
            (Some("xx"), Some("zh-CN,zh;q=0.9,en;q=0.8"), Chinese),
            (None, Some("de, en;q=0.7, zh;q=0.3"), English),
            (None, Some("zh;q=0.5,en;q=0.4"), Chinese),
            (None, Some(";;;,q=,zh;q=x"), English),
            (None, None, English),
        ] {
            assert_eq!(Language::choose(lang, accept), expected, "{lang:?} {accept:?}");
        }
    }
}
