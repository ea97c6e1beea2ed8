//! The promises, and what was seen of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::{CountingRules, Day, MatchId, MatchSummary, Patches};
use etl_application::ports::{DayBuild, Difference, KnownMatch, WarehouseReader as _};
use etl_application::{Answer, TopicFigures};
use futures_util::FutureExt as _;

use crate::process::World;
use crate::reference::Reference;

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

/// Compares what the warehouse holds with what the topics say.
pub(crate) fn judge(world: &World, reference: &Reference) -> Result<(), Violation> {
    judge_dead_letters(world, reference)?;
    judge_facts(world, reference)?;
    judge_days(world, reference)?;
    judge_wishes(world, reference)
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
        "match_players" => format!("{start:?} {:?}", summary.players),
        _ => format!(
            "{start:?} {:?} {:?}",
            summary.match_seq_num, summary.cluster
        ),
    }
}

fn judge_days(world: &World, reference: &Reference) -> Result<(), Violation> {
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    for day in &reference.days {
        let expected = reference.count(*day, &rules, &patches);
        let stored = world.warehouse.memory.stored_day(*day);
        let stored = stored.ok_or(Violation::NeverBuilt(*day))?;
        let mark = world.warehouse.memory.mark_of(*day);
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

fn judge_wishes(world: &World, reference: &Reference) -> Result<(), Violation> {
    let wishes = world.warehouse.memory.all_wishes();
    let wishes: BTreeSet<_> = wishes.iter().map(|wish| wish.match_id).collect();
    let asked = &reference.ids;
    let surplus: Vec<_> = wishes.difference(asked).copied().collect();
    if !surplus.is_empty() {
        return Err(Violation::WishedForNothing(surplus));
    }
    let unknown = asked
        .iter()
        .filter(|id| !reference.matches.contains_key(id));
    let missing = unknown.filter(|id| !wishes.contains(id));
    let missing: Vec<_> = missing.copied().collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Violation::NotWishedFor(missing))
    }
}
