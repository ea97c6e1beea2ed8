//! A day built in two steps, so that a test can let something happen in between.

use std::collections::BTreeSet;

use domain::{CountingRules, Day, Patches};
use etl_application::counters::{DayCounters, StoredDay};
use etl_application::ports::{BuildError, DayBuild, WarehouseError};

use super::{MemoryWarehouse, sums};

/// A day that has been counted and is not swapped in yet.
#[derive(Debug, Clone)]
pub struct StagedDay {
    /// Its counters.
    pub stored: StoredDay,
    /// What is noted of the build.
    pub build: DayBuild,
}

/// The mark in the rows of each table that has some.
fn builds(counters: &DayCounters, mark: u64) -> BTreeSet<(&'static str, u64)> {
    let mut builds = BTreeSet::new();
    if counters.counted() > 0 {
        builds.extend([("hero_days", mark), ("pair_days", mark)]);
    }
    if !counters.positions().is_empty() {
        builds.insert(("position_days", mark));
    }
    builds
}

impl MemoryWarehouse {
    /// Notes the day's mark, reads its facts and counts them: the first step of a build.
    ///
    /// # Errors
    /// As those of a build.
    pub fn stage_day(
        &self,
        day: Day,
        rules: &CountingRules,
        patches: &Patches,
    ) -> Result<StagedDay, BuildError> {
        let state = self.read()?;
        let mark = state.marks.get(&day).copied().unwrap_or(0);
        let counters = state.count(day, rules, patches);
        let build = counters.build(day, mark);
        let stored = StoredDay {
            heroes: counters.heroes(),
            positions: counters.positions(),
            pairs: counters.pairs(),
            builds: builds(&counters, mark),
            noted: Some(build.clone()),
        };
        let differences = sums(&stored).differences(&build);
        if differences.is_empty() {
            Ok(StagedDay { stored, build })
        } else {
            Err(BuildError::DoesNotAddUp(differences))
        }
    }

    /// Readers see it from now on: the second step.
    ///
    /// # Errors
    /// [`WarehouseError`] when nothing can be written.
    pub fn swap_in(&self, staged: StagedDay) -> Result<DayBuild, WarehouseError> {
        let now = self.clock.now();
        let mut state = self.read()?;
        let StagedDay { stored, build } = staged;
        state.days.insert(build.day, stored);
        state.built_at.insert(build.day, now);
        Ok(build)
    }

    /// The counters of a day as readers see them; none if it was never built.
    #[must_use]
    pub fn stored_day(&self, day: Day) -> Option<StoredDay> {
        self.lock().days.get(&day).cloned()
    }

    /// The mark of a day; none if it was never marked.
    #[must_use]
    pub fn mark_of(&self, day: Day) -> Option<u64> {
        self.lock().marks.get(&day).copied()
    }

    /// From now on the last row with a key stays, whatever its version: a mistake
    /// that tests of tests plant.
    pub fn ignore_versions(&self) {
        self.lock().ignores_versions = true;
    }

    /// From now on what becomes of a wish is written whatever has become of it
    /// meanwhile: a mistake that tests of tests plant.
    pub fn ignore_wish_versions(&self) {
        self.lock().ignores_wish_versions = true;
    }
}
