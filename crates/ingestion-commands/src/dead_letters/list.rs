//! `dead-letters list`: for people as a table, for programs as JSON lines.

use std::fmt::Write as _;

use command_kit::{
    dead_letters::{FormArguments, beginning, print_letters, printable, text_or_base64},
    rfc3339,
};
use domain::Timestamp;
use ingestion_application::ports::ArchivedLetter;
use serde_json::{Value, json};
use service_kit::exit_code::ExitCode;

use super::ChosenLetters;

/// Shows dead letters.
pub(super) async fn run(letters: &ChosenLetters, limit: u64, form: &FormArguments) -> ExitCode {
    if form.json {
        print_letters(letters, limit, None, |it| json_line(it).to_string()).await
    } else {
        print_letters(letters, limit, Some(HEADING), table_line).await
    }
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
            time(account.received_at),
            account.reason.as_str(),
            printable(account.source.as_bytes()),
            printable(account.detail.as_bytes()),
        ),
        Err(problem) => write!(
            line,
            "{:<24}  {:<16}  {:<15}  {place:<10}  {}",
            time(letter.written_at),
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

fn time(at: Timestamp) -> String {
    rfc3339(at.as_unix_ms())
}

fn json_line(letter: &ArchivedLetter) -> Value {
    let mut line = json!({
        "partition": letter.partition,
        "offset": letter.offset,
        "written_at": time(letter.written_at),
    });
    match &letter.account {
        Ok(account) => {
            line["received_at"] = time(account.received_at).into();
            line["reason"] = account.reason.as_str().into();
            line["detail"] = account.detail.as_str().into();
            line["source"] = account.source.as_str().into();
            line["size"] = account.size_bytes.into();
        }
        Err(problem) => line["unreadable"] = problem.as_str().into(),
    }
    let (name, payload) = text_or_base64("payload", &letter.payload);
    line[name] = payload.into();
    line
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
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
