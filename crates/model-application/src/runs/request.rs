//! What somebody wants to be computed.

use crate::{
    ports::Trigger,
    result::Slice,
    slices::{Mode, Skill},
};

/// A run that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// Only of this patch; otherwise of those that the settings name.
    pub patch: Option<String>,
    /// Only of this skill. The patch is published as a whole all the same, with the
    /// other slices' values as they are.
    pub skill: Option<Skill>,
    /// Only of this mode, likewise.
    pub mode: Option<Mode>,
    /// Publish also what is worse than what readers see, and compute also what has
    /// not changed.
    pub force: bool,
    /// Publish nothing.
    pub dry_run: bool,
    /// Why.
    pub trigger: Trigger,
    /// By whom, if by somebody.
    pub by: Option<String>,
}

impl RunRequest {
    /// Everything that the settings name, for that reason.
    #[must_use]
    pub const fn of_all(trigger: Trigger) -> Self {
        Self {
            patch: None,
            skill: None,
            mode: None,
            force: false,
            dry_run: false,
            trigger,
            by: None,
        }
    }

    /// Whether every slice is to be computed.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.skill.is_none() && self.mode.is_none()
    }

    /// Whether a slice is to be computed.
    #[must_use]
    pub fn includes(&self, slice: Slice) -> bool {
        self.skill.is_none_or(|skill| skill == slice.skill)
            && self.mode.is_none_or(|mode| mode == slice.mode)
    }
}
