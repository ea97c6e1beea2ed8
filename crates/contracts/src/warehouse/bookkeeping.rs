//! What the loading service remembers: it has no state but this.

use super::{
    codes::{BackfillState, WishState},
    table_row,
};

table_row! {
    /// A version of the game.
    PatchRow in "patches" {
        /// What it is called.
        name: String,
        /// The first moment at which the game had it.
        since: u32,
        /// The higher one counts.
        version: u64,
    }
}

table_row! {
    /// A day whose facts have changed. It is written without its mark, which the
    /// warehouse gives by its own clock.
    DirtyDayRow in "dirty_days" {
        /// Which day.
        day: u16,
        /// When it changed, in nanoseconds since 1970-01-01; the higher one counts.
        mark: u64,
    }
}

table_row! {
    /// How a day was counted, for people.
    DayBuildRow in "day_builds" {
        /// Which day.
        day: u16,
        /// The mark that the builder saw; the higher one counts.
        mark: u64,
        /// When it was counted, in milliseconds since 1970-01-01.
        built_at: i64,
        /// Every match of the day of which anything is known.
        matches: u64,
        /// Those that are counted.
        counted: u64,
        /// Those that are not, by the word for the reason.
        left_out: Vec<(String, u64)>,
    }
}

table_row! {
    /// A wish for the details of a match.
    DetailWishRow in "detail_wishes" {
        /// Which match.
        match_id: u64,
        /// Why they are wanted.
        reason: String,
        /// The higher one goes first.
        priority: u8,
        /// How often they were asked for.
        attempts: u8,
        /// What became of it.
        state: WishState,
        /// When they are asked for next.
        next_try: u32,
        /// The higher one counts.
        version: u64,
    }
}

table_row! {
    /// What was asked of an upstream on a day, so that a process that starts
    /// does not take for free what its predecessor used.
    CallBudgetRow in "call_budgets" {
        /// Which upstream.
        upstream: String,
        /// Which day, in UTC.
        day: u16,
        /// How many calls may have been made; the higher one counts.
        calls: u64,
    }
}

table_row! {
    /// The loading of a past range.
    BackfillRow in "backfills" {
        /// Its UUID: the first and the last eight bytes, each as a number with
        /// the first byte as the highest.
        id: (u64, u64),
        /// Where the records come from, as it was asked for.
        origin: String,
        /// What became of it.
        state: BackfillState,
        /// Where it goes on after a restart; how it is written is a matter of the origin.
        position: String,
        /// How many records were loaded.
        records: u64,
        /// The higher one counts.
        version: u64,
    }
}
