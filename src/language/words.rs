//! Phrases without a value in them, both languages side by side.

use super::Language;

macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        impl Language {
            $(
                #[doc = concat!("The phrase `", stringify!($name), "`.")]
                #[must_use]
                pub fn $name(self) -> &'static str {
                    match self {
                        Self::English => $english,
                        Self::Chinese => $chinese,
                    }
                }
            )*
        }
    };
}

words! {
    // Every page.
    skip: "To the content", "跳到正文";
    theme: "Light or dark", "浅色或深色";
    keys: "Keyboard", "键盘";
    keys_are: "j k: next and previous story · o: open it · e: read it here · n p: older and newer page · / search · ? this list", "j k：下一条、上一条 · o：打开 · e：就地阅读 · n p：较早、较新的一页 · /：搜索 · ?：本列表";
    density: "Density", "疏密";
    density_normal: "Comfortable", "舒适";
    density_compact: "Compact", "紧凑";
    density_titles: "Titles only", "仅标题";
    own_zone: "Use my time zone", "改用本机时区";
    river_zone: "Use the river’s time zone", "改回原时区";
    times_in: "Times:", "时区：";
    pages: "Pages", "页面";
    all: "All", "全部";
    top: "Top", "热点";
    digest: "Digest", "简报";
    sources: "Sources", "来源";
    back_to_river: "Back to the river", "返回首页";
    // The river.
    parts: "Parts of the river", "分组";
    search: "Search", "搜索";
    subscribe: "Subscribe", "订阅";
    subscribe_how: "Copy an address into your feed reader.", "把地址复制到阅读器里即可订阅。";
    copy: "Copy", "复制";
    copied: "Copied", "已复制";
    open_in_reader: "Open in a feed reader", "用阅读器打开";
    subscriptions: "Sources as OPML", "来源列表（OPML）";
    there_is_news: "There is news.", "有新消息。";
    show_it: "Show it", "显示";
    newer: "Newer", "较新";
    older: "Older", "较早";
    read_here: "Read here", "就地阅读";
    story_page: "Story", "详情";
    close: "Close", "收起";
    found: "Found", "搜索结果";
    archive: "Archive", "存档";
    nothing_yet: "No stories yet.", "还没有内容。";
    see_sources: "The sources page shows how each poll went.", "“来源”页列出了每次抓取的结果。";
    no_sources: "feeds.toml names no source yet. Add one with `newsriver add URL`, or write a [[source]] into feeds.toml; it is polled within a second.", "feeds.toml 里还没有来源。用 `newsriver add URL` 添加，或在 feeds.toml 里写一个 [[source]]；保存后一秒内就会抓取。";
    search_hint: "All words must occur. Fewer or shorter words find more; \"a phrase\", title:word, source:ID and -word narrow it down.", "所有词都须出现。词少一些、短一些，找到的就多；可用 \"短语\"、title:词、source:ID、-词 来缩小范围。";
    top_explained: "The stories of the last 24 hours that most independent outlets report. Outlets that copy each other count once; older stories count less.", "过去 24 小时里独立媒体报道最多的新闻。互相转载的媒体只计一次，越旧的新闻权重越低。";
    nothing_top: "No story of the last 24 hours yet.", "过去 24 小时还没有新闻。";
    // A story.
    read_at_publisher: "Read at the publisher", "阅读原文";
    no_text: "The feed has no text of this story.", "来源没有提供正文。";
    tags: "Tags", "标签";
    attachments: "Attachments", "附件";
    tellings: "Who reports it", "各家报道";
    shown_here: "shown here", "本页所示";
    title_was: "Original title:", "原标题：";
    joined_since: "Joined because:", "归并理由：";
    not_one_story: "Is one of these other news? This takes it out for good:", "其中有别的新闻？用此命令永久拆出：";
    how_made: "How it came to be", "它是怎么来的";
    newer_story: "Newer story", "较新的一条";
    older_story: "Older story", "较早的一条";
    more_detail: "All details of this entry", "此条目的全部细节";
    // How an entry came to be.
    made_source: "Source", "来源";
    made_first_seen: "First seen", "首次抓到";
    made_changed: "Last changed", "最近改动";
    made_date: "Date", "日期";
    made_stated: "Date in the text", "文中日期";
    made_attribution: "Attributed to", "出处";
    made_link: "Link", "链接";
    made_id: "Id", "编号";
    made_sent: "As its publisher sent it", "来源的原样";
    made_title: "Title", "标题";
    made_excerpt: "Excerpt", "摘要";
    made_body: "Body", "正文";
    made_rules: "What cleaning changed", "清洗改动";
    made_no_rules: "No cleaning rule changed anything.", "没有清洗规则改动过它。";
    made_story: "Story", "归并";
    made_alone: "No other entry reports the same news.", "没有其他条目报道同一新闻。";
    made_split: "It was split off by hand and stands alone.", "已手工拆出，单独成条。";
    before: "before", "之前";
    after: "after", "之后";
    // Explain.
    explain: "Explain", "溯源";
    explain_find: "Link, id or words of the title", "链接、编号或标题中的词";
    explain_alike: "Entries with these words", "含有这些词的条目";
    explain_where: "Where it may be", "可能的原因";
    explain_never: "It was never in a document that was polled: the source’s page lists its polls and what each brought.", "它从未出现在抓到的文档里：来源页列出了每次抓取及其所得。";
    explain_between: "It came and went between two polls: a remark “some may have come and gone unseen” says so.", "它在两次抓取之间来了又走了：备注里会有 “some may have come and gone unseen”。";
    explain_other_id: "It is there under another id: an entry whose link or id changes stays the one it was. Search for words of its title.", "它以别的编号存在：链接或编号变了的条目仍是原来那条。请用标题中的词搜索。";
    explain_other_source: "Another source reports it: then it is part of that story.", "别的来源报道了它：它已并入那条新闻。";
    explain_retention: "Retention (store.keep) removed its words.", "保留期限（store.keep）已清除其内容。";
    // Sources.
    attention: "What needs you", "需要处理";
    all_well: "All sources are polled without errors.", "所有来源抓取正常。";
    store_broken: "The store takes nothing", "存储无法写入";
    config_broken: "feeds.toml has errors", "feeds.toml 有错误";
    config_broken_how: "The daemon runs with the configuration before. Correct this and save; it takes effect within a second.", "程序仍按之前的配置运行。改正并保存后一秒内生效。";
    which_sources: "Which sources", "筛选来源";
    find: "Find", "查找";
    state: "State", "状态";
    order: "Order", "排序";
    show: "Show", "显示";
    any: "all", "全部";
    col_source: "Source", "来源";
    col_polls: "Polls, 2 days", "近两天抓取";
    col_a_day: "Entries a day", "日均条数";
    col_entries: "Entries", "条数";
    col_last_success: "Last success", "上次成功";
    col_next_poll: "Next poll", "下次抓取";
    col_remark: "Remark", "备注";
    none_like_that: "No source matches.", "没有符合的来源。";
    never: "never", "从未";
    last_events: "Last log events", "最近的日志";
    its_stories: "Its stories", "它的内容";
    its_feed: "Its feed", "它的订阅";
    all_sources: "All sources", "全部来源";
    address: "Address", "地址";
    last_poll: "Last poll", "上次抓取";
    what_to_do: "What to do", "怎么办";
    why_missing: "Why is an entry missing?", "为什么缺了某一条？";
    polls: "Polls", "抓取记录";
    when: "When", "时间";
    outcome: "Outcome", "结果";
    bytes: "Bytes", "字节";
    elapsed: "ms", "毫秒";
    new_ones: "New", "新";
    changed: "Changed", "改动";
    unchanged: "Unchanged", "未变";
    samples: "Newest entries, as published and as cleaned", "最新条目：原样与清洗后";
    published_as: "Published as:", "原标题：";
    new_entries_chart: "New entries of each poll", "每次抓取的新条目";
    poll_times_chart: "Time of each poll", "每次抓取的用时";
    recovered: "recovered", "已恢复";
    // Feeds opened in a browser, and addresses that lead nowhere.
    feed_is: "This is a feed", "这是一个订阅源";
    feed_explained: "A feed reader keeps up with it for you. Copy the address into one:", "阅读器可以替你跟进它。把地址复制到阅读器里：";
    feed_raw: "Show the feed itself", "查看订阅源本身";
    not_found: "There is nothing at this address", "此地址没有内容";
    not_found_how: "The story may have been removed by retention, or the address has a typing error.", "内容可能已过保留期限，或地址有误。";
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn each_language_has_its_own_words() {
        assert_eq!((Language::English.search(), Language::Chinese.search()), ("Search", "搜索"));
    }
}
