//! What feeds have missed, as JSON.

use actix_web::{get, web};
use ingestion_application::{Gap, GapsSnapshot};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ApiState, ingestion::rfc3339};

/// All gaps at one moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct GapsAnswer {
    /// Those that are open, being closed, closed within a day or lost, the newest first.
    gaps: Vec<GapAnswer>,
    /// Interruptions of which something is lost, ever: each is counted once, also
    /// where several have become one gap.
    lost_total: u64,
}

/// A time in which a feed could not be heard.
#[derive(Serialize, ToSchema)]
pub(crate) struct GapAnswer {
    /// Which feed.
    source: &'static str,
    /// When it was heard last.
    #[schema(format = DateTime)]
    from: String,
    /// When it was heard again; null as long as it is not.
    #[schema(format = DateTime, required = true)]
    to: Option<String>,
    /// What interrupted it: a reason of reconnects, or `restart` where the service
    /// itself was down.
    cause: &'static str,
    /// `open` until the feed is heard again, `repairing`, and `closed` or `lost` in the end.
    state: &'static str,
    /// How much of closing it is done, from 0 to 1; of a lost one, how much was.
    progress: f64,
    /// When it will be closed at the present pace; null where that is not known.
    #[schema(format = DateTime, required = true)]
    expected_end: Option<String>,
    /// How many interruptions it stands for.
    interruptions: u32,
    /// Who closes it, or why nobody does.
    detail: String,
}

/// Times in which a feed could not be heard, and what becomes of them.
#[utoipa::path(
    tag = "ingestion",
    responses((status = 200, description = "All gaps, now.", body = GapsAnswer))
)]
#[get("/api/v1/ingestion/gaps")]
pub(crate) async fn gaps(state: web::Data<ApiState>) -> web::Json<GapsAnswer> {
    web::Json(state.ingestion.gaps().into())
}

impl From<GapsSnapshot> for GapsAnswer {
    fn from(snapshot: GapsSnapshot) -> Self {
        Self {
            gaps: snapshot.gaps.into_iter().map(Into::into).collect(),
            lost_total: snapshot.lost_total,
        }
    }
}

impl From<Gap> for GapAnswer {
    fn from(gap: Gap) -> Self {
        Self {
            source: gap.source.as_str(),
            from: rfc3339(gap.from),
            to: gap.to.map(rfc3339),
            cause: gap.cause.as_str(),
            state: gap.state.as_str(),
            progress: gap.progress,
            expected_end: gap.expected_end.map(rfc3339),
            interruptions: gap.interruptions,
            detail: gap.detail,
        }
    }
}
