//! `[pas]`: which accounts are scored, and by which of their games.

use std::time::Duration;

use model_application::accounts::AccountChoice;
use service_kit::config::{Declaration, DurationBetween, OneOf, Parsed, Setting, SettingsReader};

use super::models::{DAY, days};

/// Which accounts are scored, and by which of their games.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasSettings {
    /// Whether any is, in runs and when somebody asks.
    pub is_enabled: bool,
    /// Older games do not count.
    pub history: Duration,
    /// In how many days the weight of a game halves; 0 for never.
    pub half_life_days: u32,
    /// Which are scored by runs.
    pub choice: AccountChoice,
}

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&ENABLED, &HISTORY, &HALF_LIFE, &ACCOUNTS];

const ENABLED: Setting<OneOf<bool>> = Setting {
    variable: "PAS_ENABLED",
    default: "true",
    help: "Whether accounts are scored, in runs and when somebody asks for one",
    parser: OneOf(&[("true", true), ("false", false)]),
};
const HISTORY: Setting<DurationBetween> = Setting {
    variable: "PAS_HISTORY",
    default: "365d",
    help: "How far the games of an account are looked back at",
    parser: DurationBetween {
        min: DAY,
        max: Duration::from_hours(24 * 3_650),
    },
};
const HALF_LIFE: Setting<DurationBetween> = Setting {
    variable: "PAS_HALF_LIFE",
    default: "180d",
    help: "In what time the weight of such a game halves, in whole days; 0 for never",
    parser: DurationBetween {
        min: Duration::ZERO,
        max: Duration::from_hours(24 * 3_650),
    },
};
const ACCOUNTS: Setting<Parsed<AccountChoice>> = Setting {
    variable: "PAS_ACCOUNTS",
    default: "tracked",
    help: "Which accounts are scored by runs: those of the set pas:accounts in Redis, the N most \
           active ones, or none; others are scored when somebody asks for them",
    parser: Parsed {
        allowed: "tracked, active:N with N from 1 to 100000, or none",
        parse: choice,
    },
};

fn choice(text: &str) -> Result<AccountChoice, String> {
    match text.trim() {
        "tracked" => return Ok(AccountChoice::Tracked),
        "none" => return Ok(AccountChoice::Nobody),
        _ => {}
    }
    let count = text.trim().strip_prefix("active:");
    let count = count.ok_or_else(|| "no such choice".to_owned())?;
    let count: usize = count.parse().map_err(|_| "N is no number".to_owned())?;
    if (1..=100_000).contains(&count) {
        Ok(AccountChoice::Active(count))
    } else {
        Err("N is out of range".to_owned())
    }
}

pub(super) fn read(reader: &mut SettingsReader) -> PasSettings {
    PasSettings {
        is_enabled: reader.get(&ENABLED),
        history: reader.get(&HISTORY),
        half_life_days: days(reader.get(&HALF_LIFE)),
        choice: reader.get(&ACCOUNTS),
    }
}
