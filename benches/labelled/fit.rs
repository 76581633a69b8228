//! The weights of the judgement by titles, by logistic regression over the judged pairs.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use newsriver::stories::{FEATURES, Inputs, Model, probability};

use super::Labelled;

const N: usize = FEATURES.len();

/// How much a weight must earn: the penalty of a weight of 1 over a feature that spreads by 1.
const PENALTY: f64 = 3.3;

/// Parts of the cross-validation.
const FOLDS: usize = 5;

struct Row {
    inputs: [f64; N],
    is_same: bool,
    /// The news that the pair is about: all pairs that hang together are judged by weights that know none.
    group: usize,
}

/// Fits the weights to the judged pairs of all folders together, prints how they do on pairs of each folder that they
/// were not fitted to, and writes them where `write` says.
pub(crate) fn fit(folders: &[&Path], write: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let sets: Vec<Vec<Row>> =
        folders.iter().map(|folder| Ok(rows(&Labelled::read(folder)?))).collect::<Result<_, Box<dyn Error>>>()?;
    let mut held_out: Vec<Vec<(f64, bool)>> = vec![Vec::new(); sets.len()];
    for fold in 0..FOLDS {
        let is_in = |row: &&Row| (row.group.wrapping_mul(0x9e37_79b1) >> 7) % FOLDS == fold;
        let model = fitted(&sets.iter().flatten().filter(|row| !is_in(row)).collect::<Vec<_>>());
        for (rows, held_out) in sets.iter().zip(&mut held_out) {
            let judged = rows.iter().filter(is_in);
            held_out.extend(judged.map(|row| (probability(model.log_odds(&Inputs(row.inputs))), row.is_same)));
        }
    }
    for (folder, held_out) in folders.iter().zip(&held_out) {
        println!(
            "{}: {} pairs, each judged by weights of the other {} parts:",
            folder.display(),
            held_out.len(),
            FOLDS - 1
        );
        for sure in [0.5, 0.7, 0.8, 0.85, 0.9, 0.92, 0.95] {
            let joined: Vec<bool> = held_out.iter().filter(|(p, _)| *p >= sure).map(|(_, same)| *same).collect();
            let right = joined.iter().filter(|same| **same).count();
            let same = held_out.iter().filter(|(_, same)| *same).count();
            println!(
                "  at {sure:.2}: precision {:.3}, recall {:.3}",
                right as f64 / joined.len().max(1) as f64,
                right as f64 / same.max(1) as f64
            );
        }
    }
    let model = fitted(&sets.iter().flatten().collect::<Vec<_>>());
    let mut text = String::from(
        "# The weights of the judgement by titles (model.rs), made by `cargo bench --bench stories -- fit FOLDER…` from labelled\n# pairs of real news; a feature is between 0 and 1, and its weight is in log odds.\n",
    );
    text.push_str(&format!("bias {:.2}\n", model.bias));
    for (name, weight) in FEATURES.iter().zip(model.weights) {
        text.push_str(&format!("{name} {weight:.2}\n"));
    }
    print!("{text}");
    if let Some(path) = write {
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// The judged pairs of a set that titles decide: where both have a text, these do not judge alone.
fn rows(set: &Labelled) -> Vec<Row> {
    let rarity = set.rarity();
    let mut parent: HashMap<usize, usize> = HashMap::new();
    for pair in &set.pairs {
        let (a, b) = (root(&mut parent, pair.a), root(&mut parent, pair.b));
        parent.insert(a, b);
    }
    (set.pairs.iter())
        .filter(|pair| set.entries[pair.a].opening.is_empty() || set.entries[pair.b].opening.is_empty())
        .map(|pair| Row {
            inputs: Inputs::of(&set.entries[pair.a], &set.entries[pair.b], &rarity).0,
            is_same: pair.is_same,
            group: root(&mut parent, pair.a),
        })
        .collect()
}

fn root(parent: &mut HashMap<usize, usize>, mut n: usize) -> usize {
    while let Some(next) = parent.get(&n).copied().filter(|next| *next != n) {
        n = next;
    }
    n
}

/// Newton's method on standardised features with a quadratic penalty.
fn fitted(rows: &[&Row]) -> Model {
    let count = rows.len().max(1) as f64;
    let mut mean = [0.0; N];
    let mut spread = [0.0; N];
    for row in rows {
        (0..N).for_each(|k| mean[k] += row.inputs[k] / count);
    }
    for row in rows {
        (0..N).for_each(|k| spread[k] += (row.inputs[k] - mean[k]).powi(2) / count);
    }
    let spread = spread.map(|s: f64| s.sqrt().max(1e-6));
    let mut weights = [0.0; N + 1];
    for _ in 0..30 {
        let mut gradient = [0.0; N + 1];
        let mut curvature = [[0.0; N + 1]; N + 1];
        for row in rows {
            let mut x = [1.0; N + 1];
            (0..N).for_each(|k| x[k] = (row.inputs[k] - mean[k]) / spread[k]);
            let p = probability(x.iter().zip(weights).map(|(x, w)| x * w).sum());
            for i in 0..=N {
                gradient[i] += (f64::from(u8::from(row.is_same)) - p) * x[i];
                (0..=N).for_each(|j| curvature[i][j] += p * (1.0 - p) * x[i] * x[j]);
            }
        }
        for k in 0..N {
            gradient[k] -= PENALTY * weights[k];
            curvature[k][k] += PENALTY;
        }
        let step = solve(curvature, gradient);
        (0..=N).for_each(|k| weights[k] += step[k]);
    }
    let mut model = Model { bias: weights[N], weights: [0.0; N] };
    for k in 0..N {
        model.weights[k] = weights[k] / spread[k];
        model.bias -= weights[k] * mean[k] / spread[k];
    }
    model
}

/// Solves a system of equations by elimination.
fn solve(mut matrix: [[f64; N + 1]; N + 1], mut right: [f64; N + 1]) -> [f64; N + 1] {
    for k in 0..=N {
        let pivot = (k..=N).max_by(|a, b| matrix[*a][k].abs().total_cmp(&matrix[*b][k].abs())).unwrap_or(k);
        matrix.swap(k, pivot);
        right.swap(k, pivot);
        if matrix[k][k].abs() < 1e-12 {
            continue;
        }
        for row in 0..=N {
            if row != k {
                let factor = matrix[row][k] / matrix[k][k];
                let pivot_row = matrix[k];
                (0..=N).for_each(|column| matrix[row][column] -= factor * pivot_row[column]);
                right[row] -= factor * right[k];
            }
        }
    }
    let mut found = [0.0; N + 1];
    (0..=N).for_each(|k| found[k] = if matrix[k][k].abs() < 1e-12 { 0.0 } else { right[k] / matrix[k][k] });
    found
}
