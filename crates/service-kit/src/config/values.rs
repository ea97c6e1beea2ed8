//! What the text of a setting may become.
//!
//! Reasons never repeat the text: it may be a secret.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use secrecy::SecretString;

use super::masking::MASK;

/// Turns the text of a setting into its value and says what is allowed.
pub trait ValueParser: Sync {
    /// What the text becomes.
    type Value;

    /// The value, or the rule the text breaks: a fragment that does not repeat
    /// the text.
    ///
    /// # Errors
    /// The text is not allowed.
    fn parse(&self, text: &str) -> Result<Self::Value, String>;

    /// What is allowed, to be read after "allowed: ".
    fn allowed(&self) -> String;

    /// Whether the text may hold a secret.
    fn holds_secrets(&self) -> bool {
        false
    }

    /// The text with its secrets masked, also when it is wrong.
    fn masked(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// A text judged by a function, for rules that one setting has alone.
pub struct Parsed<T> {
    /// What is allowed, in words.
    pub allowed: &'static str,
    /// The value, or the rule that is broken.
    pub parse: fn(&str) -> Result<T, String>,
}

impl<T> ValueParser for Parsed<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, String> {
        (self.parse)(text)
    }

    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }
}

/// A secret of at least one character, masked as a whole.
pub struct SecretText {
    /// What is allowed, in words.
    pub allowed: &'static str,
    /// Whether it may hold this character.
    pub accepts: fn(char) -> bool,
}

impl ValueParser for SecretText {
    type Value = SecretString;

    fn parse(&self, text: &str) -> Result<SecretString, String> {
        if text.is_empty() {
            return Err("empty".to_owned());
        }
        if !text.chars().all(self.accepts) {
            return Err("holds a character that is not allowed".to_owned());
        }
        Ok(text.into())
    }

    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, _text: &str) -> String {
        MASK.to_owned()
    }
}

/// A whole number between two others, both included.
pub struct Integer<T> {
    /// The smallest allowed.
    pub min: T,
    /// The largest allowed.
    pub max: T,
}

impl<T: FromStr + PartialOrd + Display + Sync> ValueParser for Integer<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, String> {
        let number = text
            .parse()
            .map_err(|_| "not an integer in range".to_owned())?;
        within(number, &self.min, &self.max)
    }

    fn allowed(&self) -> String {
        format!("an integer from {} to {}", self.min, self.max)
    }
}

/// A duration with its unit, in whole milliseconds, between two others, both
/// included. Units are those of the humantime crate, `ms`, `s`, `m`, `h` among
/// them, and can be combined: `1m 30s`.
pub struct DurationBetween {
    /// The shortest allowed.
    pub min: Duration,
    /// The longest allowed.
    pub max: Duration,
}

impl ValueParser for DurationBetween {
    type Value = Duration;

    fn parse(&self, text: &str) -> Result<Duration, String> {
        let duration =
            humantime::parse_duration(text).map_err(|_| "not a duration with a unit".to_owned())?;
        if !duration.subsec_nanos().is_multiple_of(1_000_000) {
            return Err("finer than a millisecond".to_owned());
        }
        within(duration, &self.min, &self.max)
    }

    fn allowed(&self) -> String {
        format!(
            "a duration from {} to {}, written like 250ms, 30s or 5m",
            humantime::format_duration(self.min),
            humantime::format_duration(self.max)
        )
    }
}

/// A size in bytes between two others, both included, with or without unit;
/// `KiB`, `MiB`, `GiB` are powers of 1024, `kB`, `MB`, `GB` of 1000.
pub struct SizeBetween {
    /// The smallest allowed, in bytes.
    pub min: u64,
    /// The largest allowed, in bytes.
    pub max: u64,
}

impl ValueParser for SizeBetween {
    type Value = u64;

    fn parse(&self, text: &str) -> Result<u64, String> {
        let size: ByteSize = text.parse().map_err(|_| "not a size".to_owned())?;
        within(size.as_u64(), &self.min, &self.max)
    }

    fn allowed(&self) -> String {
        format!(
            "a size from {} to {}, written like 64MiB",
            ByteSize(self.min),
            ByteSize(self.max)
        )
    }
}

/// A size in bytes as people write it, such as `64.0 MiB`.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}

/// One of some names, in any letter case.
pub struct OneOf<T: 'static>(
    /// Every name with what it means.
    pub &'static [(&'static str, T)],
);

impl<T: Copy + Sync> ValueParser for OneOf<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, String> {
        self.0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, value)| *value)
            .ok_or_else(|| "not one of the names".to_owned())
    }

    fn allowed(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

/// The path of a file or folder, not looked at here.
pub struct FilePath;

impl ValueParser for FilePath {
    type Value = PathBuf;

    fn parse(&self, text: &str) -> Result<PathBuf, String> {
        if text.is_empty() || text.contains('\0') {
            return Err("not a path".to_owned());
        }
        Ok(text.into())
    }

    fn allowed(&self) -> String {
        "a path".to_owned()
    }
}

/// The entries of a comma-separated list, without the blanks around them; the
/// empty text is the empty list.
///
/// # Errors
/// An entry is empty.
pub(super) fn entries<'a>(
    text: &'a str,
    separators: &'static [char],
) -> Result<Vec<&'a str>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.trim_end()
        .split(separators)
        .enumerate()
        .map(|(index, entry)| match entry.trim() {
            "" => Err(format!("entry {} is empty", index + 1)),
            entry => Ok(entry),
        })
        .collect()
}

fn within<T: PartialOrd>(value: T, min: &T, max: &T) -> Result<T, String> {
    if value < *min {
        return Err("too small".to_owned());
    }
    if value > *max {
        return Err("too large".to_owned());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::network_values::{Headers, HostPorts, Origins, Properties, Url};
    use super::*;

    #[track_caller]
    fn check<P: ValueParser>(parser: &P, text: &str, expected: Result<P::Value, &str>)
    where
        P::Value: PartialEq + Debug,
    {
        assert_eq!(
            parser.parse(text),
            expected.map_err(str::to_owned),
            "{text:?}"
        );
    }

    #[test]
    fn integers() {
        let port = Integer::<u16> { min: 1, max: 9000 };
        check(&port, "1", Ok(1));
        check(&port, "9000", Ok(9000));
        check(&port, "0", Err("too small"));
        check(&port, "9001", Err("too large"));
        for text in ["", " 1", "-1", "65536", "1.0", "1e3", "true", "0x10", "١"] {
            check(&port, text, Err("not an integer in range"));
        }
        assert_eq!(port.allowed(), "an integer from 1 to 9000");
    }

    #[test]
    fn durations() {
        let parser = DurationBetween {
            min: Duration::from_millis(10),
            max: Duration::from_hours(1),
        };
        check(&parser, "250ms", Ok(Duration::from_millis(250)));
        check(&parser, "30s", Ok(Duration::from_secs(30)));
        check(&parser, "5m", Ok(Duration::from_mins(5)));
        check(&parser, "1m 30s", Ok(Duration::from_secs(90)));
        check(&parser, "1h", Ok(Duration::from_hours(1)));
        check(&parser, "9ms", Err("too small"));
        check(&parser, "61m", Err("too large"));
        check(&parser, "5M", Err("too large"));
        check(&parser, "1s 1us", Err("finer than a millisecond"));
        for text in ["", "10", "-1s", "s", "1 parsec", "99999999999999999999s"] {
            check(&parser, text, Err("not a duration with a unit"));
        }
        assert_eq!(
            parser.allowed(),
            "a duration from 10ms to 1h, written like 250ms, 30s or 5m"
        );
    }

    #[test]
    fn sizes() {
        let parser = SizeBetween {
            min: 1024,
            max: 1 << 30,
        };
        check(&parser, "64MiB", Ok(64 << 20));
        check(&parser, "1 KiB", Ok(1024));
        check(&parser, "2kB", Ok(2000));
        check(&parser, "4096", Ok(4096));
        check(&parser, "1GiB", Ok(1 << 30));
        check(&parser, "1023", Err("too small"));
        check(&parser, "2GiB", Err("too large"));
        for text in ["", "MiB", "-1KiB", "64 parrots", "1e9"] {
            check(&parser, text, Err("not a size"));
        }
        assert_eq!(
            parser.allowed(),
            "a size from 1.0 KiB to 1.0 GiB, written like 64MiB"
        );
    }

    #[test]
    fn names_and_paths() {
        let parser = OneOf(&[("json", 1), ("text", 2)]);
        check(&parser, "TEXT", Ok(2));
        check(&parser, "", Err("not one of the names"));
        check(&parser, "yaml", Err("not one of the names"));
        assert_eq!(parser.allowed(), "json, text");
        check(&FilePath, "a/b", Ok("a/b".into()));
        check(&FilePath, "", Err("not a path"));
        check(&FilePath, "a\0b", Err("not a path"));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in any::<String>(), number in "[0-9.]{0,30} ?[a-zA-Z]{0,4}") {
            for text in [text, number] {
                let _ = Integer { min: 1_u64, max: 9 }.parse(&text);
                let _ = DurationBetween { min: Duration::ZERO, max: Duration::MAX }.parse(&text);
                let _ = SizeBetween { min: 0, max: u64::MAX }.parse(&text);
                let _ = OneOf(&[("a", ())]).parse(&text);
                let _ = FilePath.parse(&text);
                let _ = Url { schemes: &["ws"] }.parse(&text);
                let _ = Url { schemes: &["ws"] }.masked(&text);
                let _ = HostPorts.parse(&text);
                let _ = Origins.parse(&text);
                let _ = Headers.parse(&text);
                let _ = Headers.masked(&text);
                let _ = Properties.parse(&text);
                let _ = Properties.masked(&text);
            }
        }
    }
}
