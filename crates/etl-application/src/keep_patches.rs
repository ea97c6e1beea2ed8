//! Which patches days are counted by, and what follows when that changes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::{Day, Patch, Patches, Timestamp};
use health_kit::Clock;
use thiserror::Error;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::ports::{
    CounterStore, FactStore, PatchStore, STORE_PAUSE_MAX, STORE_PAUSE_MIN, StoreError,
    WarehouseError,
};

/// Compares the patches that the service is given with those by which days were
/// counted last, and marks the days that are between the two.
pub struct PatchKeeper {
    patches: Vec<Patch>,
    store: Arc<dyn PatchStore>,
    counters: Arc<dyn CounterStore>,
    facts: Arc<dyn FactStore>,
    clock: Arc<dyn Clock>,
}

/// Why the patches are not kept yet.
#[derive(Debug, Error)]
enum NotKept {
    #[error(transparent)]
    NotRead(#[from] WarehouseError),
    #[error(transparent)]
    NotStored(#[from] StoreError),
}

impl PatchKeeper {
    /// Puts it together; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(
        patches: &Patches,
        store: Arc<dyn PatchStore>,
        counters: Arc<dyn CounterStore>,
        facts: Arc<dyn FactStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            patches: in_whole_seconds(patches),
            store,
            counters,
            facts,
            clock,
        }
    }

    /// Marks the days concerned and keeps the patches, once; tries until the
    /// warehouse has both, or `drain` is cancelled.
    pub async fn run(self, drain: CancellationToken) {
        let _ = drain.run_until_cancelled(self.keep_at_last()).await;
    }

    async fn keep_at_last(&self) {
        let mut pause = STORE_PAUSE_MIN;
        let mut is_news = true;
        loop {
            match self.keep().await {
                Ok(0) => return,
                Ok(days) => {
                    tracing::info!(
                        days,
                        "the patches have changed: the days concerned are marked"
                    );
                    return;
                }
                Err(error) if is_news => {
                    tracing::warn!(%error, "the patches cannot be compared yet; it is tried again");
                    is_news = false;
                }
                Err(error) => tracing::debug!(%error, "the patches cannot be compared yet"),
            }
            sleep(pause).await;
            pause = next(pause);
        }
    }

    /// The marks come first: without them a loss in between would leave the days
    /// as they are, and nobody would know.
    async fn keep(&self) -> Result<usize, NotKept> {
        let mut kept = self.store.kept_patches().await?;
        if kept == self.patches {
            return Ok(0);
        }
        let is_first = kept.is_empty();
        if is_first {
            // What was counted before anything was kept was counted by these.
            kept = in_whole_seconds(&Patches::built_in());
        }
        let days = self.days_between(&kept).await?;
        if !days.is_empty() {
            self.facts.mark_dirty(&days).await?;
        }
        self.store.keep_patches(&self.patches).await?;
        Ok(days.len())
    }

    async fn days_between(&self, kept: &[Patch]) -> Result<BTreeSet<Day>, WarehouseError> {
        let spans = spans_between(kept, &self.patches);
        let Some(first) = spans.first() else {
            return Ok(BTreeSet::new());
        };
        // A match may begin a day after its record at most.
        let last = Day::of(self.clock.now()).next().next();
        let with_facts = self.counters.days(Day::of(first.from), last).await?;
        let days = with_facts.into_iter().map(|state| state.day);
        Ok(days
            .filter(|day| spans.iter().any(|span| span.touches(*day)))
            .collect())
    }
}

fn next(pause: Duration) -> Duration {
    (pause * 2).min(STORE_PAUSE_MAX)
}

/// A time in which two lists name different patches.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    from: Timestamp,
    /// The first moment behind it; none if it has no end.
    to: Option<Timestamp>,
}

impl Span {
    fn touches(&self, day: Day) -> bool {
        let ends_later = self.to.is_none_or(|to| day.start() < to);
        ends_later && self.from < day.next().start()
    }
}

/// The times in which the lists differ, the earliest first. Both are in order.
fn spans_between(one: &[Patch], other: &[Patch]) -> Vec<Span> {
    let begins: BTreeSet<_> = one.iter().chain(other).map(|patch| patch.since).collect();
    let begins: Vec<_> = begins.into_iter().collect();
    let ends = begins.iter().skip(1).copied().map(Some).chain([None]);
    let spans = begins.iter().zip(ends);
    let differ = |at: Timestamp| name_at(one, at) != name_at(other, at);
    spans
        .filter(|(from, _)| differ(**from))
        .map(|(from, to)| Span { from: *from, to })
        .collect()
}

fn name_at(patches: &[Patch], at: Timestamp) -> Option<&str> {
    let begun = patches.partition_point(|patch| patch.since <= at);
    patches[..begun].last().map(|patch| &*patch.name)
}

/// Matches begin at whole seconds, so a patch might as well. Of two that begin
/// in one second the later one is played.
fn in_whole_seconds(patches: &Patches) -> Vec<Patch> {
    let mut whole: Vec<Patch> = Vec::new();
    for patch in patches.iter() {
        let seconds = patch.since.as_unix_ms().div_euclid(1000);
        let seconds = seconds + i64::from(patch.since.as_unix_ms().rem_euclid(1000) > 0);
        let since = Timestamp::from_unix_seconds(seconds);
        if whole.last().is_some_and(|last| last.since == since) {
            whole.pop();
        }
        whole.push(Patch {
            name: patch.name.clone(),
            since,
        });
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patches(list: &[(&str, i64)]) -> Vec<Patch> {
        let patches = list.iter().map(|(name, since_ms)| Patch {
            name: (*name).to_owned(),
            since: Timestamp::from_unix_ms(*since_ms),
        });
        in_whole_seconds(&Patches::try_new(patches.collect()).expect("they differ"))
    }

    fn seconds(from: i64, to: Option<i64>) -> Span {
        Span {
            from: Timestamp::from_unix_seconds(from),
            to: to.map(Timestamp::from_unix_seconds),
        }
    }

    #[test]
    fn lists_differ_where_they_name_different_patches() {
        let old = patches(&[("a", 10_000), ("b", 20_000), ("c", 30_000)]);
        let check = |new: &[(&str, i64)], expected: &[Span]| {
            assert_eq!(spans_between(&old, &patches(new)), expected, "{new:?}");
        };
        check(&[("a", 10_000), ("b", 20_000), ("c", 30_000)], &[]);
        // A new one, one that begins later, one that is gone, one that is renamed.
        let more = [("a", 10_000), ("b", 20_000), ("c", 30_000), ("d", 40_000)];
        check(&more, &[seconds(40, None)]);
        let later = [("a", 10_000), ("b", 25_000), ("c", 30_000)];
        check(&later, &[seconds(20, Some(25))]);
        check(&[("a", 10_000), ("c", 30_000)], &[seconds(20, Some(30))]);
        let renamed = [("z", 10_000), ("b", 20_000), ("c", 30_000)];
        check(&renamed, &[seconds(10, Some(20))]);
    }

    #[test]
    fn a_patch_is_played_from_the_first_whole_second() {
        let whole = patches(&[("a", 1_000), ("b", 1_001), ("c", 1_999)]);
        assert_eq!(whole, patches(&[("a", 1_000), ("c", 2_000)]));
    }

    #[test]
    fn a_day_is_touched_by_any_moment_of_it() {
        let day = Day::from_days_since_epoch(1);
        for (span, expected) in [
            (seconds(86_400, Some(86_401)), true),
            (seconds(172_799, None), true),
            (seconds(0, Some(86_400)), false),
            (seconds(172_800, None), false),
        ] {
            assert_eq!(span.touches(day), expected, "{span:?}");
        }
    }
}
