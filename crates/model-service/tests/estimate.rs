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
    let (matches, out) = (folder.join("drafts.csv"), folder.join("estimates.json"));
    fs::write(&matches, drafts).expect("the folder can be written");
    Command::new(env!("CARGO_BIN_EXE_model-service"))
        .arg("estimate")
        .arg("--matches")
        .arg(matches)
        .arg("--out")
        .arg(out)
        .output()
        .expect("the binary can be started")
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

    let written = fs::read(folder.path().join("estimates.json")).expect("it was written");
    let written: Value = serde_json::from_slice(&written).expect("it is JSON");
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
