//! Under which keys documents stand.

/// The mode that has no segment of its own in a key.
pub const DEFAULT_MODE: &str = "default";
/// Which patches there are: a [`PatchesDocument`](super::PatchesDocument).
pub const PATCHES_KEY: &str = "meta:patches";
/// The last runs, newest first.
pub const RUNS_KEY: &str = "models:runs";
/// Who may publish.
pub const LEADER_KEY: &str = "models:leader";
/// The set of accounts whose scores are computed.
pub const PAS_ACCOUNTS_KEY: &str = "pas:accounts";
/// Where a switch is told of; a hint, for nobody is promised to hear it.
pub const PUBLISHED_CHANNEL: &str = "models:published";

/// A slice, as keys name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceKeys<'a> {
    /// The patch, such as `7.36`.
    pub patch: &'a str,
    /// The skill, such as `high`.
    pub skill: &'a str,
    /// The mode, such as `turbo`; [`DEFAULT_MODE`] has no segment.
    pub mode: &'a str,
}

impl SliceKeys<'_> {
    /// What the slice is called among those of its patch: `skill_high`, `skill_high:mode_turbo`.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { skill, mode, .. } = self;
        if *mode == DEFAULT_MODE {
            format!("skill_{skill}")
        } else {
            format!("skill_{skill}:mode_{mode}")
        }
    }

    /// Strength and advantages of a hero: a [`CountersDocument`](super::CountersDocument).
    #[must_use]
    pub fn counters(&self, hero: u16) -> String {
        format!("counters:{}:hero_{hero}", self.path())
    }

    /// Synergies of a hero: a [`SynergyDocument`](super::SynergyDocument).
    #[must_use]
    pub fn synergy(&self, hero: u16) -> String {
        format!("synergy:{}:hero_{hero}", self.path())
    }

    /// All that scores drafts: a [`DraftModelDocument`](super::DraftModelDocument).
    #[must_use]
    pub fn draft_model(&self) -> String {
        format!("draft_model:{}", self.path())
    }

    fn path(&self) -> String {
        format!("patch_{}:{}", self.patch, self.name())
    }
}

/// The slices of a patch: a [`MetaDocument`](super::MetaDocument).
#[must_use]
pub fn meta_key(patch: &str) -> String {
    format!("meta:patch_{patch}")
}

/// Scores of an account: a [`PasDocument`](super::PasDocument).
#[must_use]
pub fn pas_key(account: u32) -> String {
    format!("pas:account_{account}")
}
