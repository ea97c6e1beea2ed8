//! The tables as they are promised.

use std::fmt::{Debug, Write as _};

use contracts::warehouse::{
    BackfillRow, BackfillState, DayBuildRow, DetailWishRow, DirtyDayRow, HeroDayRow,
    MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow, PairDayRow, PairRow,
    PatchRow, PlayerMatchRow, PositionDayRow, Relation, SideCode, TableRow, WishState, Won,
};
use serde::{Serialize, de::DeserializeOwned};

fn line<R: TableRow>() -> String {
    format!("{}: {}\n", R::TABLE, R::COLUMNS.join(", "))
}

#[test]
fn tables_and_columns_are_as_promised() {
    let tables = [
        line::<MatchRow>(),
        line::<MatchSourceRow>(),
        line::<MatchRankRow>(),
        line::<MatchPlayerRow>(),
        line::<PlayerMatchRow>(),
        line::<MatchPositionRow>(),
        line::<HeroDayRow>(),
        line::<PositionDayRow>(),
        line::<PairDayRow>(),
        line::<PairRow>(),
        line::<PatchRow>(),
        line::<DirtyDayRow>(),
        line::<DayBuildRow>(),
        line::<DetailWishRow>(),
        line::<BackfillRow>(),
    ];
    insta::assert_snapshot!("tables", tables.concat());
}

#[test]
fn words_have_the_numbers_that_are_promised() {
    fn words<C: Copy + Serialize + DeserializeOwned + PartialEq + Debug>(
        text: &mut String,
        all: &[C],
        as_str: fn(C) -> &'static str,
    ) {
        for code in all {
            let number = serde_json::to_string(code).expect("it is a number");
            let read: C = serde_json::from_str(&number).expect("it was written");
            assert_eq!(read, *code);
            let word = as_str(*code);
            write!(text, "'{word}'={number} ").expect("a string takes everything");
        }
        assert!(serde_json::from_str::<C>("99").is_err());
        text.push('\n');
    }
    let mut text = String::new();
    words(&mut text, Won::ALL, Won::as_str);
    words(&mut text, SideCode::ALL, SideCode::as_str);
    words(&mut text, Relation::ALL, Relation::as_str);
    words(&mut text, WishState::ALL, WishState::as_str);
    words(&mut text, BackfillState::ALL, BackfillState::as_str);
    insta::assert_snapshot!("codes", text);
}

#[test]
fn a_row_is_written_in_the_order_of_its_columns() {
    let row = DetailWishRow {
        match_id: 7,
        reason: "missing".to_owned(),
        priority: 1,
        attempts: 2,
        state: WishState::GivenUp,
        next_try: 1_742_744_300,
        version: 3,
    };
    let written = serde_json::to_string(&row).expect("it has only plain values");
    assert_eq!(
        written,
        r#"{"match_id":7,"reason":"missing","priority":1,"attempts":2,"state":3,"next_try":1742744300,"version":3}"#
    );
    assert_eq!(
        serde_json::from_str::<DetailWishRow>(&written).ok(),
        Some(row)
    );
}

#[test]
fn nobody_knows_who_won_unless_somebody_said_so() {
    let known = [None, Some(true), Some(false)].map(Won::from);
    assert_eq!(known, [Won::Unknown, Won::Yes, Won::No]);
}
