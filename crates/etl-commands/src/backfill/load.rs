//! Loading a range in this process.

use std::io::{Write as _, stderr, stdout};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use command_kit::lines::LineInput;
use command_kit::{Given, Progress, complain, rfc3339};
use etl_application::backfill::{
    Backfill, BackfillEnd, BackfillFigures, BackfillMeter, BackfillOwner, BackfillRange,
    BackfillStop, BackfillWatcher, Backfiller, BackfillerParts, SequencePart, progress_of,
};
use etl_application::ports::{BackfillOrigins as _, OriginError, Place};
use etl_application::{DeadLetterReason, LoadStatus, backfill};
use health_kit::{Clock, SystemClock};
use service_kit::exit_code::ExitCode;
use tokio_util::sync::CancellationToken;

use super::{OriginArguments, Origins, now};
use crate::{settings::Settings, steam, warehouse::Warehouse};

/// So many records that are not loaded are named, each with its reason.
const NAMED_MAX: u64 = 100;
/// Hardly any match takes longer.
const MATCH_MS_MAX: i64 = 3 * 60 * 60 * 1_000;
/// Within this time Steam tells of matches that appear late.
const LATE_MS_MAX: i64 = 60 * 60 * 1_000;
/// Days that are looked for at the end.
const DAYS_MAX: usize = 1000;

/// All that may wait for files.
pub(super) fn prepare(
    given: &Given,
    origin: &OriginArguments,
) -> Result<(Settings, BackfillRange), ExitCode> {
    let usage = |why: String| {
        complain(why);
        ExitCode::Usage
    };
    let range = origin.range(now()).map_err(usage)?;
    // What is no file of lines is refused before anything is set down.
    if let BackfillRange::File(path) = &range
        && let Err(error) = LineInput::open(Path::new(path))
    {
        return Err(usage(format!("cannot read {path}: {error}")));
    }
    let settings: Settings = given.load_for_command()?;
    if matches!(range, BackfillRange::Steam(_))
        && let Some(obstacle) = steam::obstacle(&settings.steam)
    {
        complain(obstacle);
        return Err(ExitCode::Config);
    }
    Ok((settings, range))
}

/// Loads until the end of the range or until `stop`.
pub(super) async fn run(
    (settings, range): (Settings, BackfillRange),
    stop: &CancellationToken,
) -> ExitCode {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let warehouse = match Warehouse::open(&settings, &clock).await {
        Ok(warehouse) => warehouse,
        Err(error) => return unavailable(&error),
    };
    if let Err(error) = warehouse.refuse_newer().await {
        complain(format_args!("{error:#}"));
        return ExitCode::Config;
    }
    let origins = match Origins::try_new(&settings, &warehouse.calls, &clock) {
        Ok(origins) => origins,
        Err(error) => {
            complain(format_args!("the KAFKA_ settings cannot work: {error}"));
            return ExitCode::Config;
        }
    };
    let loading = Loading {
        backfiller: backfiller(
            &settings,
            &warehouse,
            &Arc::new(LoadStatus::new(&clock)),
            &clock,
        ),
        origins,
        range,
        clock,
    };
    let ended = loading.run(stop).await;
    let ended = match ended {
        Ok(code) => say_dirty_days(&warehouse).await.map(|()| code),
        Err(error) => Err(error),
    };
    let code = ended.unwrap_or_else(|error| unavailable(&error));
    warehouse.close().await;
    code
}

fn unavailable(error: &anyhow::Error) -> ExitCode {
    complain(format_args!("{error:#}"));
    ExitCode::Unavailable
}

/// Who loads, with these settings.
pub(crate) fn backfiller(
    settings: &Settings,
    warehouse: &Warehouse,
    status: &Arc<LoadStatus>,
    clock: &Arc<dyn Clock>,
) -> Backfiller {
    let parts = BackfillerParts {
        facts: Arc::clone(&warehouse.facts),
        store: Arc::clone(&warehouse.backfills),
        status: Arc::clone(status),
        clock: Arc::clone(clock),
    };
    Backfiller::new(parts, settings.backfill())
}

/// What is loaded, and by whom.
struct Loading {
    backfiller: Backfiller,
    origins: Origins,
    range: BackfillRange,
    clock: Arc<dyn Clock>,
}

impl Loading {
    async fn run(&self, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
        let Self {
            backfiller, range, ..
        } = self;
        let begun = backfiller.begin(range, BackfillOwner::Command).await?;
        let at = progress_of(&begun).at;
        let opened = stop
            .run_until_cancelled(self.origins.open(range, &at))
            .await;
        let is_gone = matches!(opened, Some(Err(OriginError::Gone { .. })));
        if is_gone || (at.is_empty() && !matches!(opened, Some(Ok(_)))) {
            // There is nothing to go on with: it has loaded nothing, or what is left is gone.
            backfiller.cancel(begun.id).await?;
        }
        let Some(opened) = opened.transpose()? else {
            let _ = writeln!(stdout(), "stopped before it could begin");
            return Ok(ExitCode::Ok);
        };
        let watcher = Watcher::new(&begun, &self.clock);
        let id = begun.id;
        watcher.say(&if at.is_empty() {
            format!("backfill {id} begins: {range}")
        } else if opened.goes_on() {
            format!("backfill {id} goes on: {range}")
        } else {
            format!("backfill {id} begins anew, for it is not what it was: {range}")
        });
        self.say_what_is_not_over(&watcher);
        let stop = self.stop(stop);
        let ended = backfiller.run(begun, opened, &watcher, &stop).await;
        watcher.close();
        let found = backfiller.store().backfill(id).await?;
        let found = found.with_context(|| format!("backfill {id} is not there any more"))?;
        self.conclude(&ended, &found).await?;
        Ok(match ended {
            BackfillEnd::Failed(_) => ExitCode::Unavailable,
            _ => ExitCode::Ok,
        })
    }

    /// Upstreams tell of matches that have ended.
    fn say_what_is_not_over(&self, watcher: &Watcher) {
        let (span, late_ms) = match &self.range {
            BackfillRange::OpenDota(span) => (span, MATCH_MS_MAX),
            BackfillRange::Steam(SequencePart::Times(span)) => (span, LATE_MS_MAX),
            _ => return,
        };
        let now_ms = self.clock.now().as_unix_ms();
        if span.to.as_unix_ms() > now_ms.saturating_sub(late_ms) {
            watcher.say(
                "matches that are not over are in no page yet; the last hours can be loaded \
                 again later",
            );
        }
    }

    /// The last lines: what became of it, and what to do now.
    async fn conclude(&self, ended: &BackfillEnd, found: &Backfill) -> anyhow::Result<()> {
        let Backfill { id, records, .. } = found;
        let is_cancelled = *ended == BackfillEnd::Stopped && self.range.is_stream();
        if is_cancelled {
            // Nobody can tell whether what comes next time is the same.
            self.backfiller.cancel(*id).await?;
        }
        // Whoever reads may have gone.
        let mut out = stdout();
        let progress = progress_of(found);
        let calls = match progress.calls {
            0 => String::new(),
            calls => format!(", with {calls} calls"),
        };
        let invalid = progress.invalid;
        let _ = writeln!(out, "{records} records loaded, {invalid} not{calls}");
        let _ = match ended {
            BackfillEnd::Finished => Ok(()),
            BackfillEnd::Cancelled => writeln!(out, "backfill {id} was cancelled"),
            BackfillEnd::Failed(why) => writeln!(stderr(), "backfill {id} cannot go on: {why}"),
            BackfillEnd::Stopped if is_cancelled => writeln!(
                out,
                "stopped; what is loaded stays, and all of it again changes nothing"
            ),
            BackfillEnd::Stopped => writeln!(
                out,
                "stopped; to go on: etl-service backfill {}",
                self.flags()
            ),
        };
        Ok(())
    }

    /// A stream ends as a cancelled one: its last batch is not left half loaded.
    fn stop(&self, stop: &CancellationToken) -> BackfillStop {
        let (stop, never) = (stop.clone(), CancellationToken::new());
        let (at_once, after_batch) = if self.range.is_stream() {
            (never, stop)
        } else {
            (stop, never)
        };
        BackfillStop {
            at_once,
            after_batch,
        }
    }

    /// The range as a shell takes it.
    fn flags(&self) -> String {
        match &self.range {
            BackfillRange::File(path) => format!("--file '{}'", path.replace('\'', r"'\''")),
            range => range.to_string(),
        }
    }
}

async fn say_dirty_days(warehouse: &Warehouse) -> anyhow::Result<()> {
    let dirty = warehouse.counters.dirty_days(DAYS_MAX).await?;
    if let (Some(first), Some(last)) = (dirty.first(), dirty.last()) {
        let _ = writeln!(
            stdout(),
            "{} days are to be built, {} to {}: a service that runs does it, and so does \
             `etl-service rebuild`",
            dirty.len(),
            first.day,
            last.day
        );
    }
    Ok(())
}

/// Tells the user.
struct Watcher {
    progress: Mutex<(Progress, u64)>,
    meter: BackfillMeter,
}

impl Watcher {
    fn new(backfill: &Backfill, clock: &Arc<dyn Clock>) -> Self {
        Self {
            progress: Mutex::new((Progress::new(), 0)),
            meter: BackfillMeter::new(backfill.clone(), Arc::clone(clock)),
        }
    }

    fn say(&self, text: &str) {
        self.lock().0.say(text);
    }

    fn close(&self) {
        self.lock().0.close();
    }

    fn lock(&self) -> MutexGuard<'_, (Progress, u64)> {
        // Lines are whole after each step.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BackfillWatcher for Watcher {
    fn rejected(&self, place: Place, reason: DeadLetterReason, detail: &str) {
        let (progress, named) = &mut *self.lock();
        *named += 1;
        match *named {
            ..=NAMED_MAX => progress.say(&format!("{place} is not loaded: {reason}: {detail}")),
            it if it == NAMED_MAX + 1 => progress.say("further ones are counted, and not named"),
            _ => {}
        }
    }

    fn reached(&self, backfill: &Backfill, progress: &backfill::Progress) {
        self.meter.reached(backfill, progress);
        self.lock().0.show(|| said_of(&self.meter.figures()));
    }

    fn waits(&self, why: &str) {
        self.lock().0.say(&format!("waiting: {why}"));
    }
}

/// How far it is, how fast it goes, and until when.
fn said_of(figures: &BackfillFigures) -> String {
    let BackfillFigures {
        records, invalid, ..
    } = figures;
    let so_far = format!("{records} records loaded, {invalid} not");
    let calls = figures.calls;
    let calls = (calls > 0).then(|| format!("{calls} calls"));
    let rate = figures.records_per_second;
    let rate = rate.map(|rate| format!("{rate:.0} a second"));
    let done = figures.done.map(|done| format!("{:.0}%", done * 100.0));
    let end = figures
        .ends_at
        .map(|at| format!("expected end {}", rfc3339(at.as_unix_ms())));
    let parts: Vec<_> = [Some(so_far), calls, rate, done, end]
        .into_iter()
        .flatten()
        .collect();
    parts.join(", ")
}
