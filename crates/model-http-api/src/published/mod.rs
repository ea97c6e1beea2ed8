//! What is published, in memory: read by everybody, refreshed by one task.

mod load;
mod slice;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use contracts::models::{MetaDocument, PatchesDocument};
use domain::Timestamp;
use health_kit::Clock;
use model_application::{Slice, ports::ModelPublisher, runs::RunsStatus};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::slice::keys;
pub use self::{
    load::{LookError, PATCHES_MAX},
    slice::{HeroDocuments, PackedDocuments, SliceModels},
};

/// A look at what has not changed costs one short value.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A look that takes longer is given up, and the next one begins anew.
const LOOK_TIME_MAX: Duration = Duration::from_secs(30);
/// So many bytes of heroes' documents are held, as they are packed: one slice. The rest is read when it is asked
/// for; what scores drafts is held of all slices.
pub const HERO_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What readers see, as it was at the last look.
///
/// It is asked for every two seconds and whenever somebody [says](Self::look_soon)
/// that there is something new. While nobody answers it stays as it is: old is
/// better than none, and every document says how old it is.
pub struct Published {
    publisher: Arc<dyn ModelPublisher>,
    clock: Arc<dyn Clock>,
    now: RwLock<Arc<Snapshot>>,
    hint: Notify,
    hero_bytes_max: usize,
    /// Who has the same models in this process; none where nobody has.
    runs: Option<Arc<RunsStatus>>,
}

/// What was published at one moment.
#[derive(Default)]
pub struct Snapshot {
    /// Which patches there are; `None` as long as nobody knows, or there are none.
    pub index: Option<PatchesDocument>,
    /// Those that are held, the newest first, at most [`PATCHES_MAX`].
    pub patches: Vec<PatchModels>,
    /// When it was seen to be so; `None` before the first time.
    pub seen_at: Option<Timestamp>,
}

/// A patch.
#[derive(Clone)]
pub struct PatchModels {
    /// What is said of it as a whole.
    pub meta: MetaDocument,
    /// Its slices, the most asked for first.
    pub slices: Vec<Arc<SliceModels>>,
}

impl Snapshot {
    /// The patch of this name.
    #[must_use]
    pub fn patch(&self, name: &str) -> Option<&PatchModels> {
        self.patches.iter().find(|it| it.meta.patch == name)
    }

    /// The names of patches, the newest first.
    #[must_use]
    pub fn known(&self) -> Vec<&str> {
        self.patches.iter().map(|it| &*it.meta.patch).collect()
    }
}

impl PatchModels {
    /// The slice of this name.
    #[must_use]
    pub fn slice(&self, name: Slice) -> Option<&Arc<SliceModels>> {
        self.slices.iter().find(|it| it.name == name)
    }
}

impl Published {
    /// Nothing yet; [`run`](Self::run) finds out.
    #[must_use]
    pub fn new(publisher: Arc<dyn ModelPublisher>, clock: Arc<dyn Clock>) -> Self {
        Self::with_hero_bytes_max(publisher, clock, HERO_BYTES_MAX)
    }

    /// The same, with another limit of heroes' documents, in bytes.
    #[must_use]
    pub fn with_hero_bytes_max(
        publisher: Arc<dyn ModelPublisher>,
        clock: Arc<dyn Clock>,
        hero_bytes_max: usize,
    ) -> Self {
        Self {
            publisher,
            clock,
            now: RwLock::default(),
            hint: Notify::new(),
            hero_bytes_max,
            runs: None,
        }
    }

    /// Shares what scores drafts with whoever knows it already in this process, as far
    /// as it is the same.
    #[must_use]
    pub fn sharing(self, runs: Arc<RunsStatus>) -> Self {
        Self {
            runs: Some(runs),
            ..self
        }
    }

    /// As it was at the last look.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&now)
    }

    /// Has it looked at soon: somebody has heard that something was published.
    pub fn look_soon(&self) {
        self.hint.notify_one();
    }

    /// Who is asked for what is not held.
    pub(crate) fn publisher(&self) -> &dyn ModelPublisher {
        &*self.publisher
    }

    /// Keeps looking, until `end`.
    pub async fn run(&self, end: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_known = true;
        let looking = async {
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = self.hint.notified() => {}
                }
                let look = timeout(LOOK_TIME_MAX, self.look()).await;
                let look = look.unwrap_or(Err(LookError::TooSlow(LOOK_TIME_MAX)));
                // Health says how Redis is; here it is told once.
                match &look {
                    Err(error) if was_known => {
                        tracing::warn!(%error, "what is published is not known; readers see what was");
                    }
                    Ok(()) if !was_known => tracing::info!("what is published is known again"),
                    _ => {}
                }
                was_known = look.is_ok();
            }
        };
        end.run_until_cancelled(looking).await;
    }

    /// Looks once.
    ///
    /// # Errors
    /// [`LookError`]; what was known before stays.
    pub async fn look(&self) -> Result<(), LookError> {
        let before = self.snapshot();
        let mut found = load::load(&*self.publisher, &before, self.hero_bytes_max).await?;
        if let Some(runs) = &self.runs {
            share(&mut found, runs);
        }
        found.seen_at = Some(self.clock.now());
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        Ok(())
    }
}

/// Lets go of each model that the process has elsewhere.
fn share(found: &mut Snapshot, runs: &RunsStatus) {
    for patch in &mut found.patches {
        let Some(known) = runs.published(&patch.meta.patch) else {
            continue;
        };
        for slice in &mut patch.slices {
            let Some(known) = known.result.slices.get(&slice.name) else {
                continue;
            };
            let is_shared = Arc::ptr_eq(&known.model, &slice.model);
            if !is_shared && known.model == slice.model {
                let mut shared = SliceModels::clone(slice);
                shared.model = Arc::clone(&known.model);
                *slice = Arc::new(shared);
            }
        }
    }
}
