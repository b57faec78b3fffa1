//! The sample book, its dates moved to where the demo's company lives, and what its people say of it.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use super::story::Setting;
use crate::fixed::Fixed;
use crate::score::CheckIn;
use crate::time::{Span, Timestamp, Zone};

/// The sample book as it is shipped: a valid book of 2026's fourth quarter.
pub const SAMPLE_BOOK: &str = include_str!("../../config/demo/book.yaml");

/// The sample book's zone.
const ZONE: &str = "Asia/Shanghai";

/// The sample book's cycle, as it is shipped and as the demo calls it.
const CYCLE: (&str, &str) = ("2026-Q4", "demo-quarter");

/// The first day of the sample book's cycle, and the day after its last.
const CYCLE_DAYS: (Date, Date) = (date(2026, 10, 1), date(2027, 1, 1));

/// The day of the sample book's peak.
const PEAK: Date = date(2026, 11, 11);

impl Setting {
    /// The quarter that began `weeks` weeks before the local midnight of `now`, and the zone it is told in. `None`: before year 0 or after
    /// 9999.
    pub fn at(now: Timestamp, weeks: u32, seed: u64) -> Option<(Setting, Zone)> {
        let zone = Zone::named(ZONE)?;
        let start_date = zone.date_of(now).checked_sub(i64::from(weeks).weeks()).ok()?;
        let end_date = start_date.checked_add(i64::from(cycle_days()).days()).ok()?;
        let (start, end) = (zone.midnight(start_date)?, zone.midnight(end_date)?);
        Some((Setting { seed, start, end, weeks }, zone))
    }
}

fn cycle_days() -> i32 {
    CYCLE_DAYS.0.until(CYCLE_DAYS.1).map_or(0, |span| span.get_days())
}

/// The sample book for a quarter that begins on `start`: every date outside of comments moved by the same number of days, those of its
/// calendar `peak` so that they lie around `peak`, and the cycle renamed, so that nobody takes it for the calendar's quarter. `None`: a
/// date leaves the calendar.
pub fn moved_book(start: Date, peak: Date) -> Option<String> {
    let moved_by = |shipped: Date, to: Date| shipped.until(to).ok().map(|span| span.get_days());
    let (all_days, peak_days) = (moved_by(CYCLE_DAYS.0, start)?, moved_by(PEAK, peak)?);
    let mut moved = String::with_capacity(SAMPLE_BOOK.len() + 64);
    for line in SAMPLE_BOOK.split_inclusive('\n') {
        let comment = if line.trim_start().starts_with('#') { 0 } else { line.find(" #").unwrap_or(line.len()) };
        let (code, comment) = line.split_at(comment);
        let days = if code.trim_start().starts_with("peak:") { peak_days } else { all_days };
        let code = code.replace(CYCLE.0, CYCLE.1);
        let mut rest = code.as_str();
        while let Some((before, written, after)) = first_date(rest) {
            moved.push_str(before);
            moved.push_str(&written.checked_add(days.days()).ok()?.to_string());
            rest = after;
        }
        moved.push_str(rest);
        moved.push_str(comment);
    }
    Some(moved)
}

/// The first `YYYY-MM-DD` in a text, and what stands before and after it.
fn first_date(text: &str) -> Option<(&str, Date, &str)> {
    let ends = text.char_indices().map(|(at, _)| at).filter_map(|at| Some((at, text.get(at..at + 10)?)));
    let mut dates = ends.filter(|(_, ten)| {
        ten.bytes().enumerate().all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
    });
    let (at, ten) = dates.next()?;
    Some((&text[..at], ten.parse().ok()?, &text[at + 10..]))
}

/// What people have said of key results by `now`: the net promoter score every week, and what holds up the integration.
pub fn check_ins(setting: &Setting, now: Timestamp) -> Vec<CheckIn> {
    let said = |days: i64, objective: &str, key_result: &str, author: &str| {
        let at = setting.start + Span(days * Span::DAY.0 + 17 * Span::HOUR.0);
        CheckIn {
            objective: objective.to_owned(),
            key_result: key_result.to_owned(),
            at,
            recorded_at: at,
            value: None,
            confidence: None,
            note: None,
            blocker: None,
            author: Some(author.to_owned()),
        }
    };
    let promoters = NET_PROMOTER.into_iter().zip(0..).map(|((value, percent, note), week)| CheckIn {
        value: Some(Fixed::from_int(value)),
        confidence: Some(Fixed(i128::from(percent) * 10_000_000)),
        note: Some(note.to_owned()),
        ..said(2 + 7 * week, "customer-first", "net-promoter", "Chen Wei")
    });
    let integration = CheckIn {
        confidence: Some(Fixed(400_000_000)),
        note: Some("SH1的切换推迟两周 / the cut-over of SH1 moves by two weeks".to_owned()),
        blocker: Some("等待ERP供应商的接口许可 / the ERP vendor's interface licence is missing".to_owned()),
        ..said(39, "connected-systems", "wms-erp", "Sun Lei")
    };
    let manual = CheckIn {
        confidence: Some(Fixed(300_000_000)),
        note: Some("依赖WMS–ERP上线 / waits for the WMS–ERP integration".to_owned()),
        ..said(40, "connected-systems", "manual-operations", "Sun Lei")
    };
    promoters.chain([integration, manual]).filter(|said| said.at <= now).collect()
}

/// Each week's net promoter score, the confidence in per cent, and a word.
const NET_PROMOTER: [(i64, i64, &str); 13] = [
    (31, 60, "起点 / where we begin"),
    (32, 60, "访谈40位客户 / 40 customers asked"),
    (33, 65, "物流评价变好 / delivery is rated better"),
    (34, 65, "访谈42位客户 / 42 customers asked"),
    (35, 70, "客服评价变好 / support is rated better"),
    (37, 70, "大促期间略有投诉 / some complaints during the peak"),
    (37, 70, "访谈38位客户 / 38 customers asked"),
    (38, 70, "退货流程简化 / returns are simpler"),
    (39, 70, "访谈41位客户 / 41 customers asked"),
    (40, 75, "访谈45位客户 / 45 customers asked"),
    (41, 75, "访谈40位客户 / 40 customers asked"),
    (42, 75, "访谈44位客户 / 44 customers asked"),
    (43, 80, "访谈43位客户 / 43 customers asked"),
];
