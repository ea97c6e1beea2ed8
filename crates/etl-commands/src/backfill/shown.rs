//! How backfills are, and ending one.

use std::io::{Write as _, stdout};
use std::sync::Arc;

use command_kit::{complain, rfc3339};
use etl_application::LoadStatus;
use etl_application::backfill::{Backfill, CancelError, progress_of};
use health_kit::{Clock, SystemClock};
use service_kit::exit_code::ExitCode;

use super::Action;
use super::load::backfiller;
use crate::settings::Settings;
use crate::warehouse::Warehouse;

/// So many are listed.
const LISTED_MAX: usize = 100;

pub(super) async fn run(settings: &Settings, action: Action) -> ExitCode {
    match show(settings, action).await {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            complain(format_args!("{error:#}"));
            match error.downcast_ref() {
                Some(CancelError::NoSuch(_)) => ExitCode::Usage,
                _ => ExitCode::Unavailable,
            }
        }
    }
}

async fn show(settings: &Settings, action: Action) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let warehouse = Warehouse::open(settings, &clock).await?;
    match action {
        Action::List => {
            let newest = warehouse.backfills.backfills(LISTED_MAX).await?;
            if newest.is_empty() {
                say("there are no backfills");
            }
            newest.iter().for_each(print_line);
        }
        Action::Show { id } => {
            let found = warehouse.backfills.backfill(id).await?;
            print_all(&found.ok_or(CancelError::NoSuch(id))?);
        }
        Action::Cancel { id } => {
            let backfiller = backfiller(
                settings,
                &warehouse,
                &Arc::new(LoadStatus::new(&clock)),
                &clock,
            );
            let ended = backfiller.cancel(id).await?;
            say(&format!("{id} is {}", ended.state.as_str()));
        }
    }
    warehouse.close().await;
    Ok(())
}

fn print_line(backfill: &Backfill) {
    let done = progress_of(backfill).done;
    let done = done.map_or("-".to_owned(), |done| format!("{:.0}%", done * 100.0));
    let Backfill {
        id,
        origin,
        state,
        records,
        ..
    } = backfill;
    let state = state.as_str();
    say(&format!(
        "{id}  {state:9}  {done:>4}  {records:>10} records  {origin}"
    ));
}

fn print_all(backfill: &Backfill) {
    let progress = progress_of(backfill);
    let begun_at = rfc3339(backfill.id.begun_at().as_unix_ms());
    say(&format!("id        {}", backfill.id));
    say(&format!("begun     {begun_at}"));
    say(&format!("origin    {}", backfill.origin));
    say(&format!("state     {}", backfill.state.as_str()));
    say(&format!("owner     {}", progress.owner.as_str()));
    say(&format!("loaded    {}", backfill.records));
    say(&format!("invalid   {}", progress.invalid));
    if progress.calls > 0 {
        say(&format!("calls     {}", progress.calls));
    }
    if let Some(done) = progress.done {
        say(&format!("done      {:.1}%", done * 100.0));
    }
    say(&format!("position  {}", progress.at));
}

/// A line for whoever reads, who may have gone.
fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}
