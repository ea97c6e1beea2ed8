//! The lines that stand around recorded ids, and recorded payloads where lines should be.
//!
//! `RECORDED_DATA_DIR` names a folder of recordings. Without it the same
//! checks run on small invented files of the same shape, in `tests/data`.

use std::{env, fs, path::PathBuf};

use domain::MatchId;
use ingestion_opendota_adapter::logs::parse_log_line;
use serde_json::Value;

fn recording(file: &str) -> Vec<u8> {
    let invented = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let path = env::var_os("RECORDED_DATA_DIR").map_or_else(invented, PathBuf::from);
    let path = path.join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn recorded_ids_are_found_in_lines_and_nothing_in_recorded_payloads() {
    let head = "opendota/public_matches_head_2026-04-12.json";
    let rows: Value = serde_json::from_slice(&recording(head)).expect("recordings are JSON");
    for row in rows.as_array().expect("rows") {
        let id = row["match_id"].as_i64().expect("an id");
        let line = |kind| {
            format!(
                "[2026-04-12T20:50:00.000Z] [inserter] [insert: {kind}] [ended: a day ago] {id}"
            )
        };
        let found = |line: &str| parse_log_line(line.as_bytes()).expect("a line");
        assert_eq!(found(&line("api")).map(MatchId::get), Some(id));
        assert_eq!(
            found(&format!("\x1b[36m{}\x1b[39m", line("api"))).map(MatchId::get),
            Some(id)
        );
        assert_eq!(found(&line("parsed")), None);
        // A payload is no line of the log, whatever numbers are in it.
        assert_eq!(found(&row.to_string()), None);
        let wrapped = format!("[t] [web] [api: 3ms] {row} {id}");
        assert_eq!(found(&wrapped), None);
    }
    for file in [
        head,
        "opendota/match_parsed_8943267925.json",
        "opendota/match_unparsed_3254426673.json",
    ] {
        for line in recording(file).split(|byte| *byte == b'\n') {
            assert_eq!(parse_log_line(line), Ok(None), "{file}");
        }
    }
}
