//! What a person can do about the error of a source, and why it is polled when it is.

use chrono::TimeDelta;

use super::Language;
use crate::model::reason::Reason;
use crate::model::report::{ErrorKind, Failure};

/// The advice for one situation, in English and in Chinese.
type Advice = (&'static str, &'static str);

/// How the message of a body that broke off begins: of the kind `io` it is the one that is not ours to mend.
pub const BROKE_OFF: &str = "the body broke off";

/// How the message of headers that are too large begins: `max_bytes` does not bound those.
pub const HEADERS_TOO_LARGE: &str = "the headers are larger";

impl Language {
    /// What a person can do about an error; `status` is the HTTP status of the answer, where there was one.
    #[must_use]
    pub fn advice(self, failure: &Failure, status: Option<u16>) -> String {
        let (english, chinese) = advice(failure, status);
        let text = match self {
            Self::English => english,
            Self::Chinese => chinese,
        };
        // The message of a time limit names the key that set it.
        text.replace("{key}", key_of(&failure.message).unwrap_or("timeout"))
    }

    /// What to do about a source whose publisher has ended it.
    #[must_use]
    pub fn gone(self) -> &'static str {
        match self {
            Self::English => "The server says it is gone for good: take it out with `newsriver remove`.",
            Self::Chinese => "服务器表示它已永久终止：请用 `newsriver remove` 移除。",
        }
    }

    /// Where a source moved to for good.
    #[must_use]
    pub fn moved(self, target: &str) -> String {
        match self {
            Self::English => format!("moved permanently to {target}; `newsriver fix` puts that into feeds.toml"),
            Self::Chinese => format!("已永久迁至 {target}；`newsriver fix` 会写入 feeds.toml"),
        }
    }

    /// An error with how often it came in a row.
    #[must_use]
    pub fn failure(self, failure: &Failure, in_a_row: u32) -> String {
        let (kind, message) = (failure.kind.name(), &failure.message);
        match self {
            Self::English => format!("{kind}: {message} ({in_a_row} in a row)"),
            Self::Chinese => format!("{kind}： {message}（连续 {in_a_row} 次）"),
        }
    }

    /// Why a source is polled next when it is.
    #[must_use]
    pub fn reason(self, reason: Reason) -> String {
        let span = |time| self.span(TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX));
        match (self, reason) {
            (_, Reason::RetryAfter(wait)) => format!("Retry-After: {}", wait.as_secs()),
            (Self::English, Reason::BackingOff(1)) => "backing off: 1 failure".to_owned(),
            (Self::English, Reason::BackingOff(failures)) => format!("backing off: {failures} failures"),
            (Self::Chinese, Reason::BackingOff(failures)) => format!("失败 {failures} 次，放慢重试"),
            (Self::English, Reason::Ttl(time)) => format!("the feed asks for {} (ttl)", span(time)),
            (Self::Chinese, Reason::Ttl(time)) => format!("订阅源要求间隔 {}（ttl）", span(time)),
            (Self::English, Reason::UpdatePeriod(time)) => {
                format!("the feed asks for {} (sy:updatePeriod)", span(time))
            }
            (Self::Chinese, Reason::UpdatePeriod(time)) => format!("订阅源要求间隔 {}（sy:updatePeriod）", span(time)),
            (Self::English, Reason::Fresh(time)) => format!("the server asks for {} (Cache-Control)", span(time)),
            (Self::Chinese, Reason::Fresh(time)) => format!("服务器要求间隔 {}（Cache-Control）", span(time)),
            (Self::English, Reason::Skips) => "the feed names hours to skip".to_owned(),
            (Self::Chinese, Reason::Skips) => "订阅源指定了免抓时段".to_owned(),
            (Self::English, Reason::Publishes(time)) => format!("publishes about every {}", span(time)),
            (Self::Chinese, Reason::Publishes(time)) => format!("约每 {} 更新一次", span(time)),
            (Self::English, Reason::Every(time)) => format!("the longest interval, {}", span(time)),
            (Self::Chinese, Reason::Every(time)) => format!("最长间隔 {}", span(time)),
        }
    }
}

/// The key of feeds.toml that a message names between backticks.
fn key_of(message: &str) -> Option<&str> {
    message.split('`').nth(1).filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
}

fn advice(failure: &Failure, status: Option<u16>) -> Advice {
    match failure.kind {
        ErrorKind::Dns => (
            "Is the host name right? If other sources fail too, it is this machine’s network.",
            "主机名对吗？若其他来源也失败，则是本机网络的问题。",
        ),
        ErrorKind::Connect => (
            "It is tried again by itself. If it lasts, open the address in a browser: is the port right?",
            "会自动重试。若持续如此，请在浏览器中打开该地址：端口对吗？",
        ),
        ErrorKind::Timeout => (
            "It is tried again by itself. If the site is slow, raise `{key}` of this source.",
            "会自动重试。若网站较慢，请调大该来源的 `{key}`。",
        ),
        ErrorKind::Tls => (
            "The certificate or handshake is refused; only the site’s operator can correct that.",
            "证书或握手被拒绝；只有网站的管理者能解决。",
        ),
        ErrorKind::HttpStatus => of_status(status),
        ErrorKind::Redirect => (
            "Open the address in a browser and put the one it ends at into feeds.toml.",
            "在浏览器中打开该地址，把最终地址写入 feeds.toml。",
        ),
        ErrorKind::TooLarge if failure.message.starts_with(HEADERS_TOO_LARGE) => (
            "The site sends more headers than any feed needs; only its operator can correct that.",
            "网站发送的响应头过大；只有其管理者能解决。",
        ),
        ErrorKind::TooLarge => (
            "Raise `max_bytes` of this source if the document should be that large.",
            "若文档确实这么大，请调大该来源的 `max_bytes`。",
        ),
        ErrorKind::Decompression | ErrorKind::Encoding => {
            ("The server sends something broken; it is tried again by itself.", "服务器发送的内容已损坏；会自动重试。")
        }
        ErrorKind::Parse => (
            "`newsriver parse URL` shows what is read; tell the publisher.",
            "`newsriver parse URL` 可显示读到的内容；请告知发布者。",
        ),
        ErrorKind::NotAFeed => (
            "`newsriver add` finds the feed behind a page; or read the page with `select`.",
            "`newsriver add` 能找到网页背后的订阅源；也可用 `select` 读取网页。",
        ),
        ErrorKind::BlockedAddress => (
            "If the address is yours, set `allow_private = true` on this source.",
            "若该地址是你自己的，请在该来源上设置 `allow_private = true`。",
        ),
        ErrorKind::Robots => (
            "The site asks robots to stay away; `robots = false` overrules it.",
            "网站不允许机器抓取；`robots = false` 可强制抓取。",
        ),
        ErrorKind::Io if failure.message.starts_with(BROKE_OFF) => (
            "The connection ended before the document did; it is tried again by itself.",
            "文档还没传完连接就断了；会自动重试。",
        ),
        ErrorKind::Io => (
            "Does the file exist, is it readable for this user, and is there space on the disk?",
            "文件存在吗？当前用户可读吗？磁盘还有空间吗？",
        ),
        ErrorKind::Internal => (
            "This is a fault of newsriver: please report it with the log line.",
            "这是 newsriver 的错误：请附上日志报告。",
        ),
    }
}

fn of_status(status: Option<u16>) -> Advice {
    match status {
        Some(401) => (
            "It wants credentials: set `username` and `password_file` of this source.",
            "需要登录：请设置该来源的 `username` 和 `password_file`。",
        ),
        Some(403) => (
            "The site refuses this client: another `user_agent` or `headers` may help, or the publisher.",
            "网站拒绝访问：可换一个 `user_agent` 或 `headers`，或联系发布者。",
        ),
        Some(404) => (
            "Has the feed moved? Open the site in a browser; `newsriver add` finds its feed.",
            "订阅源搬家了吗？请在浏览器中打开网站；`newsriver add` 能找到它的订阅源。",
        ),
        Some(429) => (
            "Too many requests: it is polled again when the server allows. Raise `every` if it lasts.",
            "请求过多：服务器允许后会再抓取。若持续如此，请调大 `every`。",
        ),
        Some(500..=599) => ("The server has a fault; it is tried again by itself.", "服务器出错；会自动重试。"),
        _ => ("Open the address in a browser.", "请在浏览器中打开该地址。"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ErrorKind, message: &str, status: Option<u16>) -> String {
        Language::English.advice(&Failure { kind, message: message.to_owned() }, status)
    }

    #[test]
    fn advice_fits_the_error() {
        let broke_off = of(ErrorKind::Io, "the body broke off: unexpected end", Some(200));
        assert!(!broke_off.contains("disk"), "{broke_off}");
        assert!(of(ErrorKind::Io, "a.xml cannot be read: no such file", None).contains("file"));
        let headers = of(ErrorKind::TooLarge, "the headers are larger than 65536 bytes", Some(200));
        assert!(!headers.contains("max_bytes"), "{headers}");
        assert!(of(ErrorKind::TooLarge, "the body is larger than 9 bytes", Some(200)).contains("`max_bytes`"));
        let slow = "timed out: the first byte took more than 20s (`first_byte_timeout` in feeds.toml)";
        assert!(of(ErrorKind::Timeout, slow, None).contains("`first_byte_timeout`"));
        let each: std::collections::BTreeSet<String> = [401, 403, 404, 429, 503, 418]
            .into_iter()
            .map(|status| of(ErrorKind::HttpStatus, "the server answered", Some(status)))
            .collect();
        assert_eq!(each.len(), 6, "{each:?}");
    }

    #[test]
    fn reasons_name_what_decides() {
        let (english, chinese) = (Language::English, Language::Chinese);
        let hours = |hours: u64| std::time::Duration::from_secs(hours * 3600);
        assert_eq!(english.reason(Reason::RetryAfter(hours(1))), "Retry-After: 3600");
        assert_eq!(english.reason(Reason::Publishes(hours(4))), "publishes about every 4 h");
        assert_eq!(chinese.reason(Reason::Publishes(hours(4))), "约每 4 小时 更新一次");
        assert_eq!(english.reason(Reason::BackingOff(3)), "backing off: 3 failures");
    }
}
