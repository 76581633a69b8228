//! Secrets of feeds.toml: not in the log, the status, the feeds, the pages or what commands print.

mod common;

use common::{Fallible, River, message};

/// Broken configurations, each with the secret in another place.
const BROKEN: [&str; 12] = [
    "[access.pages]\nusername = \"me\"\npassword = \"s3cr3t-words\n",
    "[access.feeds]\ntoken = 's3cr3t-words-0123456789\n",
    "[access.feeds]\ntoken = \"\"\"s3cr3t-words\ns3cr3t-words\n",
    "[[source]]\nid = \"x\"\nurl = \"https://user:s3cr3t-words@e.org/\nevery = \"1h\"\n",
    "[[source]]\nid = \"x\"\nurl = \"gopher://user:s3cr3t-words@e.org/\"\n",
    "[[source]]\nid = \"x\"\nurl = \"https://e.org/rss?key=s3cr3t-words\" oops\n",
    "source = [{ id = \"x\", url = \"https://user:s3cr3t-words@e.org/\", evry = \"1h\" }]\n",
    "[[source]]\nid = \"x\"\nurl = \"https://e.org/\"\nheaders = { Authorization = \"Bearer s3cr3t-words\"\n",
    "[[source]]\nid = \"x\"\nurl = \"https://e.org/\"\nheaders = { \"X Y\" = \"s3cr3t-words\" }\n",
    "[[source]]\nid = \"x\"\nurl = \"https://e.org/\"\npasword = \"s3cr3t-words\"\n",
    "[websub]\nhub = \"ftp://user:s3cr3t-words@hub.example/\"\n",
    "[poll]\nproxy = \"socks5://user:s3cr3t-words@proxy.example:1080\"\n",
];

#[test]
fn problems_of_feeds_toml_hold_no_secret() -> Fallible {
    let river = River::new("")?;
    let mut daemon = river.start()?;
    for broken in BROKEN {
        river.edit(broken)?;
        let (status, out, err) = river.command(&["check"])?;
        assert_eq!(status, Some(2), "{broken}\n{out}{err}");
        let line = daemon.logged(|line| message(line).starts_with("feeds.toml has errors"))?;
        let status = daemon.until(|daemon| daemon.json("status.json"), |json| !json["config_error"].is_null())?;
        let page = daemon.get("status", &[])?.text();
        let (_, table, table_err) = river.command(&["status"])?;
        for shown in [out, err, line.to_string(), status.to_string(), page, table, table_err] {
            assert!(!shown.contains("s3cr3t") && !shown.contains("words"), "{broken}\n{shown}");
        }
        river.edit("")?;
        daemon.logged(|line| message(line).starts_with("feeds.toml is in force"))?;
        daemon.until(|daemon| daemon.json("status.json"), |json| json["config_error"].is_null())?;
    }
    Ok(())
}
