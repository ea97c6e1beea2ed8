//! What a run of the simulator is made of.
//!
//! Plain values with defaults; nothing here opens a socket or a file.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use crate::faults::{Afterwards, FaultSchedule};

/// The highest rate that can be asked for; above it only "as fast as the socket takes" makes sense.
const RATE_PER_SECOND_MAX: f64 = 10_000_000.0;

/// The lowest rate: a match in a quarter of an hour still ends a test, a rarer one is a mistake.
const RATE_PER_SECOND_MIN: f64 = 0.001;

/// Everything a simulator can be told before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the feed is served; port 0 takes a free one.
    pub websocket_address: SocketAddr,
    /// Where the truth is served over HTTP, if at all; port 0 takes a free one.
    pub http_address: Option<SocketAddr>,
    /// The same seed gives the same frames in the same order.
    pub seed: u64,
    /// What a match looks like on the wire.
    pub rows: Rows,
    /// Text or binary messages. Frames that are not UTF-8 are binary in either case.
    pub message_kind: MessageKind,
    /// How matches stand in messages.
    pub format: MessageFormat,
    /// Fraction of the frames, 0 to 1, that is an envelope of another type; with envelopes alone.
    pub aside_fraction: f64,
    /// Mean arrivals per second, Poisson distributed; 0 means as fast as the socket takes them.
    pub rate: f64,
    /// Genuine matches after which the feed falls silent or closes; `None` never ends.
    pub count: Option<u64>,
    /// What happens once all of `count` is sent and proved.
    pub at_end: AtEnd,
    /// Fraction of the frames, 0 to 1, that repeats a recently sent match.
    pub duplicate_fraction: f64,
    /// Fraction of the frames, 0 to 1, that is invalid, of all reasons in turn.
    pub invalid_fraction: f64,
    /// Fraction of the messages, 0 to 1, that is split into continuation frames.
    pub fragmented_fraction: f64,
    /// Sends what a broken connection left unproved again on the next one.
    pub resend_unproved: bool,
    /// Keeps every distinct id sent and proved, 16 bytes a match.
    pub record_ids: bool,
    /// Keeps a [`Proof`](crate::Proof) of every match and invalid frame, 24 bytes each.
    pub record_proofs: bool,
    /// What goes wrong, and when.
    pub faults: FaultSchedule,
}

/// What a match looks like on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// `{"match_id":N}` and nothing else.
    Bare,
    /// A row of about 300 bytes with the fields of `OpenDota`'s `publicMatches`, values made up.
    Realistic,
    /// Each row of a recorded file, verbatim and once: a JSON array of rows, an object that holds
    /// one as `matches` or `result.matches`, or JSON lines.
    Replay(PathBuf),
}

/// The type of the websocket messages that carry matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Text messages.
    Text,
    /// Binary messages.
    Binary,
}

/// How matches stand in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageFormat {
    /// One object in each message.
    #[default]
    Object,
    /// One in each message, in an envelope: `{"type":"MATCH","message":{"match":{…}}}`. What is
    /// invalid is so in its envelope, or instead of one.
    Envelope,
    /// Several in a message, one a line, with blank lines in between and alone.
    Lines,
}

/// What the feed does when all matches are sent and proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// Sends nothing more and keeps answering pings.
    StayOpen,
    /// Closes with code 1000, and closes every later connection likewise.
    Close,
}

/// A value of [`Config`] that cannot work.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ConfigError {
    /// The rate is neither 0 nor within the limits.
    #[error(
        "rate {0} per second must be 0 or between {RATE_PER_SECOND_MIN} and {RATE_PER_SECOND_MAX}"
    )]
    Rate(f64),
    /// Summaries that nobody tells.
    #[error("summaries need a source")]
    NoSource,
    /// A fraction is not one, or the fractions leave no room for matches.
    #[error("{name} {value} must be at least 0 and {limit}")]
    Fraction {
        /// Which of the fractions.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What the upper limit is.
        limit: &'static str,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            websocket_address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            http_address: None,
            seed: 1,
            rows: Rows::Bare,
            message_kind: MessageKind::Text,
            format: MessageFormat::Object,
            aside_fraction: 0.0,
            rate: 0.0,
            count: None,
            at_end: AtEnd::StayOpen,
            duplicate_fraction: 0.0,
            invalid_fraction: 0.0,
            fragmented_fraction: 0.0,
            resend_unproved: true,
            record_ids: false,
            record_proofs: false,
            faults: FaultSchedule::default(),
        }
    }
}

impl Config {
    /// # Errors
    /// The first value that cannot work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        validate_rate(self.rate)?;
        let below_one = [
            ("duplicate_fraction", self.duplicate_fraction),
            ("invalid_fraction", self.invalid_fraction),
            ("aside_fraction", self.aside_fraction),
            (
                "the sum of duplicate_fraction, invalid_fraction and aside_fraction",
                self.duplicate_fraction + self.invalid_fraction + self.aside_fraction,
            ),
        ];
        for (name, value) in below_one {
            if !(0.0..1.0).contains(&value) {
                return Err(ConfigError::Fraction {
                    name,
                    value,
                    limit: "less than 1",
                });
            }
        }
        let upgrade_fraction = match &self.faults.afterwards {
            Afterwards::Random(random) => random.upgrade_fraction,
            Afterwards::NoFaults | Afterwards::Always(_) => 0.0,
        };
        let at_most_one = [
            ("fragmented_fraction", self.fragmented_fraction),
            ("upgrade_fraction", upgrade_fraction),
        ];
        for (name, value) in at_most_one {
            if !(0.0..=1.0).contains(&value) {
                return Err(ConfigError::Fraction {
                    name,
                    value,
                    limit: "at most 1",
                });
            }
        }
        Ok(())
    }
}

/// # Errors
/// The rate is neither 0 nor within the limits.
pub(crate) fn validate_rate(rate: f64) -> Result<(), ConfigError> {
    if rate == 0.0 || (RATE_PER_SECOND_MIN..=RATE_PER_SECOND_MAX).contains(&rate) {
        Ok(())
    } else {
        Err(ConfigError::Rate(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_refused() {
        let refused = [
            Config {
                rate: -1.0,
                ..Config::default()
            },
            Config {
                rate: f64::NAN,
                ..Config::default()
            },
            Config {
                rate: 1e-9,
                ..Config::default()
            },
            Config {
                duplicate_fraction: 1.0,
                ..Config::default()
            },
            Config {
                invalid_fraction: -0.1,
                ..Config::default()
            },
            Config {
                duplicate_fraction: 0.5,
                invalid_fraction: 0.5,
                ..Config::default()
            },
            Config {
                fragmented_fraction: 1.1,
                ..Config::default()
            },
        ];
        for config in refused {
            assert!(config.validate().is_err(), "{config:?} must be refused");
        }
        assert_eq!(Config::default().validate(), Ok(()));
    }
}
