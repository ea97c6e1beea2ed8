//! Which hero to pick.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, post, web};
use contracts::models::{Decimal, ModelDocument, PasDocument, pas_key};
use domain::{HeroId, Side};
use model_application::{
    Effect, PublishedScore, Question, Suggestion, log_odds::points, personal_effects,
    suggest as rank,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{
    question::{self, NumbersAnswer},
    terms::{TermAnswer, rounded},
};
use crate::{
    ApiState,
    problems::{Refused, SliceRefusals, bad_request, no_data},
    published::SliceModels,
    target::Target,
};

const FIRST_MAX: usize = 20;
const FIRST_DEFAULT: usize = 5;
/// Longer nobody waits for what is known of an account: the answer is without it.
const ACCOUNT_TIME_MAX: Duration = Duration::from_millis(500);

/// A draft in which one side is to pick.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuggestQuestion {
    /// Such as 7.36; without it the current one.
    patch: Option<String>,
    /// Such as high; without it all.
    skill: Option<String>,
    /// `default` or `turbo`.
    mode: Option<String>,
    /// The ids of the Radiant's heroes, at most five.
    #[serde(default)]
    #[schema(max_items = 5)]
    radiant: Vec<u16>,
    /// Those of the Dire's.
    #[serde(default)]
    #[schema(max_items = 5)]
    dire: Vec<u16>,
    /// Who picks.
    side: SideWord,
    /// The ids of heroes that nobody may pick.
    #[serde(default)]
    bans: Vec<u16>,
    /// Whose scores count as well, if there are any.
    account: Option<u32>,
    /// So many heroes; without it five.
    #[schema(minimum = 1, maximum = 20)]
    first: Option<usize>,
}

/// A side.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SideWord {
    /// The Radiant.
    Radiant,
    /// The Dire.
    Dire,
}

/// Heroes to pick.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuggestAnswer {
    #[serde(flatten)]
    numbers: NumbersAnswer,
    /// Whether the account's scores count.
    personal: bool,
    /// The best first.
    items: Vec<ItemAnswer>,
}

/// A hero that can be picked.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemAnswer {
    /// Its id.
    hero: u16,
    /// How likely the picking side wins with it, in 0 … 1.
    #[schema(value_type = f64)]
    win_probability: Decimal<4>,
    /// The interval's lower end.
    #[schema(value_type = f64)]
    lo: Decimal<4>,
    /// The interval's upper end.
    #[schema(value_type = f64)]
    hi: Decimal<4>,
    /// Points of win rate more than before the pick.
    #[schema(value_type = f64)]
    gain_pp: Decimal<2>,
    /// How likely it is the best of all that can be picked, in 0 … 1.
    #[schema(value_type = f64)]
    p_best: Decimal<3>,
    /// Whether it is within a point of the first: as good, as far as anybody can say.
    is_in_first_tier: bool,
    /// What it adds, as it counts for the picking side.
    terms: Vec<TermAnswer>,
    /// The popular heroes against which it is worst, the worst first.
    exposed_to: Vec<ExposureAnswer>,
}

/// A hero that one is weak against.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExposureAnswer {
    /// Its id.
    hero: u16,
    /// The advantage over it, in points of win rate: below 0.
    #[schema(value_type = f64)]
    pp: Decimal<2>,
}

/// Heroes to pick, the best first, each with what it adds and how sure that is.
///
/// Computed from the published numbers; the same question has the same answer.
#[utoipa::path(
    tag = "models",
    request_body = SuggestQuestion,
    responses(
        (status = 200, description = "The heroes.", body = SuggestAnswer),
        SliceRefusals,
    )
)]
#[post("/api/v1/draft/suggest")]
pub(crate) async fn suggest(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let answer = answer(&request, payload, &state).await;
    answer.map_or_else(Refused::answer, |found| HttpResponse::Ok().json(found))
}

async fn answer(
    request: &HttpRequest,
    payload: web::Payload,
    state: &ApiState,
) -> Result<SuggestAnswer, Refused> {
    let asked: SuggestQuestion = question::read(request, payload).await?;
    let first = asked.first.unwrap_or(FIRST_DEFAULT);
    if !(1..=FIRST_MAX).contains(&first) {
        let detail = format!("first is {first}; allowed: 1 to {FIRST_MAX}");
        return Err(bad_request(request, detail));
    }
    let target = Target {
        patch: asked.patch,
        skill: asked.skill,
        mode: asked.mode,
    };
    let snapshot = state.published.snapshot();
    let (patch, slice) = target.slice(request, &snapshot)?;
    let (side, picks) = match asked.side {
        SideWord::Radiant => (Side::Radiant, &asked.radiant),
        SideWord::Dire => (Side::Dire, &asked.dire),
    };
    if picks.len() >= 5 {
        return Err(bad_request(request, "this side has picked its five heroes"));
    }
    let lineup = question::lineup(request, slice, &asked.radiant, &asked.dire)?;
    let picked = [&*asked.radiant, &*asked.dire];
    let bans = question::bans(request, slice, &picked, &asked.bans)?;
    let personal = match asked.account {
        Some(account) => personal(state, account, slice).await,
        None => None,
    };
    let question = Question {
        lineup: &lineup,
        side,
        bans: &bans,
        games: slice.games.as_deref(),
        personal: personal.as_deref(),
        level: state.level,
    };
    let items = rank(&slice.model, &question, first);
    let items = items.map_err(|error| no_data(request, error.to_string()))?;
    let items = items.into_iter();
    Ok(SuggestAnswer {
        numbers: NumbersAnswer::of(slice, &patch.meta.patch, state.level),
        personal: personal.is_some(),
        items: items
            .map(|item| ItemAnswer::of(item, state.level))
            .collect(),
    })
}

impl ItemAnswer {
    fn of(item: Suggestion, level: f64) -> Self {
        let terms = item.terms.into_iter();
        let exposed = item.exposed_to.into_iter();
        Self {
            hero: item.hero.get(),
            win_probability: rounded(item.win_probability),
            lo: rounded(item.lo),
            hi: rounded(item.hi),
            gain_pp: rounded(item.gain_pp),
            p_best: rounded(item.p_best),
            is_in_first_tier: item.is_in_first_tier,
            terms: terms.map(|term| TermAnswer::of(term, level)).collect(),
            exposed_to: exposed
                .map(|(hero, Effect { value, .. })| ExposureAnswer {
                    hero: hero.get(),
                    pp: rounded(points(f64::from(value) / 1000.0)),
                })
                .collect(),
        }
    }
}

/// What the account adds to each hero; none where nobody knows, or not in time.
async fn personal(state: &ApiState, account: u32, slice: &SliceModels) -> Option<Vec<Effect>> {
    let keys = [pas_key(account)];
    let found = state.published.publisher().published(&keys);
    let found = timeout(ACCOUNT_TIME_MAX, found).await.ok()?.ok()?;
    let document = PasDocument::decode(found.first()?.as_ref()?).ok()?;
    let scores = document.heroes.iter().filter_map(|(&hero, score)| {
        Some(PublishedScore {
            hero: HeroId::try_new(hero).ok()?,
            lo: score.lo.to_f64(),
            hi: score.hi.to_f64(),
            hero_pp: score.parts.hero.to_f64(),
            account_pp: score.parts.account.to_f64(),
            personal_pp: score.parts.personal.to_f64(),
        })
    });
    let scores: Vec<_> = scores.collect();
    let level = document.level.to_f64();
    let hero_sd = document.prior_sd.hero.to_f64();
    Some(personal_effects(&slice.model, &scores, level, hero_sd))
}
