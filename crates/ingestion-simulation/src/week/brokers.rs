//! What the brokers hold, and how soon it came there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::MatchId;
use ingestion_application::{Checkpoint, SourceName};
use tokio::time::sleep;

use crate::week::{diary::Trouble, interface::Interface, truth::Truth, world::nth};

/// A broker's answer takes so long.
const LATENCY: Duration = Duration::from_millis(5);
/// How often one that is away is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// It outlives every process.
pub(crate) struct Brokers {
    truth: Arc<Truth>,
    state: Mutex<State>,
}

pub(crate) struct State {
    truth: Arc<Truth>,
    /// Of the writer that may write.
    pub(crate) epoch: u64,
    pub(crate) checkpoints: HashMap<SourceName, Checkpoint>,
    /// The topic.
    pub(crate) ids: Vec<MatchId>,
    /// By the place of the match in the world: where it is in the topic, counted
    /// from 1; 0 if it is not.
    places: Vec<u32>,
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
    /// By who was the first to bring it: how long after it was told of there each
    /// match was in the topic, in milliseconds.
    pub(crate) freshness_ms: BTreeMap<Interface, Vec<u32>>,
}

impl Brokers {
    pub(crate) fn new(truth: Arc<Truth>) -> Arc<Self> {
        let state = State {
            truth: Arc::clone(&truth),
            epoch: 0,
            checkpoints: HashMap::new(),
            ids: Vec::new(),
            places: vec![0; truth.world.len()],
            books: Books::default(),
        };
        Arc::new(Self {
            truth,
            state: Mutex::new(state),
        })
    }

    /// Waits until a broker answers.
    pub(crate) async fn reach(&self) {
        sleep(LATENCY).await;
        while self.truth.is(Trouble::KafkaAway) {
            sleep(ASK_AGAIN_AFTER).await;
        }
    }

    pub(crate) fn now_ms(&self) -> u32 {
        self.truth.now_ms()
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
        let known = nth(id).filter(|nth| (*nth as usize) < self.places.len());
        let told = known.and_then(|nth| {
            let by = Interface::of(source)?;
            Some((nth, by, self.truth.told_ms(by, nth)?))
        });
        let Some((nth, by, told_ms)) = told.filter(|(.., told_ms)| *told_ms <= now_ms) else {
            self.books.invented.push(id);
            return;
        };
        let before = std::mem::replace(&mut self.places[nth as usize], place);
        if before > 0 {
            self.books.repeated.push((id, place - before));
            return;
        }
        self.books.published += 1;
        let freshness_ms = self.books.freshness_ms.entry(by).or_default();
        freshness_ms.push(now_ms - told_ms);
    }

    /// Whether a match is in the topic.
    pub(crate) fn has(&self, nth: u32) -> bool {
        self.places[nth as usize] > 0
    }
}
