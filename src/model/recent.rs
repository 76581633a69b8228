//! The last log events, kept for the status page.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Events that are kept.
const KEPT: usize = 100;

/// The last log events; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Recent(Arc<Mutex<VecDeque<String>>>);

impl Recent {
    /// Adds an event, as a line.
    pub fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.trim_end().to_owned());
    }

    /// The events, newest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }
}
