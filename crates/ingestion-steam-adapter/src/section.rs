//! Where the feed begins, as a part of the section `[steam]`.

use service_kit::config::{Declaration, Parsed, Section, Setting, SettingsReader};

/// Where the sequence is read from when no earlier process has left a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The newest match that the upstream tells of.
    Newest,
    /// This number of the sequence.
    At(u64),
}

/// The setting that says where to [`Start`].
pub struct StartSection {
    start: Setting<Parsed<Start>>,
}

impl StartSection {
    /// What is past is for a backfill.
    pub const DEFAULT: Self = Self {
        start: Setting {
            variable: "STEAM_START",
            default: "newest",
            help: "Where Steam's sequence of matches is read from when no earlier process has left \
                   a place: newest, or a match_seq_num",
            parser: Parsed {
                allowed: "newest, or a match_seq_num from 0 to 9223372036854775807",
                parse: start,
            },
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> Start {
        reader.get(&self.start)
    }
}

impl Section for StartSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.start]
    }
}

fn start(text: &str) -> Result<Start, String> {
    if text == "newest" {
        return Ok(Start::Newest);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = text.parse().ok().filter(|_| is_number);
    let number = number.ok_or("neither newest nor a number")?;
    if i64::try_from(number).is_err() {
        return Err("not in range".to_owned());
    }
    Ok(Start::At(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_newest_or_a_number_of_the_sequence() {
        for (text, expected) in [
            ("newest", Ok(Start::Newest)),
            ("0", Ok(Start::At(0))),
            (
                "9223372036854775807",
                Ok(Start::At(i64::MAX.unsigned_abs())),
            ),
            ("9223372036854775808", Err("not in range")),
            ("", Err("neither newest nor a number")),
            ("+7", Err("neither newest nor a number")),
            ("Newest", Err("neither newest nor a number")),
            ("1e3", Err("neither newest nor a number")),
        ] {
            assert_eq!(start(text), expected.map_err(str::to_owned), "{text}");
        }
    }
}
