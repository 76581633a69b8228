//! feeds.toml as people write it, right and wrong.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::model::source::Address;

fn check(text: &str) -> Result<Config, ConfigError> {
    Config::check(text, Path::new("/etc/newsriver/feeds.toml"))
}

fn problems(text: &str) -> Vec<String> {
    check(text)
        .err()
        .map(|e| e.problems)
        .unwrap_or_default()
        .into_iter()
        .map(|p| format!("{}:{} {} ({})", p.line, p.column, p.message, p.hint))
        .collect()
}

#[test]
fn an_empty_file_is_all_defaults() -> Result<(), ConfigError> {
    let config = check("")?;
    assert_eq!(config.listen.to_string(), defaults::LISTEN);
    assert_eq!(config.store, Path::new("/etc/newsriver/newsriver.db"));
    assert_eq!((config.concurrency, config.river.entries), (64, 100));
    assert!(config.sources.is_empty());
    Ok(())
}

#[test]
fn sources_inherit_from_poll_and_override_it() -> Result<(), ConfigError> {
    let config = check(
        "[poll]\nevery = \"1h\"\nmax_bytes = \"1MiB\"\n[[source]]\nurl = \"https://u:p%40w@example.org/rss.xml#x\"\n\
         [[source]]\nid = \"f\"\nurl = \"file:a/b.xml\"\nevery = \"1m\"\ncharset = \"gb2312\"\ntimezone = \"+08:00\"\n",
    )?;
    let [web, file] = &config.sources[..] else { panic!("two sources: {:?}", config.sources) };
    assert_eq!(web.id.as_str(), "example-org-rss-xml");
    assert_eq!(web.address.to_string(), "https://example.org/rss.xml");
    assert_eq!(web.credentials.as_ref().map(|c| c.password.reveal()), Some("p@w"));
    assert_eq!((web.every, web.min_every, web.max_bytes), (Duration::from_secs(3600), defaults::MIN_EVERY, 1 << 20));
    assert_eq!(file.address, Address::File("/etc/newsriver/a/b.xml".into()));
    assert_eq!((file.every, file.min_every), (Duration::from_secs(60), Duration::from_secs(60)));
    assert_eq!(file.charset, Some("GBK"));
    Ok(())
}

#[test]
fn every_problem_of_a_file_is_told_at_once() {
    let found = problems(
        "[poll]\nevry = \"30m\"\ntimeout = 30\n\n[[source]]\nid = \"a b\"\nurl = \"gopher://x/\"\n\n[[source]]\nid = \"x\"\nurl = \"https://e.org/1\"\n\
         [[source]]\nid = \"x\"\nurl = \"https://e.org/1\"\n[[source]]\nid = \"n\"\n[colour]\n",
    );
    assert_eq!(
        found,
        [
            "2:1 unknown key `evry` in poll (did you mean `every`?)",
            "3:11 `timeout` in poll has a wrong value (expected a duration such as \"90s\", \"30m\", \"1h30m\" or \"2d\")",
            "6:6 `id` in [[source]] has a wrong value (expected letters, digits, '-', '_' and '.', at most 64, beginning with a letter or digit)",
            "7:7 sources of the kind `gopher:` are not known (expected http://…, https://… or file:path)",
            "13:6 the id `x` is already that of the source at line 10 (give one of them another `id`)",
            "14:7 the url is already that of the source at line 11 (remove one of the two)",
            "15:1 a source without `url` (add url = \"https://…\" or url = \"file:…\")",
            "17:2 unknown key `colour` in feeds.toml (expected one of `river`, `server`, `store`, `poll`, `clean`, `websub`, `access`, `pages`, `digest`, `log`, `output`, `groups`, `source`, `rsshub`)",
        ]
    );
}

#[test]
fn where_it_listens_and_who_may_read() -> Result<(), ConfigError> {
    let config = check(
        "[server]\nlisten = \"unix:run/http.sock\"\nsocket_mode = \"660\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n",
    )?;
    assert_eq!(config.listen, Listen::Unix { path: "/etc/newsriver/run/http.sock".into(), mode: 0o660 });
    assert!(
        config.trusted_proxies.contain([10, 1, 2, 3].into()) && !config.trusted_proxies.contain([11, 1, 2, 3].into())
    );
    assert!(config.access.feeds.is_open() && config.access.pages.is_open());
    let found = problems(
        "[server]\nlisten = \"unix:\"\nsocket_mode = \"999\"\ntrusted_proxies = [\"nginx\"]\n\
         [access.feeds]\ntoken = \"short\"\n[access.pages]\nusername = \"u\"\ntoken_file = \"no/such\"\n\
         [websub]\nhub = [\"https://hub.example/\"]\n",
    );
    for (line, words) in [
        (1, "neither an address nor a network: nginx"),
        (2, "`listen` in server has a wrong value"),
        (3, "`socket_mode` in server has a wrong value"),
        (6, "can be guessed"),
        (7, "a `username` without a password"),
        (9, "`token_file` cannot be read"),
    ] {
        assert!(found.iter().any(|p| p.starts_with(&format!("{line}:")) && p.contains(words)), "{words}: {found:#?}");
    }
    let told = problems("[access.feeds]\ntoken = \"0123456789abcdef\"\n[websub]\nhub = [\"https://hub.example/\"]\n");
    assert!(told.len() == 1 && told[0].contains("keeps to those let in"), "{told:?}");
    Ok(())
}

#[test]
fn a_hub_is_named_alone_or_in_a_list() -> Result<(), ConfigError> {
    for text in ["hub = \"self\"", "hub = [\"self\"]"] {
        assert!(check(&format!("[websub]\n{text}\n"))?.websub.is_hub, "{text}");
    }
    assert!(problems("[websub]\nhub = 1\n")[0].contains("a text, or a list"));
    Ok(())
}

#[test]
fn syntax_errors_have_places_too() {
    let found = problems("[river\ntitle = \"x\"\n[poll]\nevery = \n");
    assert!(found.len() >= 2, "{found:?}");
    assert!(found[0].starts_with("1:"), "{found:?}");
    assert!(found.iter().any(|p| p.starts_with("4:")), "{found:?}");
}

#[test]
fn selectors_are_checked() {
    let found = problems("[[source]]\nurl = \"file:p.html\"\nselect = { item = \"li[\", tilte = \"a\" }\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("no CSS selector") && found[1].contains("did you mean `title`?"), "{found:?}");
}

#[test]
fn a_broken_file_still_tells_its_store() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("feeds.toml");
    std::fs::write(&path, "[store]\npath = \"other.db\"\n[poll]\nevery = \n")?;
    assert_eq!(Config::store_path_of(&path), folder.path().join("other.db"));
    Ok(())
}

#[test]
fn time_zones_are_named_and_a_wrong_name_gets_the_nearest() -> Result<(), ConfigError> {
    let config = check(
        "[river]\ntimezone = \"Asia/Shanghai\"\n[[source]]\nurl = \"https://e.org/1\"\ntimezone = \"Europe/Berlin\"\n",
    )?;
    assert_eq!(config.river.timezone.to_string(), "Asia/Shanghai");
    assert_eq!(config.sources[0].timezone.map(|zone| zone.to_string()).as_deref(), Some("Europe/Berlin"));
    let found = problems(
        "[river]\ntimezone = \"Asia/Shangai\"\n[[source]]\nurl = \"https://e.org/1\"\ntimezone = \"half past\"\n",
    );
    assert_eq!(
        found,
        [
            "2:12 `timezone`: \"Asia/Shangai\" is not a time zone (did you mean \"Asia/Shanghai\"?)",
            "5:12 `timezone`: \"half past\" is not a time zone (expected an IANA name such as \"Asia/Shanghai\", or an offset such as \"+08:00\")",
        ]
    );
    Ok(())
}

#[test]
fn a_group_sets_what_its_sources_start_from() -> Result<(), ConfigError> {
    let text = "[poll]\nevery = \"1h\"\nper_host = 3\n[groups.g]\nevery = \"2h\"\nproxy = \"http://127.0.0.1:1\"\nclean = { hype = false }\nexclude = [\"x\"]\n\
        [[source]]\nid = \"a\"\nurl = \"http://a.example/\"\ngroup = \"g\"\n\
        [[source]]\nid = \"b\"\nurl = \"http://b.example/\"\ngroup = \"g\"\nevery = \"3h\"\nproxy = \"\"\n\
        [[source]]\nid = \"c\"\nurl = \"http://c.example/\"\n";
    let config = Config::check(text, Path::new("feeds.toml"))?;
    let hours = |id: &str| config.source(id).map(|source| source.every.as_secs() / 3600);
    assert_eq!([hours("a"), hours("b"), hours("c")], [Some(2), Some(3), Some(1)]);
    let proxied = |id: &str| config.source(id).is_some_and(|source| source.proxy.is_some());
    assert_eq!([proxied("a"), proxied("b"), proxied("c")], [true, false, false]);
    assert!(config.sources.iter().all(|source| source.per_host == 3));
    assert_ne!(config.sources[0].clean, config.sources[2].clean);
    assert_eq!(config.filters.groups.len(), 1);
    Ok(())
}

#[test]
fn a_variable_that_is_not_set_is_a_problem_at_its_place() {
    let text = "[river]\ntitle = \"$${X}\"\n[[source]]\nurl = \"http://e.example/?q=${NEWSRIVER_NOBODY_SETS_THIS}\"\n";
    let error = Config::check(text, Path::new("feeds.toml")).err();
    let problems = error.map(|error| error.problems).unwrap_or_default();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((problems[0].line, problems[0].column), (4, 7));
    assert!(problems[0].message.contains("NEWSRIVER_NOBODY_SETS_THIS"), "{problems:?}");
}
