//! From one line of the log to a match id, or to the reason why not.
//!
//! `[time] [inserter] [insert: api] [ended: 2 minutes ago] 8943267925` tells that
//! a match has been seen in the API; the last word of such a line is its id.
//! Lines of other kinds share the channel, and have numbers of all sorts in
//! them: they tell of no match, and are no fault. Colours are for people.

use std::borrow::Cow;

use domain::MatchId;
use ingestion_application::{
    DeadLetterReason, FoundMatch,
    ports::{FrameParser, InvalidFrame},
};

use crate::{ending::quote, stream::invalid_frame};

/// What stands between brackets in the lines that count.
const INSERTED: &[u8] = b"insert: api";

/// How much of a word is repeated that is no id.
const SHOWN_CHARACTERS_MAX: usize = 32;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// Judges single lines as the feed does.
#[derive(Debug, Clone, Copy)]
pub struct LogLines;

impl FrameParser for LogLines {
    fn parse(&self, frame: &[u8]) -> Result<FoundMatch, Box<InvalidFrame>> {
        if let Some(id) = parse_log_line(frame)? {
            return Ok(FoundMatch::Id(id));
        }
        // The feed sets none of these aside.
        let detail = "a line of another kind than [insert: api]".to_owned();
        let reason = DeadLetterReason::MatchIdMissing;
        Err(Box::new(invalid_frame(frame, reason, detail)))
    }
}

/// Reads the match id of a line, which may hold any bytes; none if the line is of
/// another kind.
///
/// # Errors
/// Of a line that counts, the first rule that it breaks: `not_utf8`,
/// `match_id_missing`, `match_id_invalid`.
pub fn parse_log_line(line: &[u8]) -> Result<Option<MatchId>, Box<InvalidFrame>> {
    let plain = without_escapes(line);
    let Some(rest) = behind_brackets(&plain) else {
        return Ok(None);
    };
    let judged = match str::from_utf8(line) {
        Ok(_) => last_word(rest),
        Err(error) => Err((
            DeadLetterReason::NotUtf8,
            format!("no UTF-8 from byte {} on", error.valid_up_to()),
        )),
    };
    judged
        .map(Some)
        .map_err(|(reason, detail)| Box::new(invalid_frame(line, reason, detail)))
}

/// What follows the brackets that a line begins with, if it is a line that counts.
///
/// Only the beginning is looked at: further on there may be words of anybody.
fn behind_brackets(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line.trim_ascii_start();
    let mut counts = false;
    while let Some(within) = rest.strip_prefix(b"[") {
        let end = within.iter().position(|byte| *byte == b']');
        let (group, behind) = match end {
            Some(end) => (&within[..end], &within[end + 1..]),
            // Cut off amid a bracket: there is no id behind it.
            None => (within, &[][..]),
        };
        counts |= group.trim_ascii() == INSERTED;
        rest = behind.trim_ascii_start();
    }
    counts.then_some(rest)
}

fn last_word(rest: &[u8]) -> Result<MatchId, (DeadLetterReason, String)> {
    let mut words = rest.split(u8::is_ascii_whitespace);
    let Some(word) = words.rfind(|word| !word.is_empty()) else {
        let detail = "the line ends without a match id".to_owned();
        return Err((DeadLetterReason::MatchIdMissing, detail));
    };
    match_id(word).ok_or_else(|| {
        let shown: String = quote(&String::from_utf8_lossy(word))
            .chars()
            .take(SHOWN_CHARACTERS_MAX)
            .collect();
        let detail = format!(
            "the last word is \"{shown}\", not an integer in 1..={}",
            i64::MAX
        );
        (DeadLetterReason::MatchIdInvalid, detail)
    })
}

fn match_id(word: &[u8]) -> Option<MatchId> {
    let is_number = word.iter().all(u8::is_ascii_digit) && word.first() != Some(&b'0');
    let digits = str::from_utf8(word).ok().filter(|_| is_number)?;
    MatchId::try_new(digits.parse().ok()?).ok()
}

/// The line without the sequences that colour it in a terminal (ECMA-48).
fn without_escapes(line: &[u8]) -> Cow<'_, [u8]> {
    if !line.contains(&ESCAPE) {
        return Cow::Borrowed(line);
    }
    let mut plain = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.iter().position(|byte| *byte == ESCAPE) {
        plain.extend_from_slice(&rest[..at]);
        rest = behind_sequence(&rest[at + 1..]);
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// What follows the sequence that an escape has begun.
fn behind_sequence(rest: &[u8]) -> &[u8] {
    match rest.first() {
        // Parameters, and the letter that says what to do with them.
        Some(b'[') => {
            let body = &rest[1..];
            let end = body.iter().position(|byte| !matches!(byte, 0x20..=0x3f));
            match end {
                Some(end) if matches!(body[end], 0x40..=0x7e) => &body[end + 1..],
                Some(end) => &body[end..],
                None => &[],
            }
        }
        // A command for the terminal, up to a bell or another escape.
        Some(b']') => {
            let body = &rest[1..];
            match body.iter().position(|byte| matches!(*byte, BELL | ESCAPE)) {
                Some(end) if body[end] == BELL => &body[end + 1..],
                Some(end) => body[end..].strip_prefix(b"\x1b\\").unwrap_or(&body[end..]),
                None => &[],
            }
        }
        Some(0x20..=0x7e) => &rest[1..],
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use ingestion_application::DeadLetterReason::{MatchIdInvalid, MatchIdMissing, NotUtf8};

    use super::*;

    /// The expected reason is followed by what the detail says.
    #[track_caller]
    fn check(line: impl AsRef<[u8]>, expected: Result<Option<i64>, (DeadLetterReason, &str)>) {
        let line = line.as_ref();
        match (parse_log_line(line), expected) {
            (Ok(id), Ok(expected)) => assert_eq!(id.map(MatchId::get), expected),
            (Err(invalid), Err((reason, detail))) => {
                assert_eq!(invalid.reason, reason, "{}", invalid.detail);
                assert!(invalid.detail.contains(detail), "{}", invalid.detail);
                assert!(invalid.detail.chars().count() <= 200, "{}", invalid.detail);
                assert_eq!(invalid.payload, line, "as it came");
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    const BEFORE: &str =
        "[2026-08-22T14:05:11.123Z] [inserter] [insert: api] [ended: 2 minutes ago]";

    #[test]
    fn a_match_that_was_inserted_from_the_api_is_the_last_word() {
        check(format!("{BEFORE} 8943267925"), Ok(Some(8_943_267_925)));
        check(format!("{BEFORE} 8943267925 \r"), Ok(Some(8_943_267_925)));
        check("[insert: api] 1", Ok(Some(1)));
        check("[a] [insert: api] [b] 17 of 18 9", Ok(Some(9)));
        check(format!("{BEFORE}9223372036854775807"), Ok(Some(i64::MAX)));
    }

    #[test]
    fn colours_are_no_part_of_it() {
        check(
            format!("\x1b[32m{BEFORE} 8943267925\x1b[39m"),
            Ok(Some(8_943_267_925)),
        );
        check(
            "\x1b[1;38;5;208m[t]\x1b[0m [i] \x1b[36m[insert: \x1b[1mapi]\x1b[0m 89\x1b[4m43\x1b[0m\x1b[K",
            Ok(Some(8_943)),
        );
        check(
            "\x1b]0;title\x07[insert: api] 2\x1b]8;;x\x1b\\",
            Ok(Some(2)),
        );
        check("\x1bM[insert: api] 3\x1b", Ok(Some(3)));
        check("[insert: api] 4\x1b[31", Ok(Some(4)));
        check(
            "[insert: api] 5 \x1b[3\x01",
            Err((MatchIdInvalid, "\u{FFFD}")),
        );
    }

    #[test]
    fn other_lines_tell_of_no_match() {
        for line in [
            "",
            "8943267925",
            "[2026-08-22T14:05:11.123Z] [inserter] [insert: gcdata] [ended: an hour ago] 8943267925",
            "[2026-08-22T14:05:11.123Z] [inserter] [insert: parsed] [ended: a day ago] 8943267925",
            "\x1b[36m[t] [parser] [success: 12034ms] [api: 3ms] [gcdata: 5ms] 8943267925 done\x1b[39m",
            "[t] [web] [queue: parse] [pri: 1] [att: 5] 8943267925 ",
            "[t] [web] [queue: parse] [pri: 1] [att: 5]  ",
            "[t] [web] somebody wrote [insert: api] 8943267925",
            "[insert: apis] 1",
            "[insert:api] 1",
            "[Insert: API] 1",
            "insert: api 1",
        ] {
            check(line, Ok(None));
        }
        check(b"[t] [web] \xff 1", Ok(None));
    }

    #[test]
    fn a_line_that_counts_and_has_no_id_is_set_aside() {
        check(BEFORE, Err((MatchIdMissing, "ends without")));
        check(
            "[t] [insert: api] [ended: 2 min",
            Err((MatchIdMissing, "ends without")),
        );
        for (word, shown) in [
            ("0", "\"0\""),
            ("007", "\"007\""),
            ("-1", "\"-1\""),
            ("+1", "\"+1\""),
            ("1.0", "\"1.0\""),
            ("1e3", "\"1e3\""),
            ("9223372036854775808", "\"9223372036854775808\""),
            ("undefined", "\"undefined\""),
            ("\u{661}", "not an integer"),
        ] {
            check(format!("{BEFORE} 1 {word}"), Err((MatchIdInvalid, shown)));
        }
        let long = "x".repeat(100_000);
        check(format!("{BEFORE} {long}"), Err((MatchIdInvalid, "\"xxxx")));
        check(b"[insert: api] \xff 1", Err((NotUtf8, "from byte 14 on")));
    }
}
