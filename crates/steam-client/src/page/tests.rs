use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const FETCHED: Timestamp = Timestamp::from_unix_seconds(1_786_620_000);

fn one() -> Value {
    let player = |slot: u8| {
        json!({
            "account_id": 4_294_967_295_u32, "player_slot": slot, "hero_id": slot % 100 + 1,
            "kills": 7, "deaths": 2, "assists": 11, "leaver_status": 1, "item_0": 36, "item_2": 0,
            "hero_damage": null, "ability_upgrades": [{"ability": 5615, "time": 299, "level": 1}],
        })
    };
    let players = [0, 1, 2, 3, 4, 128, 129, 130, 131, 132].map(player);
    json!({
        "players": players,
        "radiant_win": true, "duration": 2_690, "start_time": 1_786_615_605,
        "match_id": 8_943_267_925_i64, "match_seq_num": 7_400_000_001_i64,
        "lobby_type": 7, "game_mode": 22, "cluster": 271, "leagueid": 0, "human_players": 10,
        "picks_bans": [{"is_pick": false, "hero_id": 1}],
    })
}

fn read_page(matches: &[Value]) -> Page {
    let body = json!({"result": {"status": 1, "matches": matches}}).to_string();
    decode(&body.into(), FETCHED).expect("a page")
}

fn read_one(told: Value) -> Result<SteamMatch, OddMatch> {
    read_page(&[told]).matches.remove(0)
}

#[test]
fn a_row_becomes_a_whole_match() {
    let found = read_one(one()).expect("a match");
    assert_eq!(found.id.get(), 8_943_267_925);
    assert_eq!(found.sequence_number, Some(7_400_000_001));
    let summary = found.summary.expect("right");
    assert_eq!(summary.match_seq_num, Some(7_400_000_001));
    assert_eq!(
        (summary.cluster, summary.human_players),
        (Some(271), Some(10))
    );
    let whole = summary.whole().expect("it knows all that is needed");
    assert_eq!(whole.dire[0].map(HeroId::get), Some(29));
    let line = &summary.players[5];
    assert_eq!((line.slot.get(), line.account_id), (5, None));
    assert_eq!((line.kills, line.hero_damage), (Some(7), None));
    assert_eq!(line.items, [36, 0, 0, 0, 0, 0]);
    assert!(!summary.has_leaver());
}

#[test]
fn what_is_not_needed_has_any_type_and_size() {
    for (name, value) in [
        ("dire_logo", "10380389074903513000"),
        ("dire_logo", "1038038907490351300010380389074903513000"),
        ("dire_logo", "1e999999"),
        ("flags", "\"five\""),
        ("picks_bans", "{\"a\":[[[[]]]]}"),
        ("radiant_name", "\"\\ud800\""),
    ] {
        let text = one().to_string();
        let text = text.strip_suffix('}').expect("an object");
        let body =
            format!("{{\"result\":{{\"matches\":[{text},\"{name}\":{value}}}],\"status\":1}}}}");
        let page = decode(&body.into(), FETCHED).expect("a page");
        let found = page.matches[0].as_ref().expect("a match");
        assert_eq!(found.summary.as_ref().map(|_| ()), Ok(()), "{name} {value}");
    }
}

#[test]
fn what_is_not_told_is_not_known() {
    let mut little = one();
    for name in ["radiant_win", "players", "cluster"] {
        little[name] = json!(null);
    }
    little["lobby_type"] = json!(-1);
    let summary = read_one(little).expect("a match").summary.expect("right");
    assert_eq!((summary.radiant_win, summary.lobby_type), (None, None));
    assert_eq!((summary.radiant, summary.cluster), (None, None));

    // A bot has neither an account nor a way to leave; an unfilled slot no hero.
    let mut bots = one();
    for player in bots["players"].as_array_mut().expect("an array") {
        let player = player.as_object_mut().expect("an object");
        player.remove("account_id");
        player.remove("leaver_status");
        player.remove("item_0");
        player.remove("item_2");
    }
    bots["players"][9]["hero_id"] = json!(0);
    let summary = read_one(bots).expect("a match").summary.expect("right");
    assert_eq!(summary.whole().expect("whole").dire[4], None);
    assert!(summary.players.iter().all(|line| line.items.is_empty()));

    // Two players against each other are no teams of five.
    let mut duel = one();
    let players = duel["players"].as_array_mut().expect("an array");
    players.retain(|player| [0, 128].contains(&player["player_slot"].as_u64().expect("a slot")));
    let summary = read_one(duel).expect("a match").summary.expect("right");
    assert_eq!(
        (summary.players.len(), summary.radiant, summary.dire),
        (2, None, None)
    );
}

#[test]
fn slots_are_sorted_and_an_account_that_is_shown_is_kept() {
    let mut shuffled = one();
    shuffled["players"]
        .as_array_mut()
        .expect("an array")
        .reverse();
    shuffled["players"][9]["account_id"] = json!(86_745_912);
    let summary = read_one(shuffled).expect("a match").summary.expect("right");
    let first = &summary.players[0];
    assert_eq!(
        (first.slot.get(), first.account_id.map(AccountId::get)),
        (0, Some(86_745_912))
    );
    assert_eq!(
        summary.whole(),
        read_one(one())
            .expect("a match")
            .summary
            .expect("right")
            .whole()
    );
}

#[test]
fn one_odd_row_does_not_spoil_the_others() {
    let mut without_id = one();
    without_id["match_id"] = json!(0);
    let mut later = one();
    later["match_seq_num"] = json!(7_400_000_007_i64);
    let page = read_page(&[json!(null), without_id.clone(), later, json!([1]), one()]);
    let good: Vec<bool> = page.matches.iter().map(Result::is_ok).collect();
    assert_eq!(good, [false, false, true, false, true]);
    assert_eq!(
        (page.rows(), page.last_sequence_number()),
        (5, Some(7_400_000_007))
    );
    let odd = page.matches[1].as_ref().expect_err("no id");
    assert_eq!(odd.detail, "match_id is 0, no match id");
    assert_eq!(odd.sequence_number, Some(7_400_000_001));
    assert_eq!(&odd.payload[..], without_id.to_string().as_bytes());
}

#[test]
fn what_is_wrong_is_named_and_the_id_goes_on() {
    for (pointer, value, expected) in [
        ("/start_time", json!(null), "it has no start_time"),
        ("/start_time", json!(-1), "start_time is -1"),
        ("/lobby_type", json!(-2), "lobby_type is -2"),
        ("/radiant_win", json!(1), "radiant_win is 1"),
        ("/players", json!({}), "no match as expected"),
        ("/players", json!([[0, 7]]), "no match as expected"),
        ("/players/3/kills", json!(-1), "players[3].kills is -1"),
        (
            "/players/3/item_2",
            json!("x"),
            "players[3].item_2 is a text",
        ),
        (
            "/players/3/player_slot",
            json!(4),
            "players[4].player_slot is that of another",
        ),
        (
            "/players/3/player_slot",
            json!(5),
            "players[3].player_slot is 5, no place",
        ),
        (
            "/players/3/player_slot",
            json!(133),
            "players[3].player_slot is 133, no place",
        ),
        (
            "/players/3/player_slot",
            json!(null),
            "players[3].player_slot is not given",
        ),
    ] {
        let mut wrong = one();
        *wrong.pointer_mut(pointer).expect("it is there") = value;
        let found = read_one(wrong).expect(pointer);
        assert_eq!(
            (found.id.get(), found.sequence_number),
            (8_943_267_925, Some(7_400_000_001))
        );
        let detail = found.summary.expect_err(pointer);
        assert!(detail.contains(expected), "{detail}");
    }
}

#[test]
fn an_id_is_written_as_one_integer() {
    for id in [
        json!(null),
        json!("7"),
        json!(7.0),
        json!(0),
        json!(-7),
        json!(u64::MAX),
        json!([7]),
    ] {
        let mut odd = one();
        odd["match_id"] = id.clone();
        assert!(read_one(odd).is_err(), "{id}");
    }
    for number in [json!(null), json!("7"), json!(7.0), json!(u64::MAX)] {
        let mut odd = one();
        odd["match_seq_num"] = number.clone();
        let found = read_one(odd).expect("a match");
        assert_eq!(found.sequence_number, None, "{number}");
    }
}

#[test]
fn an_answer_stands_by_its_matches_or_says_why_not() {
    let read = |body: &'static str| decode(&Bytes::from(body), FETCHED).map(|page| page.rows());
    assert_eq!(read(r#"{"result":{"status":1,"matches":[]}}"#), Ok(0));
    for body in [
        r#"{"result":{"status":15,"statusDetail":"Cannot get match history"}}"#,
        r#"{"result":{"status":15}}"#,
        r#"{"result":{"statusDetail":"Error retrieving match data.","status":2}}"#,
        r#"{"result":{"status":8,"statusDetail":"Match ID not found"}}"#,
        r#"{"result":{"status":8,"statusDetail":"Practice matches are not available via GetMatchDetails"}}"#,
    ] {
        let said = read(body).expect_err("no matches");
        assert!(matches!(said, Failure::InVain(_)), "{said:?}");
    }
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"result":{}}"#,
        r#"{"result":{"status":1}}"#,
        r#"{"result":{"status":2,"statusDetail":"try later"}}"#,
        r#"{"result":{"status":1,"matches":[{"match_id":7}"#,
    ] {
        let said = read(body).expect_err("no page");
        assert!(matches!(said, Failure::Unavailable(_)), "{said:?}");
    }
}

proptest! {
    #[test]
    fn no_change_of_a_byte_makes_it_panic(at: prop::sample::Index, byte: u8, length: prop::sample::Index) {
        let mut body = json!({"result": {"status": 1, "matches": [one()]}}).to_string().into_bytes();
        let place = at.index(body.len());
        body[place] = byte;
        let cut = body[..length.index(body.len())].to_vec();
        let _judged = decode(&body.into(), FETCHED);
        let _judged = decode(&cut.into(), FETCHED);
    }
}
