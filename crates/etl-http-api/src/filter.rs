//! What may be asked for: days, heroes, and which counters.

use actix_web::HttpResponse;
use domain::{Day, HeroId, SkillBracket};
use etl_application::ports::CounterFilter;
use http_kit::Parameters;
use serde::Serialize;
use utoipa::ToSchema;

/// As in the list of patches.
const PATCH_BYTES_MAX: usize = 32;
/// What a day may be, in words.
pub(crate) const A_DAY: &str = "a day such as 2026-11-29";
/// What a hero may be, in words.
const A_HERO: &str = "the id of a hero, 1 to 65535";

/// The parameters of a [`CounterFilter`].
pub(crate) const FILTER: [&str; 5] = ["patch", "bracket", "mode", "from", "to"];

/// Which counters were summed; null is all.
#[derive(Serialize, ToSchema)]
pub(crate) struct FilterAnswer {
    /// The first day.
    #[schema(required = true, format = Date)]
    from: Option<String>,
    /// The last day.
    #[schema(required = true, format = Date)]
    to: Option<String>,
    /// The patch.
    #[schema(required = true)]
    patch: Option<String>,
    /// The bracket: 1 to 8, and 0 for matches whose rank is not known.
    #[schema(required = true)]
    bracket: Option<u8>,
    /// The game mode.
    #[schema(required = true)]
    mode: Option<u8>,
}

impl From<&CounterFilter> for FilterAnswer {
    fn from(filter: &CounterFilter) -> Self {
        Self {
            from: filter.from.map(|day| day.to_string()),
            to: filter.to.map(|day| day.to_string()),
            patch: filter.patch.clone(),
            bracket: filter.bracket.map(SkillBracket::get),
            mode: filter.game_mode,
        }
    }
}

/// Reads which counters are meant.
pub(crate) fn counter_filter(query: &Parameters) -> Result<CounterFilter, Box<HttpResponse>> {
    let (from, to) = (day(query, "from")?, day(query, "to")?);
    if let (Some(from), Some(to)) = (from, to) {
        check_order(query, from, to)?;
    }
    let patch = query.optional("patch", "the name of a patch such as 7.41", |name| {
        let fits = (1..=PATCH_BYTES_MAX).contains(&name.len());
        fits.then(|| name.to_owned())
    })?;
    let bracket = query.optional("bracket", "1 to 8, or 0 for an unknown rank", |number| {
        SkillBracket::try_new(digits(number)?).ok()
    })?;
    let game_mode = query.optional("mode", "the number of a game mode, 0 to 255", digits)?;
    Ok(CounterFilter {
        from,
        to,
        patch,
        bracket,
        game_mode,
    })
}

/// A hero that must be given.
pub(crate) fn hero(query: &Parameters) -> Result<HeroId, Box<HttpResponse>> {
    query.required("hero", A_HERO, |id| HeroId::try_new(digits(id)?).ok())
}

/// A day, if it is given.
pub(crate) fn day(query: &Parameters, name: &str) -> Result<Option<Day>, Box<HttpResponse>> {
    query.optional(name, A_DAY, |day| day.parse().ok())
}

/// Refuses a range that ends before it begins.
pub(crate) fn check_order(query: &Parameters, from: Day, to: Day) -> Result<(), Box<HttpResponse>> {
    if from > to {
        let detail = format!("from is {from}; allowed: a day not after {to}, which is `to`");
        return Err(query.refuse(detail).into());
    }
    Ok(())
}

/// A number in digits alone: a sign is a mistake.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}
