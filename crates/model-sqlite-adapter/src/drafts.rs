//! Drafts of days, as the facts are now.

use std::ops::Range;
use std::sync::LazyLock;

use async_trait::async_trait;
use domain::{CountingRules, Day, PlayerLine, Slot, Timestamp};
use futures_util::TryStreamExt;
use model_application::MatchSums;
use model_application::ports::{
    CounterReader, DayBuild, DayToRead, DraftSeen, PatchCounts, ReadError, Trial,
};
use sqlx::SqliteConnection;

use crate::SqliteReader;
use crate::reader::READ_TIMEOUT;
use crate::values::{Judged, MATCH, MatchRow, first_second, read_match};

static MATCHES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {MATCH} FROM matches AS m WHERE m.start_time >= $1 AND m.start_time < $2 \
         ORDER BY m.start_time, m.match_id"
    )
});

#[async_trait]
impl CounterReader for SqliteReader {
    async fn day_builds(&self, from: Day, to: Day) -> Result<Vec<DayBuild>, ReadError> {
        self.builds(from, to).await
    }

    async fn newest_day(&self) -> Result<Option<Day>, ReadError> {
        self.newest().await
    }

    async fn counts(&self, patch: &str, days: &[DayToRead]) -> Result<PatchCounts, ReadError> {
        self.sum(patch, days).await
    }

    async fn drafts(
        &self,
        days: &[Day],
        during: Range<Timestamp>,
        rules: &CountingRules,
        each: &mut (dyn FnMut(DraftSeen) + Send),
    ) -> Result<MatchSums, ReadError> {
        self.within(READ_TIMEOUT, async {
            let mut snapshot = self.snapshot().await?;
            let mut days = days.to_vec();
            days.sort_unstable();
            days.dedup();
            let mut sums = MatchSums::default();
            for day in days {
                let from = day.start().max(during.start);
                let to = day.next().start().min(during.end);
                let read = read_day(&mut snapshot, from..to, rules, &mut sums, each).await;
                read.map_err(|error| self.not_read(&error))?;
            }
            Ok(sums)
        })
        .await
    }

    async fn check(&self) -> Result<Trial, ReadError> {
        self.trial().await
    }
}

async fn read_day(
    snapshot: &mut SqliteConnection,
    during: Range<Timestamp>,
    rules: &CountingRules,
    sums: &mut MatchSums,
    each: &mut (dyn FnMut(DraftSeen) + Send),
) -> Result<(), sqlx::Error> {
    let statement: &'static str = &MATCHES;
    let mut rows = sqlx::query_as::<_, MatchRow>(statement)
        .bind(first_second(during.start))
        .bind(first_second(during.end))
        .fetch(snapshot);
    while let Some(row) = rows.try_next().await? {
        let seen = judge(&read_match(row)?, rules);
        sums.add(seen.err());
        if let Ok(seen) = seen {
            each(seen);
        }
    }
    Ok(())
}

pub(crate) fn judge(played: &Judged, rules: &CountingRules) -> Result<DraftSeen, &'static str> {
    let slot = Slot::try_new(0).expect("it is a slot");
    let worst = PlayerLine {
        leaver_status: played.worst,
        ..PlayerLine::new(slot)
    };
    DraftSeen::judge(&played.core, played.bracket, worst.is_leaver(), rules)
}
