//! What a text says of itself in its first words: the date, the agency or paper, the place.

use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};
use regex::{Captures, Regex};

/// How far into a text its dateline may stand, characters.
const REACH: usize = 120;

/// Letters and digits that must follow a dateline: one with nothing behind it dates nothing.
const ENOUGH: usize = 4;

/// What names end in that publish news.
const ENDINGS: &str = "通讯社|社|网财经|财经网|新闻网|在线|网|日报|晚报|早报|晨报|时报|快报|都市报|商报|青年报|导报|报|广播电台|电视台|总台|台|财经|新闻客户端|客户端|新闻|周刊|杂志|传媒|证券|智库";

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(AsRef::<str>::as_ref(&$text)).ok());
    };
}

/// `NAME(place)(date)电/讯`, `据NAME报道`; the name holds no word that ends one.
fn name() -> String {
    format!(r"(?P<name>[\p{{Han}}A-Za-z0-9&&[^讯电记据]]{{1,7}}?(?:{ENDINGS})(?:财经|新闻)?)")
}

/// A day in front of whom the text is from: `3月1日,据新华社报道`.
const DAY: &str = r"(?:(?:\d{4}年)?\d{1,2}月\d{1,2}日[,，]?\s*)?";

/// Parts of names of papers that stand where a place may.
const NOT_PLACES: [&str; 12] =
    ["时刻", "新闻", "财经", "快讯", "综合", "客户端", "频道", "体育", "视频", "评论", "直播", "今日"];

/// Words in front of a day that is looked back at.
const RETROSPECT: [&str; 9] = ["此前", "早在", "曾", "回顾", "当年", "上一次", "上次", "记得", "出生"];

/// Days before the entry after which a day with its year is looked back at.
const LONG_AGO: i64 = 60;

const DATE: &str = r"(?:(?P<year>\d{4})年)?(?P<month>\d{1,2})月(?P<day>\d{1,2})日";

pattern!(
    WIRE,
    format!(
        r"^[\s\x{{3000}}]*{DAY}(?:据)?{}(?P<place>[\p{{Han}}&&[^讯电记]]{{2,6}})?(?:{DATE})?\s*(?:综合)?(?:电|讯|消息|报道)",
        name()
    )
);
pattern!(
    REPORTER,
    format!(
        r"^[\s\x{{3000}}]*{DAY}(?:据)?{}(?:全媒体|首席|见习|特约|实习|驻[\p{{Han}}]{{2,6}})?(?:记者|通讯员)",
        name()
    )
);
pattern!(
    SOURCE,
    r"(?:^|\n)[\s\x{3000}(（【]*(?:来源|稿源|信息来源|文章来源)[:：]\s*(?P<name>[\p{Han}A-Za-z0-9·]{2,14})(?:[\s)）】]*(?:$|\n)|[\s\x{3000}/|]+(?:责任?编辑|责编|编辑|作者|记者|校对|审[核校]|监制|主编)[:：])"
);
pattern!(
    HANDLE,
    format!(
        r"^[\s\x{{3000}}]*{DAY}(?:据)?\s*@(?P<name>[\p{{Han}}A-Za-z0-9]{{2,12}}?)\s*(?:微博|微信公众号|客户端)?\s*{DAY}(?:消息|报道|通报|发布|讯)"
    )
);
pattern!(
    AGENCY,
    r"^(?:[A-Z][A-Za-z .,'/]{1,40}?)?\(?(?P<name>Reuters|AP|AFP|Xinhua|Bloomberg|UPI|dpa|Kyodo News|TASS)\)?\s*(?:[-–—]|--)"
);
pattern!(
    DATELINE,
    format!(
        r"^[\s\x{{3000}}]*(?:[^。;；!！?？\n]{{0,40}}?)(?P<before>截至|截止|自|从|至|到|将于|定于|于|拟|预计|去年|明年|[—\-~至])?{DATE}(?P<after>上午|下午|中午|凌晨|清晨|早间|早上|晚间|晚上|傍晚|夜间|深夜|晚|早|电|讯|消息|报道|,|，|:|：|\s|从|获悉|据)"
    )
);
pattern!(ISO, r"^[\s\x{3000}]*[(（\[【]?(?P<year>(?:19|20)\d{2})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})\b");
pattern!(
    ENGLISH,
    r"^(?:[A-Z][A-Za-z .'/]{1,40}?,?\s+)?(?:\(?(?:Reuters|AP|AFP|Xinhua)\)?,?\s+)?(?P<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s+(?P<day>\d{1,2})(?:,\s*(?P<year>\d{4}))?\s*(?:\(|[-–—]|,)"
);

/// Names that every paper gives itself.
const OWN: [&str; 8] = ["本报", "本网", "本社", "本台", "本刊", "我网", "我社", "该网"];

fn beginning(text: &str) -> &str {
    text.char_indices().nth(REACH).map_or(text, |(at, _)| &text[..at])
}

fn find<'t>(pattern: &LazyLock<Option<Regex>>, text: &'t str) -> Option<Captures<'t>> {
    pattern.as_ref()?.captures(text)
}

/// Who the text says it is from, and the place of its dateline.
pub(super) fn attribution(text: &str) -> Option<(String, Option<String>)> {
    let head = beginning(text);
    let found = [&HANDLE, &WIRE, &REPORTER, &AGENCY]
        .into_iter()
        .find_map(|pattern| find(pattern, head))
        .or_else(|| find(&SOURCE, text))?;
    let name = found.name("name")?.as_str();
    let place = found.name("place").map(|place| place.as_str());
    let place = place.filter(|place| !NOT_PLACES.iter().any(|part| place.contains(part))).map(str::to_owned);
    (!OWN.contains(&name)).then(|| (name.to_owned(), place))
}

/// The date that the text states, its year completed by `reference`.
pub(super) fn date(text: &str, reference: NaiveDate) -> Option<NaiveDate> {
    let head = beginning(text);
    if let Some(found) = find(&ISO, head) {
        return read(&found, found.name("month")?.as_str().parse().ok()?, reference);
    }
    if let Some(found) = find(&DATELINE, head).filter(|found| found.name("before").is_none()) {
        // The whole match begins the text, so what follows it is what the date dates.
        let behind = without_brackets(&text[found.get(0)?.end()..]);
        let before = &text[..found.name("month")?.start()];
        let looks_back = RETROSPECT.iter().any(|word| before.contains(word));
        if !looks_back && behind.chars().filter(|c| c.is_alphanumeric()).count() >= ENOUGH {
            return read(&found, found.name("month")?.as_str().parse().ok()?, reference);
        }
        return None;
    }
    let found = find(&ENGLISH, head)?;
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == &found["name"])? + 1;
    read(&found, u32::try_from(month).ok()?, reference)
}

fn read(found: &Captures<'_>, month: u32, reference: NaiveDate) -> Option<NaiveDate> {
    let day = found.name("day")?.as_str().parse().ok()?;
    let latest = reference.checked_add_days(chrono::Days::new(2))?;
    if let Some(year) = found.name("year") {
        let date = NaiveDate::from_ymd_opt(year.as_str().parse().ok()?, month, day)?;
        // A day with its year, long before the entry, is one that the text looks back at.
        return Some(date).filter(|date| *date <= latest && (reference - *date).num_days() <= LONG_AGO);
    }
    // News is of the past: a day still to come was that of the year before.
    [reference.year() + 1, reference.year(), reference.year() - 1]
        .into_iter()
        .filter_map(|year| NaiveDate::from_ymd_opt(year, month, day))
        .find(|date| *date <= latest)
}

/// A text without the bracket that it begins with: `(记者 …)`.
fn without_brackets(text: &str) -> &str {
    let text = text.trim_start();
    let rest = text.strip_prefix(['(', '（']).and_then(|rest| rest.split_once([')', '）'])).map(|(_, rest)| rest);
    rest.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        for pattern in [&WIRE, &REPORTER, &SOURCE, &HANDLE, &AGENCY, &DATELINE, &ISO, &ENGLISH] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn datelines_and_bylines_name_their_source() {
        for (text, expected) in [
            ("南方财经4月24日电,天齐锂业在互动平台表示", Some(("南方财经", None))),
            ("观点网讯:4月23日,佳兆业", Some(("观点网", None))),
            ("佛山日报记者邹婷婷报道:日前", Some(("佛山日报", None))),
            ("佛山新闻网讯记者陈健欣通讯员曾晓...", Some(("佛山新闻网", None))),
            ("佛山新闻网讯佛山日报记者丁韫媛报道", Some(("佛山新闻网", None))),
            ("中国网财经4月24日讯(记者张增艳)...", Some(("中国网财经", None))),
            ("新华社北京4月24日电(记者 王某)会议", Some(("新华社", Some("北京")))),
            ("据新华社报道,会议召开", Some(("新华社", None))),
            ("据央视新闻客户端消息,今天", Some(("央视新闻客户端", None))),
            ("正文。\n来源:南方都市报", Some(("南方都市报", None))),
            ("正文。\n来源：央视新闻 编辑：张三 审核：李四", Some(("央视新闻", None))),
            ("据@新华视点 消息,会议召开", Some(("新华视点", None))),
            ("@新华视点3月1日消息,会议召开", Some(("新华视点", None))),
            ("3月1日,据新华社报道,会议召开", Some(("新华社", None))),
            ("红网时刻3月1日讯 会议召开", Some(("红网", None))),
            ("大连人旧帅等待欧洲报道称,转会尚未完成", None),
            ("LONDON (Reuters) - Shares rose", Some(("Reuters", None))),
            ("据安徽宣城郎溪县政府网站4月21日消息,郎溪县", None),
            ("本报讯 昨天", None),
            ("4月23日下午,按照区委部署", None),
            ("徐建强调,园区要坚持国家级高新区的标准", None),
            ("创业板新股N美利信今日上市", None),
        ] {
            let found = attribution(text);
            let found = found.as_ref().map(|(name, place)| (name.as_str(), place.as_deref()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn stated_dates_get_their_year_from_the_context() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d);
        let reference = day(2023, 4, 24).unwrap_or_default();
        for (text, expected) in [
            ("南方财经4月24日电,天齐锂业在互动平台表示", day(2023, 4, 24)),
            ("4月23日下午,按照区委关于大兴调查研究", day(2023, 4, 23)),
            ("据安徽宣城郎溪县政府网站4月21日消息,郎溪县学校", day(2023, 4, 21)),
            ("观点网讯:4月23日,佳兆业中山香山熙园", day(2023, 4, 23)),
            ("12月30日晚,一场演出在市内举行", day(2022, 12, 30)),
            ("2023年4月20日,公司公告", day(2023, 4, 20)),
            ("2023-04-20 公司公告了年报", day(2023, 4, 20)),
            ("BEIJING, April 23 (Xinhua) -- Officials said", day(2023, 4, 23)),
            ("4月20日据媒体报道,某厂已经停产", day(2023, 4, 20)),
            ("2012年4月20日,他在这里出生,后来成为作家", None),
            ("早在4月3日,双方就签署了框架协议", None),
            ("中国网财经4月24日讯(记者张增艳)...", None),
            ("21日至24日,香港特区政府行政长官...", None),
            ("截至4月20日,已有多家公司公布", None),
            ("公司将于4月28日,召开股东大会审议", None),
            ("13月40日,没有这一天的消息", None),
            ("会议强调了很多内容。4月23日,另一个地方又有消息", None),
        ] {
            assert_eq!(date(text, reference), expected, "{text}");
        }
    }
}
