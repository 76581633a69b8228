//! Ticker codes in a text, each in one spelling: `SZ300623`, `HK00700`, `NASDAQ:BIDU`.

use std::sync::LazyLock;

use regex::Regex;

static CODES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?-u:\b)(?P<market>SH|SZ|BJ)[\s:：.]?(?P<code>[0-9]{6})(?-u:\b)
        | (?-u:\b)(?P<code2>[0-9]{6})[\s.．](?P<market2>SH|SS|SZ|BJ|XSHG|XSHE)(?-u:\b)
        | (?-u:\b)(?:HK|港股)[\s:：.]?(?P<hk>[0-9]{4,5})(?-u:\b)
        | (?-u:\b)(?P<hk2>[0-9]{4,5})[.．]HK(?-u:\b)
        | (?P<us>NYSE|NASDAQ|Nasdaq|AMEX|纽交所|纳斯达克|美股)\s?[:：]\s?(?P<symbol>[A-Z]{1,5}(?:\.[A-Z])?)(?-u:\b)
        ",
    )
    .ok()
});

/// The codes in a text, in the order in which they first stand there.
pub(super) fn tickers(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for captures in CODES.as_ref().into_iter().flat_map(|codes| codes.captures_iter(text)) {
        let of = |name: &str| captures.name(name).map(|m| m.as_str());
        let code = if let Some((market, code)) = of("market").zip(of("code")).or(of("market2").zip(of("code2"))) {
            let market = match market {
                "SS" | "XSHG" => "SH",
                "XSHE" => "SZ",
                market => market,
            };
            format!("{market}{code}")
        } else if let Some(code) = of("hk").or(of("hk2")) {
            format!("HK{code:0>5}")
        } else if let Some((market, symbol)) = of("us").zip(of("symbol")) {
            let market = match market {
                "纽交所" => "NYSE".to_owned(),
                "纳斯达克" => "NASDAQ".to_owned(),
                "美股" => "US".to_owned(),
                market => market.to_uppercase(),
            };
            format!("{market}:{symbol}")
        } else {
            continue;
        };
        if !found.contains(&code) {
            found.push(code);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::tickers;

    #[test]
    fn one_spelling_for_every_form() {
        assert!(super::CODES.is_some());
        for (text, expected) in [
            ("捷捷微电(SZ300623,收盘价:19 ...", &["SZ300623"][..]),
            ("(300623.SZ)与600096.SH、SZ300623", &["SZ300623", "SH600096"]),
            ("腾讯(0700.HK)、00700.HK、HK:09988", &["HK00700", "HK09988"]),
            ("百度(NASDAQ:BIDU)和阿里(纽交所:BABA)", &["NASDAQ:BIDU", "NYSE:BABA"]),
            ("2023年4月24日共300623人次,编号SZ3006231", &[]),
            ("P.123456.SHA, 12345678.SZ", &[]),
        ] {
            assert_eq!(tickers(text), expected, "{text}");
        }
    }
}
