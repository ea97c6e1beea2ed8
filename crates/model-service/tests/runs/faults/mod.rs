//! Faults that are really there, one after the other: an operator learns of each, with its
//! cause and what to do, from the health that the page shows, from what it shows of runs,
//! and from `doctor`.

mod plant;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use domain::Day;

use self::plant::{DAYS, Plant, Shown};

#[tokio::test(flavor = "multi_thread")]
async fn each_planted_fault_is_named_with_its_cause_and_what_to_do() -> Result<()> {
    let mut plant = Plant::start().await?;
    never_ran(&plant).await?;
    clickhouse_is_dead(&plant).await?;
    a_table_is_missing(&plant).await?;
    a_run_has_failed(&plant).await?;
    redis_is_dead(&plant).await?;
    nobody_leads(&plant).await?;
    counters_are_old(&plant).await?;
    a_run_is_held(&plant).await?;
    the_schedule_is_wrong(&plant).await?;
    let (mut service, _) = plant.running.take().context("it runs")?;
    service.signal("TERM")?;
    ensure!(service.exit_code().await? == 0);
    Ok(())
}

async fn never_ran(plant: &Plant) -> Result<()> {
    let shown = Shown {
        health: (
            "last_run",
            &[
                "no run has ended yet",
                "the next one begins in",
                "`run-once`",
            ],
        ),
        doctor: (
            "last_run",
            &["no run has ended yet", "MODEL_SCHEDULE", "`run-once`"],
        ),
    };
    plant.is_shown("no run", &shown).await?;
    let runs = plant.runs_shown().await?;
    ensure!(
        runs["last_ended"].is_null() && runs["last_success"].is_null(),
        "{runs}"
    );
    plant.runs(0).await?;
    plant.is_well("the first run").await
}

async fn clickhouse_is_dead(plant: &Plant) -> Result<()> {
    let published = plant.published().await?;
    plant.engine.kill()?;
    let shown = Shown {
        health: (
            "clickhouse",
            &["start ClickHouse", "WAREHOUSE_URL", "stays as it is"],
        ),
        doctor: ("warehouse", &["start ClickHouse", "WAREHOUSE_URL"]),
    };
    plant.is_shown("ClickHouse is dead", &shown).await?;
    plant.runs(69).await?;
    let shown = Shown {
        health: (
            "last_run",
            &[
                "has failed at the step read",
                "start ClickHouse",
                "`runs show",
            ],
        ),
        doctor: (
            "last_run",
            &[
                "has failed at the step read",
                "start ClickHouse",
                "`runs show",
            ],
        ),
    };
    plant.is_shown("a run without ClickHouse", &shown).await?;
    let runs = plant.runs_shown().await?;
    let cause = &runs["last_ended"]["failure"]["cause"];
    ensure!(
        cause
            .as_str()
            .is_some_and(|cause| cause.contains("start ClickHouse")),
        "{runs}"
    );
    ensure!(plant.published().await? == published, "it stays as it is");
    plant.engine.restart().await?;
    // The run that could not read is made up for.
    plant.is_well("ClickHouse's return").await
}

async fn a_table_is_missing(plant: &Plant) -> Result<()> {
    plant.sql("RENAME TABLE $.pair_days TO $.gone").await?;
    let shown = Shown {
        health: (
            "clickhouse",
            &[
                "no table pair_days",
                "`etl-service migrate`",
                "stays as it is",
            ],
        ),
        doctor: (
            "warehouse",
            &["no table pair_days", "`etl-service migrate`"],
        ),
    };
    plant.is_shown("a table is missing", &shown).await?;
    plant.runs(69).await?;
    let shown = Shown {
        health: (
            "last_run",
            &["at the step read", "pair_days", "`etl-service migrate`"],
        ),
        doctor: (
            "last_run",
            &["at the step read", "pair_days", "`etl-service migrate`"],
        ),
    };
    plant.is_shown("a run without a table", &shown).await?;
    plant.sql("RENAME TABLE $.gone TO $.pair_days").await?;
    plant.is_well("the table's return").await
}

async fn a_run_has_failed(plant: &Plant) -> Result<()> {
    let change = |sign: char| {
        format!(
            "ALTER TABLE $.day_builds UPDATE matches = matches {sign} 1 WHERE true \
             SETTINGS mutations_sync = 2"
        )
    };
    plant.sql(&change('+')).await?;
    plant.runs(70).await?;
    let shown = Shown {
        health: (
            "last_run",
            &["has failed at the step check", "etl-service", "`runs show"],
        ),
        doctor: (
            "last_run",
            &["has failed at the step check", "etl-service", "`runs show"],
        ),
    };
    plant.is_shown("a run that has failed", &shown).await?;
    plant.sql(&change('-')).await?;
    plant.runs(0).await?;
    plant.is_well("a run that has not").await
}

async fn redis_is_dead(plant: &Plant) -> Result<()> {
    plant.redis.kill()?;
    let shown = Shown {
        health: ("redis", &["start Redis", "REDIS_URL"]),
        doctor: ("redis", &["start Redis", "REDIS_URL"]),
    };
    plant.is_shown("Redis is dead", &shown).await?;
    let shown = Shown {
        health: (
            "leader",
            &["nothing is published", "start Redis", "REDIS_URL"],
        ),
        doctor: ("redis.publishing", &["start Redis", "REDIS_URL"]),
    };
    plant.is_shown("nobody can say who leads", &shown).await?;
    let runs = plant.runs_shown().await?;
    ensure!(runs["leader"]["standing"] == "away", "{runs}");
    // It comes back empty.
    plant.redis.restart().await?;
    plant.is_well("Redis' return").await?;
    plant.runs(0).await?;
    ensure!(plant.published().await?.is_some());
    Ok(())
}

async fn nobody_leads(plant: &Plant) -> Result<()> {
    const LOCK: &str = "models:leader";
    const WORDS: &[&str] = &[
        LOCK,
        "somebody-who-is-gone",
        "never ends",
        "remove that key",
    ];
    plant
        .redis
        .ask::<()>(&["SET", LOCK, "somebody-who-is-gone"])
        .await?;
    let shown = Shown {
        health: ("leader", WORDS),
        doctor: ("leader", WORDS),
    };
    plant.is_shown("nobody leads", &shown).await?;
    let runs = plant.runs_shown().await?;
    let reason = runs["leader"]["reason"].as_str().context("a reason")?;
    ensure!(reason.contains("remove that key"), "{runs}");
    let refused = plant.command(&["run-once"], &[]).await?;
    ensure!(refused.exit_code == Some(69), "{refused:?}");
    plant.redis.ask::<()>(&["DEL", LOCK]).await?;
    plant.is_well("the lock's end").await
}

async fn counters_are_old(plant: &Plant) -> Result<()> {
    let newest = plant.first_day + 2;
    let delete = format!(
        "ALTER TABLE $.day_builds DELETE WHERE toUInt16(day) > {newest} SETTINGS mutations_sync = 2"
    );
    plant.sql(&delete).await?;
    let shown = Shown {
        health: (
            "data_age",
            &["hours ago", "MODEL_DATA_MAX_AGE", "etl-service"],
        ),
        doctor: (
            "data_age",
            &["hours ago", "MODEL_DATA_MAX_AGE", "etl-service"],
        ),
    };
    plant.is_shown("counters are old", &shown).await?;
    let day = Day::from_days_since_epoch(newest).to_string();
    let runs = plant.runs_shown().await?;
    ensure!(runs["data"]["newest_day"] == *day, "{runs}");
    plant.play(3..DAYS, |won| won).await?;
    plant.is_well("newer counters").await
}

async fn a_run_is_held(plant: &Plant) -> Result<()> {
    const WORDS: &[&str] = &["is held at the step judge", "log loss", "`runs publish"];
    plant.play(0..DAYS - 1, |won| !won).await?;
    plant.runs(75).await?;
    let shown = Shown {
        health: ("last_run", WORDS),
        doctor: ("last_run", WORDS),
    };
    plant.is_shown("a run is held", &shown).await?;
    let runs = plant.runs_shown().await?;
    ensure!(runs["last_ended"]["state"] == "held", "{runs}");
    let id = runs["last_ended"]["run"].as_str().context("an id")?;
    let publish = plant.command(&["runs", "publish", id], &[]).await?;
    ensure!(publish.exit_code == Some(0), "{publish:?}");
    // What was published fits the days that were held out even less: that is said too.
    let (is_healthy, reason) = plant.health("last_run").await?;
    ensure!(is_healthy, "{reason}");
    Ok(())
}

/// Where it shows is where it is read: nothing starts with it.
async fn the_schedule_is_wrong(plant: &Plant) -> Result<()> {
    for line in ["61 * * * *", "hourly", "17 */6 * *", "0 0 30 2 *"] {
        for command in ["run", "validate", "doctor"] {
            let wrong = [("MODEL_SCHEDULE", line), ("API_PORT", "0")];
            let said = plant.command(&[command], &wrong).await?;
            let text = format!("{}{}", said.stdout, said.stderr);
            for word in ["MODEL_SCHEDULE", line, "five fields", "environment"] {
                ensure!(text.contains(word), "{command}: {word}: {text}");
            }
            ensure!(said.exit_code == Some(78), "{command}: {said:?}");
            ensure!(
                said.took < Duration::from_secs(2),
                "{command}: {:?}",
                said.took
            );
            if command == "doctor" {
                println!("{}", said.stderr.trim());
            }
        }
    }
    Ok(())
}
