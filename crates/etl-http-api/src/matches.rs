//! What the warehouse knows of one match.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, web};
use domain::{AccountId, HeroId, MatchId, MatchSummary, PlayerLine, Position, Team};
use etl_application::ports::{KnownMatch, WarehouseError};
use http_kit::{Problem, Questions, path_parameter, rfc3339};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ApiState, warehouse::WarehouseRefusals, wishes::WishAnswer};

/// A version is the time of its answer in milliseconds, and so many bits of a checksum.
const CHECKSUM_BITS: u32 = 16;

/// What is known of a match.
#[derive(Serialize, ToSchema)]
pub(crate) struct MatchAnswer {
    /// Which match.
    match_id: i64,
    /// What each table says, by source.
    facts: Vec<FactAnswer>,
    /// The wish for its details; absent if there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    wish: Option<WishAnswer>,
}

/// What one table says of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactAnswer {
    /// The table.
    table: &'static str,
    /// Who said so.
    source: String,
    /// Of two with one key the higher one counts. In decimal: it has more digits
    /// than a number in JavaScript.
    version: String,
    /// When the source's answer had been fetched.
    #[schema(format = DateTime)]
    received_at: String,
    /// What the table holds; what is absent is not known, or not in this table.
    summary: SummaryAnswer,
}

/// A match as one source knew it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SummaryAnswer {
    /// When it began.
    #[schema(format = DateTime)]
    start_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    match_seq_num: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    radiant_win: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lobby_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    game_mode: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    league_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    human_players: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_rank_tier: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_rank_tier: Option<u8>,
    /// Ids of heroes in the order of slots; 0 is a slot without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    radiant: Option<Vec<u16>>,
    /// The same of Dire.
    #[serde(skip_serializing_if = "Option::is_none")]
    dire: Option<Vec<u16>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    players: Vec<PlayerAnswer>,
}

/// A player's line of the score board.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlayerAnswer {
    /// 0 to 4 are Radiant's, 5 to 9 Dire's.
    slot: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hero_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kills: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deaths: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assists: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_hits: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denies: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gold_per_min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xp_per_min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_worth: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hero_damage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tower_damage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hero_healing: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaver_status: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<u16>,
    /// As the upstream numbers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<u8>,
    /// 1 to 5, of replays that were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u8>,
}

/// What the warehouse knows of a match, by table, source and version, and the wish for more.
#[utoipa::path(
    tag = "warehouse",
    params(("id" = i64, Path, minimum = 1, description = "Which match.")),
    responses(
        (status = 200, description = "What is known.", body = MatchAnswer),
        (status = 404, description = "Nothing is known of it, or wished for.", body = Problem,
            content_type = "application/problem+json"),
        WarehouseRefusals,
    )
)]
#[get("/api/v1/matches/{id}")]
pub(crate) async fn known_match(
    request: HttpRequest,
    state: web::Data<ApiState>,
    questions: web::Data<Questions>,
) -> HttpResponse {
    let answer = look_up(&request, &state, &questions).await;
    answer.map_or_else(|refused| *refused, |found| HttpResponse::Ok().json(found))
}

async fn look_up(
    request: &HttpRequest,
    state: &ApiState,
    questions: &Questions,
) -> Result<MatchAnswer, Box<HttpResponse>> {
    let allowed = "the id of a match, 1 to 9223372036854775807";
    let id = path_parameter(request, "id", allowed, |id| {
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        let id: i64 = is_number.then(|| id.parse().ok())??;
        MatchId::try_new(id).ok()
    })?;
    let known = async {
        let facts = state.reader.match_facts(id).await?;
        let wish = state.reader.wish_of(id).await?;
        Ok::<_, WarehouseError>((facts, wish))
    };
    let (facts, wish) = questions.ask(request, known).await?;
    if facts.is_empty() && wish.is_none() {
        let detail = format!("the warehouse knows nothing of match {}", id.get());
        let problem = Problem::new(StatusCode::NOT_FOUND, detail, request.path());
        return Err(problem.response().into());
    }
    Ok(MatchAnswer {
        match_id: id.get(),
        facts: facts.into_iter().map(Into::into).collect(),
        wish: wish.map(Into::into),
    })
}

impl From<KnownMatch> for FactAnswer {
    fn from(known: KnownMatch) -> Self {
        let received_ms = i64::try_from(known.version >> CHECKSUM_BITS).unwrap_or(i64::MAX);
        Self {
            table: known.table,
            source: known.source,
            version: known.version.to_string(),
            received_at: rfc3339(received_ms),
            summary: known.summary.into(),
        }
    }
}

impl From<MatchSummary> for SummaryAnswer {
    fn from(summary: MatchSummary) -> Self {
        let heroes = |team: Team| {
            let ids = team.heroes().iter();
            ids.map(|hero| hero.map_or(0, HeroId::get)).collect()
        };
        Self {
            start_time: rfc3339(summary.start_time.as_unix_ms()),
            match_seq_num: summary.match_seq_num,
            duration_seconds: summary.duration_seconds,
            radiant_win: summary.radiant_win,
            lobby_type: summary.lobby_type,
            game_mode: summary.game_mode,
            cluster: summary.cluster,
            league_id: summary.league_id,
            human_players: summary.human_players,
            avg_rank_tier: summary.avg_rank_tier,
            num_rank_tier: summary.num_rank_tier,
            radiant: summary.radiant.map(heroes),
            dire: summary.dire.map(heroes),
            players: summary.players.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<PlayerLine> for PlayerAnswer {
    fn from(line: PlayerLine) -> Self {
        Self {
            slot: line.slot.get(),
            account_id: line.account_id.map(AccountId::get),
            hero_id: line.hero_id.map(HeroId::get),
            kills: line.kills,
            deaths: line.deaths,
            assists: line.assists,
            last_hits: line.last_hits,
            denies: line.denies,
            gold_per_min: line.gold_per_min,
            xp_per_min: line.xp_per_min,
            level: line.level,
            net_worth: line.net_worth,
            hero_damage: line.hero_damage,
            tower_damage: line.tower_damage,
            hero_healing: line.hero_healing,
            leaver_status: line.leaver_status,
            items: line.items,
            lane: line.lane,
            position: line.position.map(Position::get),
        }
    }
}
