//! Some hours of the week, in every run of the tests; `just week` has all of it.

use ingestion_simulation::week::{Bug, Interface, Plan, Violation, run};

/// As long as the whole of a diary's troubles fits in.
const HOURS: u32 = 3;

/// Fewer matches than there are in reality, and lists in proportion.
const PER_SECOND: f64 = 1.5;

fn few(hours: u32, sources: &'static [Interface]) -> Plan {
    Plan {
        per_second: PER_SECOND,
        sources,
        ..Plan::new(1, hours)
    }
}

#[test]
fn everything_that_is_told_of_is_published_once_whatever_goes_wrong() {
    let report = run(few(HOURS, &Interface::ALL));
    println!("{report}");
    assert!(report.violations.is_empty(), "{report}");
    assert_eq!(report.published, report.told);
}

#[test]
fn steam_alone_tells_of_everything() {
    let report = run(Plan {
        per_second: 7.0,
        ..few(HOURS, &[Interface::Steam])
    });
    println!("{report}");
    assert!(report.violations.is_empty(), "{report}");
    assert_eq!(report.published, report.told);
}

#[test]
fn pages_close_the_gaps_of_what_is_pushed() {
    let report = run(few(
        HOURS,
        &[Interface::Stream, Interface::Logs, Interface::Pages],
    ));
    println!("{report}");
    assert!(report.violations.is_empty(), "{report}");
    assert_eq!(report.published, report.told);
}

#[test]
fn what_nobody_can_make_up_for_is_listed() {
    let report = run(few(HOURS, &[Interface::Stream, Interface::Logs]));
    println!("{report}");
    assert!(report.violations.is_empty(), "{report}");
    assert!(report.in_listed_gaps > 0 && report.interruptions_lost > 0);
}

#[test]
fn planted_mistakes_are_found() {
    for bug in Bug::ALL {
        let report = run(Plan {
            bug: Some(bug),
            ..with(bug)
        });
        let is_it = |violation: &Violation| match bug {
            Bug::PlaceKeptWhenRead | Bug::LateMatchesLeftOut | Bug::InterruptionNotNoted => {
                matches!(violation, Violation::Missing { .. })
            }
            Bug::WindowNotRestored => matches!(violation, Violation::Repeated { .. }),
            Bug::CalledTwice | Bug::DayLimitIgnored => {
                matches!(violation, Violation::AboveALimit { .. })
            }
            Bug::ClosedByTheFirstPage => matches!(violation, Violation::ClosedTooEarly { .. }),
            Bug::PagesSkipARow => matches!(violation, Violation::SaidToBeTold { .. }),
        };
        assert!(report.violations.iter().any(is_it), "{bug:?}: {report}");
    }
}

/// What has no second feed to make up for the mistake.
fn with(bug: Bug) -> Plan {
    match bug {
        Bug::PlaceKeptWhenRead
        | Bug::LateMatchesLeftOut
        | Bug::WindowNotRestored
        | Bug::CalledTwice => Plan {
            per_second: 4.0,
            ..few(1, &[Interface::Steam])
        },
        Bug::InterruptionNotNoted => few(2, &[Interface::Logs]),
        Bug::ClosedByTheFirstPage => few(2, &[Interface::Stream, Interface::Pages]),
        Bug::PagesSkipARow => few(2, &[Interface::Pages]),
        Bug::DayLimitIgnored => Plan {
            pages_per_day: Some(60),
            ..few(1, &[Interface::Pages])
        },
    }
}
