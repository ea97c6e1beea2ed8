//! The documents of a hero.

use contracts::models::{
    AsOf, CountersDocument, Decimal, PairPoints as PairDocument,
    StrengthPoints as StrengthDocument, SynergyDocument, VERSION,
};
use domain::HeroId;
use model_application::{HeroPlace, PairPoints, SliceResult, win_rate};

use super::{Of, mode};

macro_rules! hero_document {
    ($of:ident, $place:ident, $name:ident { $pairs:ident: $seen:expr }) => {
        $name {
            v: VERSION,
            run: $of.result.run.to_string(),
            as_of: AsOf::of($of.result.as_of),
            patch: $of.result.patch.clone(),
            skill: $of.slice.skill.as_str().to_owned(),
            mode: mode($of.slice.mode).to_owned(),
            hero: $of.values.head.model.roster.heroes()[$place].get(),
            from: $of.from(),
            matches: $of.values.head.matches,
            level: Decimal(i64::from($of.values.head.level)),
            strength: strength($of.values, $place),
            $pairs: $seen.map(pair).collect(),
        }
    };
}

pub(super) fn counters(of: Of<'_>, place: usize) -> CountersDocument {
    hero_document!(
        of,
        place,
        CountersDocument {
            vs: of.values.versus(HeroPlace(place))
        }
    )
}

pub(super) fn synergy(of: Of<'_>, place: usize) -> SynergyDocument {
    hero_document!(
        of,
        place,
        SynergyDocument {
            with: of.values.together(HeroPlace(place))
        }
    )
}

fn strength(values: &SliceResult, place: usize) -> StrengthDocument {
    let seen = values.strengths[place];
    StrengthDocument {
        pp: hundredths(seen.points.pp),
        lo: hundredths(seen.points.lo),
        hi: hundredths(seen.points.hi),
        win_rate: hundredths(win_rate(seen.games, seen.wins)),
        games: seen.games,
        wins: seen.wins,
        low_sample: seen.low_sample,
    }
}

fn pair((hero, seen): (HeroId, PairPoints)) -> (u16, PairDocument) {
    let document = PairDocument {
        pp: hundredths(seen.points.pp),
        lo: hundredths(seen.points.lo),
        hi: hundredths(seen.points.hi),
        win_rate: hundredths(win_rate(seen.games, seen.wins)),
        expected: hundredths(seen.expected),
        games: seen.games,
        wins: seen.wins,
        low_sample: seen.low_sample,
    };
    (hero.get(), document)
}

fn hundredths(value: i32) -> Decimal<2> {
    Decimal(i64::from(value))
}
