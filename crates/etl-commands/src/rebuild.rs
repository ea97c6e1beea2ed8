//! `rebuild`: days are built again, by whoever runs.
//!
//! The days are marked dirty, so a service that runs beside builds them too;
//! two builders do each other no harm.

use std::sync::Arc;

use anyhow::Context as _;
use command_kit::{complain, say};
use health_kit::{Clock, SystemClock};
use service_kit::exit_code::ExitCode;

use crate::{DaysToBuild, settings::Settings, warehouse::Warehouse};

/// More days at a time are a mistake in the year.
const DAYS_MAX: usize = 10_000;

pub(crate) async fn run(settings: &Settings, days: DaysToBuild) -> ExitCode {
    match rebuild(settings, days).await {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::Unavailable
        }
    }
}

async fn rebuild(settings: &Settings, DaysToBuild { from, to }: DaysToBuild) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let warehouse = Warehouse::open(settings, &clock).await?;
    let known = warehouse.counters.days(from, to).await?;
    anyhow::ensure!(
        known.len() <= DAYS_MAX,
        "{} days from {from} to {to} have facts, and at most {DAYS_MAX} are built in one go",
        known.len()
    );
    let days = known.iter().map(|state| state.day).collect();
    warehouse.facts.mark_dirty(&days).await?;
    for (nth, day) in days.iter().enumerate() {
        let built = warehouse
            .counters
            .build_day(*day, &settings.counters.rules, &settings.counters.patches)
            .await
            .with_context(|| format!("{day} was not built"))?;
        say(format_args!(
            "{day}: {} matches, {} counted ({} of {})",
            built.matches,
            built.counted,
            nth + 1,
            days.len()
        ));
    }
    if days.is_empty() {
        say(format_args!("no day from {from} to {to} has facts"));
    }
    warehouse.close().await;
    Ok(())
}
