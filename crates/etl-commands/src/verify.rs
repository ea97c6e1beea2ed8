//! `verify`: are the counters what the facts say?

use std::sync::Arc;

use command_kit::{complain, say};
use domain::Day;
use health_kit::{Clock, SystemClock};
use service_kit::exit_code::ExitCode;

use crate::{DaysToVerify, settings::Settings, warehouse::Warehouse};

/// How many differences there are, each of them printed.
pub(crate) async fn run(settings: &Settings, days: DaysToVerify) -> Result<usize, ExitCode> {
    verify(settings, days).await.map_err(|error| {
        complain(format_args!("{error:#}"));
        ExitCode::Unavailable
    })
}

async fn verify(settings: &Settings, days: DaysToVerify) -> anyhow::Result<usize> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let warehouse = Warehouse::open(settings, &clock).await?;
    // All that a time of a record can name.
    let from = days.from.unwrap_or(Day::from_days_since_epoch(0));
    let to = days.to.unwrap_or(Day::of(clock.now()).next());
    let known = warehouse.counters.days(from, to).await?;
    let mut found = 0;
    for state in &known {
        let differences = warehouse
            .counters
            .verify_day(
                state.day,
                &settings.counters.rules,
                &settings.counters.patches,
            )
            .await?;
        for one in &differences {
            say(format_args!(
                "{}: {}: expected {}, found {}",
                one.day, one.what, one.expected, one.found
            ));
        }
        found += differences.len();
    }
    say(format_args!(
        "{} days compared, {found} differences",
        known.len()
    ));
    warehouse.close().await;
    Ok(found)
}
