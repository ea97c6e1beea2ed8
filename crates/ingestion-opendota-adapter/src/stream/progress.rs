//! How far an attempt at a connection has come, for whoever gives it up.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
};

/// What an attempt is waiting for, in words.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<String>);

impl Progress {
    pub(super) fn set(&self, waiting_for: &dyn Display) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = waiting_for.to_string();
    }

    pub(super) fn get(&self) -> String {
        let waiting_for = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting_for.clone()
    }
}
