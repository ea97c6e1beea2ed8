//! A row of a page: what it says of a match.

use domain::{HeroId, MatchId, MatchSummary, Team, Timestamp};
use serde_json::{Map, Value, value::RawValue};
use thiserror::Error;

use crate::values::{average, boolean, unsigned};

/// A row, judged by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRow {
    /// As it was written.
    pub text: String,
    /// Which match it is about, if it says so readably.
    pub match_id: Option<MatchId>,
    /// When that started, if it says so readably.
    pub start_time: Option<Timestamp>,
    /// What it says, or the first thing that is wrong. What is absent or `null`
    /// is not known; any other value of the wrong kind makes the others doubtful.
    pub summary: Result<MatchSummary, RowFault>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowFault {
    /// It is something else than an object.
    #[error("the row is no object")]
    NotAnObject,
    /// It does not say which match.
    #[error("match_id is not given")]
    MatchIdMissing,
    /// What it says is no match.
    #[error("{0}")]
    MatchIdInvalid(String),
    /// It does not say when the match started, or no time at which one can have.
    #[error("{0}")]
    StartTimeInvalid(String),
    /// Another value is of the wrong kind.
    #[error("{0}")]
    FieldInvalid(String),
}

impl PageRow {
    pub(super) fn read(row: &RawValue, fetched_at: Timestamp) -> Self {
        let text = row.get().to_owned();
        let Ok(Value::Object(fields)) = serde_json::from_str(&text) else {
            return Self {
                text,
                match_id: None,
                start_time: None,
                summary: Err(RowFault::NotAnObject),
            };
        };
        let fields = Fields(fields);
        let match_id = fields.match_id();
        let start_time = fields.start_time(fetched_at);
        Self {
            text,
            match_id: match_id.clone().ok(),
            start_time: start_time.clone().ok(),
            summary: match_id
                .and_then(|match_id| fields.summary(MatchSummary::new(match_id, start_time?))),
        }
    }
}

/// The fields of a row, by `OpenDota`'s names.
struct Fields(Map<String, Value>);

impl Fields {
    fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    fn match_id(&self) -> Result<MatchId, RowFault> {
        let id: Option<i64> =
            unsigned("match_id", self.get("match_id")).map_err(RowFault::MatchIdInvalid)?;
        MatchId::try_new(id.ok_or(RowFault::MatchIdMissing)?)
            .map_err(|error| RowFault::MatchIdInvalid(error.to_string()))
    }

    fn start_time(&self, fetched_at: Timestamp) -> Result<Timestamp, RowFault> {
        let invalid = RowFault::StartTimeInvalid;
        let start: Option<u32> = unsigned("start_time", self.get("start_time")).map_err(invalid)?;
        let start = start.ok_or_else(|| invalid("start_time is not given".to_owned()))?;
        domain::start_time(start, fetched_at).map_err(|error| invalid(error.to_string()))
    }

    fn summary(&self, of: MatchSummary) -> Result<MatchSummary, RowFault> {
        Ok(MatchSummary {
            match_seq_num: self.unsigned("match_seq_num")?,
            duration_seconds: self.unsigned("duration")?,
            radiant_win: boolean("radiant_win", self.get("radiant_win"))
                .map_err(RowFault::FieldInvalid)?,
            lobby_type: self.unsigned("lobby_type")?,
            game_mode: self.unsigned("game_mode")?,
            cluster: self.unsigned("cluster")?,
            // Rows of leagues alone have one.
            league_id: self.unsigned("leagueid")?,
            avg_rank_tier: average("avg_rank_tier", self.get("avg_rank_tier"))
                .map_err(RowFault::FieldInvalid)?,
            num_rank_tier: self.unsigned("num_rank_tier")?,
            radiant: self.team("radiant_team")?,
            dire: self.team("dire_team")?,
            ..of
        })
    }

    fn unsigned<T: TryFrom<u64>>(&self, name: &str) -> Result<Option<T>, RowFault> {
        unsigned(name, self.get(name)).map_err(RowFault::FieldInvalid)
    }

    /// An array of hero ids; until 2024 it was a text with commas in between.
    fn team(&self, name: &str) -> Result<Option<Team>, RowFault> {
        let ids = match self.get(name) {
            Value::Null => return Ok(None),
            Value::Array(ids) => ids.clone(),
            Value::String(ids) if ids.trim().is_empty() => Vec::new(),
            Value::String(ids) => ids.split(',').map(number).collect(),
            other => vec![other.clone()],
        };
        let invalid = |detail| RowFault::FieldInvalid(format!("{name}: {detail}"));
        let hero = |id: &Value| {
            let id: Option<u16> = unsigned("a hero", id)?;
            let id = id.ok_or("a hero is not given")?;
            // Hero 0 is none: the slot is unfilled.
            Ok(HeroId::try_new(id).ok())
        };
        let heroes: Result<Vec<_>, String> = ids.iter().map(hero).collect();
        let team = Team::try_new(heroes.map_err(invalid)?);
        team.map(Some).map_err(|error| invalid(error.to_string()))
    }
}

/// A number in a text, or the text if it is none.
fn number(text: &str) -> Value {
    let number: Result<u64, _> = text.trim().parse();
    number.map_or_else(|_| text.into(), Value::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FETCHED: Timestamp = Timestamp::from_unix_seconds(1_786_620_000);

    fn row() -> Value {
        json!({
            "match_id": 8_226_246_802_i64, "match_seq_num": 6_912_775_440_i64, "radiant_win": true,
            "start_time": 1_742_744_300, "duration": 1_551, "lobby_type": 7, "game_mode": 22,
            "avg_rank_tier": 81.0, "num_rank_tier": 7, "cluster": 273,
            "radiant_team": [10, 97, 29, 86, 51], "dire_team": [112, 22, 13, 54, 129],
            "avg_mmr": null, "further": {"of": ["any", "kind"]},
        })
    }

    fn read(row: &Value) -> PageRow {
        let row = RawValue::from_string(row.to_string()).expect("JSON");
        PageRow::read(&row, FETCHED)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut row = row();
        row[name] = value;
        row
    }

    #[test]
    fn a_row_becomes_a_whole_match() {
        let summary = read(&row()).summary.expect("it is right");
        let whole = summary.whole().expect("it knows all that counts");
        assert_eq!(whole.dire[4].map(HeroId::get), Some(129));
        assert_eq!(
            (summary.avg_rank_tier, summary.num_rank_tier),
            (Some(81), Some(7))
        );
        assert_eq!(summary.match_seq_num, Some(6_912_775_440));
        assert_eq!((summary.cluster, summary.league_id), (Some(273), None));
    }

    #[test]
    fn teams_of_old_rows_are_texts() {
        let old = with("radiant_team", json!("10,97,29, 86,51"));
        let summary = read(&old).summary.expect("it is right");
        assert_eq!(
            summary.radiant,
            read(&row()).summary.expect("right").radiant
        );
        let unfilled = with("dire_team", json!("112,22,13,54,0"));
        let summary = read(&unfilled).summary.expect("it is right");
        let whole = summary.whole().expect("a slot without a hero is a slot");
        assert_eq!(whole.dire[4], None);
        let none = read(&with("dire_team", json!("")))
            .summary
            .expect("it is right");
        assert_eq!(none.dire.map(|team| team.heroes().len()), Some(0));
    }

    #[test]
    fn what_is_not_told_is_not_known_and_odd_matches_are_matches() {
        for name in [
            "radiant_win",
            "duration",
            "lobby_type",
            "game_mode",
            "radiant_team",
        ] {
            let summary = read(&with(name, json!(null))).summary.expect("it is right");
            assert_eq!(summary.whole(), None, "{name}");
        }
        let little = read(&json!({"match_id": 1, "start_time": 1_742_744_300}));
        assert!(little.summary.is_ok());
        let empty = read(&with("duration", json!(0)))
            .summary
            .expect("it is right");
        assert_eq!(empty.whole().map(|whole| whole.duration_seconds), Some(0));
        let average = read(&with("avg_rank_tier", json!(53.6)));
        assert_eq!(
            average.summary.expect("it is right").avg_rank_tier,
            Some(53)
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_what_is_right_beside_it_stays_known() {
        let check = |name: &str, value: Value, expected: RowFault| {
            let read = read(&with(name, value));
            assert_eq!(read.summary, Err(expected), "{}", read.text);
            read
        };
        let no_id = check("match_id", json!(null), RowFault::MatchIdMissing);
        assert_eq!((no_id.match_id, no_id.start_time.is_some()), (None, true));
        let detail = "match id 0 is not in 1..=9223372036854775807";
        check(
            "match_id",
            json!(0),
            RowFault::MatchIdInvalid(detail.to_owned()),
        );
        let invalid = |detail: &str| RowFault::StartTimeInvalid(detail.to_owned());
        let no_start = check(
            "start_time",
            json!(null),
            invalid("start_time is not given"),
        );
        assert!(no_start.match_id.is_some());
        check(
            "start_time",
            json!(1),
            invalid("a start at 1 is before 1262304000"),
        );
        let late = "a start at 1786706401 is more than a day ahead";
        check("start_time", json!(1_786_706_401), invalid(late));
        for (name, value, detail) in [
            (
                "duration",
                json!(-1),
                "duration is -1, no integer that is expected there",
            ),
            (
                "radiant_win",
                json!(1),
                "radiant_win is 1, neither true nor false",
            ),
            (
                "radiant_team",
                json!([1, 2, 3, 4, 5, 6]),
                "radiant_team: a team of 6 slots has more than 5",
            ),
            (
                "dire_team",
                json!("1,two"),
                "dire_team: a hero is \"two\", no integer that is expected there",
            ),
            ("dire_team", json!([null]), "dire_team: a hero is not given"),
            (
                "dire_team",
                json!(7.5),
                "dire_team: a hero is 7.5, no integer that is expected there",
            ),
        ] {
            let read = check(name, value, RowFault::FieldInvalid(detail.to_owned()));
            assert!(read.match_id.is_some() && read.start_time.is_some());
        }
        assert_eq!(read(&json!([1])).summary, Err(RowFault::NotAnObject));
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_makes_it_panic(at: prop::sample::Index, byte in 32_u8..127) {
            let mut text = row().to_string().into_bytes();
            let place = at.index(text.len());
            text[place] = byte;
            let text = String::from_utf8(text).expect("it was and stays ASCII");
            if let Ok(raw) = RawValue::from_string(text) {
                let _judged = PageRow::read(&raw, FETCHED);
            }
        }
    }
}
