//! What the settings name, behind the ports.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use command_kit::VERSION_AND_COMMIT;
use health_kit::{Clock, SystemClock};
use model_application::{
    ports::{AccountReader, AccountScores, CounterReader, LeaderLock, PatchSource},
    runs::{
        AgesMax, HandleParts, Leading, RunEvents, RunOrders, Runner, RunnerParts, Runs,
        RunsDescription, RunsStatus, Standing,
    },
};
use model_clickhouse_adapter::{ClickHouseReader, Limits};
use model_ledger_adapter::SqliteLedger;
use model_openlineage_adapter::Lineage;
use model_redis_adapter::{ContractDocuments, RedisLeaderLock, RedisPublisher, RedisResults};
use model_sqlite_adapter::SqliteReader;
use redis_kit::{KeySpace, ServerKeySpace};

use crate::{accounts::Accounts, lineage, patches::PatchFile, settings::Settings};

/// Redis answers within this, or it is tried again.
pub(crate) const REDIS_DEADLINE: Duration = Duration::from_secs(5);
/// Without a schedule nobody knows how old is too old.
const PERIODS_MAX: u32 = 2;

/// Everything that runs need, put together.
pub struct Parts {
    /// Who is asked for runs.
    pub runs: Arc<Runs>,
    /// Who carries them out.
    pub runner: Arc<Runner>,
    /// What it gets to do.
    pub orders: RunOrders,
    /// Who keeps the lock; none where there is none.
    pub leading: Option<Arc<Leading>>,
    /// What readers see, for the HTTP interface.
    pub publisher: Arc<RedisPublisher>,
    /// Where results go.
    pub redis: Arc<ServerKeySpace>,
    /// The ledger, with the last results.
    pub ledger: Arc<SqliteLedger>,
    /// Who scores an account when somebody asks for it; none where nobody does.
    pub accounts: Option<Arc<dyn AccountScores>>,
    /// Which patches there are.
    pub patches: Arc<dyn PatchSource>,
    /// Who tells of runs; none where nobody is told.
    pub lineage: Option<Lineage>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Settings that are well-formed and cannot work here.
pub type BuildError = anyhow::Error;

impl Parts {
    /// Puts everything together. Taken from the world is the file of the ledger;
    /// Redis and the warehouse may be away.
    ///
    /// # Errors
    /// A setting that cannot work here.
    pub async fn build(settings: &Settings, is_patient: bool) -> Result<Self, BuildError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let file = ledger_file(settings);
        let ledger = SqliteLedger::open(&file, settings.storing.runs_keep);
        let ledger = ledger.await;
        let ledger = ledger.with_context(|| {
            let file = file.display();
            format!("the ledger {file} cannot be opened; DATA_DIR says where it is")
        })?;
        let ledger = Arc::new(ledger);
        let readers = readers(settings, &clock)?;
        let redis = Arc::new(ServerKeySpace::new(&settings.redis, REDIS_DEADLINE));
        let keys: Arc<dyn KeySpace> = redis.clone();
        let status = Arc::new(RunsStatus::new(ages_max(settings, clock.as_ref()), &clock));
        let leading = settings.leader.has_lock.then(|| {
            let lock: Arc<dyn LeaderLock> = Arc::new(RedisLeaderLock::new(Arc::clone(&keys)));
            let life = settings.leader.life;
            let (owner, status) = (owner(settings), Arc::clone(&status));
            Arc::new(Leading::new(lock, owner, life, status, clock.clone()))
        });
        if leading.is_none() {
            status.stands(Standing::Alone);
        }
        let patches: Arc<dyn PatchSource> = Arc::new(PatchFile::new(settings.patches.clone()));
        let run_settings = settings.runs(is_patient);
        let publisher = Arc::new(RedisPublisher::new(
            Arc::clone(&keys),
            settings.storing.redis_expiry,
        ));
        let seen = Arc::new(RedisResults::new(Arc::clone(&keys)));
        let accounts = Accounts::new(settings, readers.accounts, keys);
        let on_demand = accounts.on_demand(&status, seen.clone());
        let parts = RunnerParts {
            reader: readers.counters,
            accounts: accounts.round(),
            patches: Arc::clone(&patches),
            publisher: publisher.clone(),
            documents: Arc::new(ContractDocuments),
            published: seen,
            results: ledger.clone(),
            ledger: ledger.clone(),
            status,
            events: RunEvents::new(),
            clock: Arc::clone(&clock),
            settings_hash: settings_hash(&run_settings),
            settings: run_settings,
        };
        let (runs, orders) = handle(&parts);
        let lineage = lineage::of(settings, &parts.events)?;
        let held = leading.as_ref().map(|leading| leading.held());
        Ok(Self {
            runs,
            runner: Arc::new(Runner::new(parts, held)),
            orders,
            leading,
            publisher,
            redis,
            ledger,
            accounts: on_demand,
            patches,
            lineage,
            clock,
        })
    }
}

/// Who is asked for what these parts do.
fn handle(parts: &RunnerParts) -> (Arc<Runs>, RunOrders) {
    let asked = HandleParts {
        ledger: Arc::clone(&parts.ledger),
        results: Arc::clone(&parts.results),
        status: Arc::clone(&parts.status),
        patches: Arc::clone(&parts.patches),
        clock: Arc::clone(&parts.clock),
        description: RunsDescription {
            program: VERSION_AND_COMMIT.to_owned(),
            settings_hash: parts.settings_hash.clone(),
            skills: parts.settings.skills.clone(),
            modes: parts.settings.modes.clone(),
        },
    };
    Runs::new(asked, parts.events.clone())
}

/// Where the ledger is.
pub(crate) fn ledger_file(settings: &Settings) -> PathBuf {
    settings.storing.folder.join("ledger.db")
}

/// The warehouse, by what is read of it.
pub(crate) struct Readers {
    pub(crate) counters: Arc<dyn CounterReader>,
    pub(crate) accounts: Arc<dyn AccountReader>,
}

impl Readers {
    fn of(reader: Arc<impl CounterReader + AccountReader + 'static>) -> Self {
        Self {
            counters: reader.clone(),
            accounts: reader,
        }
    }
}

/// The warehouse that the settings name.
pub(crate) fn readers(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Readers> {
    if let Some(file) = settings.warehouse.embedded_file() {
        let reader = SqliteReader::new(file, Arc::clone(clock));
        return Ok(Readers::of(Arc::new(reader)));
    }
    let client = warehouse_kit::client(&settings.warehouse);
    let client = client.context("the WAREHOUSE_ settings cannot work")?;
    let limits = Limits {
        read: settings.models.runs.step_timeout,
        ..Limits::default()
    };
    let reader = ClickHouseReader::new(client, limits);
    Ok(Readers::of(Arc::new(reader)))
}

/// Nobody else's, also not that of an earlier process.
fn owner(settings: &Settings) -> String {
    let now = SystemClock.now();
    let id = model_application::ports::RunId::new(now);
    format!("{}-{}-{id}", settings.service_name, std::process::id())
}

fn ages_max(settings: &Settings, clock: &dyn Clock) -> AgesMax {
    let success = settings.models.schedule().and_then(|schedule| {
        let next = schedule.next_after(clock.now())?;
        let period = schedule.next_after(next)?.saturating_since(next);
        Some(PERIODS_MAX * period)
    });
    AgesMax {
        data: settings.models.data_age_max,
        success,
    }
}

/// Tells apart what runs would estimate differently: settings, and programs.
fn settings_hash(settings: &model_application::runs::RunSettings) -> String {
    let text = format!(
        "{VERSION_AND_COMMIT} {:?} {:?} {:?} {} {} {} {} {} {} {:?}",
        settings.patches,
        settings.skills,
        settings.modes,
        settings.window_days,
        settings.half_life_days,
        settings.holdout,
        settings.is_joint,
        settings.matches_min,
        settings.level,
        settings.rules,
    );
    model_application::runs::fingerprint(&text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use model_application::runs::RunSettings;
    use service_kit::config::ServiceSettings as _;

    use super::settings_hash;
    use crate::settings::Settings;

    #[test]
    fn what_runs_estimate_otherwise_has_another_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let nothing: [(std::ffi::OsString, std::ffi::OsString); 0] = [];
        let loaded = Settings::load(&[], None, nothing, Path::new(folder.path()));
        let usual = loaded.expect("nothing is needed").settings.runs(true);
        let joint = RunSettings {
            is_joint: !usual.is_joint,
            ..usual.clone()
        };
        let patient = RunSettings {
            is_patient: !usual.is_patient,
            ..usual.clone()
        };
        assert_ne!(settings_hash(&joint), settings_hash(&usual));
        assert_eq!(settings_hash(&patient), settings_hash(&usual));
    }
}
