//! Counters of heroes and of pairs: raw counts, no model.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::HeroId;
use etl_application::ports::{HeroGames, PairGames};
use http_kit::{Parameters, Questions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiState,
    filter::{FILTER, FilterAnswer, counter_filter, hero},
    warehouse::WarehouseRefusals,
};

/// Games and wins of heroes.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeroesAnswer {
    /// What was summed.
    filter: FilterAnswer,
    /// Each hero with games, by id.
    heroes: Vec<HeroAnswer>,
}

/// Games and wins of one hero.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeroAnswer {
    /// Which hero.
    hero: u16,
    /// What the game calls it; `hero_` and the id if the built-in list does not know.
    name: String,
    /// Counted matches.
    games: u64,
    /// How many of them its side won.
    wins: u64,
}

/// Games and wins of a hero with and against each other one.
#[derive(Serialize, ToSchema)]
pub(crate) struct PairsAnswer {
    /// Whose wins these are.
    hero: u16,
    /// What was summed.
    filter: FilterAnswer,
    /// Each other hero with games, `against` before `with`, by id.
    pairs: Vec<PairAnswer>,
}

/// Games and wins of a pair.
#[derive(Serialize, ToSchema)]
pub(crate) struct PairAnswer {
    /// `against` or `with`.
    relation: &'static str,
    /// The other hero.
    other: u16,
    /// What the game calls it; `hero_` and the id if the built-in list does not know.
    name: String,
    /// Counted matches with both.
    games: u64,
    /// How many of them the side of the hero asked for won.
    wins: u64,
}

/// Games and wins of each hero.
#[utoipa::path(
    tag = "warehouse",
    params(
        ("patch" = Option<String>, Query, description = "Of this patch, such as 7.41."),
        ("bracket" = Option<u8>, Query, maximum = 8,
            description = "Of this bracket: 1 to 8, or 0 for an unknown rank."),
        ("mode" = Option<u8>, Query, description = "Of this game mode."),
        ("from" = Option<String>, Query, description = "From this day on.", format = Date),
        ("to" = Option<String>, Query, description = "Up to this day, included.", format = Date),
    ),
    responses(
        (status = 200, description = "The sums.", body = HeroesAnswer),
        WarehouseRefusals,
    )
)]
#[get("/api/v1/stats/heroes")]
pub(crate) async fn heroes(
    request: HttpRequest,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    let answer = look_up_heroes(&request, &state, &questions).await;
    answer.map_or_else(|refused| *refused, |found| HttpResponse::Ok().json(found))
}

/// Games and wins of one hero against and with each other one.
#[utoipa::path(
    tag = "warehouse",
    params(
        ("hero" = u16, Query, minimum = 1, description = "Which hero."),
        ("patch" = Option<String>, Query, description = "Of this patch, such as 7.41."),
        ("bracket" = Option<u8>, Query, maximum = 8,
            description = "Of this bracket: 1 to 8, or 0 for an unknown rank."),
        ("mode" = Option<u8>, Query, description = "Of this game mode."),
        ("from" = Option<String>, Query, description = "From this day on.", format = Date),
        ("to" = Option<String>, Query, description = "Up to this day, included.", format = Date),
    ),
    responses(
        (status = 200, description = "The sums.", body = PairsAnswer),
        WarehouseRefusals,
    )
)]
#[get("/api/v1/stats/pairs")]
pub(crate) async fn pairs(
    request: HttpRequest,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    let answer = look_up_pairs(&request, &state, &questions).await;
    answer.map_or_else(|refused| *refused, |found| HttpResponse::Ok().json(found))
}

async fn look_up_heroes(
    request: &HttpRequest,
    state: &ApiState,
    questions: &Questions,
) -> Result<HeroesAnswer, Box<HttpResponse>> {
    let filter = counter_filter(&Parameters::of(request, &FILTER)?)?;
    let found = questions.ask(request, state.reader.heroes(&filter)).await?;
    Ok(HeroesAnswer {
        filter: FilterAnswer::from(&filter),
        heroes: found.into_iter().map(Into::into).collect(),
    })
}

async fn look_up_pairs(
    request: &HttpRequest,
    state: &ApiState,
    questions: &Questions,
) -> Result<PairsAnswer, Box<HttpResponse>> {
    let known: Vec<_> = ["hero"].into_iter().chain(FILTER).collect();
    let query = Parameters::of(request, &known)?;
    let (hero, filter) = (hero(&query)?, counter_filter(&query)?);
    let found = state.reader.pairs(hero, &filter);
    let found = questions.ask(request, found).await?;
    Ok(PairsAnswer {
        hero: hero.get(),
        filter: FilterAnswer::from(&filter),
        pairs: found.into_iter().map(Into::into).collect(),
    })
}

impl From<HeroGames> for HeroAnswer {
    fn from(counted: HeroGames) -> Self {
        Self {
            hero: counted.hero.get(),
            name: name(counted.hero),
            games: counted.games,
            wins: counted.wins,
        }
    }
}

impl From<PairGames> for PairAnswer {
    fn from(counted: PairGames) -> Self {
        Self {
            relation: counted.relation.as_str(),
            other: counted.other.get(),
            name: name(counted.other),
            games: counted.games,
            wins: counted.wins,
        }
    }
}

fn name(hero: HeroId) -> String {
    hero.name()
        .map_or_else(|| format!("hero_{hero}"), str::to_owned)
}
