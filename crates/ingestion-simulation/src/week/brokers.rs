//! What the brokers hold, and how soon it came there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::MatchId;
use ingestion_application::{Checkpoint, SourceName};
use tokio::time::{Instant, sleep};

use crate::week::{
    diary::{Diary, Trouble},
    world::{World, nth},
};

/// A broker's answer takes so long.
const LATENCY: Duration = Duration::from_millis(5);
/// How often one that is away is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// It outlives every process.
pub(crate) struct Brokers {
    diary: Arc<Diary>,
    begun: Instant,
    state: Mutex<State>,
}

pub(crate) struct State {
    /// Of the writer that may write.
    pub(crate) epoch: u64,
    pub(crate) checkpoints: HashMap<SourceName, Checkpoint>,
    /// The topic.
    pub(crate) ids: Vec<MatchId>,
    /// By the place of the match in the world: where it is in the topic, counted
    /// from 1; 0 if it is not.
    places: Vec<u32>,
    exposed_ms: Vec<Option<u32>>,
    pub(crate) books: Books,
}

/// What is to be judged.
#[derive(Debug, Default, Clone)]
pub(crate) struct Books {
    /// Matches of the world in the topic, each once.
    pub(crate) published: usize,
    /// What is there twice, with the records in between.
    pub(crate) repeated: Vec<(MatchId, u32)>,
    /// What nobody has told of.
    pub(crate) invented: Vec<MatchId>,
    /// By source: how long after it was told of each match was there, in milliseconds.
    pub(crate) freshness_ms: BTreeMap<SourceName, Vec<u32>>,
}

impl Brokers {
    pub(crate) fn new(world: &World, diary: Arc<Diary>) -> Arc<Self> {
        let mut exposed_ms = vec![None; world.len()];
        for entry in world.entries() {
            exposed_ms[entry.nth as usize] = entry.exposed_ms();
        }
        Arc::new(Self {
            diary,
            begun: Instant::now(),
            state: Mutex::new(State {
                epoch: 0,
                checkpoints: HashMap::new(),
                ids: Vec::new(),
                places: vec![0; world.len()],
                exposed_ms,
                books: Books::default(),
            }),
        })
    }

    /// Waits until a broker answers.
    pub(crate) async fn reach(&self) {
        sleep(LATENCY).await;
        while self.diary.is(Trouble::KafkaAway, self.now_ms()) {
            sleep(ASK_AGAIN_AFTER).await;
        }
    }

    pub(crate) fn now_ms(&self) -> u32 {
        u32::try_from(self.begun.elapsed().as_millis()).expect("a run takes weeks at most")
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic fails the whole run.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A record more; matches nobody has told of are noted.
    pub(crate) fn append(&mut self, id: MatchId, source: SourceName, now_ms: u32) {
        self.ids.push(id);
        let place = u32::try_from(self.ids.len()).expect("a week has fewer");
        let known = nth(id).filter(|nth| *nth < self.places.len());
        let Some((nth, exposed_ms)) = known.and_then(|nth| Some((nth, self.exposed_ms[nth]?)))
        else {
            self.books.invented.push(id);
            return;
        };
        let before = std::mem::replace(&mut self.places[nth], place);
        if before > 0 {
            self.books.repeated.push((id, place - before));
            return;
        }
        self.books.published += 1;
        if now_ms < exposed_ms {
            self.books.invented.push(id);
        }
        let freshness_ms = self.books.freshness_ms.entry(source).or_default();
        freshness_ms.push(now_ms.saturating_sub(exposed_ms));
    }

    /// Whether a match is in the topic.
    pub(crate) fn has(&self, nth: u32) -> bool {
        self.places[nth as usize] > 0
    }
}
