//! Decisions without a store.
