//! `dead-letters list`: for people as a table, for programs as JSON lines.

use std::fmt::Write as _;

use command_kit::{
    dead_letters::{FormArguments, beginning, print_letters, printable, text_or_base64},
    rfc3339,
};
use etl_application::DeadLetter;
use serde_json::{Value, json};
use service_kit::exit_code::ExitCode;

use super::ChosenLetters;

/// Shows dead letters.
pub(super) async fn run(letters: &ChosenLetters, form: &FormArguments) -> ExitCode {
    let limit = letters.limit;
    if form.json {
        print_letters(letters, limit, None, |it| json_line(it).to_string()).await
    } else {
        print_letters(letters, limit, Some(HEADING), table_line).await
    }
}

const HEADING: &str = "SET ASIDE                 REASON                PLACE       FROM                        DETAIL | PAYLOAD";

fn table_line(letter: &DeadLetter) -> String {
    let at = rfc3339(letter.set_aside_at.as_unix_ms());
    let place = format!("{}/{}", letter.partition, letter.offset);
    let (reason, from, detail) = match &letter.account {
        Ok(account) => {
            let (from, offset) = (&account.from, account.offset);
            let topic = printable(from.topic.as_bytes());
            let from = format!("{topic}/{}/{offset}", from.partition);
            (account.reason.as_str(), from, &account.detail)
        }
        Err(problem) => ("-", "-".to_owned(), problem),
    };
    let mut line = String::new();
    let detail = printable(detail.as_bytes());
    write!(
        line,
        "{at:<24}  {reason:<20}  {place:<10}  {from:<26}  {detail}"
    )
    .expect("a string takes everything");
    line.push_str(" | ");
    line.push_str(&beginning(letter.record.value_bytes()));
    line
}

fn json_line(letter: &DeadLetter) -> Value {
    let mut line = json!({
        "partition": letter.partition,
        "offset": letter.offset,
        "set_aside_at": rfc3339(letter.set_aside_at.as_unix_ms()),
    });
    match &letter.account {
        Ok(account) => {
            line["reason"] = account.reason.as_str().into();
            line["detail"] = account.detail.as_str().into();
            line["from"] = json!({
                "topic": &*account.from.topic,
                "partition": account.from.partition,
                "offset": account.offset,
            });
        }
        Err(problem) => line["unreadable"] = problem.as_str().into(),
    }
    if let Some(key) = &letter.record.key {
        put(&mut line, "key", key);
    }
    let headers = letter.record.headers.iter().map(|(name, value)| {
        let mut header = json!({ "name": name });
        put(&mut header, "value", value);
        header
    });
    line["headers"] = headers.collect();
    if let Some(value) = &letter.record.value {
        put(&mut line, "payload", value);
    }
    line
}

fn put(object: &mut Value, name: &str, bytes: &[u8]) {
    let (name, text) = text_or_base64(name, bytes);
    object[name] = text.into();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use domain::Timestamp;
    use etl_application::{DeadLetterReason, LetterAccount, RawRecord, ports::TopicPartition};

    use super::*;

    fn letter(payload: &'static [u8]) -> DeadLetter {
        DeadLetter {
            partition: 0,
            offset: 17,
            passed: 1,
            set_aside_at: Timestamp::from_unix_ms(1_762_626_601_000),
            record: RawRecord {
                key: Some(Bytes::from_static(b"5")),
                value: Some(Bytes::from_static(payload)),
                headers: vec![
                    ("schema".to_owned(), Bytes::from_static(b"match_summary/1")),
                    ("odd".to_owned(), Bytes::from_static(b"\xff\n")),
                ],
            },
            account: Ok(LetterAccount {
                reason: DeadLetterReason::FieldInvalid,
                detail: "lobby_type is -1".to_owned(),
                from: TopicPartition {
                    topic: Arc::from("match_summaries"),
                    partition: 3,
                },
                offset: 41,
            }),
        }
    }

    #[test]
    fn a_line_of_the_table_stands_under_its_heading() {
        let line = table_line(&letter(b"{}\x1b[2J"));
        assert_eq!(
            line,
            "2025-11-08T18:30:01.000Z  field_invalid         0/17        match_summaries/3/41        \
             lobby_type is -1 | {}\u{fffd}[2J"
        );
        for word in ["REASON", "PLACE", "FROM", "DETAIL"] {
            let at = HEADING.find(word).expect("it is there");
            assert_eq!(&line[at - 1..at], " ", "{word}");
            assert_ne!(&line[at..=at], " ", "{word}");
        }
    }

    #[test]
    fn a_json_line_holds_everything() {
        let line = json_line(&letter(b"\xff\n"));
        let expected = json!({
            "partition": 0,
            "offset": 17,
            "set_aside_at": "2025-11-08T18:30:01.000Z",
            "reason": "field_invalid",
            "detail": "lobby_type is -1",
            "from": {"topic": "match_summaries", "partition": 3, "offset": 41},
            "key": "5",
            "headers": [
                {"name": "schema", "value": "match_summary/1"},
                {"name": "odd", "value_base64": "/wo="},
            ],
            "payload_base64": "/wo=",
        });
        assert_eq!(line, expected);
        let foreign = DeadLetter {
            account: Err("its last headers are not ours".to_owned()),
            ..letter(b"x")
        };
        let foreign = json_line(&foreign);
        assert_eq!(foreign["unreadable"], "its last headers are not ours");
        assert_eq!(foreign["reason"], Value::Null);
    }
}
