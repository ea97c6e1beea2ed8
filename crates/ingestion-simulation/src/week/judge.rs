//! The verdict: what was told against what was published and is listed.

use std::time::Duration;

use domain::MatchId;
use ingestion_application::{Gap, GapState};

use crate::week::{
    Calls, GapReport, Interface, Report, SourceReport, Violation,
    service::{Machine, WINDOW},
    upstreams::{CallBooks, Limit},
    world::{id, since_begin_ms},
};

/// Of so many calls of Steam's one may be refused: a key keeps its pace by refusals …
const CALLS_PER_LIMITED: u64 = 50;
/// … and each process has to find it: so many more.
const LIMITED_OF_A_PROCESS: u64 = 6;
/// So many are named of those with which something is wrong.
const NAMED_MAX: usize = 10;
/// Times of gaps are kept in whole seconds.
const ROUNDED_MS: u32 = 1_000;

/// Looks at everything, so long after the last match was told of.
pub(super) fn judge(machine: &Machine, behind: Duration) -> Report {
    let snapshot = machine.gaps();
    let mut violations = machine.witness.lock().violations.clone();
    let (in_listed_gaps, missing) = not_published(machine, &snapshot.gaps);
    if !missing.is_empty() {
        violations.push(Violation::Missing {
            count: missing.len(),
            some: missing.into_iter().take(NAMED_MAX).collect(),
        });
    }
    let state = machine.brokers.lock();
    let is_within = |(_, apart): &&(_, u32)| (*apart as usize) <= WINDOW;
    let within: Vec<_> = state.books.repeated.iter().filter(is_within).collect();
    if !within.is_empty() {
        violations.push(Violation::Repeated {
            count: within.len(),
            some: within.iter().take(NAMED_MAX).map(|it| **it).collect(),
        });
    }
    let invented = state.books.invented.first().copied();
    violations.extend(invented.map(Violation::Invented));
    let repeated_beyond_the_window = state.books.repeated.len() - within.len();
    let published = state.books.published;
    drop(state);
    violations.extend(above_limits(machine));
    let gaps = machine.plan.sources.iter().filter(|it| it.is_pushed());
    Report {
        hours: machine.plan.hours,
        matches: machine.truth.world.len(),
        told: machine.told_count(),
        published,
        in_listed_gaps,
        repeated_beyond_the_window,
        minutes_behind: behind.as_secs() / 60,
        sources: machine
            .plan
            .sources
            .iter()
            .map(|it| source(machine, *it))
            .collect(),
        interruptions_lost: snapshot.lost_total,
        gaps_closed: machine.witness.lock().closed_count(),
        gaps: gaps.map(|of| gaps_of(*of, &snapshot.gaps)).collect(),
        diary: machine.truth.diary.describe(),
        violations,
    }
}

impl Machine {
    /// How many matches any source tells of.
    pub(super) fn told_count(&self) -> usize {
        let told = self.truth.world.all().filter(|(nth, _)| {
            let mut sources = self.plan.sources.iter();
            sources.any(|by| self.truth.told_ms(*by, *nth).is_some())
        });
        told.count()
    }
}

/// Matches that are told of and not in the topic: how many lie in gaps that are
/// listed, and those that do not.
fn not_published(machine: &Machine, gaps: &[Gap]) -> (usize, Vec<(MatchId, u32)>) {
    let (state, noted) = (machine.brokers.lock(), machine.witness.lock());
    let (mut in_gaps, mut missing) = (0, Vec::new());
    for (nth, _) in machine
        .truth
        .world
        .all()
        .filter(|(nth, _)| !state.has(*nth))
    {
        let sources = machine.plan.sources.iter();
        let told = sources.filter_map(|by| Some((*by, machine.truth.told_ms(*by, nth)?)));
        let told: Vec<_> = told.collect();
        let Some(first_ms) = told.iter().map(|(_, at)| *at).min() else {
            continue;
        };
        let is_excused = |(by, at): &(Interface, u32)| {
            // Before it was ever heard nothing says that it is there.
            noted.first_ms(*by).is_none_or(|first| *at < first) && machine.is_down(*at)
                || gaps.iter().any(|gap| is_listed(gap, *by, *at))
        };
        if told.iter().all(is_excused) {
            in_gaps += 1;
        } else {
            missing.push((id(nth), first_ms / 1_000));
        }
    }
    (in_gaps, missing)
}

/// Whether a gap that is not closed has this time of a source in it.
fn is_listed(gap: &Gap, by: Interface, at_ms: u32) -> bool {
    let to_ms = gap.to.map_or(u32::MAX, since_begin_ms);
    gap.state != GapState::Closed
        && gap.source == by.source()
        && since_begin_ms(gap.from) <= at_ms.saturating_add(ROUNDED_MS)
        && at_ms <= to_ms.saturating_add(ROUNDED_MS)
}

fn above_limits(machine: &Machine) -> Vec<Violation> {
    let mut violations = Vec::new();
    let steam = machine.upstreams.steam.books();
    let calls = steam.answered + steam.limited;
    let processes = 1 + machine.truth.diary.ends().len() as u64;
    let bearable = calls / CALLS_PER_LIMITED + LIMITED_OF_A_PROCESS * processes;
    let of_a_day = machine.upstreams.steam.limit_of_a_day();
    if steam.limited > bearable || of_a_day.made > of_a_day.allowed {
        violations.push(Violation::AboveALimit {
            source: Interface::Steam.source().as_str(),
            what: format!(
                "{} of {calls} calls were too many; {} on a day",
                steam.limited, of_a_day.made
            ),
        });
    }
    let pages = machine.upstreams.pages.books();
    let limits = machine.upstreams.pages.limits().into_iter().flatten();
    let is_above = |limit: Limit| limit.made > limit.allowed;
    if pages.limited > 0 || limits.clone().any(is_above) {
        violations.push(Violation::AboveALimit {
            source: Interface::Pages.source().as_str(),
            what: format!(
                "{} calls were too many; {:?}",
                pages.limited,
                limits.collect::<Vec<_>>()
            ),
        });
    }
    violations
}

fn source(machine: &Machine, by: Interface) -> SourceReport {
    let all = machine.truth.world.all();
    let told = all.filter(|(nth, _)| machine.truth.told_ms(by, *nth).is_some());
    let (state, noted) = (machine.brokers.lock(), machine.witness.lock());
    let freshness_ms = state.books.freshness_ms.get(&by);
    let freshness_ms = freshness_ms.map_or(&[][..], Vec::as_slice);
    SourceReport {
        source: by.source().as_str(),
        told: told.count(),
        seen: noted.seen(by),
        first: freshness_ms.len(),
        freshness_seconds: quantiles(freshness_ms).map(|ms| ms / 1_000),
        calls: calls(machine, by),
    }
}

fn calls(machine: &Machine, by: Interface) -> Option<Calls> {
    let of = |books: CallBooks, limits: Vec<(&'static str, Limit)>| Calls {
        answered: books.answered,
        limited: books.limited,
        troubled: books.troubled,
        limits: limits
            .into_iter()
            .map(|(name, limit)| (name, limit.made, limit.allowed))
            .collect(),
    };
    match by {
        Interface::Stream | Interface::Logs => None,
        Interface::Pages => {
            let pages = &machine.upstreams.pages;
            let names = ["a minute", "a day"].into_iter();
            let limits = names.zip(pages.limits());
            let limits = limits.filter_map(|(name, limit)| Some((name, limit?)));
            Some(of(pages.books(), limits.collect()))
        }
        Interface::Steam => {
            let steam = &machine.upstreams.steam;
            let limits = vec![("a key and day", steam.limit_of_a_day())];
            Some(of(steam.books(), limits))
        }
    }
}

fn gaps_of(of: Interface, gaps: &[Gap]) -> GapReport {
    let gaps: Vec<_> = gaps
        .iter()
        .filter(|gap| gap.source == of.source())
        .collect();
    let by_state = GapState::ALL.map(|state| {
        let count = gaps.iter().filter(|gap| gap.state == state).count();
        (state.as_str(), count)
    });
    let seconds = |at| since_begin_ms(at) / 1_000;
    let not_closed = gaps.iter().filter(|gap| gap.state != GapState::Closed);
    let bounds = not_closed.map(|gap| {
        let (from, to) = (seconds(gap.from), gap.to.map(seconds));
        (gap.state.as_str(), from, to)
    });
    GapReport {
        source: of.source().as_str(),
        by_state: by_state.to_vec(),
        bounds: bounds.collect(),
    }
}

/// For the half, for 95 and for 99 of a hundred.
fn quantiles(values: &[u32]) -> [u32; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    [50, 95, 99].map(|percent| {
        let at = sorted.len() * percent / 100;
        sorted.get(at).copied().unwrap_or_default()
    })
}
