//! Scores of accounts as documents.

use contracts::models::{
    AsOf, Decimal, HeroScore, PasDocument, PasPriors, ScoreParts, VERSION, pas_key,
};
use model_application::{
    PatchHead,
    accounts::{AccountResult, HeroResult},
    ports::Document,
};

use super::written;

/// The run is the one whose strengths are used.
pub(super) fn document(scores: &AccountResult, patch: &PatchHead) -> Document {
    let (account, hero) = scores.prior_sd;
    let heroes = scores.heroes.iter();
    let document = PasDocument {
        v: VERSION,
        run: patch.run.to_string(),
        as_of: AsOf::of(patch.as_of),
        account: scores.account.get(),
        skill: scores.skill.as_str().to_owned(),
        level: Decimal(scores.level.into()),
        games: scores.games,
        prior_sd: PasPriors {
            account: Decimal(account.into()),
            hero: Decimal(hero.into()),
        },
        heroes: heroes.map(|(id, hero)| (id.get(), score(hero))).collect(),
    };
    written(pas_key(scores.account.get()), &document)
}

fn score(hero: &HeroResult) -> HeroScore {
    let points = |hundredths: i32| Decimal(hundredths.into());
    HeroScore {
        pp: points(hero.points.pp),
        lo: points(hero.points.lo),
        hi: points(hero.points.hi),
        parts: ScoreParts {
            hero: points(hero.hero),
            account: points(hero.account),
            personal: points(hero.personal),
        },
        games: hero.games,
        wins: hero.wins,
        expected_wins: Decimal(i64::try_from(hero.expected_wins).unwrap_or(i64::MAX)),
    }
}
