//! What the parts of one publisher know together.

use std::sync::Arc;

use crate::{
    delivery::{room::Room, trouble::Trouble},
    topic::readable::Readability,
};

/// A clone is the same state: the way of delivery changes it, health shows it.
#[derive(Clone)]
pub(crate) struct SharedState {
    pub(crate) room: Arc<Room>,
    pub(crate) trouble: Arc<Trouble>,
    pub(crate) readability: Arc<Readability>,
}

impl SharedState {
    /// Nothing is on its way, and nothing is known to be wrong.
    pub(crate) fn new() -> Self {
        Self {
            room: Arc::new(Room::new()),
            trouble: Arc::default(),
            readability: Arc::default(),
        }
    }
}
