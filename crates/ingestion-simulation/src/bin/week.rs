//! Runs a week, or as many hours as are asked for, and shows what came of it.

use std::{env, process::ExitCode};

use ingestion_simulation::week::{Plan, run};

/// A week.
const HOURS: u32 = 7 * 24;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).map(|text| text.parse::<u32>());
    let (hours, seed) = match (arguments.next(), arguments.next()) {
        (None, _) => (HOURS, 1),
        (Some(Ok(hours)), None) => (hours, 1),
        (Some(Ok(hours)), Some(Ok(seed))) => (hours, seed.into()),
        _ => {
            eprintln!("week [HOURS [SEED]]");
            return ExitCode::from(2);
        }
    };
    let report = run(Plan::new(seed, hours));
    println!("{report}");
    if report.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
