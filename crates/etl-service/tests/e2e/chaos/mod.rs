//! Real chaos: two instances of the built binary in one group, a real broker
//! and a real warehouse, each killed at random, and the group set back now and
//! then, by a schedule drawn from a seed.
//!
//! At the end facts, counters and dead letters are those that follow from the
//! topics alone. `ETL_KILLS`, `ETL_SEED`, `ETL_LIES` and `ETL_REPORT` make
//! longer runs and other ones; see [`options`].

mod options;
mod schedule;

mod group;
mod lies;
mod parts;
mod stream;

mod facts;
mod report;
mod topics;

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use etl_application::Record;
use etl_test_support::reference::Reference;
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use self::{
    facts::Holdings,
    options::Options,
    parts::Parts,
    report::Report,
    schedule::{Event, Planned, Victim},
    stream::Stream,
};
use crate::compared::Compared;

#[tokio::test(flavor = "multi_thread")]
async fn facts_and_counters_are_those_of_the_topics_whatever_is_killed_and_read_again() -> Result<()>
{
    let options = Options::from_environment()?;
    let folder = options.folder().to_owned();
    fs::create_dir_all(&folder)?;
    remove_logs(&folder)?;
    let logs_are_kept = || format!("the services' logs are kept in {}", folder.display());
    let report = run(&options).await.with_context(logs_are_kept)?;
    println!("{report}");
    fs::write(&options.report, report.to_string())?;
    assert!(
        report.findings.is_empty(),
        "ETL_SEED={} found {:#?}\n{}",
        options.seed,
        report.findings,
        logs_are_kept()
    );
    remove_logs(&folder)
}

/// Hurts everything by the schedule, lets it heal, and compares.
async fn run(options: &Options) -> Result<Report> {
    let mut report = Report::begin(options.seed);
    let planned = schedule::draw(options.seed, options.kills);
    let mut parts = Parts::start(options).await?;
    report.note(|| "two instances run".to_owned());
    let steps = planned.len() as u64 + 1;
    let stream = Stream::begin(&parts.topics, options.seed, steps)?;
    let mut rng = StdRng::seed_from_u64(options.seed);
    for (nth, event) in planned.into_iter().enumerate() {
        let seed = options.seed.wrapping_add(nth as u64);
        let _lies = lies::tell(&parts.liar, seed, options.lies);
        hurt(&mut parts, event, &mut rng, &mut report).await?;
        stream.step();
    }
    report.records = stream.end().await?;
    parts.let_all_go();
    report.note(|| "nothing is hurt any more".to_owned());

    parts.wait_until_read().await?;
    let records = topics::all_records(&parts.topics)?;
    let reference = Reference::of(&records, &parts.refused);
    parts.wait_until_built(&reference).await?;
    report.note(|| "everything is read and built".to_owned());
    parts.stop_both().await?;
    report.lies = parts.liar.lies_told();
    judge(&parts, &records, &reference, &mut report).await?;
    report.note(|| "everything is compared".to_owned());
    Ok(report)
}

async fn hurt(
    parts: &mut Parts,
    planned: Planned,
    rng: &mut StdRng,
    report: &mut Report,
) -> Result<()> {
    let Planned {
        after,
        event,
        is_recovered_from,
    } = planned;
    sleep(after).await;
    let committed = parts.group.committed();
    report.note(|| event.to_string());
    match event {
        Event::Kill { victim, down } => {
            report.killed(victim);
            match victim {
                Victim::Service(instance) => parts.kill_service(instance, down).await?,
                Victim::Engine => {
                    parts.engine.kill()?;
                    sleep(down).await;
                    parts.engine.restart().await?;
                }
                Victim::EngineAndService(instance) => {
                    parts.engine.kill()?;
                    sleep(down).await;
                    parts.kill_service(instance, Duration::ZERO).await?;
                    parts.engine.restart().await?;
                }
                Victim::Broker => {
                    parts.cluster.kill(0)?;
                    sleep(down).await;
                    parts.cluster.restart(0)?;
                    parts.cluster.wait_until_it_answers().await?;
                }
            }
        }
        Event::Rewind => {
            parts.stop_both().await?;
            let rewound = parts.group.rewind(rng).await?;
            report.rewound(&rewound);
            parts.start_both().await?;
        }
    }
    if is_recovered_from {
        // Of a rewind every position beyond the ones set back is progress.
        let committed = match event {
            Event::Rewind => None,
            Event::Kill { .. } => committed,
        };
        parts.wait_for_progress(committed).await?;
        report.note(|| "the group gets on".to_owned());
    }
    Ok(())
}

async fn judge(
    parts: &Parts,
    records: &[Record],
    reference: &Reference,
    report: &mut Report,
) -> Result<()> {
    let holdings = Holdings {
        engine: &parts.engine,
        database: &parts.database,
    };
    let Compared {
        rows,
        differences,
        differences_count,
        ..
    } = holdings.compare(reference).await?;
    report.rows = rows;
    report.differences = differences_count;
    report.findings.extend(differences);

    let (wrong, letters) = topics::judge_dead_letters(&parts.topics, records, reference)?;
    report.findings.extend(wrong);
    report.dead_letters = (reference.dead_letters.len(), letters);

    let verified = parts.command("verify").await?;
    let agrees = verified.exit_code == Some(0) && verified.stdout.contains(" 0 differences");
    if !agrees {
        report.findings.push(format!("verify: {verified:?}"));
    }
    Ok(())
}

/// Removes the logs of an earlier run, or of one that went well.
fn remove_logs(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("instance-") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
