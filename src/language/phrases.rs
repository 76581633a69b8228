//! Phrases with a value in them, both languages side by side.

use super::Language;

/// `1 story`, `2 stories`.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl Language {
    /// How many outlets report a story.
    #[must_use]
    pub fn outlets(self, count: usize) -> String {
        match self {
            Self::English => counted(count as u64, "outlet", "outlets"),
            Self::Chinese => format!("{count} 家媒体报道"),
        }
    }

    /// How many reports there are of a story that one outlet tells.
    #[must_use]
    pub fn reports(self, count: usize) -> String {
        match self {
            Self::English => counted(count as u64, "report", "reports"),
            Self::Chinese => format!("{count} 条报道"),
        }
    }

    /// Reports that a list leaves out.
    #[must_use]
    pub fn more_reports(self, count: usize) -> String {
        match self {
            Self::English => format!("{count} more"),
            Self::Chinese => format!("另有 {count} 条"),
        }
    }

    /// The label of the search field of a part.
    #[must_use]
    pub fn search_in(self, part: &str) -> String {
        match self {
            Self::English => format!("Search in {part}"),
            Self::Chinese => format!("在“{part}”中搜索"),
        }
    }

    /// A search that finds nothing.
    #[must_use]
    pub fn nothing_found(self, query: &str) -> String {
        match self {
            Self::English => format!("Nothing is found for “{query}”."),
            Self::Chinese => format!("没有找到“{query}”。"),
        }
    }

    /// An entry that does not exist.
    #[must_use]
    pub fn no_entry(self, name: &str) -> String {
        match self {
            Self::English => format!("No entry has “{name}” as its link or id."),
            Self::Chinese => format!("没有哪个条目的链接或编号是“{name}”。"),
        }
    }

    /// An entry that filters keep out of the river.
    #[must_use]
    pub fn not_published(self, why: &str) -> String {
        match self {
            Self::English => format!("Not published: {why}"),
            Self::Chinese => format!("未发布：{why}"),
        }
    }

    /// Sources that have not been polled yet.
    #[must_use]
    pub fn being_polled(self, count: usize) -> String {
        match self {
            Self::English => format!(
                "{} polled. {} here as soon as it has been read.",
                counted(count as u64, "source is being", "sources are being"),
                if count == 1 { "Its stories appear" } else { "Their stories appear" }
            ),
            Self::Chinese => format!("正在抓取 {count} 个来源，读完后内容会出现在这里。"),
        }
    }

    /// Sources that fail.
    #[must_use]
    pub fn failing(self, failing: usize, all: usize) -> String {
        match self {
            Self::English => {
                format!(
                    "{failing} of {} {}",
                    counted(all as u64, "source", "sources"),
                    if failing == 1 { "fails" } else { "fail" }
                )
            }
            Self::Chinese => format!("{all} 个来源中有 {failing} 个抓取失败"),
        }
    }

    /// Since when a source fails, by its last success, and how often in a row.
    #[must_use]
    pub fn failing_since(self, since: Option<&str>, failures: u32) -> String {
        match (self, since) {
            (Self::English, Some(since)) => {
                format!("last success {since}, {} since", counted(failures.into(), "failure", "failures"))
            }
            (Self::English, None) => format!("never succeeded, {}", counted(failures.into(), "failure", "failures")),
            (Self::Chinese, Some(since)) => format!("上次成功 {since}，此后失败 {failures} 次"),
            (Self::Chinese, None) => format!("从未成功，已失败 {failures} 次"),
        }
    }

    /// The river in numbers.
    #[must_use]
    pub fn river_counts(self, stories: u64, entries: u64) -> String {
        match self {
            Self::English => {
                format!("{} from {}", counted(stories, "story", "stories"), counted(entries, "entry", "entries"))
            }
            Self::Chinese => format!("{entries} 条内容，归为 {stories} 条新闻"),
        }
    }

    /// The version, and since when it runs.
    #[must_use]
    pub fn running_since(self, version: &str, since: &str) -> String {
        match self {
            Self::English => format!("newsriver {version}, running since {since}"),
            Self::Chinese => format!("newsriver {version}，自 {since} 起运行"),
        }
    }

    /// How late overdue polls start.
    #[must_use]
    pub fn polls_are_late(self, lag: &str) -> String {
        match self {
            Self::English => {
                format!("Polls start {lag} late: raise `concurrency` under [poll], or the interval of some sources.")
            }
            Self::Chinese => format!("抓取晚了 {lag}：请调大 [poll] 的 `concurrency`，或放宽部分来源的间隔。"),
        }
    }

    /// The last polls of a source, for those who do not see the drawing.
    #[must_use]
    pub fn polls_in_words(self, polls: usize, new: u64, failed: usize) -> String {
        match self {
            Self::English => format!(
                "last {}: {}, {failed} failed",
                counted(polls as u64, "poll", "polls"),
                counted(new, "new entry", "new entries")
            ),
            Self::Chinese => format!("最近 {polls} 次抓取：新增 {new} 条，失败 {failed} 次"),
        }
    }

    /// How long polls take, for those who do not see the drawing.
    #[must_use]
    pub fn times_in_words(self, median_ms: u64, longest_ms: u64) -> String {
        match self {
            Self::English => format!("half of them within {median_ms} ms, the longest {longest_ms} ms"),
            Self::Chinese => format!("半数在 {median_ms} 毫秒内，最长 {longest_ms} 毫秒"),
        }
    }

    /// Joined to another report, with the evidence.
    #[must_use]
    pub fn joined_to(self, other: &str, evidence: &str) -> String {
        match self {
            Self::English => format!("with “{other}”: {evidence}"),
            Self::Chinese => format!("与“{other}”：{evidence}"),
        }
    }

    /// Where a story stands among its entries.
    #[must_use]
    pub fn told_by_entries(self, count: usize) -> String {
        match self {
            Self::English => format!("Reported by {count} entries."),
            Self::Chinese => format!("共 {count} 个条目报道。"),
        }
    }

    /// Where an entry stands that is beyond the limits of its story.
    #[must_use]
    pub fn repeats_entries(self, count: usize) -> String {
        match self {
            Self::English => {
                format!("Kept, not shown: its story is reported by {count} entries, as many as it may have.")
            }
            Self::Chinese => format!("已保存但不显示：该报道已有 {count} 个条目，达到上限。"),
        }
    }

    /// How many entries of a story are beyond its limits.
    #[must_use]
    pub fn more_repeat(self, count: u64) -> String {
        match self {
            Self::English => format!("{count} more entries repeat it; they are kept and not shown."),
            Self::Chinese => format!("另有 {count} 个条目重复报道，已保存但不显示。"),
        }
    }

    /// What a rule changed.
    #[must_use]
    pub fn rule_on(self, rule: &str, field: &str) -> String {
        match self {
            Self::English => format!("Rule {rule} on {field}"),
            Self::Chinese => format!("规则 {rule}，作用于 {field}"),
        }
    }

    /// Where the date of an entry comes from: `feed` (with what is written there), `stated` or `seen`.
    #[must_use]
    pub fn date_from(self, origin: DateOrigin<'_>) -> String {
        match (self, origin) {
            (Self::English, DateOrigin::Feed(Some(raw))) => format!("from the feed, written “{raw}”"),
            (Self::English, DateOrigin::Feed(None)) => "from the feed".to_owned(),
            (Self::English, DateOrigin::Stated) => "stated in the text; the feed gives none".to_owned(),
            (Self::English, DateOrigin::Seen) => "first seen; the feed gives none".to_owned(),
            (Self::Chinese, DateOrigin::Feed(Some(raw))) => format!("来自订阅源，写作“{raw}”"),
            (Self::Chinese, DateOrigin::Feed(None)) => "来自订阅源".to_owned(),
            (Self::Chinese, DateOrigin::Stated) => "文中所写；订阅源没有给出".to_owned(),
            (Self::Chinese, DateOrigin::Seen) => "首次抓到的时间；订阅源没有给出".to_owned(),
        }
    }

    /// An edition of the digest.
    #[must_use]
    pub fn edition(self, day: &str, time: &str) -> String {
        match self {
            Self::English => format!("{day}, {time}"),
            Self::Chinese => format!("{day} {time}"),
        }
    }
}

/// Where the date of an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrigin<'a> {
    /// The feed, with the date as it is written there.
    Feed(Option<&'a str>),
    /// The text; the feed gives none.
    Stated,
    /// The first sight; neither feed nor text give one.
    Seen,
}

#[cfg(test)]
mod tests {
    use super::Language::{Chinese, English};

    #[test]
    fn one_and_many() {
        assert_eq!((English.outlets(1), English.outlets(24)), ("1 outlet".into(), "24 outlets".into()));
        assert_eq!(Chinese.outlets(24), "24 家媒体报道");
        assert_eq!(English.failing(3, 47), "3 of 47 sources fail");
        assert_eq!(English.failing(1, 1), "1 of 1 source fails");
    }
}
