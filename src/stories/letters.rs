//! What features are made of: characters in the form in which they compare, digests of them, and sets of these.

use unicode_normalization::UnicodeNormalization;

/// A set as a sorted list: made once, compared often, and kept in one piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted<T>(Vec<T>);

impl<T: Ord> FromIterator<T> for Sorted<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut list: Vec<T> = items.into_iter().collect();
        list.sort_unstable();
        list.dedup();
        Self(list)
    }
}

impl<T: Ord> Sorted<T> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }

    /// Each of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Those in both.
    pub fn common<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = &'s T> {
        self.0.iter().filter(|item| other.contains(item))
    }

    /// How many are in both.
    #[must_use]
    pub fn shared(&self, other: &Self) -> usize {
        let (mut a, mut b, mut count) = (0, 0, 0);
        while let (Some(x), Some(y)) = (self.0.get(a), other.0.get(b)) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => a += 1,
                std::cmp::Ordering::Greater => b += 1,
                std::cmp::Ordering::Equal => {
                    count += 1;
                    a += 1;
                    b += 1;
                }
            }
        }
        count
    }
}

/// The characters of a text in their compatibility forms (NFKC), one by one: texts are composed (NFC)
/// already, and most of their characters are their own form.
pub(super) fn each_compatible(text: &str, mut take: impl FnMut(char)) {
    for c in text.chars() {
        if c.is_ascii() || is_ideograph(c) {
            take(c);
        } else {
            std::iter::once(c).nfkc().for_each(&mut take);
        }
    }
}

pub(super) fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}')
}

/// A digest of characters, of which `seed` makes another; stable over versions and machines.
pub(super) fn digest(characters: &[char], seed: u32) -> u32 {
    // FNV-1a with a finaliser: short, and the keys are no secret.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for &c in characters {
        hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    (hash ^ (hash >> 32)) as u32
}
