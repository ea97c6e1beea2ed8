//! `estimate`, as its user runs it.

#![expect(clippy::float_cmp, reason = "symmetry is exact")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

const HEADER: &str = "match_id,radiant_win,r1,r2,r3,r4,r5,d1,d2,d3,d4,d5";

fn estimate(folder: &Path, drafts: &str) -> Output {
    estimate_from(folder, "--matches", "drafts.csv", drafts)
}

/// Estimates from counts that stand in a file.
fn estimate_counts(folder: &Path, counts: &str) -> Output {
    estimate_from(folder, "--counts", "counts.csv", counts)
}

/// Estimates accounts from their games.
fn estimate_games(folder: &Path, games: &str) -> Output {
    let games = format!("account,hero,expected,won\n{games}");
    estimate_from(folder, "--games", "games.csv", &games)
}

fn estimate_from(folder: &Path, argument: &str, name: &str, text: &str) -> Output {
    let (file, out) = (folder.join(name), folder.join("estimates.json"));
    fs::write(&file, text).expect("the folder can be written");
    Command::new(env!("CARGO_BIN_EXE_model-service"))
        .args(["estimate", argument])
        .arg(file)
        .arg("--out")
        .arg(out)
        .output()
        .expect("the binary can be started")
}

fn written(folder: &TempDir) -> Value {
    let written = fs::read(folder.path().join("estimates.json")).expect("it was written");
    serde_json::from_slice(&written).expect("it is JSON")
}

/// What there is to count of a match: 56 lines. Opponents stand as the Dire saw them.
fn counted(radiant: [u16; 5], dire: [u16; 5], radiant_won: bool) -> String {
    let (won, lost) = (u8::from(radiant_won), u8::from(!radiant_won));
    let mut lines = vec![format!("matches,,,1,{won}")];
    for (side, won) in [(radiant, won), (dire, lost)] {
        for (slot, hero) in side.iter().enumerate() {
            lines.push(format!("hero,{hero},,1,{won}"));
            let allies = side[slot + 1..].iter();
            lines.extend(allies.map(|ally| format!("with,{hero},{ally},1,{won}")));
        }
    }
    for ours in radiant {
        let enemies = dire.iter();
        lines.extend(enemies.map(|theirs| format!("against,{theirs},{ours},1,{lost}")));
    }
    lines.join("\n") + "\n"
}

fn folder() -> TempDir {
    TempDir::new().expect("there is room")
}

#[test]
fn what_is_written_is_symmetric_and_tells_who_is_better() {
    let folder = folder();
    let won = "1,1,1,2,3,4,5,6,7,8,9,10\n".repeat(200);
    let lost = "2,0,1,12,13,14,15,6,17,18,19,20\n".repeat(100);
    let output = estimate(folder.path(), &format!("{HEADER}\n{won}{lost}"));
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("127 heroes from 300 matches"), "{said}");

    let written = written(&folder);
    let number = |value: &Value| value.as_f64().expect("a number");
    assert!(number(&written["hero"][1]) > number(&written["hero"][11]));
    assert!(number(&written["side"]) > 0.0);
    for (table, sign) in [("matchup", -1.0), ("synergy", 1.0), ("matchup_sd", 1.0)] {
        let table = &written[table];
        for i in 0..127 {
            assert_eq!(number(&table[i][i]), 0.0);
            for j in 0..i {
                assert_eq!(number(&table[i][j]), sign * number(&table[j][i]));
            }
        }
    }
}

#[test]
fn columns_are_found_by_their_names() {
    let folder = folder();
    let drafts = "d1,d2,d3,d4,d5,r1,r2,r3,r4,r5,radiant_win\n1,2,3,4,5,6,7,8,9,200,1\n";
    let output = estimate(folder.path(), drafts);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("200 heroes from 1 matches"), "{said}");
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_line() {
    let good = "1,1,1,2,3,4,5,6,7,8,9,10";
    for (drafts, words) in [
        (
            format!("{HEADER}\n{good}\n2,1,1,2,3,4,5,6,7,8,9,9\n"),
            "line 3 of",
        ),
        (
            format!("{HEADER}\n2,1,1,2,3,4,5,6,7,8,9,9\n"),
            "hero 9 is drafted twice",
        ),
        (
            format!("{HEADER}\n2,won,1,2,3,4,5,6,7,8,9,10\n"),
            "radiant_win is \"won\", but a number is expected",
        ),
        (
            format!("{HEADER}\n2,2,1,2,3,4,5,6,7,8,9,10\n"),
            "radiant_win is 2, but 0 or 1 is expected",
        ),
        (format!("{HEADER}\n2,1,1,2,0,4,5,6,7,8,9,10\n"), "column r3"),
        (
            format!("{HEADER}\n2,1,1,2,3,4,5,6,7,8,9,1001\n"),
            "has a hero 1001, but ids up to 1000 are taken",
        ),
        ("match_id,radiant_win\n".to_owned(), "has no column r1"),
        (format!("{HEADER}\n1,1,1\n"), "cannot read"),
    ] {
        let folder = folder();
        let output = estimate(folder.path(), &drafts);
        assert_eq!(output.status.code(), Some(70), "{drafts}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.contains("drafts.csv"), "{said}");
        assert!(!folder.path().join("estimates.json").exists());
    }
}

#[test]
fn counts_say_the_same_as_the_drafts_they_are_of() {
    let (one, other) = (folder(), folder());
    let drafts = "1,1,1,2,3,4,5,6,7,8,9,10\n2,0,1,12,13,14,15,6,17,18,19,20\n".repeat(20);
    let counts = counted([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], true)
        + &counted([1, 12, 13, 14, 15], [6, 17, 18, 19, 20], false);
    let from_drafts = estimate(one.path(), &format!("{HEADER}\n{drafts}"));
    let header = "kind,hero,other,games,wins\n";
    let from_counts = estimate_counts(other.path(), &format!("{header}{}", counts.repeat(20)));
    for output in [&from_drafts, &from_counts] {
        assert!(output.status.success(), "{output:?}");
    }
    let written = |folder: &TempDir| {
        fs::read_to_string(folder.path().join("estimates.json")).expect("it was written")
    };
    assert_eq!(written(&one), written(&other));
}

#[test]
fn counts_that_are_not_of_whole_matches_are_refused() {
    let whole = counted([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], true);
    let without = |line: &str| whole.replacen(line, "", 1);
    for (counts, words) in [
        (
            without("matches,,,1,1\n"),
            "0 matches must have 0 heroes, but 10 are counted",
        ),
        (
            without("against,7,3,1,0\n"),
            "1 games of hero 3 must have 5 enemies, but 4 are counted",
        ),
        (
            without("with,1,2,1,1\n"),
            "1 games of hero 1 must have 4 allies, but 3 are counted",
        ),
        ("with,1,1,1,1\n".to_owned(), "hero 1 cannot meet itself"),
        ("hero,1,,1,2\n".to_owned(), "2 of 1 games are won"),
        (
            "pair,1,2,1,1\n".to_owned(),
            "kind is \"pair\", but matches,",
        ),
        ("hero,0,,1,1\n".to_owned(), "line 2 of"),
    ] {
        let folder = folder();
        let counts = format!("kind,hero,other,games,wins\n{counts}");
        let output = estimate_counts(folder.path(), &counts);
        assert_eq!(output.status.code(), Some(70), "{counts}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.contains("counts.csv"), "{said}");
    }
}

#[test]
fn games_tell_how_good_accounts_are() {
    let folder = folder();
    // Of 300 accounts the first one wins nine of ten games, the others every second one.
    let mut games = String::new();
    for account in (1..=300).rev() {
        for game in 0..20 {
            let won = if account == 1 {
                game % 10 > 0
            } else {
                game % 2 > 0
            };
            let line = format!("{account},{},0.5,{}\n", 7 + game % 2, u8::from(won));
            games.push_str(&line);
        }
    }
    let output = estimate_games(folder.path(), &games);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("300 accounts from 6000 games"), "{said}");

    let written = written(&folder);
    let hero = |account: usize| &written["accounts"][account]["heroes"][0];
    assert_eq!(written["accounts"][0]["account"], 1);
    let played = ["hero", "games", "wins", "expected_wins"].map(|name| &hero(0)[name]);
    assert!(
        played
            .iter()
            .zip([7.0, 10.0, 8.0, 5.0])
            .all(|(it, is)| it.as_f64() == Some(is)),
        "{written}"
    );
    let skill = |account| hero(account)["account"].as_f64().expect("a number");
    assert!(skill(0) > skill(1), "{written}");
    assert!(
        written["prior_sd"]["account"].as_f64() > Some(0.0),
        "{written}"
    );

    // Few accounts do not tell how far skills spread, so it is taken for granted.
    let output = estimate_games(folder.path(), "9,7,0.5,1\n9,7,0.6,0\n");
    assert!(output.status.success(), "{output:?}");
    let written = self::written(&folder);
    let spread = ["account", "hero"].map(|of| written["prior_sd"][of].as_f64());
    assert_eq!(spread, [Some(0.11), Some(0.18)]);
}

#[test]
fn games_that_cannot_be_are_refused_with_their_line() {
    for (games, words) in [
        ("1,7,0.5,1\n1,7,1,1\n", "line 3 of"),
        ("1,7,1,1\n", "a chance between 0 and 1"),
        ("1,7,NaN,1\n", "a chance between 0 and 1"),
        ("1,7,0.5,2\n", "won is 2, but 0 or 1 is expected"),
        ("0,7,0.5,1\n", "column account"),
        ("1,0,0.5,1\n", "column hero"),
    ] {
        let folder = folder();
        let output = estimate_games(folder.path(), games);
        assert_eq!(output.status.code(), Some(70), "{games}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{words}: {said}");
        assert!(!folder.path().join("estimates.json").exists());
    }
}

#[test]
fn drafts_are_fitted_jointly_where_that_is_wanted() {
    let folder = folder();
    // Heroes 1 and 2 only ever play together: counts say of both what one of them does.
    let matches: Vec<_> = (0..400)
        .map(|id| {
            let (other, won) = (11 + id % 7, u8::from(id % 4 != 0));
            format!("{id},{won},1,2,3,4,5,6,7,8,9,{other}\n")
        })
        .collect();
    let matches = format!("{HEADER}\n{}", matches.concat());
    let output = estimate(folder.path(), &matches);
    assert!(output.status.success(), "{output:?}");
    let from_counts = written(&folder);
    let jointly = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_model-service"))
            .args(["estimate", "--joint"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("the binary can be started")
    };
    let output = jointly(&["--matches", "drafts.csv", "--out", "estimates.json"]);
    assert!(output.status.success(), "{output:?}");
    let joint = written(&folder);
    let strength = |of: &Value, place: usize| of["hero"][place].as_f64().expect("a number");
    assert!(strength(&from_counts, 0) > strength(&joint, 0) && strength(&joint, 0) > 0.0);
    assert_eq!(from_counts["hero_sd"], joint["hero_sd"]);

    let output = jointly(&["--counts", "drafts.csv", "--out", "estimates.json"]);
    assert_eq!(output.status.code(), Some(2), "counts have no drafts");
}
