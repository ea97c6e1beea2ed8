//! What is wrong with it today.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

/// What it does. The first few are about whom a browser is sent back as, the others about what is said when
/// somebody asks whether that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// What it should.
    #[default]
    Honest,
    /// The user does not want to.
    Cancel,
    /// Ids begin with `http://`, as they did until 2018.
    HttpIds,
    /// Nonces are a day old.
    StaleNonces,
    /// It says no.
    No,
    /// It shows a page, which has the words of a yes in it.
    Html,
    /// It answers with this status.
    Refuse(u16),
    /// It answers as it should, after so long.
    Slow(Duration),
    /// It answers a byte at a time, with so long before each.
    Dribble(Duration),
    /// It answers with ten megabytes that begin like a yes.
    Huge,
    /// It sends whoever asks elsewhere: to itself, where the answer is yes.
    Redirect,
    /// It says no and yes.
    TwoAnswers,
    /// It says yes in another protocol.
    WrongNamespace,
    /// It closes the connection without an answer.
    Close,
}

/// What stands where a mode should is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is none of honest, cancel, http-ids, stale-nonces, no, html, refuse:STATUS, slow:TIME, dribble:TIME, \
     huge, redirect, two-answers, wrong-namespace and close"
)]
pub struct ModeError(String);

const NAMES: [(&str, Mode); 11] = [
    ("honest", Mode::Honest),
    ("cancel", Mode::Cancel),
    ("http-ids", Mode::HttpIds),
    ("stale-nonces", Mode::StaleNonces),
    ("no", Mode::No),
    ("html", Mode::Html),
    ("huge", Mode::Huge),
    ("redirect", Mode::Redirect),
    ("two-answers", Mode::TwoAnswers),
    ("wrong-namespace", Mode::WrongNamespace),
    ("close", Mode::Close),
];

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: &Duration| humantime::format_duration(*time).to_string();
        match self {
            Self::Refuse(status) => write!(f, "refuse:{status}"),
            Self::Slow(delay) => write!(f, "slow:{}", time(delay)),
            Self::Dribble(delay) => write!(f, "dribble:{}", time(delay)),
            other => {
                let found = NAMES.iter().find(|(_, mode)| mode == other);
                f.write_str(found.map_or("", |(name, _)| name))
            }
        }
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        if let Some((_, mode)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(*mode);
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let status = || {
            value
                .parse()
                .ok()
                .filter(|status| (200..600).contains(status))
        };
        let time = || humantime::parse_duration(value).ok();
        let mode = match name {
            "refuse" => status().map(Self::Refuse),
            "slow" => time().map(Self::Slow),
            "dribble" => time().map(Self::Dribble),
            _ => None,
        };
        mode.ok_or_else(|| ModeError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_as_it_is_written() {
        let others = [
            Mode::Refuse(429),
            Mode::Slow(Duration::from_millis(1_500)),
            Mode::Dribble(Duration::from_secs(1)),
        ];
        for mode in NAMES.into_iter().map(|(_, mode)| mode).chain(others) {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        for text in [
            "",
            "yes",
            "refuse",
            "refuse:99",
            "refuse:x",
            "slow:",
            "honest:1",
        ] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
    }
}
