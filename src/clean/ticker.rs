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
        | (?-u:\b)(?P<symbol2>[A-Z]{2,5})\.(?P<us2>US|OQ|O|N)(?-u:\b)(?P<more>\.)?
        | [\p{Han}A-Za-z][(（](?P<bare>[0-9]{5,6})[)）]
        | (?:股票|证券|股份)代[码号][:：为]?\s?(?P<stated>[0-9]{4,6})(?-u:\b)
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
        } else if let Some((market, symbol)) = of("us2").zip(of("symbol2")).filter(|_| of("more").is_none()) {
            let market = match market {
                "O" | "OQ" => "NASDAQ",
                "N" => "NYSE",
                market => market,
            };
            format!("{market}:{symbol}")
        } else if let Some(code) = of("bare").and_then(|code| of_digits(code, 5)) {
            code
        } else if let Some(code) = of("stated").and_then(|code| of_digits(code, 4)) {
            code
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

/// The code that digits beside a company are: six by the market that numbers so, fewer are Hong Kong's, of
/// which `shortest` must be there.
fn of_digits(digits: &str, shortest: usize) -> Option<String> {
    const MARKETS: [(&str, &[&str]); 3] = [
        ("SH", &["600", "601", "603", "605", "688", "689"]),
        ("SZ", &["000", "001", "002", "003", "300", "301"]),
        ("BJ", &["43", "83", "87", "920"]),
    ];
    if digits.len() == 6 {
        let (market, _) = MARKETS.iter().find(|(_, begins)| begins.iter().any(|begin| digits.starts_with(begin)))?;
        return Some(format!("{market}{digits}"));
    }
    // In brackets alone five digits may be anything, unless they are written as Hong Kong does.
    let is_one = digits.len() >= shortest && (digits.len() == 4 || digits.starts_with('0'));
    is_one.then(|| format!("HK{digits:0>5}"))
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
            ("亚马逊(AMZN.US)与微策略(MSTR.O)、福特(F.N)", &["US:AMZN", "NASDAQ:MSTR"]),
            ("赛力斯（601127）和云锋金融（00376）今天公布", &["SH601127", "HK00376"]),
            ("该公司股票代码6831,证券代码：300623", &["HK06831", "SZ300623"]),
            ("邮编（201700）, 编号(12345), P.O. Box, 人数（10000）", &[]),
            ("P.123456.SHA, 12345678.SZ", &[]),
        ] {
            assert_eq!(tickers(text), expected, "{text}");
        }
    }
}
