//! What is said, and when: it follows from the world alone.

use domain::{Day, MatchId, Timestamp};

use crate::{ids::FIRST_MATCH_ID, world::World};

const PURPOSE_LOG: u64 = 4;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A line of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedLine {
    pub(super) at_ms: i64,
    kind: Kind,
    id: i64,
    /// Decides on what else the line holds.
    noise: u32,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Api,
    Gcdata,
    Parsed,
    ParserSuccess,
    QueuedForParsing,
    QueuedWithoutId,
}

/// All lines about the first matches of the world, by time.
pub(super) fn plan(world: &World, matches: u32) -> Vec<PlannedLine> {
    let mut lines = Vec::new();
    for nth in 0..i64::from(matches) {
        if let Ok(id) = MatchId::try_new(FIRST_MATCH_ID + nth) {
            plan_match(world, id, &mut lines);
        }
    }
    lines.sort_by_key(|line| line.at_ms);
    lines
}

fn plan_match(world: &World, id: MatchId, lines: &mut Vec<PlannedLine>) {
    let mut dice = world.dice(PURPOSE_LOG, id);
    let end_ms = world.at(id).end_time().as_unix_ms();
    // The scanner asks every few seconds, and the details take a moment.
    let first_ms = end_ms + 1_000 * i64::from(dice.between(5, 120)) + i64::from(dice.below(1_000));
    let mut say = |at_ms, kind, id, noise| {
        lines.push(PlannedLine {
            at_ms,
            kind,
            id,
            noise,
        });
    };
    let noise = dice.below(u32::MAX);
    say(first_ms, Kind::Api, id.get(), noise);
    let rare = [
        (700, Kind::Gcdata, 60),
        (200, Kind::Parsed, 600),
        (200, Kind::ParserSuccess, 600),
        (250, Kind::QueuedForParsing, 30),
        (50, Kind::QueuedWithoutId, 30),
        // Inserted a second time, as after a retry.
        (40, Kind::Api, 300),
    ];
    for (per_mille, kind, seconds_max) in rare {
        if dice.per_mille(per_mille) {
            let at_ms = first_ms + 1_000 * i64::from(dice.between(1, seconds_max));
            say(at_ms, kind, id.get(), dice.below(u32::MAX));
        }
    }
    // Somebody looks at a match of years ago.
    if dice.per_mille(10) {
        let at_ms = first_ms + 1_000 * i64::from(dice.between(1, 60));
        let old = FIRST_MATCH_ID - 1 - i64::from(dice.below(1_000_000_000));
        say(at_ms, Kind::Api, old, dice.below(u32::MAX));
    }
}

impl PlannedLine {
    /// The match that it tells of, if it does.
    pub(super) fn told(&self) -> Option<MatchId> {
        let tells = matches!(self.kind, Kind::Api);
        tells.then(|| MatchId::try_new(self.id).ok()).flatten()
    }

    /// As an event.
    pub(super) fn event(&self) -> String {
        let Self { id, noise, .. } = *self;
        let at = self.time();
        let minutes = 1 + noise % 50;
        let inserted =
            |by| format!("[{at}] [inserter] [insert: {by}] [ended: {minutes} minutes ago] {id}");
        let line = match self.kind {
            Kind::Api => inserted("api"),
            Kind::Gcdata => inserted("gcdata"),
            Kind::Parsed => inserted("parsed"),
            Kind::ParserSuccess => format!(
                "[{at}] [parser] [success: {}ms] [api: {}ms] [gcdata: 5ms] {id} [insert: api] 17",
                noise % 30_000,
                noise % 7,
            ),
            Kind::QueuedForParsing => {
                format!(
                    "[{at}] [web] [queue: parse] [pri: {}] [att: 5] {id} ",
                    noise % 3
                )
            }
            Kind::QueuedWithoutId => format!("[{at}] [web] [queue: parse] [pri: 0] [att: 5]  "),
        };
        let colour = 31 + noise % 6;
        match (self.kind, noise % 3) {
            (Kind::Api | Kind::Gcdata | Kind::Parsed, 0 | 1) => format!("data: {line}\n\n"),
            (Kind::Api, _) => format!("data: \u{1b}[{colour}m{line}\u{1b}[39m\n\n"),
            _ => format!("data: \u{1b}[1;{colour}m{line}\u{1b}[0m\n\n"),
        }
    }

    /// As the services write it: ISO 8601, UTC.
    fn time(&self) -> String {
        let day = Day::of(Timestamp::from_unix_ms(self.at_ms));
        let ms = self.at_ms.rem_euclid(DAY_MS);
        let (seconds, ms) = (ms / 1_000, ms % 1_000);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        format!("{day}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lines_of_all_kinds_are_said_in_their_time() {
        let lines = plan(&World::new(1), 2_000);
        assert!(lines.is_sorted_by_key(|line| line.at_ms));
        let told: BTreeSet<_> = lines.iter().filter_map(PlannedLine::told).collect();
        assert!((2_000..2_060).contains(&told.len()), "{}", told.len());
        let events: Vec<_> = lines.iter().map(PlannedLine::event).collect();
        for piece in [
            "[inserter] [insert: api] [ended: ",
            "[insert: gcdata]",
            "[insert: parsed]",
            "[parser] [success: ",
            "[att: 5]  ",
            "\u{1b}[",
        ] {
            let with = events.iter().filter(|event| event.contains(piece)).count();
            assert!(with > 5, "{with} with {piece}");
        }
        for event in &events {
            assert!(
                event.starts_with("data: ") && event.ends_with("\n\n"),
                "{event:?}"
            );
            assert_eq!(event.lines().count(), 2, "{event:?}");
        }
        let first = events.iter().find(|event| event.starts_with("data: [20"));
        let first = first.expect("a line without colours");
        assert_eq!(
            first.find("Z]"),
            Some("data: [2026-08-22T14:05:11.123".len()),
            "{first}"
        );
    }
}
