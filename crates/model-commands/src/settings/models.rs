//! `[model]`: what runs are to do, and when.

use std::{str::FromStr, sync::Arc, time::Duration};

use domain::CountingRules;
use model_application::{
    Mode, Skill,
    ports::Schedule,
    runs::{PatchChoice, RunOnStart, RunSettings},
};
use service_kit::config::{
    Declaration, DurationBetween, Integer, OneOf, Parsed, Setting, SettingsReader,
};

use crate::schedule::CronSchedule;

/// What runs are to do, and when.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// How they go about it.
    pub runs: RunSettings,
    /// When they begin; none if only by hand.
    pub schedule: Option<CronSchedule>,
    /// Whether one begins when the service has started.
    pub on_start: RunOnStart,
    /// From which age of counters on something is wrong.
    pub data_age_max: Duration,
}

impl ModelSettings {
    /// When runs begin.
    #[must_use]
    pub fn schedule(&self) -> Option<Arc<dyn Schedule>> {
        let schedule = self.schedule.clone()?;
        Some(Arc::new(schedule))
    }
}

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[
    &SCHEDULE,
    &RUN_ON_START,
    &PATCHES,
    &SKILLS,
    &MODES,
    &WINDOW,
    &HALF_LIFE,
    &HOLDOUT,
    &JOINT,
    &MIN_MATCHES,
    &INTERVAL,
    &STEP_TIMEOUT,
    &RETRIES,
    &BACKOFF_MIN,
    &BACKOFF_MAX,
    &DATA_MAX_AGE,
];

pub(super) const DAY: Duration = Duration::from_hours(24);

const SCHEDULE: Setting<Parsed<Option<CronSchedule>>> = Setting {
    variable: "MODEL_SCHEDULE",
    default: "17 */6 * * *",
    help: "When runs begin: five fields of cron, in UTC; empty for only by hand",
    parser: Parsed {
        allowed: "five fields: minute, hour, day of the month, month, day of the week; or nothing",
        parse: schedule,
    },
};
const RUN_ON_START: Setting<OneOf<RunOnStart>> = Setting {
    variable: "MODEL_RUN_ON_START",
    default: "if_stale",
    help: "Whether a run begins when the service has started: if_stale, when the last success is \
           older than two periods of the schedule",
    parser: OneOf(&[
        ("always", RunOnStart::Always),
        ("never", RunOnStart::Never),
        ("if_stale", RunOnStart::IfStale),
    ]),
};
const PATCHES: Setting<Parsed<Vec<PatchChoice>>> = Setting {
    variable: "MODEL_PATCHES",
    default: "current,previous",
    help: "Which patches are computed; what is published of others stays until it expires",
    parser: Parsed {
        allowed: "current, previous or names of patches, with commas between them",
        parse: patches,
    },
};
const SKILLS: Setting<Parsed<Vec<Skill>>> = Setting {
    variable: "MODEL_SKILLS",
    default: "all,low,medium,high",
    help: "Which skills are computed; those without all stand alone",
    parser: Parsed {
        allowed: "of all, low, medium, high, herald_guardian, crusader_archon, legend_ancient, \
                  divine_immortal, with commas between them",
        parse: list::<Skill>,
    },
};
const MODES: Setting<Parsed<Vec<Mode>>> = Setting {
    variable: "MODEL_MODES",
    default: "default,turbo",
    help: "Which modes are computed: default is all pick",
    parser: Parsed {
        allowed: "of default and turbo, with a comma between them",
        parse: list::<Mode>,
    },
};
const WINDOW: Setting<DurationBetween> = Setting {
    variable: "MODEL_WINDOW",
    default: "60d",
    help: "How far a run looks back within a patch, in whole days",
    parser: DurationBetween {
        min: DAY,
        max: Duration::from_hours(24 * 3_650),
    },
};
const HALF_LIFE: Setting<DurationBetween> = Setting {
    variable: "MODEL_HALF_LIFE",
    default: "14d",
    help: "In what time the weight of matches halves, in whole days; 0 for never",
    parser: DurationBetween {
        min: Duration::ZERO,
        max: Duration::from_hours(24 * 3_650),
    },
};
const HOLDOUT: Setting<Parsed<u16>> = Setting {
    variable: "MODEL_HOLDOUT",
    default: "0.10",
    help: "Which part of the matches, the last ones in whole days, judges a model that has not \
           seen them; with 0 nothing is judged, and what is worse is published",
    parser: Parsed {
        allowed: "a share from 0 to 0.5",
        parse: |text| share(text, 0..=5_000),
    },
};
const JOINT: Setting<OneOf<bool>> = Setting {
    variable: "MODEL_JOINT",
    default: "off",
    help: "Whether drafts are read too and all effects of a slice fitted to them jointly, which is \
           published where it predicts the held-out matches better by more than two standard \
           errors; of a slice the newest two million matches are taken, and a run takes minutes \
           more",
    parser: OneOf(&[("on", true), ("off", false)]),
};
const MIN_MATCHES: Setting<Integer<u64>> = Setting {
    variable: "MODEL_MIN_MATCHES",
    default: "20000",
    help: "A slice of fewer matches shows the values of all skills, and these those of the patch \
           before",
    parser: Integer {
        min: 0,
        max: 1_000_000_000,
    },
};
const INTERVAL: Setting<Parsed<u16>> = Setting {
    variable: "MODEL_INTERVAL",
    default: "0.90",
    help: "How often intervals hold the truth",
    parser: Parsed {
        allowed: "a share from 0.5 to 0.999",
        parse: |text| share(text, 5_000..=9_990),
    },
};
const STEP_TIMEOUT: Setting<DurationBetween> = Setting {
    variable: "MODEL_STEP_TIMEOUT",
    default: "5m",
    help: "How long an attempt at a step of a run may take",
    parser: DurationBetween {
        min: Duration::from_secs(1),
        max: Duration::from_hours(24),
    },
};
const RETRIES: Setting<Integer<u32>> = Setting {
    variable: "MODEL_RETRIES",
    default: "5",
    help: "How often reading and publishing are tried again",
    parser: Integer { min: 0, max: 1_000 },
};
const BACKOFF_MIN: Setting<DurationBetween> = Setting {
    variable: "MODEL_BACKOFF_MIN",
    default: "1s",
    help: "The pause before the first of these attempts; it doubles from one to the next",
    parser: BACKOFF,
};
const BACKOFF_MAX: Setting<DurationBetween> = Setting {
    variable: "MODEL_BACKOFF_MAX",
    default: "60s",
    help: "The longest such pause",
    parser: BACKOFF,
};
const BACKOFF: DurationBetween = DurationBetween {
    min: Duration::from_millis(10),
    max: Duration::from_hours(1),
};
const DATA_MAX_AGE: Setting<DurationBetween> = Setting {
    variable: "MODEL_DATA_MAX_AGE",
    default: "26h",
    help: "When the newest day with counters ended longer ago, health is degraded; runs go on",
    parser: DurationBetween {
        min: Duration::from_mins(1),
        max: Duration::from_hours(24 * 365),
    },
};

fn schedule(text: &str) -> Result<Option<CronSchedule>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    CronSchedule::try_new(text).map(Some)
}

fn patches(text: &str) -> Result<Vec<PatchChoice>, String> {
    each(text, |name| {
        let is_name =
            |name: &str| name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_graphic());
        match name {
            "current" => Ok(PatchChoice::Current),
            "previous" => Ok(PatchChoice::Previous),
            name if is_name(name) => Ok(PatchChoice::Named(name.to_owned())),
            _ => Err("an entry is no name of a patch".to_owned()),
        }
    })
}

fn list<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Vec<T>, String> {
    each(text, |name| {
        name.parse().map_err(|error: T::Err| error.to_string())
    })
}

/// The entries, of which there is at least one.
fn each<T>(text: &str, entry: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let entries = text.split(',').map(str::trim);
    entries
        .map(|text| {
            if text.is_empty() {
                return Err("an entry is empty".to_owned());
            }
            entry(text)
        })
        .collect()
}

/// A share in ten-thousandths.
fn share(text: &str, allowed: std::ops::RangeInclusive<u16>) -> Result<u16, String> {
    let share: f64 = text.trim().parse().map_err(|_| "no number".to_owned())?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is too large or no number ends outside of what is allowed"
    )]
    let parts = (share * 10_000.0).round() as u16;
    if share.is_finite() && share >= 0.0 && allowed.contains(&parts) {
        Ok(parts)
    } else {
        Err("out of range".to_owned())
    }
}

/// Whole days, a begun one included.
pub(super) fn days(time: Duration) -> u32 {
    u32::try_from(time.as_secs().div_ceil(DAY.as_secs())).unwrap_or(u32::MAX)
}

pub(super) fn read(reader: &mut SettingsReader, rules: CountingRules) -> ModelSettings {
    let (shortest, longest) = (reader.get(&BACKOFF_MIN), reader.get(&BACKOFF_MAX));
    ModelSettings {
        schedule: reader.get(&SCHEDULE),
        on_start: reader.get(&RUN_ON_START),
        data_age_max: reader.get(&DATA_MAX_AGE),
        runs: RunSettings {
            patches: reader.get(&PATCHES),
            skills: reader.get(&SKILLS),
            modes: reader.get(&MODES),
            window_days: days(reader.get(&WINDOW)),
            half_life_days: days(reader.get(&HALF_LIFE)),
            holdout: reader.get(&HOLDOUT),
            is_joint: reader.get(&JOINT),
            matches_min: reader.get(&MIN_MATCHES),
            level: reader.get(&INTERVAL),
            rules,
            step_timeout: reader.get(&STEP_TIMEOUT),
            retries: reader.get(&RETRIES),
            backoff: (shortest.min(longest), longest),
            expiry: None,
            is_patient: true,
        },
    }
}
