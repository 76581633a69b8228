//! The seed's stories, told by four documents, in the river of a running daemon.

mod common;

use std::path::Path;

use common::{Daemon, Fallible};
use serde_json::Value;

/// What the river must show: title, stated date, attribution, tickers, and the documents that tell it.
type Story =
    (&'static str, Option<&'static str>, Option<&'static str>, &'static [&'static str], &'static [&'static str]);

const STORIES: [Story; 18] = [
    (
        "抓转型、求突破,全面提升园区发展质量和效能,徐建、杨小菁一行到青浦工业园区开展调研",
        Some("2023-04-23"),
        None,
        &[],
        &["portal-page", "portal", "mirror"],
    ),
    ("烟台最低社保交多少钱一个月 2023年烟台社保个人缴费标准表", None, None, &[], &["portal-page", "portal", "mirror"]),
    ("装修、倒闭、换老板......五一来了,有些民宿却突然不接客了?", None, None, &[], &["portal-page", "portal"]),
    ("寒号鸟图片简笔画步骤_寒号鸟图片简笔画", None, None, &[], &["portal-page", "portal", "mirror"]),
    ("12+512G大内存 2023款14英寸游戏平板到手820元", None, None, &[], &["portal-page", "portal"]),
    (
        "安徽预防中小学生溺水新措施:组建专门的水域看管队伍,死看硬守",
        Some("2023-04-21"),
        None,
        &[],
        &["portal-page", "portal", "mirror"],
    ),
    (
        "佳兆业已累计交付15个项目、9430套房源",
        Some("2023-04-23"),
        Some("观点网"),
        &[],
        &["portal-page", "portal", "briefs"],
    ),
    (
        "天齐锂业:有客户已进入美IRA法案公布的可获得补贴车型的供应链",
        Some("2023-04-24"),
        Some("南方财经"),
        &[],
        &["portal-page", "portal", "briefs", "mirror"],
    ),
    ("中国铁路之父詹天佑诞辰162周年,这所高校为他办纪念巡回展", None, None, &[], &["portal-page", "portal"]),
    (
        "创业板新股N美利信上午收盘跌7.76% 半日成交3.88亿元",
        None,
        None,
        &[],
        &["portal-page", "portal", "briefs", "mirror"],
    ),
    ("李家超率特区政府及立法会联合访问团参访大湾区四市", None, None, &[], &["portal-page", "portal"]),
    ("佛山将加强学校体育工作和美育工作", None, Some("佛山日报"), &[], &["portal-page", "portal", "mirror"]),
    ("邦普循环九大工厂获认证,在佛山三水率先实现“全链零碳”", None, Some("佛山新闻网"), &[], &["portal-page", "portal"]),
    ("佛山新城将建16万方高端商业体", None, Some("佛山新闻网"), &[], &["portal-page", "portal", "mirror"]),
    ("捷捷微电:接受开源证券等机构调研", None, None, &["SZ300623"], &["portal-page", "portal", "briefs"]),
    ("我国已有20个省份开展车路协同智慧高速公路建设", None, None, &[], &["portal-page", "portal", "mirror"]),
    (
        "云天化定增遭上交所13问:控股股东认购资金从哪来 实施募投项目是否有技术等能力储备",
        None,
        Some("中国网财经"),
        &[],
        &["portal-page", "portal", "briefs"],
    ),
    ("安徽一市民钓出14斤大乌龟 专家看后坚决不让放生 这是为什么", None, None, &[], &["portal-page", "portal", "mirror"]),
];

fn folded(title: &str) -> String {
    title.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn shipped(folder: &Path) -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir(folder.join("examples"))?;
    for file in std::fs::read_dir(root.join("examples"))? {
        let file = file?;
        std::fs::copy(file.path(), folder.join("examples").join(file.file_name()))?;
    }
    let text = std::fs::read_to_string(root.join("feeds.toml"))?;
    std::fs::write(
        folder.join("feeds.toml"),
        text.replace("# listen = \"127.0.0.1:8700\"  ", "listen = \"127.0.0.1:0\"\n#")
            .replace("# format = \"pretty\"", "format = \"json\" #"),
    )
}

#[test]
fn the_seed_is_told_as_its_eighteen_stories() -> Fallible {
    let folder = tempfile::tempdir()?;
    shipped(folder.path())?;
    let daemon = Daemon::start(&folder.path().join("feeds.toml"))?;
    daemon.until(|d| d.json("status.json"), |s| s["river"]["entries"] == 53)?;
    let tellings = |feed: &Value| -> usize {
        let sources = |item: &Value| item["_newsriver"]["sources"].as_array().map_or(0, Vec::len);
        feed["items"].as_array().into_iter().flatten().map(sources).sum()
    };
    let feed = daemon.until(|d| d.json("feed.json"), |feed| tellings(feed) == 53)?;
    let items = feed["items"].as_array().cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    for (title, stated, attribution, tickers, told_by) in STORIES {
        let Some(item) = items.iter().find(|item| item["title"] == title) else {
            let near: Vec<&Value> = items
                .iter()
                .map(|i| &i["title"])
                .filter(|t| t.as_str().is_some_and(|t| folded(t).contains(&folded(title))))
                .collect();
            wrong.push(format!("no {title}; but {near:?}"));
            continue;
        };
        let own = &item["_newsriver"];
        let mut sources: Vec<&str> =
            own["sources"].as_array().into_iter().flatten().filter_map(|s| s["id"].as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut expected = told_by.to_vec();
        expected.sort_unstable();
        if (own["stated_date"].as_str(), own["attribution"].as_str(), &own["tickers"], &sources)
            != (stated, attribution, &serde_json::json!(tickers), &expected)
        {
            wrong.push(format!("{title}: {own}"));
        }
        if item["content_html"].as_str().is_some_and(|html| html.contains("关键词:") || html.contains("(资料图)"))
        {
            wrong.push(format!("{title}: {}", item["content_html"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(daemon.json("status.json")?["river"]["stories"], STORIES.len());
    // Parts of the river: a story belongs to every part that one of its entries belongs to.
    for (path, count) in
        [("tags/SZ300623", 1), ("sources/briefs", 5), ("sources/mirror", 10), ("groups/demo", STORIES.len())]
    {
        let part = daemon.json(&format!("{path}/feed.json"))?;
        assert_eq!(part["items"].as_array().map(Vec::len), Some(count), "{path}");
        assert!(
            part["feed_url"].as_str().is_some_and(|url| url.ends_with(&format!("/{path}/feed.json"))),
            "{}",
            part["feed_url"]
        );
        for format in ["atom", "rss"] {
            let feed = daemon.get(&format!("{path}/feed.{format}"), &[])?;
            assert_eq!(feed_rs::parser::parse(feed.body.as_slice())?.entries.len(), count, "{path} {format}");
        }
    }
    assert_eq!(daemon.json("tags/NYSE%3ANONE/feed.json")?["items"], serde_json::json!([]));
    for path in [
        "sources/none/feed.atom",
        "groups/none/feed.atom",
        "tags/feed.atom",
        "x/y/feed.atom",
        "tags/a/b/feed.atom",
        "feed.xml",
    ] {
        assert_eq!(daemon.get(path, &[])?.status, 404, "{path}");
    }
    daemon.stop()?;
    // The stories stand in the store, and nothing is told anew by a restart.
    let again = Daemon::start(&folder.path().join("feeds.toml"))?;
    let after =
        again.until(|d| d.json("feed.json"), |feed| feed["items"].as_array().is_some_and(|items| !items.is_empty()))?;
    assert_eq!(after["items"], feed["items"]);
    // What another program does to a story is shown soon.
    let id = items.iter().find(|item| item["_newsriver"]["sources"].as_array().is_some_and(|all| all.len() > 1));
    let id = id.and_then(|item| item["_newsriver"]["sources"][1]["id"].as_str().zip(item["id"].as_str()));
    let (_, story) = id.ok_or("no story of several tellings")?;
    assert_eq!(common::newsriver(&["split", story], folder.path())?.0, Some(0));
    again.until(
        |d| d.json("feed.json"),
        |feed| feed["items"].as_array().is_some_and(|items| items.len() == STORIES.len() + 1),
    )?;
    again.stop()?;
    Ok(())
}

#[test]
fn explain_tells_all_of_an_entry_and_split_is_remembered() -> Fallible {
    let folder = tempfile::tempdir()?;
    shipped(folder.path())?;
    let run = |arguments: &[&str]| common::newsriver(arguments, folder.path());
    run(&["poll"])?;
    let link = "http://www.portal.example/brief/2023/0424/1207.html";
    let (code, text, err) = run(&["explain", link])?;
    assert_eq!(code, Some(0), "{err}");
    for part in [
        "from     南方财经",
        "stated   2023-04-24",
        "快讯｜天齐锂业",
        "echo on content",
        "told by 4 entries",
        "joined because",
        "date     2023-04-24T12:00:00+08:00 (from the feed, written \"Mon, 24 Apr 2023 12:00:00 +0800\")",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let (_, json, _) = run(&["explain", link, "--json"])?;
    let told: Value = serde_json::from_str(&json)?;
    assert_eq!(told["story"]["others"].as_array().map(Vec::len), Some(3));
    assert!(told["story"]["joins"][0]["score"].as_f64().is_some_and(|score| score > 0.5));
    let (code, _, err) = run(&["explain", "nothing"])?;
    assert!(code == Some(1) && err.contains("no entry has `nothing`"), "{err}");

    let (code, _, _) = run(&["split", link])?;
    assert_eq!(code, Some(0));
    for _ in 0..2 {
        let (_, text, _) = run(&["explain", link])?;
        assert!(text.contains("split off by hand"), "{text}");
        // Neither another poll nor a document read anew joins it again.
        run(&["poll", "--force"])?;
    }
    let (_, status, _) = run(&["status", "--json"])?;
    assert_eq!(serde_json::from_str::<Value>(&status)?["river"]["stories"], STORIES.len() + 1);
    Ok(())
}

/// One item of a document: its number, title and text.
type Item = (u32, &'static str, &'static str);

/// Writes a feed of a source whose items are dated so many hours ago.
fn document(folder: &Path, source: &str, hours: i64, items: &[Item]) -> std::io::Result<()> {
    let dated = (chrono::Utc::now() - chrono::TimeDelta::hours(hours)).to_rfc2822();
    let items: String = (items.iter())
        .map(|(n, title, text)| {
            format!(
                "<item><title>{title}</title><link>http://{source}.example/{n}</link><guid isPermaLink=\"false\">urn:{source}:{n}</guid>\
                 <pubDate>{dated}</pubDate><description>{text}</description></item>"
            )
        })
        .collect();
    std::fs::write(
        folder.join(format!("{source}.xml")),
        format!(
            "<rss version=\"2.0\"><channel><title>{source}</title><link>http://{source}.example/</link><description>d</description>{items}</channel></rss>"
        ),
    )
}

/// A folder with sources that are files.
fn river_of(sources: &[&str]) -> Result<tempfile::TempDir, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut text = "[river]\nbase_url = \"http://127.0.0.1:8700\"\n".to_owned();
    for source in sources {
        text.push_str(&format!("[[source]]\nid = \"{source}\"\nurl = \"file:{source}.xml\"\n"));
    }
    std::fs::write(folder.path().join("feeds.toml"), text)?;
    Ok(folder)
}

/// The stories of the river as JSON Feed has them.
fn stories_of(folder: &Path) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let (code, json, err) = common::newsriver(&["export", "json"], folder)?;
    assert_eq!(code, Some(0), "{err}");
    Ok(serde_json::from_str::<Value>(&json)?["items"].as_array().cloned().unwrap_or_default())
}

#[test]
fn every_telling_of_a_story_has_its_own_id_date_and_title() -> Fallible {
    let folder = river_of(&["a", "b"])?;
    document(folder.path(), "a", 1, &[(1, "星河航空宣布暂停北线航班", "")])?;
    document(folder.path(), "b", 1, &[(7, "全球快看：星河航空宣布暂停北线航班", "")])?;
    for source in ["a", "b"] {
        common::newsriver(&["poll", source], folder.path())?;
    }
    let stories = stories_of(folder.path())?;
    let [story] = &stories[..] else { return Err(format!("not one story: {stories:?}").into()) };
    let tellings = story["_newsriver"]["sources"].as_array().ok_or("no sources")?;
    assert_eq!(tellings.len(), 2);
    for (telling, source, entry) in [(&tellings[0], "a", "urn:a:1"), (&tellings[1], "b", "urn:b:7")] {
        assert_eq!((telling["id"].as_str(), telling["entry"].as_str()), (Some(source), Some(entry)));
        assert_eq!(telling["title"], "星河航空宣布暂停北线航班");
        assert!(telling["published"].as_str().is_some_and(|date| chrono::DateTime::parse_from_rfc3339(date).is_ok()));
    }
    assert_eq!(tellings[0].get("title_original"), None, "cleaning changed nothing");
    assert_eq!(tellings[1]["title_original"], "全球快看：星河航空宣布暂停北线航班");
    Ok(())
}

#[test]
fn a_repost_under_a_new_link_is_a_new_entry_of_the_same_story() -> Fallible {
    const TEXT: &str = "星河航空周一宣布,自本月起暂停北线的全部航班,已经购票的旅客可以免费退票或者改签到其他航线,公司没有说明何时恢复。";
    let folder = river_of(&["a"])?;
    document(folder.path(), "a", 72, &[(1, "星河航空宣布暂停北线航班", TEXT)])?;
    common::newsriver(&["poll"], folder.path())?;
    document(folder.path(), "a", 1, &[(2, "星河航空宣布暂停北线航班", TEXT)])?;
    common::newsriver(&["poll"], folder.path())?;
    let stories = stories_of(folder.path())?;
    assert_eq!(stories.len(), 1, "{stories:?}");
    let entries: Vec<&str> = (stories[0]["_newsriver"]["sources"].as_array().into_iter().flatten())
        .filter_map(|telling| telling["entry"].as_str())
        .collect();
    assert_eq!(entries, ["urn:a:1", "urn:a:2"]);
    Ok(())
}

#[test]
fn explain_tells_what_an_entry_was_not_joined_to() -> Fallible {
    let folder = river_of(&["a", "b"])?;
    document(folder.path(), "a", 1, &[(1, "云州大学宣布取消期末考试", "")])?;
    document(folder.path(), "b", 1, &[(1, "云州大学为何取消期末考试", ""), (2, "青川湖大桥今日建成通车", "")])?;
    for source in ["a", "b"] {
        common::newsriver(&["poll", source], folder.path())?;
    }
    let (code, json, err) = common::newsriver(&["explain", "urn:b:1", "--json"], folder.path())?;
    assert_eq!(code, Some(0), "{err}");
    let told: Value = serde_json::from_str(&json)?;
    let refused = told["story"]["refused"].as_array().ok_or("no refusals")?;
    let others: Vec<Option<&str>> = refused.iter().map(|refusal| refusal["other"].as_str()).collect();
    assert_eq!(others, [Some("urn:a:1")], "what shares nothing is not told");
    assert!(refused[0]["evidence"].as_array().is_some_and(|evidence| evidence.len() > 3), "{refused:?}");
    let (_, text, _) = common::newsriver(&["explain", "urn:b:1"], folder.path())?;
    assert!(text.contains("not joined to\n  a 云州大学宣布取消期末考试\n    urn:a:1\n"), "{text}");
    Ok(())
}
