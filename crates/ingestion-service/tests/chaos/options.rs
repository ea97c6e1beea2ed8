//! What a run is told by its environment.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::schedule::ServiceFault;

/// The seed of a run that names none: CI repeats the same faults each time.
const SEED_DEFAULT: u64 = 20_261;
/// Long enough for every kind of fault, short enough for CI.
const MINUTES_DEFAULT: f64 = 1.0;
/// A day: what one run is counted with is kept in memory.
const MINUTES_MAX: f64 = 24.0 * 60.0;
/// What the service cannot do yet, as `CHAOS_WITHOUT` names it.
const WITHOUT_DEFAULT: &str = "";

/// The settings of a run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// `CHAOS_SEED`: the same seed gives the same schedule.
    pub(crate) seed: u64,
    /// `CHAOS_MINUTES`: how long there are faults; may have a fraction.
    pub(crate) duration: Duration,
    /// `CHAOS_REPORT`: where the report goes; logs of a failed run go beside it.
    pub(crate) report: PathBuf,
    /// What is expected of the service.
    pub(crate) expected: Expected,
}

/// What the service promises; `CHAOS_WITHOUT=journal,exactly_once` takes away from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// It survives `kill -9`, locks its journal, and fills it in an outage.
    pub(crate) journal: bool,
    /// No match is twice in the topic, and a second writer is fenced.
    pub(crate) exactly_once: bool,
}

impl Options {
    /// # Errors
    /// A variable that cannot be understood.
    pub(crate) fn from_environment() -> Result<Self> {
        let minutes = variable("CHAOS_MINUTES")?.unwrap_or(MINUTES_DEFAULT);
        ensure!(
            minutes > 0.0 && minutes <= MINUTES_MAX,
            "CHAOS_MINUTES {minutes} is not above 0 and at most {MINUTES_MAX}"
        );
        let report = env::var_os("CHAOS_REPORT").map_or_else(report_default, PathBuf::from);
        let without = env::var("CHAOS_WITHOUT").unwrap_or_else(|_| WITHOUT_DEFAULT.to_owned());
        Ok(Self {
            seed: variable("CHAOS_SEED")?.unwrap_or(SEED_DEFAULT),
            duration: Duration::from_secs_f64(minutes * 60.0),
            report: std::path::absolute(report)?,
            expected: Expected::without(&without)?,
        })
    }

    /// The folder of the report, where logs are kept.
    pub(crate) fn folder(&self) -> &Path {
        self.report.parent().unwrap_or(Path::new("."))
    }
}

impl Expected {
    fn without(list: &str) -> Result<Self> {
        let mut expected = Self {
            journal: true,
            exactly_once: true,
        };
        for word in list.split(',').filter(|word| !word.is_empty()) {
            match word {
                "journal" => expected.journal = false,
                "exactly_once" => expected.exactly_once = false,
                _ => anyhow::bail!("CHAOS_WITHOUT: {word:?} is neither journal nor exactly_once"),
            }
        }
        Ok(expected)
    }

    /// Whether a fault can be asked of such a service.
    pub(crate) fn allows(self, fault: ServiceFault) -> bool {
        match fault {
            ServiceFault::Terminate | ServiceFault::Freeze(_) => true,
            ServiceFault::Fence => self.journal && self.exactly_once,
            ServiceFault::Kill
            | ServiceFault::SecondInSameFolder
            | ServiceFault::DiskFull(_)
            | ServiceFault::DiskReadOnly
            | ServiceFault::SmallJournal => self.journal,
        }
    }
}

fn variable<T>(name: &str) -> Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    env::var(name)
        .ok()
        .map(|text| text.parse().with_context(|| format!("{name}={text}")))
        .transpose()
}

/// `target/chaos/report.md`.
fn report_default() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target
        .unwrap_or(Path::new("target"))
        .join("chaos/report.md")
}

#[test]
fn what_the_service_cannot_do_is_not_asked_of_it() -> Result<()> {
    let all = Expected::without("")?;
    assert!(all.allows(ServiceFault::Kill) && all.allows(ServiceFault::Fence));
    let repeating = Expected::without("exactly_once")?;
    assert!(repeating.allows(ServiceFault::Kill) && !repeating.allows(ServiceFault::Fence));
    let neither = Expected::without("journal,exactly_once")?;
    assert!(!neither.allows(ServiceFault::Kill) && !neither.allows(ServiceFault::Fence));
    assert!(neither.allows(ServiceFault::Terminate));
    assert!(Expected::without("kafka").is_err());
    Ok(())
}
