//! Names in dates: months in many languages, zones.

/// Months in the languages that feeds are seen in; matched by beginning.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "янв", "ιαν", "ιαν", "stycz", "oca", "janv", "sty"],
    &["feb", "fév", "fev", "фев", "φεβ", "lut", "şub"],
    &["mar", "mär", "mrt", "maa", "мар", "μάρ", "μαρ", "márc", "marz"],
    &["apr", "avr", "abr", "апр", "απρ", "ápr", "kwi", "nis"],
    &["may", "mai", "mag", "мая", "май", "μάι", "μαι", "μαϊ", "máj", "maj", "mei"],
    &["jun", "giu", "июн", "ιούν", "ιουν", "jún", "cze", "haz", "juin"],
    &["jul", "lug", "июл", "ιούλ", "ιουλ", "júl", "lip", "tem", "juil"],
    &["aug", "aoû", "aou", "ago", "авг", "αύγ", "αυγ", "sie", "ağu"],
    &["sep", "set", "сен", "σεπ", "szep", "wrz", "eyl"],
    &["oct", "okt", "ott", "out", "окт", "οκτ", "paź", "eki"],
    &["nov", "ноя", "νοέ", "νοε", "lis", "kas"],
    &["dec", "dez", "déc", "dic", "дек", "δεκ", "gru", "ara"],
];

/// Named zones: minutes east of Greenwich.
const ZONES: [(&str, i32); 27] = [
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("est", -300),
    ("edt", -240),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("bst", 60),
    ("ist", 330),
    ("cet", 60),
    ("cest", 120),
    ("met", 60),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("jst", 540),
    ("kst", 540),
    ("hkt", 480),
    ("sgt", 480),
];

/// The month, from 1, that a word names.
pub(super) fn month_named(word: &str) -> Option<u8> {
    // "mar" and "mai" begin other words too, so a name must not be much longer than months are.
    let place = MONTHS.iter().position(|names| names.iter().any(|name| word.starts_with(name)))?;
    (word.chars().count() <= 12).then(|| u8::try_from(place + 1).ok())?
}

/// Minutes east of Greenwich of a named zone, in small letters; `CST` is two of them.
pub(super) fn zone_named(name: &str, chinese: bool) -> Option<i32> {
    if name == "cst" {
        return Some(if chinese { 480 } else { -360 });
    }
    ZONES.iter().find(|(known, _)| *known == name).map(|(_, minutes)| *minutes).or_else(|| military(name))
}

/// The letters of military zones; RFC 822 has their signs wrong, here they are as the military has
/// them.
fn military(name: &str) -> Option<i32> {
    let letter = name.chars().next().filter(|_| name.len() == 1)?;
    match letter {
        'a'..='i' => Some((letter as i32 - 'a' as i32 + 1) * 60),
        'k'..='m' => Some((letter as i32 - 'k' as i32 + 10) * 60),
        'n'..='y' => Some(-(letter as i32 - 'n' as i32 + 1) * 60),
        _ => None,
    }
}
