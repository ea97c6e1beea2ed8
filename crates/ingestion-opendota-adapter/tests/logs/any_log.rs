//! What holds for every line, whatever is in it; fuzzed by `crates/fuzz`, too.

use ingestion_application::{DeadLetterReason, ports::FrameParser as _};
use ingestion_opendota_adapter::logs::{LogLines, parse_log_line};

/// A detail is read in a line of a log.
const DETAIL_CHARACTERS_MAX: usize = 200;

/// Judges each line of `bytes`, as the data of an event and as it stands.
///
/// # Panics
/// When a rule is broken.
pub(crate) fn check(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        check_line(line);
        check_line(line.strip_prefix(b"data: ").unwrap_or(line));
    }
}

fn check_line(line: &[u8]) {
    let again = LogLines.parse(line).map(|found| found.id());
    match parse_log_line(line) {
        Ok(Some(id)) => {
            assert_eq!(again.ok(), Some(id), "as the feed judges it");
            let text = str::from_utf8(line).expect("a match stands in a text");
            assert!(is_within(text, "insert"), "{text:?}");
            // Colours may stand within the id as well.
            let last = id.get() % 10;
            assert!(text.contains(&last.to_string()), "{text:?}");
        }
        Ok(None) => {
            let reason = again.expect_err("no match").reason;
            assert_eq!(reason, DeadLetterReason::MatchIdMissing);
        }
        Err(invalid) => {
            assert_eq!(again.expect_err("no match").reason, invalid.reason);
            assert_eq!(invalid.payload, line, "a dead letter holds the line");
            let is_text = str::from_utf8(line).is_ok();
            assert_eq!(!is_text, invalid.reason == DeadLetterReason::NotUtf8);
            let detail = &invalid.detail;
            assert!(detail.chars().count() <= DETAIL_CHARACTERS_MAX, "{detail}");
            assert!(!detail.chars().any(char::is_control), "{detail:?}");
        }
    }
}

/// Whether the letters of `word` stand in `text` in their order, whatever is between them.
fn is_within(text: &str, word: &str) -> bool {
    let mut letters = text.chars();
    word.chars()
        .all(|wanted| letters.any(|letter| letter == wanted))
}
