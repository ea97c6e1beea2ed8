//! The promises, and what was seen of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::{CountingRules, Day, MatchId, MatchSummary, Patches};
use etl_application::ports::{
    CounterStore as _, DayBuild, Difference, KnownMatch, WarehouseReader as _, WishState,
};
use etl_application::{Answer, TopicFigures};
use etl_test_support::reference::Reference;
use futures_util::FutureExt as _;

use crate::evidence::is_there;
use crate::process::World;
use crate::upstream::Since;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq)]
pub enum Violation {
    /// A position was committed behind a record, here with its topic, partition
    /// and offset, of which not everything was done.
    CommittedTooFar((String, i32, i64), &'static str),
    /// A dead letter of this partition and offset is not as it should be.
    DeadLetter(i32, i64, String),
    /// Records that are not in the topic of dead letters for the right reason.
    DeadLettersDiffer {
        /// Those that are missing, or have another reason.
        missing: usize,
        /// Those that should not be there, or have another reason.
        surplus: usize,
    },
    /// Rows of a match are not what the topics say.
    FactsDiffer(MatchId, String),
    /// Counters of a day are not what the topics say.
    CountersDiffer(Vec<Difference>),
    /// A day has matches and was never built.
    NeverBuilt(Day),
    /// Matches that nobody knows whole, and that are not wished for.
    NotWishedFor(Vec<MatchId>),
    /// Wishes for matches of which nobody said the id, or too little.
    WishedForNothing(Vec<MatchId>),
    /// A call too many: what was left of the minute and of the day.
    AboveALimit(i64, i64),
    /// A wish ended as fetched before what was wished for was in the tables.
    FetchedAndNotStored(MatchId),
    /// A wish that had ended waits again.
    EndedWishReopened(MatchId),
    /// An answer is stored that the upstream did not give.
    NotTold(MatchId),
    /// Wishes still wait when there was time for all.
    WishesWithoutEnd(usize),
    /// A wish was given up although the upstream always knew the match.
    GivenUpThoughKnown(MatchId),
    /// The ledger does not add up, or has not counted what was handed over.
    Imbalance(TopicFigures, u64),
    /// Nothing is in the way any more, and there is still something to do.
    Stuck {
        /// Records that are not committed.
        lag: i64,
        /// Days that are behind their facts.
        dirty_days: usize,
    },
    /// Asked to end with nothing in the way, a process did not, or left something.
    BadEnd,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Compares what the warehouse holds with what the topics and the upstream say.
pub(crate) fn judge(world: &World, topics: &Reference) -> Result<(), Violation> {
    judge_stored(world, topics, false)?;
    judge_wishes(world, topics)?;
    judge_ends(world)
}

/// The same as long as wishes still wait: a day may be marked that is not built yet.
pub(crate) fn judge_so_far(world: &World, topics: &Reference) -> Result<(), Violation> {
    judge_stored(world, topics, true)?;
    judge_wishes(world, topics)
}

fn judge_stored(world: &World, topics: &Reference, may_be_dirty: bool) -> Result<(), Violation> {
    judge_dead_letters(world, topics)?;
    let mut reference = topics.clone();
    for answer in world.evidence.details() {
        judge_told(world, &answer)?;
        reference.answer(&answer);
    }
    judge_facts(world, &reference)?;
    judge_days(world, &reference, may_be_dirty)
}

/// An answer is one that the upstream gave.
fn judge_told(world: &World, answer: &Answer) -> Result<(), Violation> {
    let id = answer.summary.match_id;
    let truth = world.upstream.truth(id);
    let is_known = truth.known != Since::Never;
    let is_parsed = answer
        .summary
        .players
        .iter()
        .any(|line| line.position.is_some());
    let may_be_parsed = truth.parsed != Since::Never;
    if is_known
        && answer.summary.duration_seconds == Some(truth.duration)
        && (may_be_parsed || !is_parsed)
    {
        Ok(())
    } else {
        Err(Violation::NotTold(id))
    }
}

fn judge_dead_letters(world: &World, reference: &Reference) -> Result<(), Violation> {
    let found = world.evidence.dead_letters();
    let expected = &reference.dead_letters;
    let is_in = |all: &BTreeMap<_, _>, one: &_, reason| all.get(one) == Some(reason);
    let missing = expected
        .iter()
        .filter(|(one, reason)| !is_in(&found, one, *reason));
    let surplus = found
        .iter()
        .filter(|(one, reason)| !is_in(expected, one, *reason));
    let (missing, surplus) = (missing.count(), surplus.count());
    if missing == 0 && surplus == 0 {
        Ok(())
    } else {
        Err(Violation::DeadLettersDiffer { missing, surplus })
    }
}

/// What a row is told apart by, and what it says.
type Row = (&'static str, String, u64, String);

fn judge_facts(world: &World, reference: &Reference) -> Result<(), Violation> {
    let sources = reference.sources.keys().map(|(id, _)| *id);
    for id in sources.collect::<BTreeSet<_>>() {
        let known = world.warehouse.memory.match_facts(id).now_or_never();
        let known = known.expect("memory does not wait").expect("it answers");
        let found: BTreeSet<_> = known.iter().map(row).collect();
        let expected = expected_rows(reference, id);
        if found != expected {
            let differ: Vec<_> = found.symmetric_difference(&expected).collect();
            return Err(Violation::FactsDiffer(id, format!("{differ:?}")));
        }
    }
    let matches = world.warehouse.memory.matches();
    if matches == reference.matches.len() {
        Ok(())
    } else {
        let what = format!("{matches} matches, expected {}", reference.matches.len());
        let any = reference.matches.keys().next().copied();
        Err(Violation::FactsDiffer(any.expect("there are some"), what))
    }
}

fn row(known: &KnownMatch) -> Row {
    let says = says(known.table, &known.summary);
    (known.table, known.source.clone(), known.version, says)
}

fn expected_rows(reference: &Reference, id: MatchId) -> BTreeSet<Row> {
    let of = |table: &'static str, answer: &Answer, source: &str| -> Row {
        let says = says(table, &answer.summary);
        (table, source.to_owned(), answer.version, says)
    };
    let named = |table, answer: &Answer| of(table, answer, &answer.source);
    let mut rows = BTreeSet::new();
    let core = reference.matches.get(&id);
    rows.extend(core.map(|answer| named("matches", answer)));
    let rank = reference.ranks.get(&id);
    rows.extend(rank.map(|answer| named("match_ranks", answer)));
    let players = reference.players.get(&id);
    rows.extend(players.map(|answer| of("match_players", answer, "")));
    let positions = reference.positions.get(&id);
    rows.extend(positions.map(|answer| of("match_positions", answer, "")));
    let sources = reference.sources.iter().filter(|((of, _), _)| *of == id);
    rows.extend(sources.map(|(_, answer)| named("match_sources", answer)));
    rows
}

/// What a table holds of a summary, in words.
fn says(table: &str, summary: &MatchSummary) -> String {
    let start = summary.start_time;
    match table {
        "matches" => format!("{:?}", summary.whole()),
        "match_ranks" => format!(
            "{start:?} {:?} {:?}",
            summary.avg_rank_tier, summary.num_rank_tier
        ),
        "match_players" => {
            let mut players = summary.players.clone();
            for line in &mut players {
                (line.lane, line.position) = (None, None);
            }
            format!("{start:?} {players:?}")
        }
        "match_positions" => {
            let places = summary.players.iter();
            let places: Vec<_> = places
                .map(|line| (line.slot, line.lane, line.position))
                .collect();
            format!("{start:?} {places:?}")
        }
        _ => format!(
            "{start:?} {:?} {:?}",
            summary.match_seq_num, summary.cluster
        ),
    }
}

fn judge_days(world: &World, reference: &Reference, may_be_dirty: bool) -> Result<(), Violation> {
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    let memory = &world.warehouse.memory;
    let dirty = memory.dirty_days(1000).now_or_never();
    let dirty = dirty.expect("memory does not wait").expect("it answers");
    for day in &reference.days {
        if may_be_dirty && dirty.iter().any(|one| one.day == *day) {
            continue;
        }
        let expected = reference.count(*day, &rules, &patches);
        let stored = memory.stored_day(*day);
        let stored = stored.ok_or(Violation::NeverBuilt(*day))?;
        let mark = memory.mark_of(*day);
        let noted: Option<&DayBuild> = stored.noted.as_ref();
        if noted.map(|noted| noted.mark) != mark {
            return Err(Violation::NeverBuilt(*day));
        }
        let differences = stored.differences(*day, &expected);
        if !differences.is_empty() {
            let few = differences.into_iter().take(3).collect();
            return Err(Violation::CountersDiffer(few));
        }
    }
    Ok(())
}

fn judge_wishes(world: &World, topics: &Reference) -> Result<(), Violation> {
    let wishes = world.warehouse.memory.all_wishes();
    let wishes: BTreeSet<_> = wishes.iter().map(|wish| wish.match_id).collect();
    let unknown = topics.ids.iter();
    let unknown = unknown.filter(|id| !topics.matches.contains_key(id));
    let (mut due, mut meant): (BTreeSet<_>, _) = (unknown.copied().collect(), topics.ids.clone());
    if world.replays_in_million() > 0 {
        meant.extend(&topics.told);
    }
    if world.replays_in_million() == 1_000_000 {
        due.extend(&topics.told);
    }
    let surplus: Vec<_> = wishes.difference(&meant).copied().collect();
    if !surplus.is_empty() {
        return Err(Violation::WishedForNothing(surplus));
    }
    let missing: Vec<_> = due.difference(&wishes).copied().collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Violation::NotWishedFor(missing))
    }
}

/// Every wish has ended, and as it should.
fn judge_ends(world: &World) -> Result<(), Violation> {
    let memory = &world.warehouse.memory;
    let mut waiting = 0;
    for wish in memory.all_wishes() {
        let id = wish.match_id;
        let truth = world.upstream.truth(id);
        let is_replay = wish.reason.is_for_the_replay();
        let is_obtainable = truth.known == Since::Always
            && (!is_replay || truth.parsed == Since::Always)
            && !world.refused.contains(&id);
        match wish.state {
            WishState::Waiting => waiting += 1,
            WishState::Fetched if !is_there(&wish, memory) => {
                return Err(Violation::FetchedAndNotStored(id));
            }
            WishState::GivenUp if is_obtainable => {
                return Err(Violation::GivenUpThoughKnown(id));
            }
            WishState::Fetched | WishState::GivenUp => {}
        }
    }
    if waiting == 0 {
        Ok(())
    } else {
        Err(Violation::WishesWithoutEnd(waiting))
    }
}
