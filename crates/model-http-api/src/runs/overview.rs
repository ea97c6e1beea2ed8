//! How runs are on the whole, as JSON.

use model_application::runs::{RunsSnapshot, Standing};
use serde::Serialize;
use utoipa::ToSchema;

use super::answers::{RunAnswer, written};

/// Runs at one moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverviewAnswer {
    /// When that was.
    #[schema(format = DateTime)]
    at: String,
    /// Whether this instance may publish.
    leader: LeaderAnswer,
    /// When runs begin by themselves.
    schedule: ScheduleAnswer,
    /// The run that is under way, with the steps that it has done; null without one.
    #[schema(required = true)]
    current: Option<RunAnswer>,
    /// The last one that has ended; null before the first.
    #[schema(required = true)]
    last_ended: Option<RunAnswer>,
    /// When a run last found that readers see what there is to see; null before that.
    #[schema(required = true, format = DateTime)]
    last_success: Option<String>,
    /// How fresh counters are; null before they were read.
    #[schema(required = true)]
    data: Option<DataAnswer>,
}

/// Whether this instance may publish.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeaderAnswer {
    /// `unknown`, `leader`, `standby`, `away` or `alone`.
    standing: &'static str,
    /// Who is the leader, where another one is and it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
    /// Of a leader: higher than that of each earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    /// Of a leader: since when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Why nobody can say who the leader is.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// When runs begin by themselves.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleAnswer {
    /// The rule; null if they begin only by hand.
    #[schema(required = true)]
    text: Option<String>,
    /// When the next one begins; null if none does.
    #[schema(required = true, format = DateTime)]
    next: Option<String>,
    /// How often it was time while a run was under way.
    skipped: u64,
}

/// How fresh counters are.
#[derive(Serialize, ToSchema)]
pub(crate) struct DataAnswer {
    /// The newest day that has counters.
    #[schema(format = Date)]
    newest_day: String,
    /// The last moment that they can be of.
    #[schema(format = DateTime)]
    counted_until: String,
    /// How long ago that is.
    age_seconds: u64,
}

impl From<RunsSnapshot> for OverviewAnswer {
    fn from(snapshot: RunsSnapshot) -> Self {
        let data = snapshot.data.zip(snapshot.data_age());
        Self {
            at: written(snapshot.at),
            leader: snapshot.standing.into(),
            schedule: ScheduleAnswer {
                text: snapshot.schedule.text,
                next: snapshot.schedule.next.map(written),
                skipped: snapshot.schedule.skipped,
            },
            current: snapshot.current.map(Into::into),
            last_ended: snapshot.last_ended.map(Into::into),
            last_success: snapshot.last_success.map(written),
            data: data.map(|(data, age)| DataAnswer {
                newest_day: data.newest_day.to_string(),
                counted_until: written(data.counted_until),
                age_seconds: age.as_secs(),
            }),
        }
    }
}

impl From<Standing> for LeaderAnswer {
    fn from(standing: Standing) -> Self {
        let of = |standing| Self {
            standing,
            leader: None,
            epoch: None,
            since: None,
            reason: None,
        };
        match standing {
            Standing::Unknown => of("unknown"),
            Standing::Leader { epoch, since } => Self {
                epoch: Some(epoch),
                since: Some(written(since)),
                ..of("leader")
            },
            Standing::Standby { leader } => Self {
                leader,
                ..of("standby")
            },
            Standing::Away { reason } => Self {
                reason: Some(reason),
                ..of("away")
            },
            Standing::Alone => of("alone"),
        }
    }
}
