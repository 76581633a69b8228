//! Titles that their portal cut off: the whole one, where the entry's own text or page has it.

use std::iter::Peekable;
use std::str::CharIndices;

use unicode_normalization::UnicodeNormalization;

/// The fewest letters and digits of a cut title that can tell which whole one it is.
const SHORTEST_STEM: usize = 6;

/// The longest whole title, in characters.
const LONGEST: usize = 120;

/// What stands between a title and the name of the site in the title of a page.
const SITE_SEPARATORS: [&str; 7] = ["_", "|", "｜", " - ", " – ", " — ", " · "];

/// Whether a title is cut off rather than at its end.
#[must_use]
pub fn is_cut(title: &str) -> bool {
    let title = title.trim_end();
    title.ends_with('…') || title.ends_with("...") || title.ends_with("。。。") || title.ends_with("‥")
}

/// The whole of a cut title, if a page's own title goes on where it ends; without the site's name.
pub(super) fn from_page(cut: &str, page_title: &str) -> Option<String> {
    let rest = rest_behind(cut, page_title)?;
    let end = SITE_SEPARATORS.iter().filter_map(|separator| page_title[rest..].find(separator)).min();
    whole(&page_title[..end.map_or(page_title.len(), |end| rest + end)], rest)
}

/// The whole of a cut title, if a line goes on where it ends and reads as a heading: a sentence of
/// the text may begin as the title does and go on otherwise.
pub(super) fn from_line(cut: &str, line: &str) -> Option<String> {
    let rest = rest_behind(cut, line)?;
    let is_sentence = line.contains(['。', '；', '！', '？']) || line.ends_with(['.', ';', '：', ':']);
    let is_site = SITE_SEPARATORS.iter().any(|separator| line[rest..].trim_start().starts_with(separator.trim()));
    whole(line, rest).filter(|_| !is_sentence && !is_site)
}

fn whole(title: &str, rest: usize) -> Option<String> {
    let title = title.trim();
    let longer = title.len() > rest && title[rest..].chars().any(char::is_alphanumeric);
    (longer && !is_cut(title) && title.chars().count() <= LONGEST).then(|| title.to_owned())
}

/// Where `text` goes on behind what is left of the cut title; letters and digits alone count, in
/// either width.
fn rest_behind(cut: &str, text: &str) -> Option<usize> {
    if !is_cut(cut) {
        return None;
    }
    let stem: Vec<char> = cut.nfkc().filter(|c| c.is_alphanumeric()).collect();
    if stem.len() < SHORTEST_STEM {
        return None;
    }
    let mut places = text.char_indices().peekable();
    stem.into_iter()
        .all(|wanted| next_letter(&mut places) == Some(wanted))
        .then(|| places.peek().map_or(text.len(), |(at, _)| *at))
}

fn next_letter(places: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    places.by_ref().flat_map(|(_, c)| c.nfkc()).find(|c| c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_headings_have_the_whole_title() {
        let cut = "创业板新股N美利信上午收盘跌7.76% 半日成...";
        let whole = "创业板新股N美利信上午收盘跌7.76% 半日成交3.88亿元";
        assert_eq!(from_page(cut, &format!("{whole}_股票频道_某网")).as_deref(), Some(whole));
        assert_eq!(from_page(cut, &format!("{whole} - 某网")).as_deref(), Some(whole));
        assert_eq!(from_line(cut, whole).as_deref(), Some(whole));
        assert_eq!(
            from_page("抓转型、求突破,全面提升…", "抓转型、求突破，全面提升园区").as_deref(),
            Some("抓转型、求突破，全面提升园区")
        );
    }

    #[test]
    fn what_is_not_its_whole_is_left() {
        let cut = "创业板新股N美利信...";
        for other in [
            "创业板新股N美利信今日上市，开盘下跌1.05%，半日成交3.88亿元。",
            "创业板新股N美利信",
            "创业板新股N美利信_某网",
            "创业板新股N美利信上午收盘跌…",
            "另一条消息",
            "",
        ] {
            assert_eq!(
                from_line(cut, other).or_else(|| from_page(cut, other).filter(|_| !other.contains('。'))),
                None,
                "{other}"
            );
        }
        assert_eq!(from_page("安徽...", "安徽一市民钓出大乌龟"), None, "too short to tell");
        assert_eq!(from_page("安徽一市民钓出大乌龟", "安徽一市民钓出大乌龟 专家看后"), None, "not cut");
    }
}
