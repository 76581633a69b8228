//! How likely two titles tell the same news: a few features of the pair, weighed by logistic regression.
//!
//! The weights are data (`weights.txt`), fitted to labelled real news by `cargo bench --bench stories --
//! fit`. No feature names a subject: what is weighed is how much the titles share, how rare that is in
//! this river, what each says that the other does not, and what kind of text each is.

use std::sync::LazyLock;

use super::features::Features;
use super::rarity::Rarity;

/// The features in the order of [`Inputs`], as `weights.txt` names them.
pub const FEATURES: [&str; 16] = [
    "contained",
    "shared",
    "foreign",
    "rarest",
    "second-rarest",
    "order",
    "length",
    "same-title",
    "one-source",
    "days-apart",
    "reaction",
    "kind-of-text",
    "angle",
    "roundup",
    "contrast",
    "numbers-differ",
];

/// Time that counts as far apart, milliseconds: three days.
const FAR_MS: f64 = 3.0 * 24.0 * 3600.0 * 1000.0;

/// The weight of a title that counts as long, in words that no other title has.
const LONG: f64 = 20.0;

/// The features of one pair, each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inputs(pub [f64; FEATURES.len()]);

/// The weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What is assumed before anything is known, in log odds.
    pub bias: f64,
    /// The weight of each feature.
    pub weights: [f64; FEATURES.len()],
}

static SHIPPED: LazyLock<Model> = LazyLock::new(|| Model::read(include_str!("weights.txt")));

impl Inputs {
    /// The features of a pair; the same both ways.
    #[must_use]
    pub fn of(a: &Features, b: &Features, rarity: &Rarity) -> Self {
        let overlap = a.words.overlap(&b.words, |word| rarity.weight(word));
        let (mine, theirs) = (a.words.marks(), b.words.marks());
        let one_has = |x: u128, y: u128| f64::from(u8::from(x != y));
        let flag = |is: bool| f64::from(u8::from(is));
        Self([
            overlap.contained,
            overlap.shared,
            overlap.foreign,
            overlap.rarest,
            overlap.second,
            overlap.order,
            (overlap.length / LONG).min(1.0),
            flag(a.words.is_same(&b.words)),
            flag(a.source == b.source),
            (a.time.apart(b.time) as f64 / FAR_MS).min(1.0),
            one_has(mine.reactions, theirs.reactions),
            one_has(mine.kinds, theirs.kinds),
            flag(mine.is_angle != theirs.is_angle),
            flag(mine.is_roundup != theirs.is_roundup),
            flag(mine.contrast(theirs)),
            flag(a.words.numbers_differ(&b.words)),
        ])
    }
}

impl Model {
    /// The weights that the program is shipped with.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Reads weights: a line each with a feature and its weight; what is missing weighs nothing.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let of = |name: &str| {
            let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0.0)
        };
        Self { bias: of("bias"), weights: FEATURES.map(of) }
    }

    /// The evidence of the titles, in log odds.
    #[must_use]
    pub fn log_odds(&self, inputs: &Inputs) -> f64 {
        self.bias + self.weights.iter().zip(inputs.0).map(|(weight, input)| weight * input).sum::<f64>()
    }
}

/// Log odds as a probability.
#[must_use]
pub fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_a_weight_and_the_signs_are_those_of_reason() {
        let text = include_str!("weights.txt");
        for name in FEATURES {
            assert!(text.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
        }
        let model = Model::shipped();
        for (name, weight) in FEATURES.into_iter().zip(model.weights) {
            let speaks_for =
                matches!(name, "contained" | "shared" | "rarest" | "second-rarest" | "order" | "length" | "same-title");
            assert_eq!(weight > 0.0, speaks_for, "{name} {weight}");
        }
    }
}
