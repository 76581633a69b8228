//! What bodies and excerpts carry beside the news: captions of pictures that are not there,
//! editors' lines at the end, blocks that the whole source repeats, and the title once more.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;

use super::lines::{Cut, Line, lines, without};
use crate::html::{Node, markup};
use crate::model::entry::Entry;

/// A line that is a caption and nothing else.
static CAPTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[(（【\[]?\s*((?:相关)?资料图片?(?:[,，]?\s*仅供参考)?|题图(?:来源)?[:：][^,，。;；]{0,24}|配图|网络图片?|图文无关|图片与内容无关|图片?来[源自][:：]?[^,，。;；]{0,24}|图源[:：]?[^,，。;；]{0,24}|图[/／][^,，。;；]{0,16}|图片?[:：][^,，。;；]{0,16}[摄供图]?)\s*[)）】\]]?$").ok()
});

/// A caption at the beginning of a line.
static CAPTION_IN_FRONT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[\s\x{3000}]*[(（【\[]\s*((?:相关)?资料图片?(?:[,，]?\s*仅供参考)?|题图(?:来源)?[:：][^)）】\]]{0,24}|配图|网络图片?|图文无关|图源[:：]?[^)）】\]]{0,24}|图片?来源[:：]?[^)）】\]]{0,24})\s*[)）】\]][\s\x{3000}]*").ok()
});

/// A line at the end that speaks of the text, not of the news.
static TAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[(（【\[*]?\s*(关键[词字]|标签|责任?编辑|责编|编辑|校对|审[核校]|监制|值班编[委辑]|原标题|分享(到|至)|上一篇|下一篇|本文(来源|链接|转自)|原文(链接|地址)|免责声明|版权声明|特别声明|声明|扫码|点击(这里|此处)?(查看|阅读)|阅读原文|返回(首页|顶部)|更多精彩|关注我们|打印|收藏|举报[/／]?(?:反馈)?|微信扫一扫|总台(?:央视)?记者[^()（）]{0,40}|完)\s*([:：].*|[）)】\]]?)$").ok()
});

/// A line of several fields about the making of the text: `来源：… 编辑：… 审核：…`.
static FIELDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[(（【\[]?\s*(来源|稿源|文|图|作者|记者|文/图)[:：].*[\s\x{3000}/|](责任?编辑|责编|编辑|校对|审[核校]|监制|主编|值班编[委辑])[:：]").ok()
});

/// An editor's note in brackets at the end of a line.
static TAIL_IN_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"[\s\x{3000}]*[(（【\[](?:(?:责任?编辑|责编|编辑|校对|审核|总台(?:央视)?记者|原标题)[:：]?[^()（）【】\[\]]{0,40}|完)[)）】\]][\s\x{3000}]*$",
    )
    .ok()
});

/// Lines from the end in which editors' lines are looked for.
const LAST: usize = 6;

/// Characters of the longest editor's line; what is longer may be news.
const LONGEST_TAIL: usize = 120;

/// Entries of a document that must carry a block before it counts as the source's own.
const ENOUGH: usize = 5;

/// Characters of the shortest block that can be one.
const SHORTEST_BLOCK: usize = 6;

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// The body without captions.
pub(super) fn without_captions<'h>(nodes: &[Node<'h>]) -> Option<Vec<Node<'h>>> {
    let all = lines(nodes);
    let mut gone = Vec::new();
    for line in &all {
        if matches(&CAPTION, &line.text) {
            gone.push(Cut::whole(line));
        } else if let Some(found) = CAPTION_IN_FRONT.as_ref().and_then(|p| p.find(&line.raw)) {
            gone.push(Cut { line, bytes: found.range() });
        }
    }
    changed(nodes, &all, &gone)
}

/// The body without editors' lines at its end.
pub(super) fn without_tails<'h>(nodes: &[Node<'h>]) -> Option<Vec<Node<'h>>> {
    let all = lines(nodes);
    let mut gone = Vec::new();
    for (n, line) in all.iter().enumerate().rev().take(LAST) {
        let is_about_text = matches(&TAIL, &line.text) || matches(&FIELDS, &line.text);
        if n > 0 && line.text.chars().count() <= LONGEST_TAIL && is_about_text {
            gone.push(Cut::whole(line));
        } else if let Some(found) = TAIL_IN_LINE.as_ref().and_then(|p| p.find(&line.raw)).filter(|f| f.start() > 0) {
            gone.push(Cut { line, bytes: found.start()..line.raw.len() });
        }
    }
    gone.reverse();
    changed(nodes, &all, &gone)
}

/// A body without some parts of its lines, unless nothing would be left of it.
fn changed<'h>(nodes: &[Node<'h>], all: &[Line], gone: &[Cut<'_>]) -> Option<Vec<Node<'h>>> {
    let whole = gone.iter().filter(|cut| cut.is_whole()).count();
    (!gone.is_empty() && (whole < all.len() || has_image(nodes))).then(|| without(nodes, gone))
}

fn has_image(nodes: &[Node<'_>]) -> bool {
    nodes.iter().any(|node| matches!(node, Node::Start("img", _)))
}

fn has_link(nodes: &[Node<'_>]) -> bool {
    nodes.iter().any(|node| matches!(node, Node::Start("a", attributes) if attributes.contains("href=")))
}

/// A line as markup: the same words over another link say something else.
fn as_written(nodes: &[Node<'_>], line: &Line) -> String {
    markup(&nodes[line.nodes.clone()]).trim().to_owned()
}

/// Blocks that entries of one source repeat.
#[derive(Debug, Default)]
pub(super) struct Boilerplate(HashSet<String>);

impl Boilerplate {
    /// Learns from the entries of one document: a first or last line that most of them carry.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut counts: HashMap<String, (usize, HashSet<&str>)> = HashMap::new();
        let with_body = entries.iter().filter_map(|e| Some((e.title.as_str(), e.content_html.as_ref()?)));
        for (title, html) in with_body.clone() {
            let nodes: Vec<Node<'_>> = html.nodes().collect();
            let all = lines(&nodes);
            if all.len() > 1 {
                for line in all.iter().take(2).chain(all.iter().rev().take(LAST)) {
                    let known = counts.entry(as_written(&nodes, line)).or_default();
                    known.0 = line.text.chars().count();
                    known.1.insert(title);
                }
            }
        }
        let most = with_body.count().div_ceil(2).max(ENOUGH);
        let repeated = |(line, (length, titles)): (String, (usize, HashSet<&str>))| {
            (titles.len() >= most && length >= SHORTEST_BLOCK).then_some(line)
        };
        Self(counts.into_iter().filter_map(repeated).collect())
    }

    /// The body without them.
    pub(super) fn strip<'h>(&self, nodes: &[Node<'h>]) -> Option<Vec<Node<'h>>> {
        if self.0.is_empty() {
            return None;
        }
        let all = lines(nodes);
        let gone: Vec<Cut<'_>> =
            all.iter().filter(|line| self.0.contains(&as_written(nodes, line))).map(Cut::whole).collect();
        changed(nodes, &all, &gone)
    }
}

/// Letters and digits alone, in which a title and its echo compare.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// Letters and digits of the shortest title whose echo is one.
const SHORTEST_TITLE: usize = 6;

/// Whether a text says no more than the title: the same words, or the beginning of them.
pub(super) fn is_echo(text: &str, title: &str) -> bool {
    let said: Vec<char> = folded(text).collect();
    let title: Vec<char> = folded(title).collect();
    title.len() >= SHORTEST_TITLE && said.len() >= SHORTEST_TITLE && title.starts_with(&said)
}

/// Where the text goes on behind a title that stands in front of it, parted by white space.
pub(super) fn behind_title(text: &str, title: &str) -> Option<usize> {
    let wanted: Vec<char> = folded(title).collect();
    if wanted.len() < SHORTEST_TITLE {
        return None;
    }
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen == wanted.len() {
            let rest = &text[at..];
            let marks = rest.trim_start_matches(|c: char| {
                !c.is_alphanumeric() && !c.is_whitespace() && !matches!(c, '“' | '"' | '(' | '（' | '《' | '【')
            });
            let behind = marks.trim_start();
            // A comma or full stop goes on with the sentence; a gap ends it.
            return (marks.len() == rest.len() && behind.len() < marks.len() && folded(behind).next().is_some())
                .then(|| text.len() - behind.len());
        }
        if c.is_alphanumeric() {
            for folded in c.to_lowercase() {
                if wanted.get(seen) != Some(&folded) {
                    return None;
                }
                seen += 1;
            }
        }
    }
    None
}

/// The body without the title in front of it; nothing where there is nothing else.
pub(super) fn without_echo<'h>(nodes: &[Node<'h>], title: &str) -> Option<Vec<Node<'h>>> {
    let all = lines(nodes);
    let first = all.first()?;
    if is_echo(&first.text, title) && !has_image(nodes) {
        // A line that only begins like the title is an echo if it is cut off or if it is all there is.
        let whole = folded(&first.text).count() == folded(title).count();
        let cut = first.text.ends_with('…') || first.text.ends_with("...");
        if all.len() == 1 {
            // The words of the title may be all there is to click on, and lead where the entry's own link does not.
            return ((whole || cut) && !has_link(nodes)).then(Vec::new);
        }
        return whole.then(|| without(nodes, &[Cut::whole(first)]));
    }
    if first.nodes.len() > 1 {
        return None;
    }
    let at = behind_title(&first.raw, title)?;
    Some(without(nodes, &[Cut { line: first, bytes: 0..at }]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::SanitisedHtml;

    /// What a rule makes of HTML.
    fn made(html: &str, rule: impl for<'h> Fn(&[Node<'h>]) -> Option<Vec<Node<'h>>>) -> Option<String> {
        let html = SanitisedHtml::from(html);
        let nodes: Vec<Node<'_>> = html.nodes().collect();
        rule(&nodes).map(|left| markup(&left))
    }

    #[test]
    fn captions_go_and_sentences_about_pictures_stay() {
        for (html, expected) in [
            ("<p>(资料图)</p><p>正文</p>", "<p>正文</p>"),
            ("<p>（资料图片）正文在后</p>", "<p>正文在后</p>"),
            ("<p><img src=\"x\"></p><p>图源:视觉中国</p><p>正文</p>", "<p><img src=\"x\"></p><p>正文</p>"),
            ("图片来源：某某网<br>正文", "正文"),
            ("<p>(相关资料图)</p><p>正文</p>", "<p>正文</p>"),
            ("<p>（资料图片仅供参考）</p><p>正文</p>", "<p>正文</p>"),
            ("<p>题图来源：某某图库</p><p>正文</p>", "<p>正文</p>"),
        ] {
            assert_eq!(made(html, without_captions).as_deref(), Some(expected), "{html}");
            assert_eq!(made(expected, without_captions), None, "{expected}");
        }
        for html in [
            "<p>资料图书馆今天开放</p>",
            "<p>图片来源于网络的文章,应当注明作者。</p>",
            "<p>图:一张说明很长的图片下面接着讲了新闻的来龙去脉,不能删</p>",
            "<p>(资料图)</p>",
        ] {
            assert_eq!(made(html, without_captions), None, "{html}");
        }
    }

    #[test]
    fn editors_lines_at_the_end_go() {
        for (html, expected) in [
            ("<p>正文</p><p>关键词:</p>", "<p>正文</p>"),
            ("<p>正文</p><p>(责任编辑:张三)</p><p>分享到:微信 微博</p>", "<p>正文</p>"),
            ("<p>正文到此。(编辑 李四)</p>", "<p>正文到此。</p>"),
            ("正文<br>责编：王五", "正文"),
            ("<p>正文</p><p>（原标题：另一个题目）</p>", "<p>正文</p>"),
            ("<p>正文</p><p>来源：央视新闻 编辑：张三 审核：李四</p>", "<p>正文</p>"),
            ("<p>正文。（完）</p>", "<p>正文。</p>"),
            ("<p>正文。(总台记者 张三 李四)</p>", "<p>正文。</p>"),
            ("<p>正文</p><p>举报/反馈</p>", "<p>正文</p>"),
        ] {
            assert_eq!(made(html, without_tails).as_deref(), Some(expected), "{html}");
            assert_eq!(made(expected, without_tails), None, "{expected}");
        }
        for html in [
            "<p>编辑部昨天搬家</p>",
            "<p>关键词:开放</p>",
            "<p>正文</p><p>声明指出,各方应当克制</p>",
            "<p>正文</p><p>来源:他说不清,编辑部也不知道</p>",
            "<p>工程(二期未完)</p>",
        ] {
            assert_eq!(made(html, without_tails), None, "{html}");
        }
    }

    #[test]
    fn blocks_of_the_whole_source_are_learnt() {
        let entry = |n: usize, tail: &str| Entry {
            title: format!("第{n}条"),
            content_html: Some(format!("<p>正文{n}</p><p>{tail}</p>").into()),
            ..Entry::default()
        };
        let entries: Vec<Entry> = (0..6).map(|n| entry(n, "某某网 新闻热线 12345678")).collect();
        let learnt = Boilerplate::of(&entries);
        assert_eq!(
            made("<p>另文</p><p>某某网 新闻热线 12345678</p>", |nodes| learnt.strip(nodes)).as_deref(),
            Some("<p>另文</p>")
        );
        assert_eq!(
            made("<p>另文</p><p>某某网 新闻热线 12345678</p>", |nodes| Boilerplate::of(&entries[..4])
                .strip(nodes)),
            None
        );
    }

    #[test]
    fn echoes_of_the_title_go() {
        let title = "佳兆业已累计交付15个项目、9430套房源";
        assert_eq!(
            made("佳兆业已累计交付15个项目、9430套房源 观点网讯:4月23日", |nodes| without_echo(
                nodes, title
            ))
            .as_deref(),
            Some("观点网讯:4月23日")
        );
        assert_eq!(
            made("<p>佳兆业已累计交付15个项目,9430套房源</p><p>正文</p>", |nodes| without_echo(
                nodes, title
            ))
            .as_deref(),
            Some("<p>正文</p>")
        );
        assert_eq!(made("佳兆业已累计交付15个...", |nodes| without_echo(nodes, title)).as_deref(), Some(""));
        let linked = format!("<a href=\"http://e.org/\">{title}</a>");
        assert_eq!(made(&linked, |nodes| without_echo(nodes, title)), None, "its link stays");
        for html in [
            "<a href=\"http://e.org/other\">佳兆业已累计交付15个项目、9430套房源</a>",
            "佳兆业已累计交付15个项目、9430套房源,同比增长",
            "<p>佳兆业今天</p>",
            "<p>另一句</p><p>佳兆业已累计交付15个项目、9430套房源</p>",
        ] {
            assert_eq!(made(html, |nodes| without_echo(nodes, title)), None, "{html}");
        }
        assert_eq!(made("短题 正文", |nodes| without_echo(nodes, "短题")), None);
    }
}
