//! A month of details by call, in paused time: the real worker, adapter and
//! client between a warehouse in memory and a simulated upstream. Processes die
//! at any await and are started again, calls go wrong, for four days nobody
//! answers. No limit is ever passed, and every wish ends.

mod far;
mod month;
mod transport;

use month::{Month, Plan, Planted, Verdict};

#[test]
fn a_month_with_others_on_the_address_stays_within_their_reserve() {
    let verdict = Month::pass(Plan {
        seed: 1,
        days: 30,
        matches_an_hour: 48,
        reserve_percent: 30,
        others_a_day: 300,
        planted: None,
    });
    check(&verdict);
    assert!(verdict.calls > 40_000, "{verdict:?}");
}

#[test]
fn without_a_reserve_no_limit_is_passed_either() {
    let verdict = Month::pass(Plan {
        seed: 2,
        days: 10,
        matches_an_hour: 48,
        reserve_percent: 0,
        others_a_day: 0,
        planted: None,
    });
    check(&verdict);
}

#[test]
fn an_attempt_that_is_counted_for_html_is_found() {
    let verdict = Month::pass(Plan {
        seed: 2,
        days: 5,
        matches_an_hour: 1,
        reserve_percent: 0,
        others_a_day: 0,
        planted: Some(Planted::HtmlIsAnAttempt),
    });
    assert!(verdict.given_up_although_known > 0, "{verdict:?}");
}

#[test]
fn an_attempt_that_is_not_counted_for_404_is_found() {
    let verdict = Month::pass(Plan {
        seed: 2,
        days: 5,
        matches_an_hour: 1,
        reserve_percent: 0,
        others_a_day: 0,
        planted: Some(Planted::NotFoundIsNoAttempt),
    });
    assert!(verdict.waiting > 0, "{verdict:?}");
}

fn check(verdict: &Verdict) {
    let expected = Verdict {
        limited: 0,
        waiting: 0,
        given_up_although_known: 0,
        fetched_although_unknown: 0,
        fetched_and_not_stored: 0,
        ..*verdict
    };
    assert_eq!(*verdict, expected);
    assert!(verdict.starts > 20, "{verdict:?}");
}
