//! Summaries as they are on the wire, and the way back.

mod common;

use common::wire;
use contracts::{Header, MatchSummaryRecord, RejectedRecord, version};
use domain::{AccountId, HeroId, MatchId, MatchSummary, PlayerLine, Slot, Team, Timestamp};
use proptest::{collection::vec, option, prelude::*};

/// 2025-03-23T16:10:01.040Z
const RECEIVED_AT: Timestamp = Timestamp::from_unix_ms(1_742_746_201_040);

const HEADERS: [(&str, &str); 3] = [
    ("schema", "match_summary/1"),
    ("source", "steam_sequence"),
    ("received_at", "2025-03-23T16:10:01.040Z"),
];

/// As the documents show it.
const EXAMPLE: &str = r#"{"match_id":8226246802,"match_seq_num":6912775440,"start_time":1742744300,"duration":1551,"radiant_win":true,
 "lobby_type":7,"game_mode":22,"cluster":273,"league_id":0,"human_players":10,
 "avg_rank_tier":81,"num_rank_tier":7,
 "radiant":[10,97,29,86,51],"dire":[112,22,13,54,129],
 "players":[{"slot":0,"account_id":86745912,"hero_id":10,"kills":7,"deaths":2,"assists":11,"last_hits":201,"denies":9,
   "gold_per_min":512,"xp_per_min":640,"level":24,"net_worth":21030,"hero_damage":18044,"tower_damage":2104,
   "hero_healing":0,"leaver_status":0,"items":[1,36,63,0,0,0]}]}"#;

fn example() -> MatchSummary {
    let team = |ids: [u16; 5]| Team::try_new(ids.map(|id| HeroId::try_new(id).ok()).to_vec()).ok();
    MatchSummary {
        match_seq_num: Some(6_912_775_440),
        duration_seconds: Some(1_551),
        radiant_win: Some(true),
        lobby_type: Some(7),
        game_mode: Some(22),
        cluster: Some(273),
        league_id: Some(0),
        human_players: Some(10),
        avg_rank_tier: Some(81),
        num_rank_tier: Some(7),
        radiant: team([10, 97, 29, 86, 51]),
        dire: team([112, 22, 13, 54, 129]),
        players: vec![PlayerLine {
            slot: Slot::try_new(0).expect("a slot"),
            account_id: AccountId::try_new(86_745_912).ok(),
            hero_id: HeroId::try_new(10).ok(),
            kills: Some(7),
            deaths: Some(2),
            assists: Some(11),
            last_hits: Some(201),
            denies: Some(9),
            gold_per_min: Some(512),
            xp_per_min: Some(640),
            level: Some(24),
            net_worth: Some(21_030),
            hero_damage: Some(18_044),
            tower_damage: Some(2_104),
            hero_healing: Some(0),
            leaver_status: Some(0),
            items: vec![1, 36, 63, 0, 0, 0],
            lane: None,
            position: None,
        }],
        ..smallest()
    }
}

fn smallest() -> MatchSummary {
    MatchSummary::new(
        MatchId::try_new(8_226_246_802).expect("positive"),
        Timestamp::from_unix_seconds(1_742_744_300),
    )
}

/// Reads a value with the key and headers of the example.
fn read(value: &str) -> Result<MatchSummary, RejectedRecord> {
    let headers = HEADERS.map(|(name, value)| Header {
        name,
        value: value.as_bytes(),
    });
    let record = MatchSummaryRecord::decode(Some(b"8226246802"), value.as_bytes(), headers)?;
    assert_eq!(record.source, "steam_sequence");
    assert_eq!(record.received_at, RECEIVED_AT);
    Ok(record.summary)
}

#[test]
fn a_summary_is_on_the_wire_as_promised() {
    let unfilled = Team::try_new(vec![None, HeroId::try_new(1).ok()]).ok();
    let little = MatchSummary {
        radiant_win: Some(false),
        radiant: Some(Team::default()),
        dire: unfilled,
        players: vec![PlayerLine::new(Slot::try_new(9).expect("a slot"))],
        ..smallest()
    };
    for (name, summary) in [
        ("whole", example()),
        ("little", little),
        ("smallest", smallest()),
    ] {
        let record = MatchSummaryRecord {
            summary,
            source: "steam_sequence",
            received_at: RECEIVED_AT,
        };
        let record = record.encode();
        let text = wire(Some(record.key()), record.value(), &record.headers());
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn the_example_of_the_documents_is_read() {
    assert_eq!(read(EXAMPLE), Ok(example()));
}

#[test]
fn whose_record_it_is_is_read_from_its_headers_alone() {
    let source = |headers: &[(&'static str, &'static str)]| {
        let headers = headers.iter().map(|(name, value)| Header {
            name,
            value: value.as_bytes(),
        });
        MatchSummaryRecord::source_of(headers)
    };
    assert_eq!(source(&HEADERS), Ok("steam_sequence"));
    assert_eq!(source(&HEADERS[1..]), Err(RejectedRecord::SchemaMissing));
    let unnamed = source(&HEADERS[..1]);
    assert!(
        matches!(&unnamed, Err(RejectedRecord::FieldInvalid { field, .. }) if field == "source"),
        "{unnamed:?}"
    );
}

#[test]
fn what_is_absent_or_null_is_not_known() {
    let absent = r#"{"match_id":8226246802,"start_time":1742744300}"#;
    assert_eq!(read(absent), Ok(smallest()));
    let null = r#"{"match_id":8226246802,"start_time":1742744300,"match_seq_num":null,"duration":null,
        "radiant_win":null,"lobby_type":null,"game_mode":null,"cluster":null,"league_id":null,"human_players":null,
        "avg_rank_tier":null,"num_rank_tier":null,"radiant":null,"dire":null,"players":null}"#;
    assert_eq!(read(null), Ok(smallest()));
    let players = r#"{"match_id":8226246802,"start_time":1742744300,"players":[{"slot":3,"kills":null,"items":null}]}"#;
    let line = PlayerLine::new(Slot::try_new(3).expect("a slot"));
    assert_eq!(read(players).map(|summary| summary.players), Ok(vec![line]));
}

#[test]
fn integers_may_be_floats_without_a_fraction() {
    let floats = EXAMPLE
        .replace(":1742744300", ":1742744300.0")
        .replace(":6912775440", ":6.91277544e9")
        .replace(":81,", ":81.0,")
        .replace("[10,97", "[10.0,97")
        .replace(r#""slot":0"#, r#""slot":-0.0"#)
        .replace(":86745912", ":86745912.000")
        .replace("[1,36", "[1e0,36");
    assert_eq!(read(&floats), Ok(example()));
}

#[test]
fn other_fields_are_ignored_whatever_they_hold() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let logo = "9".repeat(100_000);
    let more = format!(
        r#"{{"dire_logo":{logo},"radiant_team":{deep},"\ud800":1e999999,"Duration":"x","chat":[{{"match_id":1}}],"#
    );
    let player = format!(r#"{{"ability_upgrades":{deep},"hero_variant":1e99,"#);
    let value = EXAMPLE
        .replacen('{', &more, 1)
        .replace(r#"{"slot""#, &format!(r#"{player}"slot""#));
    assert_eq!(read(&value), Ok(example()));
}

#[test]
fn ids_that_are_nobodys_are_nobody() {
    for account_id in ["0", "4294967295"] {
        let value = EXAMPLE.replace("86745912", account_id);
        let players = read(&value).expect(account_id).players;
        assert_eq!(players[0].account_id, None, "{account_id}");
    }
    let value = EXAMPLE.replace(r#""hero_id":10"#, r#""hero_id":0"#);
    assert_eq!(read(&value).expect("hero 0").players[0].hero_id, None);
    let value = EXAMPLE.replace("[10,97,", "[0,0,");
    let radiant = read(&value).expect("unfilled slots").radiant;
    let radiant = radiant.expect("it is known").whole();
    assert_eq!(radiant.expect("five slots")[..2], [None, None]);
}

#[test]
fn a_version_belongs_to_the_bytes_and_the_time() {
    let one = version(RECEIVED_AT, EXAMPLE.as_bytes());
    let other = version(RECEIVED_AT, EXAMPLE.replace("1551", "1552").as_bytes());
    assert_eq!(one, version(RECEIVED_AT, EXAMPLE.as_bytes()));
    assert_ne!(one, other);
    assert_eq!(one >> 16, 1_742_746_201_040);
    assert_eq!(other >> 16, 1_742_746_201_040);
}

fn hero() -> impl Strategy<Value = Option<HeroId>> {
    (0..=u16::MAX).prop_map(|id| HeroId::try_new(id).ok())
}

fn team() -> impl Strategy<Value = Option<Team>> {
    option::of(vec(hero(), 0..=5).prop_map(|heroes| Team::try_new(heroes).expect("at most five")))
}

fn line() -> impl Strategy<Value = PlayerLine> {
    let counts: [_; 7] = std::array::from_fn(|_| any::<Option<u16>>());
    let amounts: [_; 4] = std::array::from_fn(|_| any::<Option<u32>>());
    let numbers = (any::<Option<u8>>(), any::<Option<u8>>());
    let ids = (any::<u32>(), hero());
    (ids, counts, amounts, numbers, vec(any::<u16>(), 0..8)).prop_map(
        |((account_id, hero_id), counts, amounts, (level, leaver_status), items)| {
            let [
                kills,
                deaths,
                assists,
                last_hits,
                denies,
                gold_per_min,
                xp_per_min,
            ] = counts;
            let [net_worth, hero_damage, tower_damage, hero_healing] = amounts;
            PlayerLine {
                slot: Slot::try_new(0).expect("a slot"),
                account_id: AccountId::try_new(account_id).ok(),
                hero_id,
                kills,
                deaths,
                assists,
                last_hits,
                denies,
                gold_per_min,
                xp_per_min,
                level,
                net_worth,
                hero_damage,
                tower_damage,
                hero_healing,
                leaver_status,
                items,
                lane: None,
                position: None,
            }
        },
    )
}

/// Lines in any order of slots, each once.
fn lines() -> impl Strategy<Value = Vec<PlayerLine>> {
    let slots = Just((0..10).collect::<Vec<u8>>()).prop_shuffle();
    (vec(line(), 0..=10), slots).prop_map(|(mut lines, slots)| {
        for (line, slot) in lines.iter_mut().zip(slots) {
            line.slot = Slot::try_new(slot).expect("a slot");
        }
        lines
    })
}

fn summary() -> impl Strategy<Value = MatchSummary> {
    let needs = (1..=i64::MAX, 1_262_304_000..=4_294_967_295_i64);
    let bytes: [_; 5] = std::array::from_fn(|_| any::<Option<u8>>());
    let others = any::<(
        Option<u64>,
        Option<u32>,
        Option<bool>,
        Option<u16>,
        Option<u32>,
    )>();
    (needs, bytes, others, team(), team(), lines()).prop_map(
        |((match_id, start_time), bytes, others, radiant, dire, players)| {
            let [
                lobby_type,
                game_mode,
                human_players,
                avg_rank_tier,
                num_rank_tier,
            ] = bytes;
            let (match_seq_num, duration_seconds, radiant_win, cluster, league_id) = others;
            MatchSummary {
                match_id: MatchId::try_new(match_id).expect("positive"),
                start_time: Timestamp::from_unix_seconds(start_time),
                match_seq_num,
                duration_seconds,
                radiant_win,
                lobby_type,
                game_mode,
                cluster,
                league_id,
                human_players,
                avg_rank_tier,
                num_rank_tier,
                radiant,
                dire,
                players,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_summary_is_read_as_it_was_written(
        summary in summary(),
        source in "[a-z_]{1,64}",
        late_ms in -86_400_000..1_000_000_000_000_i64,
    ) {
        let received_at = Timestamp::from_unix_ms(summary.start_time.as_unix_ms() + late_ms);
        let record = MatchSummaryRecord { summary, source: &source, received_at };
        let encoded = record.encode();
        prop_assert_eq!(MatchSummaryRecord::value_of(&record.summary), encoded.value());
        prop_assert_eq!(MatchSummaryRecord::source_of(encoded.headers()), Ok(record.source));
        let read = MatchSummaryRecord::decode(Some(encoded.key()), encoded.value(), encoded.headers());
        prop_assert_eq!(read, Ok(record));
    }

    #[test]
    fn no_bytes_make_it_panic(value in vec(any::<u8>(), 0..64), key: Option<Vec<u8>>) {
        let headers = HEADERS.map(|(name, value)| Header { name, value: value.as_bytes() });
        let _ = MatchSummaryRecord::decode(key.as_deref(), &value, headers);
    }

    #[test]
    fn no_change_of_a_byte_makes_it_panic(at in any::<prop::sample::Index>(), byte: u8) {
        let mut value = EXAMPLE.as_bytes().to_vec();
        let at = at.index(value.len());
        value[at] = byte;
        let headers = HEADERS.map(|(name, value)| Header { name, value: value.as_bytes() });
        if let Err(why) = MatchSummaryRecord::decode(Some(b"8226246802"), &value, headers) {
            prop_assert!(RejectedRecord::REASONS.contains(&why.reason()));
            prop_assert!(why.to_string().chars().count() <= 200, "{}", why);
        }
    }
}

#[test]
fn a_line_without_a_receipt_counts_as_fetched_when_its_match_ended() {
    let read_at = Timestamp::from_unix_ms(1_763_817_901_040);
    let read = |line: &str| {
        let read = MatchSummaryRecord::decode_line(line.as_bytes(), "backfill", read_at);
        read.map(|record| (record.received_at.as_unix_ms(), record.source))
    };
    let source = "backfill";
    let line = EXAMPLE.replace('\n', "");
    let (started, ended) = (1_742_744_300_000, 1_742_745_851_000);
    assert_eq!(read(&line), Ok((ended, source)));
    let record = MatchSummaryRecord::decode_line(line.as_bytes(), source, read_at);
    assert_eq!(record.map(|record| record.summary), Ok(example()));
    let short = r#"{"match_id":1,"start_time":1742744300"#;
    assert_eq!(read(&format!("{short}}}")), Ok((started, source)));
    for unknown in ["null", "\"2025-03-23T16:10:01.040Z\""] {
        let line = format!("{short},\"received_at\":{unknown}}}");
        let expected = if unknown == "null" {
            started
        } else {
            RECEIVED_AT.as_unix_ms()
        };
        assert_eq!(read(&line), Ok((expected, source)), "{line}");
    }
    for (line, reason) in [
        (format!("{short},\"received_at\":7}}"), "field_invalid"),
        (
            format!("{short},\"received_at\":\"today\"}}"),
            "field_invalid",
        ),
        (format!("{short},\"duration\":-1}}"), "field_invalid"),
        (
            format!("{short},\"received_at\":\"2025-03-20T00:00:00Z\"}}"),
            "start_time_invalid",
        ),
        (r#"{"match_id":1}"#.to_owned(), "start_time_invalid"),
        (
            r#"{"match_id":1,"start_time":1764000000}"#.to_owned(),
            "start_time_invalid",
        ),
        (
            r#"{"start_time":1742744300}"#.to_owned(),
            "match_id_missing",
        ),
        ("[]".to_owned(), "not_an_object"),
    ] {
        let refused = read(&line).map_err(|rejected| rejected.reason());
        assert_eq!(refused, Err(reason), "{line}");
    }
}
