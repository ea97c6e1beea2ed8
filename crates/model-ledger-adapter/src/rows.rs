//! Runs and steps as rows.

use domain::Timestamp;
use model_application::ports::{Failure, Run, RunId, RunState, RunStep, StepName, Trigger};
use sqlx::{
    Row as _, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments, sqlite::SqliteRow,
};

const WRITE_RUN: &str = "\
    INSERT INTO runs (id, state, run_trigger, run_by, queued_at, started_at, ended_at, program, \
        settings_hash, counts_hash, figures, failed_step, failed_cause) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, run_trigger = excluded.run_trigger, \
        run_by = excluded.run_by, queued_at = excluded.queued_at, \
        started_at = excluded.started_at, ended_at = excluded.ended_at, \
        program = excluded.program, settings_hash = excluded.settings_hash, \
        counts_hash = excluded.counts_hash, figures = excluded.figures, \
        failed_step = excluded.failed_step, failed_cause = excluded.failed_cause";
const REMOVE_STEPS: &str = "DELETE FROM steps WHERE run = $1";
const WRITE_STEP: &str = "\
    INSERT INTO steps (run, number, name, attempt, started_at, ended_at, row_count, detail) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const STEPS: &str = "SELECT * FROM steps WHERE run = $1 ORDER BY number";

/// Writes a run with its steps over what there is of it.
pub(crate) async fn write(connection: &mut SqliteConnection, run: &Run) -> Result<(), sqlx::Error> {
    let id = run.id.to_string();
    bound_run(run, &id).execute(&mut *connection).await?;
    let removed = sqlx::query(REMOVE_STEPS).bind(&id);
    removed.execute(&mut *connection).await?;
    for (number, step) in (1_i64..).zip(&run.steps) {
        let written = sqlx::query(WRITE_STEP)
            .bind(&id)
            .bind(number)
            .bind(step.name.as_str())
            .bind(step.attempt)
            .bind(step.started_at.as_unix_ms())
            .bind(step.ended_at.map(Timestamp::as_unix_ms))
            .bind(i64::try_from(step.rows).unwrap_or(i64::MAX))
            .bind(&*step.detail);
        written.execute(&mut *connection).await?;
    }
    Ok(())
}

fn bound_run<'q>(run: &'q Run, id: &'q str) -> Query<'q, Sqlite, SqliteArguments> {
    let failure = run.failure.as_ref();
    sqlx::query(WRITE_RUN)
        .bind(id)
        .bind(run.state.as_str())
        .bind(run.trigger.as_str())
        .bind(run.by.as_deref())
        .bind(run.queued_at.as_unix_ms())
        .bind(run.started_at.map(Timestamp::as_unix_ms))
        .bind(run.ended_at.map(Timestamp::as_unix_ms))
        .bind(&*run.program)
        .bind(&*run.settings_hash)
        .bind(run.counts_hash.as_deref())
        .bind(run.figures.as_deref())
        .bind(failure.map(|failure| failure.step.as_str()))
        .bind(failure.map(|failure| &*failure.cause))
}

/// A run of its row, with its steps.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
) -> Result<Run, sqlx::Error> {
    let id: String = row.try_get("id")?;
    let steps = sqlx::query(STEPS).bind(&id).fetch_all(connection).await?;
    let failed_step: Option<String> = row.try_get("failed_step")?;
    let failure = match failed_step {
        Some(step) => Some(Failure {
            step: known(&step, StepName::of)?,
            cause: row.try_get("failed_cause")?,
        }),
        None => None,
    };
    Ok(Run {
        id: run_id(&id)?,
        state: state(row)?,
        trigger: known(row.try_get("run_trigger")?, Trigger::of)?,
        by: row.try_get("run_by")?,
        queued_at: Timestamp::from_unix_ms(row.try_get("queued_at")?),
        started_at: time(row, "started_at")?,
        ended_at: time(row, "ended_at")?,
        program: row.try_get("program")?,
        settings_hash: row.try_get("settings_hash")?,
        counts_hash: row.try_get("counts_hash")?,
        figures: row.try_get("figures")?,
        failure,
        steps: steps.iter().map(read_step).collect::<Result<_, _>>()?,
    })
}

pub(crate) fn state(row: &SqliteRow) -> Result<RunState, sqlx::Error> {
    known(row.try_get("state")?, RunState::of)
}

pub(crate) fn run_id(text: &str) -> Result<RunId, sqlx::Error> {
    known(text, RunId::of)
}

fn read_step(row: &SqliteRow) -> Result<RunStep, sqlx::Error> {
    let rows: i64 = row.try_get("row_count")?;
    Ok(RunStep {
        name: known(row.try_get("name")?, StepName::of)?,
        attempt: row.try_get("attempt")?,
        started_at: Timestamp::from_unix_ms(row.try_get("started_at")?),
        ended_at: time(row, "ended_at")?,
        rows: u64::try_from(rows).unwrap_or_default(),
        detail: row.try_get("detail")?,
    })
}

fn time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    let ms: Option<i64> = row.try_get(column)?;
    Ok(ms.map(Timestamp::from_unix_ms))
}

/// What a text means; a row may hold what no program of ours has written.
fn known<T>(text: &str, of: fn(&str) -> Option<T>) -> Result<T, sqlx::Error> {
    let unknown = || sqlx::Error::Decode(format!("{text:?} is not known").into());
    of(text).ok_or_else(unknown)
}
