//! Some hours of the week, in every run of the tests; `just week` has all of it.

use ingestion_simulation::week::{Bug, Plan, Violation, run};

/// As long as the whole of a diary's troubles fits in.
const HOURS: u32 = 3;

#[test]
fn everything_that_is_told_of_is_published_once_whatever_goes_wrong() {
    let report = run(Plan {
        seed: 1,
        hours: HOURS,
        bug: None,
    });
    println!("{report}");
    assert_eq!(report.violations, [], "{report}");
    assert_eq!(report.published, report.exposed);
}

#[test]
fn planted_mistakes_are_found() {
    for bug in Bug::ALL {
        let report = run(Plan {
            seed: 1,
            hours: 1,
            bug: Some(bug),
        });
        let is_it = |violation: &Violation| match bug {
            Bug::PlaceKeptWhenRead | Bug::LateMatchesLeftOut => {
                matches!(violation, Violation::Missing { .. })
            }
            Bug::WindowNotRestored => matches!(violation, Violation::Repeated { .. }),
            Bug::CalledTwice => matches!(violation, Violation::AboveALimit { .. }),
        };
        assert!(report.violations.iter().any(is_it), "{bug:?}: {report}");
    }
}
