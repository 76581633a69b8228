//! Traditional Chinese as simplified, for texts that are compared.

use std::borrow::Cow;
use std::sync::LazyLock;

/// Characters that depend on what stands beside them, whatever becomes of them alone.
const BESIDE: [char; 7] = ['藉', '著', '苧', '闔', '鍾', '讎', '畫'];

/// The basic plane, a bit for each character that may become another.
static CHANGES: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut table = vec![0_u64; 1024];
    let mut buffer = [0; 4];
    for c in ('\u{800}'..='\u{ffff}').chain(BESIDE) {
        let alone: &str = c.encode_utf8(&mut buffer);
        if BESIDE.contains(&c) || fast2s::convert(alone) != *alone {
            table[c as usize / 64] |= 1 << (c as usize % 64);
        }
    }
    table
});

/// The text in simplified characters. Most texts are so already: these are not looked up word by word.
#[must_use]
pub fn simplified(text: &str) -> Cow<'_, str> {
    let table = &*CHANGES;
    let may_change = |c: char| table.get(c as usize / 64).is_some_and(|bits| bits >> (c as usize % 64) & 1 == 1);
    if text.chars().any(may_change) { Cow::Owned(fast2s::convert(text)) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_text_is_passed_over(text in "[\u{4e00}-\u{9fff}a-z乾隆坤卦藉口慰狼憑著看苧麻闔家鍾書讎校定仇畫計企瞭望於樊兒寬覆答批回夥甚幺麽]{0,12}") {
            prop_assert_eq!(simplified(&text), fast2s::convert(&text));
        }
    }

    #[test]
    fn every_pair_with_a_character_that_depends_on_others_is_looked_up() {
        for text in ["看著", "狼藉", "憑藉", "苧麻", "闔家", "鍾書", "校讎", "計畫", "乾隆", "樊於期", "瞭望", "臺灣"]
        {
            assert_eq!(simplified(text), fast2s::convert(text), "{text}");
        }
        assert!(matches!(simplified("青浦工业园区 Qingpu"), Cow::Borrowed(_)));
    }
}
