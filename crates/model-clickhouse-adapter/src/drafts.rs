//! Drafts of days, as the facts are now.

use std::ops::Range;

use domain::{CountingRules, Day, Timestamp};
use model_application::MatchSums;
use model_application::ports::{DraftSeen, ReadError};

use crate::ClickHouseReader;
use crate::facts::{COLUMNS, MatchRow, first_second, matches};

impl ClickHouseReader {
    pub(crate) async fn drafts_of(
        &self,
        days: &[Day],
        during: Range<Timestamp>,
        rules: &CountingRules,
        each: &mut (dyn FnMut(DraftSeen) + Send),
    ) -> Result<MatchSums, ReadError> {
        let mut days = days.to_vec();
        days.sort_unstable();
        days.dedup();
        let mut sums = MatchSums::default();
        // Day by day, so that the server holds one of them.
        for day in days {
            let from = first_second(day.start().max(during.start));
            let to = first_second(day.next().start().min(during.end));
            if from < to {
                self.drafts_between(from..to, rules, &mut sums, each)
                    .await?;
            }
        }
        Ok(sums)
    }

    async fn drafts_between(
        &self,
        Range { start, end }: Range<u32>,
        rules: &CountingRules,
        sums: &mut MatchSums,
        each: &mut (dyn FnMut(DraftSeen) + Send),
    ) -> Result<(), ReadError> {
        let ids = format!(
            "SELECT match_id FROM matches WHERE start_time >= {start} AND start_time < {end}"
        );
        let matches = matches(&ids);
        let statement = format!(
            "SELECT {COLUMNS} FROM {matches} \
             WHERE toUnixTimestamp(m.start_time) >= materialize({start}) \
             AND toUnixTimestamp(m.start_time) < materialize({end}) ORDER BY m.match_id"
        );
        let limit = self.limits().read;
        let asked = self.ask(&statement, limit);
        let read = async {
            let mut rows = asked.fetch::<MatchRow>()?;
            while let Some(row) = rows.next().await? {
                let seen = row.judge(rules)?;
                sums.add(seen.err());
                if let Ok(seen) = seen {
                    each(seen);
                }
            }
            Ok(())
        };
        self.within(limit, read).await
    }
}
