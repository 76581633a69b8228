//! Entries that say nothing.

/// Elements that make an entry; where all that it has are blank, it says nothing.
const BLANKS: [&str; 13] = [
    "title",
    "link",
    "description",
    "summary",
    "content",
    "guid",
    "id",
    "pubdate",
    "updated",
    "published",
    "category",
    "item",
    "entry",
];

/// Whether a piece of markup is blank fields; comments say nothing.
pub(super) fn says_nothing(markup: &str) -> bool {
    let mut rest = markup;
    loop {
        let Some(open) = rest.find('<') else { return rest.trim().is_empty() };
        let (text, tag) = rest.split_at(open);
        let end = if tag.starts_with("<!--") {
            tag.find("-->").map(|end| end + 3)
        } else {
            tag.find('>').filter(|end| is_blank_field(&tag[1..*end])).map(|end| end + 1)
        };
        match end {
            Some(end) if text.trim().is_empty() => rest = &tag[end..],
            _ => return false,
        }
    }
}

fn is_blank_field(tag: &str) -> bool {
    let name = tag.trim_matches(['/', ' ', '\n', '\r', '\t']);
    BLANKS.iter().any(|blank| blank.eq_ignore_ascii_case(name.rsplit(':').next().unwrap_or(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_fields_say_nothing_and_others_something() {
        for blank in ["", " \n", "</item>", "<title></title><link />", "<a:title/>", "<!-- a = b --><guid>\n</guid>"] {
            assert!(says_nothing(blank), "{blank}");
        }
        for said in ["x", "<title>x</title>", "<link href='x'/>", "<author/>", "<title><![CDATA[x]]></title>", "<title"]
        {
            assert!(!says_nothing(said), "{said}");
        }
    }
}
