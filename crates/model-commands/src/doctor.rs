//! `doctor`: everything the service depends on, tried, and how its last run has ended.

use std::{sync::Arc, time::Duration};

use command_kit::doctor::{Checklist, DoctorArguments, judge_clocks, judge_room};
use domain::{Day, Patches};
use health_kit::{Clock, SystemClock};
use model_application::{
    ports::{
        CounterReader, LeaderLock as _, PatchSource as _, PublishedResults as _, RunId,
        RunLedger as _,
    },
    runs::Verdict,
};
use model_ledger_adapter::SqliteLedger;
use model_redis_adapter::{RedisLeaderLock, RedisResults};
use redis_kit::{Change, Fault, KeySpace, Outcome, ServerKeySpace, Step};
use service_kit::{disk, exit_code::ExitCode};

use crate::{
    parts::{REDIS_DEADLINE, ledger_file, readers},
    patches::PatchFile,
    settings::Settings,
};

/// Longer than any one question may take.
const TIME_MAX: Duration = Duration::from_secs(20);
/// Among so many runs there is one that has ended by itself.
const LOOKED_THROUGH_MAX: usize = 50;
/// What is tried in Redis ends by itself, if this process does not end it.
const TRIAL_LIFE: Duration = Duration::from_mins(1);

/// Tries everything, and tells it.
pub(crate) async fn run(settings: &Settings, arguments: DoctorArguments) -> ExitCode {
    let mut list = Checklist::new(arguments);
    let right = async { Ok::<_, String>("they are right; `validate` shows them".to_owned()) };
    list.check("settings", TIME_MAX, right).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let newest = warehouse(&mut list, settings, &clock).await;
    let keys = redis(&mut list, settings, &*clock).await;
    leader(&mut list, settings, keys.clone()).await;
    last_run(&mut list, settings, keys).await;
    let folder = settings.storing.folder.clone();
    let room = async {
        // What is not there yet is made on the same disk as what it is made in.
        let there = folder.ancestors().find(|folder| folder.exists());
        let there = there.unwrap_or_else(|| std::path::Path::new("."));
        let space = disk::space(there).map_err(|error| format!("{}: {error}", there.display()))?;
        judge_room(
            &format!("the disk of DATA_DIR, {}", folder.display()),
            space,
        )
    };
    list.check("disk", TIME_MAX, room).await;
    match newest {
        Some(day) => {
            let patches = PatchFile::new(settings.patches.clone());
            let judged = async {
                let patches = patches.patches().await.map_err(|error| error.to_string())?;
                judge_patches(&patches, day)
            };
            list.check("patches", TIME_MAX, judged).await;
        }
        None => list.skip("patches", "no day has counters to compare with"),
    }
    list.conclude()
}

/// Login, tables and columns, the newest day, the clock; gives the newest day.
async fn warehouse(
    list: &mut Checklist,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Option<Day> {
    let mut tried = None;
    let trial = async {
        let reader: Arc<dyn CounterReader> = readers(settings, clock)
            .map_err(|error| format!("{error:#}"))?
            .counters;
        let trial = reader.check().await.map_err(|error| error.to_string())?;
        let found = format!("{}: every table and column is there", trial.place);
        tried = Some(trial);
        Ok::<_, String>(found)
    };
    list.check("warehouse", TIME_MAX, trial).await;
    let Some(trial) = tried else {
        for name in ["data_age", "warehouse.clock"] {
            list.skip(name, "the warehouse cannot be read");
        }
        return None;
    };
    let now = clock.now();
    let age_max = settings.models.data_age_max;
    let age = async { judge_age(trial.newest_day, Day::of(now), age_max) };
    list.check("data_age", TIME_MAX, age).await;
    let ahead = trial.now.as_unix_ms() - now.as_unix_ms();
    let clocks = async { judge_clocks(ahead) };
    list.check("warehouse.clock", TIME_MAX, clocks).await;
    trial.newest_day
}

fn judge_age(newest: Option<Day>, today: Day, age_max: Duration) -> Result<String, String> {
    let Some(newest) = newest else {
        return Err(
            "no day has counters; look whether etl-service loads and builds days".to_owned(),
        );
    };
    let days = i64::from(today.days_since_epoch()) - i64::from(newest.days_since_epoch());
    let hours = u64::try_from((days - 1).max(0)).unwrap_or_default() * 24;
    if hours * 3600 > age_max.as_secs() {
        return Err(format!(
            "the newest counters are of {newest}, which ended {hours} hours ago or more, more than \
             MODEL_DATA_MAX_AGE; look whether etl-service loads and builds days"
        ));
    }
    Ok(format!("the newest counters are of {newest}"))
}

fn judge_patches(patches: &Patches, newest: Day) -> Result<String, String> {
    let Some(last) = patches.iter().last() else {
        return Err("the list of patches is empty".to_owned());
    };
    let began = Day::of(last.since);
    if began > newest {
        return Err(format!(
            "the newest patch of the list, {}, began on {began}, and the newest counters are of \
             {newest}: nothing can be computed of it before etl-service has counted matches of it",
            last.name
        ));
    }
    Ok(format!("the newest is {}, of {began}", last.name))
}

/// Login and mode, how it throws keys away, the rights that publishing needs, the clock;
/// gives the keys, if publishing is possible.
async fn redis(
    list: &mut Checklist,
    settings: &Settings,
    clock: &dyn Clock,
) -> Option<Arc<dyn KeySpace>> {
    let keys = ServerKeySpace::new(&settings.redis, REDIS_DEADLINE);
    let place = keys.server().place().to_string();
    let mut ahead_ms = None;
    let answers = async {
        match keys.server().state().await {
            Ok(state) => {
                ahead_ms = state.now_ms.map(|now| now - clock.now().as_unix_ms());
                match state.flaw() {
                    Some(flaw) => Err(format!("{place}: {flaw}")),
                    None => Ok(format!(
                        "{place} answers, version {}, maxmemory-policy {}",
                        state.version.as_deref().unwrap_or("unknown"),
                        state.eviction_policy.as_deref().unwrap_or("unknown"),
                    )),
                }
            }
            // Not everybody may ask a server about itself.
            Err(error) if error.fault() == Fault::Denied => Ok(format!(
                "{place} answers, and does not say how it is set: {error}"
            )),
            Err(error) => Err(error.to_string()),
        }
    };
    list.check("redis", TIME_MAX, answers).await;
    let rights = async { publish_nothing(&keys, clock).await };
    let may_publish = list.check("redis.publishing", TIME_MAX, rights).await;
    match ahead_ms {
        Some(ahead) => {
            let clocks = async { judge_clocks(ahead) };
            list.check("redis.clock", TIME_MAX, clocks).await;
        }
        None => list.skip("redis.clock", "the server does not say what time it is"),
    }
    may_publish.then(|| Arc::new(keys) as Arc<dyn KeySpace>)
}

/// Who may publish, and whether that can change.
async fn leader(list: &mut Checklist, settings: &Settings, keys: Option<Arc<dyn KeySpace>>) {
    let Some(keys) = keys else {
        list.skip("leader", "the lock is kept in Redis, which cannot be used");
        return;
    };
    if !settings.leader.has_lock {
        list.skip(
            "leader",
            "LEADER_LOCK is none: there must be one instance only",
        );
        return;
    }
    let asked = async {
        let leader = RedisLeaderLock::new(keys).leader().await;
        let leader = leader.map_err(|error| error.to_string())?;
        Ok::<_, String>(match leader {
            Some(leader) => format!("{leader} is the leader"),
            None => "nobody has the lock; an instance that starts takes it".to_owned(),
        })
    };
    list.check("leader", TIME_MAX, asked).await;
}

/// How the last run has ended, as the ledger beside the service has it.
async fn last_run(list: &mut Checklist, settings: &Settings, keys: Option<Arc<dyn KeySpace>>) {
    let file = ledger_file(settings);
    if !file.exists() {
        let none = format!(
            "there is no ledger {} yet: the service makes it, and begins a run by MODEL_SCHEDULE \
             and MODEL_RUN_ON_START; `run-once` begins one at once",
            file.display()
        );
        list.skip("last_run", none);
        return;
    }
    let looked = async {
        let ledger = SqliteLedger::open(&file, settings.storing.runs_keep).await;
        let ledger = ledger.map_err(|error| format!("{}: {error}", file.display()))?;
        let runs = ledger.runs(LOOKED_THROUGH_MAX, None).await;
        ledger.close().await;
        let runs = runs.map_err(|error| error.to_string())?;
        match runs.iter().find_map(Verdict::of) {
            Some(Verdict {
                is_good: true,
                said,
            }) => Ok(said),
            Some(verdict) => Err(verdict.said),
            None => match keys {
                Some(keys) if is_published(keys.clone()).await => {
                    Ok("no run has ended here; another instance's is published".to_owned())
                }
                _ => Err(
                    "no run has ended yet, so readers find nothing; see MODEL_SCHEDULE and \
                          MODEL_RUN_ON_START, or begin one with `run-once`"
                        .to_owned(),
                ),
            },
        }
    };
    list.check("last_run", TIME_MAX, looked).await;
}

async fn is_published(keys: Arc<dyn KeySpace>) -> bool {
    let index = RedisResults::new(keys).index().await;
    index.is_ok_and(|index| index.is_some())
}

/// Puts a key aside, moves it as a switch does, by a script, and removes it.
async fn publish_nothing(keys: &ServerKeySpace, clock: &dyn Clock) -> Result<String, String> {
    let id = RunId::new(clock.now());
    let (from, to) = (
        format!("staging:{id}:doctor"),
        format!("staging:{id}:moved"),
    );
    let said = |error: redis_kit::RedisError| {
        format!("{error}; publishing needs SET, RENAME, EXPIRE, DEL, MGET and EVALSHA on our keys")
    };
    let values = [(from.clone(), bytes::Bytes::from_static(b"{}"))];
    keys.set_many(&values, Some(TRIAL_LIFE))
        .await
        .map_err(said)?;
    let rename = Step::Rename {
        from,
        to: to.clone(),
        expiry: Some(TRIAL_LIFE),
    };
    let change = Change {
        guard: None,
        steps: vec![rename],
    };
    let moved = keys.change(&change).await.map_err(said)?;
    let seen = keys.get(&to).await.map_err(said)?;
    keys.delete(&[to]).await.map_err(said)?;
    if moved != Outcome::Made || seen.is_none() {
        return Err("a key that was moved was gone: does another program remove ours?".to_owned());
    }
    Ok("a key can be set aside, moved by a script and removed".to_owned())
}

#[cfg(test)]
mod tests {
    use domain::{Patch, Timestamp};

    use super::*;

    #[test]
    fn counters_may_be_as_old_as_the_settings_say() {
        let age_max = Duration::from_hours(26);
        let today = Day::from_days_since_epoch(20_000);
        let ago = |days| Some(Day::from_days_since_epoch(20_000 - days));
        // Of a day that is not over, of one that is, and of one that ended a day before that.
        for days in [0, 1, 2] {
            let judged = judge_age(ago(days), today, age_max);
            assert!(judged.is_ok_and(|it| it.contains("the newest counters are of")));
        }
        let wrong = judge_age(ago(3), today, age_max).expect_err("it is old");
        let says = ["48 hours", "MODEL_DATA_MAX_AGE", "etl-service"];
        assert!(says.iter().all(|it| wrong.contains(it)), "{wrong}");
        let none = judge_age(None, today, age_max).expect_err("there is none");
        assert!(none.contains("etl-service"), "{none}");
        // A clock that goes after the warehouse's makes nothing old.
        assert!(judge_age(ago(-1), today, age_max).is_ok());
    }

    #[test]
    fn a_list_that_is_newer_than_every_match_is_wrong() {
        let began = Timestamp::from_unix_seconds(1_700_000_000);
        let patch = Patch {
            name: "7.99".to_owned(),
            since: began,
        };
        let patches = Patches::try_new(vec![patch]).expect("it is one");
        let day = Day::of(began);
        let before = Day::from_days_since_epoch(day.days_since_epoch() - 1);
        assert!(judge_patches(&patches, day).is_ok());
        let wrong = judge_patches(&patches, before).expect_err("it is newer");
        assert!(
            wrong.contains("7.99") && wrong.contains("etl-service"),
            "{wrong}"
        );
    }
}
