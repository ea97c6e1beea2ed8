//! `dead-letters list`: for people as a table, for programs as JSON lines.

use std::{
    fmt::Write as _,
    io::{self, Write as _, stdout},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ingestion_application::ports::{ArchivedLetter, DeadLetterArchive};
use serde_json::{Value, json};
use service_kit::exit_code::ExitCode;

use super::FilterArguments;
use crate::moment::rfc3339;

/// How much of a payload the table shows: enough to recognize it.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// Flags of `dead-letters list`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    filter: FilterArguments,

    /// One JSON object a line, with the whole payload
    #[arg(long)]
    json: bool,
}

/// Shows dead letters.
pub(super) async fn run(archive: &dyn DeadLetterArchive, arguments: &ListArguments) -> ExitCode {
    let filter = arguments.filter.filter();
    let mut reading = match archive.read(filter.since).await {
        Ok(reading) => reading,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::Unavailable;
        }
    };
    if !arguments.json && print(HEADING).is_err() {
        return ExitCode::Ok;
    }
    let mut left = arguments.filter.limit();
    while left > 0
        && let Some(next) = reading.letters.recv().await
    {
        let letter = match next {
            Ok(letter) => letter,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::Unavailable;
            }
        };
        if !filter.matches(&letter) {
            continue;
        }
        left -= 1;
        let line = if arguments.json {
            json_line(&letter).to_string()
        } else {
            table_line(&letter)
        };
        if print(&line).is_err() {
            // Whoever closes the pipe has read enough.
            break;
        }
    }
    ExitCode::Ok
}

fn print(line: &str) -> io::Result<()> {
    writeln!(stdout(), "{line}")
}

const HEADING: &str =
    "RECEIVED                  REASON            SOURCE           PLACE       DETAIL | PAYLOAD";

fn table_line(letter: &ArchivedLetter) -> String {
    let place = format!("{}/{}", letter.partition, letter.offset);
    let mut line = String::new();
    let written = match &letter.account {
        Ok(account) => write!(
            line,
            "{:<24}  {:<16}  {:<15}  {place:<10}  {}",
            rfc3339(account.received_at),
            account.reason.as_str(),
            printable(account.source.as_bytes()),
            printable(account.detail.as_bytes()),
        ),
        Err(problem) => write!(
            line,
            "{:<24}  {:<16}  {:<15}  {place:<10}  {}",
            rfc3339(letter.written_at),
            "-",
            "-",
            printable(problem.as_bytes()),
        ),
    };
    written.expect("a string takes everything");
    line.push_str(" | ");
    line.push_str(&beginning(&letter.payload));
    line
}

/// The beginning of `payload`, fit for a line of text.
fn beginning(payload: &[u8]) -> String {
    // Whatever the cut leaves of a character is replaced.
    let head = &payload[..payload.len().min(4 * SHOWN_CHARACTERS_MAX)];
    let text = printable(head);
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if shown.len() < text.len() || head.len() < payload.len() {
        shown.push('…');
    }
    shown
}

/// Nothing in it moves the cursor, or passes for another line.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_safe = |c: &char| {
        !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| {
            if is_safe(&c) {
                c
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect()
}

fn json_line(letter: &ArchivedLetter) -> Value {
    let mut line = json!({
        "partition": letter.partition,
        "offset": letter.offset,
        "written_at": rfc3339(letter.written_at),
    });
    match &letter.account {
        Ok(account) => {
            line["received_at"] = rfc3339(account.received_at).into();
            line["reason"] = account.reason.as_str().into();
            line["detail"] = account.detail.as_str().into();
            line["source"] = account.source.as_str().into();
            line["size"] = account.size_bytes.into();
        }
        Err(problem) => line["unreadable"] = problem.as_str().into(),
    }
    match std::str::from_utf8(&letter.payload) {
        Ok(text) => line["payload"] = text.into(),
        Err(_) => line["payload_base64"] = STANDARD.encode(&letter.payload).into(),
    }
    line
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::Timestamp;
    use ingestion_application::{DeadLetterReason, ports::LetterAccount};

    use super::*;

    fn letter(payload: &[u8]) -> ArchivedLetter {
        ArchivedLetter {
            partition: 2,
            offset: 17,
            written_at: Timestamp::from_unix_ms(1_762_626_601_000),
            passed: 1,
            payload: Bytes::copy_from_slice(payload),
            account: Ok(LetterAccount {
                reason: DeadLetterReason::NotJson,
                detail: "at byte 0".to_owned(),
                source: "opendota_stream".to_owned(),
                received_at: Timestamp::from_unix_ms(1_762_626_600_000),
                size_bytes: payload.len(),
            }),
        }
    }

    #[test]
    fn a_line_of_the_table_stands_under_its_heading() {
        let line = table_line(&letter(b"PING\x1b[2J\r\n"));
        assert_eq!(
            line,
            "2025-11-08T18:30:00.000Z  not_json          opendota_stream  2/17        \
             at byte 0 | PING\u{fffd}[2J\u{fffd}\u{fffd}"
        );
        for word in ["REASON", "SOURCE", "PLACE", "DETAIL"] {
            let at = HEADING.find(word).expect("it is there");
            assert_eq!(&line[at - 1..at], " ", "{word}");
            assert_ne!(&line[at..=at], " ", "{word}");
        }
    }

    #[test]
    fn a_long_payload_is_cut_within_no_character() {
        let shown = beginning("ü".repeat(1000).as_bytes());
        assert_eq!(shown, format!("{}…", "ü".repeat(SHOWN_CHARACTERS_MAX)));
        assert_eq!(beginning(&[b'x'; 60]), "x".repeat(60));
        assert_eq!(beginning(&[b'x'; 61]), format!("{}…", "x".repeat(60)));
    }

    #[test]
    fn a_json_line_holds_everything() {
        let text = json_line(&letter("ü".as_bytes()));
        assert_eq!(text["payload"], "ü");
        assert_eq!(text["reason"], "not_json");
        assert_eq!(text["received_at"], "2025-11-08T18:30:00.000Z");
        assert_eq!(
            (text["partition"].as_i64(), text["size"].as_u64()),
            (Some(2), Some(2))
        );
        let binary = json_line(&letter(b"\xff\n"));
        assert_eq!(binary["payload_base64"], "/wo=");
        assert_eq!(binary["payload"], Value::Null);
        let foreign = ArchivedLetter {
            account: Err("the record has no header schema".to_owned()),
            ..letter(b"x")
        };
        let foreign = json_line(&foreign);
        assert_eq!(foreign["unreadable"], "the record has no header schema");
        assert_eq!(foreign["reason"], Value::Null);
    }
}
