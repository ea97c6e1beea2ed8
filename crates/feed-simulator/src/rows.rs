//! Bodies of match frames.
//!
//! A row follows from its id and its place in the order of ends alone, so a frame that is sent
//! again is the same without being kept. The values are made up and carry no meaning.

use std::io::Write;

use crate::{digest::mix, ids::FIRST_MATCH_ID};

/// Why writing a body cannot fail.
const INFALLIBLE: &str = "writing to a Vec cannot fail";

/// Where sequence numbers begin; of the size of today's.
const FIRST_SEQUENCE_NUMBER: u64 = 7_384_000_000;

/// Unix time at which the first match starts.
const FIRST_START_TIME: i64 = 1_776_000_000;

/// Starts per second, from which the start time of an id follows.
const STARTS_PER_SECOND: i64 = 14;

/// A prime above the number of heroes, so that steps through it visit no hero twice.
const HERO_IDS: u64 = 127;

/// Identifies a row that can be written any number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) match_id: i64,
    /// Place in the order in which matches ended, or in the recorded file.
    pub(crate) ordinal: u64,
}

/// `{"match_id":N}`.
pub(crate) fn write_bare(row: Row, body: &mut Vec<u8>) {
    write!(body, "{{\"match_id\":{}}}", row.match_id).expect(INFALLIBLE);
}

/// The fields and types of a row of `publicMatches`.
pub(crate) fn write_realistic(row: Row, body: &mut Vec<u8>) {
    let noise = mix(row.match_id.unsigned_abs());
    // The bits of `noise` are used in turn, a few for each field.
    let radiant_win = noise.is_multiple_of(2);
    let duration = 600 + (noise >> 1) % 3_600;
    let game_mode = if (noise >> 13).is_multiple_of(4) {
        22
    } else {
        23
    };
    let lobby_type = if (noise >> 15).is_multiple_of(2) {
        0
    } else {
        7
    };
    let avg_rank_tier = 10 * (1 + (noise >> 16) % 7) + 1 + (noise >> 19) % 5;
    let num_rank_tier = 1 + (noise >> 24) % 10;
    let cluster = 111 + (noise >> 28) % 160;
    let start_time = FIRST_START_TIME + (row.match_id - FIRST_MATCH_ID) / STARTS_PER_SECOND;
    // Every fifth sequence number is one that no public match has.
    let match_seq_num = FIRST_SEQUENCE_NUMBER + row.ordinal + row.ordinal / 4;
    write!(
        body,
        "{{\"match_id\":{},\"match_seq_num\":{match_seq_num},\"radiant_win\":{radiant_win},\
         \"start_time\":{start_time},\"duration\":{duration},\"lobby_type\":{lobby_type},\
         \"game_mode\":{game_mode},\"avg_rank_tier\":{avg_rank_tier},\
         \"num_rank_tier\":{num_rank_tier},\"cluster\":{cluster},\"radiant_team\":[",
        row.match_id,
    )
    .expect(INFALLIBLE);
    let first_hero = (noise >> 36) % HERO_IDS;
    let step = 1 + (noise >> 44) % (HERO_IDS - 1);
    for place in 0..10 {
        let hero = 1 + (first_hero + place * step) % HERO_IDS;
        let separator = match place {
            4 => "],\"dire_team\":[",
            9 => "]}",
            _ => ",",
        };
        write!(body, "{hero}{separator}").expect(INFALLIBLE);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use super::*;

    fn written(write: fn(Row, &mut Vec<u8>), row: Row) -> Value {
        let mut body = Vec::new();
        write(row, &mut body);
        serde_json::from_slice(&body).expect("a row is JSON")
    }

    #[test]
    fn a_bare_row_is_the_id_alone() {
        let row = Row {
            match_id: i64::MAX,
            ordinal: 0,
        };
        assert_eq!(written(write_bare, row), json!({ "match_id": i64::MAX }));
    }

    #[test]
    fn a_realistic_row_has_the_fields_of_public_matches() {
        for ordinal in 0..1_000 {
            let row = Row {
                match_id: FIRST_MATCH_ID + 7 * i64::try_from(ordinal).expect("small"),
                ordinal,
            };
            let value = written(write_realistic, row);
            assert_eq!(value["match_id"], row.match_id);
            assert!(value["radiant_win"].is_boolean());
            for field in [
                "match_seq_num",
                "start_time",
                "duration",
                "lobby_type",
                "game_mode",
                "avg_rank_tier",
                "num_rank_tier",
                "cluster",
            ] {
                assert!(value[field].is_u64(), "{field} of {value}");
            }
            let heroes: HashSet<u64> = ["radiant_team", "dire_team"]
                .iter()
                .flat_map(|team| value[team].as_array().expect("a team is an array"))
                .filter_map(Value::as_u64)
                .collect();
            assert_eq!(heroes.len(), 10, "ten different heroes in {value}");
            let size_bytes = value.to_string().len();
            assert!((220..320).contains(&size_bytes), "{size_bytes} bytes");
        }
    }
}
