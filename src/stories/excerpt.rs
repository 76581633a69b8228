//! Whether a telling is whole, or cut off, or a mere excerpt: what another telling may stand in for.

use super::features::fold;
use crate::clean;
use crate::model::entry::Entry;

/// Characters of a text that may have been cut without a sign of it.
const LONGEST_EXCERPT: usize = 600;

/// How excerpts end that say so.
const MORE: [&str; 12] = [
    "阅读全文",
    "阅读更多",
    "阅读原文",
    "查看全文",
    "查看更多",
    "查看原文",
    "閱讀全文",
    "查看詳情",
    "查看详情",
    "read more",
    "continue reading",
    "full story",
];

/// What a telling has of the story's text.
#[derive(Debug)]
pub(super) struct Extent {
    /// The text, line by line.
    plain: String,
    /// Its letters and digits, folded as texts compare.
    text: Vec<char>,
    /// Whether it has a body, and not an excerpt alone.
    has_body: bool,
    /// Whether it says that it goes on elsewhere.
    says_more: bool,
    /// Whether it ends as sentences do.
    is_ended: bool,
}

impl Extent {
    /// The extent of an entry.
    pub(super) fn of(entry: &Entry) -> Self {
        let text = clean::text_of(entry).unwrap_or_default();
        Self {
            has_body: entry.content_html.is_some(),
            says_more: says_more(&text),
            is_ended: ends_a_sentence(&text),
            text: fold(&text),
            plain: text,
        }
    }

    /// Whether it may give way to `other`: it is cut or a mere excerpt, and the other has more of the text and is not
    /// cut itself, unless it goes on where this one ends.
    pub(super) fn gives_way_to(&self, other: &Self) -> bool {
        let is_longer = other.text.len() * 4 >= self.text.len() * 5 && other.text.len() > self.text.len();
        if !is_longer {
            return false;
        }
        self.text.is_empty() || (self.is_excerpt() && !other.is_excerpt()) || self.breaks_off_within(other)
    }

    /// Whether it says of itself that it is not the whole text.
    pub(super) fn is_excerpt(&self) -> bool {
        !self.has_body || self.says_more || self.text.is_empty()
    }

    /// Whether it ends in the midst of a line of `other`, which begins as it does. What `other` adds behind its end is no
    /// sign that it is cut: anybody can add to a text.
    fn breaks_off_within(&self, other: &Self) -> bool {
        let may_be_cut = self.is_excerpt() || (!self.is_ended && self.text.len() <= LONGEST_EXCERPT);
        if !may_be_cut || !other.text.starts_with(&self.text) {
            return false;
        }
        let mut letters = 0;
        let mut rest = other.plain.chars().skip_while(|c| {
            let is_before = letters < self.text.len();
            letters += fold(c.encode_utf8(&mut [0; 4])).len();
            is_before
        });
        rest.next().is_some_and(|c| !c.is_control() && !ends_a_sentence(c.encode_utf8(&mut [0; 4])))
    }
}

fn says_more(text: &str) -> bool {
    let end = text.trim_end_matches(|c: char| c.is_whitespace() || "])）】]»>→›".contains(c));
    if clean::is_cut(end) {
        return true;
    }
    let end = end.trim_end_matches(|c: char| !c.is_alphanumeric());
    let tail: Vec<char> = end.chars().rev().take(24).collect();
    let tail: String = tail.into_iter().rev().flat_map(char::to_lowercase).collect();
    MORE.iter().any(|more| tail.ends_with(more))
}

fn ends_a_sentence(text: &str) -> bool {
    text.trim_end()
        .ends_with(['。', '！', '？', '.', '!', '?', '”', '"', '』', '」', '》', ')', '）', '】', ']', ';', '；'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "青浦工业园区周一开展调研,区领导走访了三家企业,了解它们的订单、用工和用电。座谈会上,企业代表提出了七条建议,园区答应在月底前逐条答复。";

    fn extent(body: &str) -> Extent {
        Extent::of(&Entry { content_html: Some(format!("<p>{body}</p>").into()), ..Entry::default() })
    }

    #[test]
    fn a_whole_text_gives_way_to_none() {
        let copied = format!("本报独家评论:这是一件大事,值得大家反复地读。{FULL}");
        let added = format!("{FULL}本报独家评论:这是一件大事,值得大家反复地读。");
        for other in [copied.as_str(), &added, &FULL.repeat(2)] {
            assert!(!extent(FULL).gives_way_to(&extent(other)), "{other}");
        }
        let without_end = FULL.trim_end_matches('。');
        for added in [
            format!("{without_end}</p><p>{FULL}"),
            format!("{without_end}。{FULL}"),
            format!("{without_end}<br>{FULL}"),
        ] {
            assert!(!extent(without_end).gives_way_to(&extent(&added)), "{added}");
        }
        let long = FULL.repeat(12);
        let without_end = long.trim_end_matches('。');
        assert!(!extent(without_end).gives_way_to(&extent(&format!("{without_end}另外{FULL}"))), "no end, but long");
    }

    #[test]
    fn what_is_cut_or_an_excerpt_gives_way_to_the_whole() {
        let cut = FULL.chars().take(30).collect::<String>();
        assert!(!extent("青浦工业园区周一开展调研。").gives_way_to(&extent(FULL)), "a brief is whole");
        let first = FULL.chars().take(20).collect::<String>();
        for part in [
            format!("{cut}…"),
            format!("{cut} [...]"),
            format!("{cut}… 阅读全文"),
            format!("{first}。Continue reading →"),
            cut.clone(),
        ] {
            assert!(extent(&part).gives_way_to(&extent(FULL)), "{part}");
            assert!(!extent(FULL).gives_way_to(&extent(&part)), "{part}");
        }
        let title_only = Extent::of(&Entry { title: "题".into(), ..Entry::default() });
        let summary = Extent::of(&Entry { summary: Some(format!("{first}。")), ..Entry::default() });
        assert!(title_only.gives_way_to(&summary) && summary.gives_way_to(&extent(FULL)));
        assert!(!extent(&format!("{cut}…")).gives_way_to(&extent(&format!("别的文章,也断在这里,而且长得多,{cut}…"))));
    }
}
