//! The keys that are the publisher's own; those of documents come with them.

use model_application::ports::RunId;
use redis_kit::Lock;

/// The last runs, newest first.
pub(crate) const RUNS: &str = "models:runs";
/// Tells of each switch.
pub(crate) const PUBLISHED: &str = "models:published";

/// The accounts that others want scored: a set of ids in decimal.
pub(crate) const TRACKED_ACCOUNTS: &str = "pas:accounts";
/// How far skills spread among the accounts that were scored last.
pub(crate) const SKILL_SPREAD: &str = "models:skill_spread";

/// Who may write, and the number of that taking.
pub(crate) fn leader_lock() -> Lock {
    Lock {
        owner_key: "models:leader".to_owned(),
        epoch_key: "models:epoch".to_owned(),
    }
}

/// Where a document waits for its switch.
pub(crate) fn staged(run: RunId, key: &str) -> String {
    format!("staging:{run}:{key}")
}

/// Holds the keys that a patch has, a line each.
pub(crate) fn of_patch(patch: &str) -> String {
    format!("models:keys:patch_{patch}")
}
