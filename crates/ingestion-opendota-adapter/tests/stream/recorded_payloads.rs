//! The parser on payloads as upstreams really send them.
//!
//! `RECORDED_DATA_DIR` names a folder of recordings. Without it the same
//! checks run on small invented files of the same shape, in `tests/data`.

use std::{env, fs, path::PathBuf};

use domain::MatchId;
use ingestion_application::DeadLetterReason;
use ingestion_opendota_adapter::stream::{parse_envelope, parse_frame, parse_text_frame};
use serde_json::Value;

fn recording(file: &str) -> Vec<u8> {
    let invented = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let path = env::var_os("RECORDED_DATA_DIR").map_or_else(invented, PathBuf::from);
    let path = path.join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(frame: &[u8], is_text: bool) -> Result<i64, DeadLetterReason> {
    let found = if is_text {
        parse_text_frame(str::from_utf8(frame).expect("it is text"))
    } else {
        parse_frame(frame)
    };
    found.map(MatchId::get).map_err(|invalid| invalid.reason)
}

/// Parses `found` as what an envelope holds, among whatever else it may hold.
fn parse_enveloped(found: &[u8]) -> Result<i64, DeadLetterReason> {
    let frame = [
        br#"{"origin":"#,
        found,
        br#","type":"MATCH","message":{"match":"#,
        found,
        br#","origin":"scanner"}}"#,
    ]
    .concat();
    let id = parse_envelope(&frame).map_err(|invalid| invalid.reason)?;
    Ok(id.expect("it is of the type MATCH").get())
}

/// Parses each row of `file`, found by `pointer`, as a frame of its own.
fn check_rows(file: &str, pointer: &str, ids_are_numbers: bool) {
    let document: Value = serde_json::from_slice(&recording(file)).expect("recordings are JSON");
    let rows = document
        .pointer(pointer)
        .and_then(Value::as_array)
        .expect("they hold rows");
    assert!(!rows.is_empty(), "{file}");
    for row in rows {
        let frame = row.to_string();
        let expected = row["match_id"]
            .as_i64()
            .ok_or(DeadLetterReason::MatchIdInvalid);
        assert_eq!(expected.is_ok(), ids_are_numbers, "{file}: {row}");
        for is_text in [true, false] {
            assert_eq!(parse(frame.as_bytes(), is_text), expected, "{file}: {row}");
        }
        assert_eq!(parse_enveloped(frame.as_bytes()), expected, "{file}: {row}");
    }
}

/// Parses all of `file`, as it was written, as one frame.
fn check_whole(file: &str, expected: Result<i64, DeadLetterReason>) {
    let frame = recording(file);
    assert_eq!(parse(&frame, false), expected, "{file}");
    assert_eq!(parse_enveloped(&frame), expected, "{file} in an envelope");
}

#[test]
fn rows_of_public_matches_name_their_match() {
    check_rows("opendota/public_matches_head_2026-04-12.json", "", true);
    check_whole(
        "opendota/public_matches_head_2026-04-12.json",
        Err(DeadLetterReason::NotAnObject),
    );
}

#[test]
fn whole_matches_name_themselves_among_thousands_of_fields() {
    check_whole("opendota/match_parsed_8943267925.json", Ok(8_943_267_925));
    check_whole("opendota/match_unparsed_3254426673.json", Ok(3_254_426_673));
}

#[test]
fn matches_of_steam_name_themselves() {
    check_rows("steam/match_history.json", "/result/matches", true);
    check_rows(
        "steam/match_history_by_sequence_num_100.json",
        "/result/matches",
        true,
    );
    check_rows(
        "steam/match_history_by_sequence_num_2025.json",
        "/result/matches",
        true,
    );
    check_whole(
        "steam/match_history.json",
        Err(DeadLetterReason::MatchIdMissing),
    );
}

#[test]
fn live_games_give_their_id_as_a_string_which_is_no_id() {
    check_rows("steam/top_live_games.json", "/game_list", false);
}
