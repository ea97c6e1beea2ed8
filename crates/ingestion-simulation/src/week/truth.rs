//! What was told, by whom and when: what a run is compared with.

use std::sync::Arc;

use tokio::time::Instant;

use crate::week::{
    diary::{Diary, Trouble},
    interface::Interface,
    world::World,
};

/// The world as its interfaces tell of it, with their troubles, and its clock.
pub(crate) struct Truth {
    pub(crate) world: World,
    pub(crate) diary: Diary,
    begun: Instant,
}

impl Truth {
    /// It begins now.
    pub(crate) fn new(world: World, diary: Diary) -> Arc<Self> {
        Arc::new(Self {
            world,
            diary,
            begun: Instant::now(),
        })
    }

    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now_ms(&self) -> u32 {
        u32::try_from(self.begun.elapsed().as_millis()).expect("a run takes weeks at most")
    }

    pub(crate) fn is(&self, trouble: Trouble) -> bool {
        self.diary.is(trouble, self.now_ms())
    }

    /// When an interface has told of a match, once, or has begun to tell of it; none
    /// if it never does.
    pub(crate) fn told_ms(&self, by: Interface, nth: u32) -> Option<u32> {
        let at = self.world.at(nth).told_ms(by, nth)?;
        if by.is_pushed() {
            return (!self.diary.is_mute(by, at)).then_some(at);
        }
        let silent = self.diary.during(Trouble::Silent(by), at);
        Some(silent.map_or(at, |time| time.end))
    }

    /// Of what it tells by now, up to when it does: while it is silent, it tells of
    /// nothing new.
    pub(crate) fn horizon_ms(&self, of: Interface) -> u32 {
        let now_ms = self.now_ms();
        let silent = self.diary.during(Trouble::Silent(of), now_ms);
        silent.map_or(now_ms, |time| time.start)
    }

    /// What an interface says to those who listen, in the order of time.
    pub(crate) fn said(&self, by: Interface) -> Vec<(u32, u32)> {
        let all = self.world.all();
        let said = all.filter_map(|(nth, entry)| Some((entry.told_ms(by, nth)?, nth)));
        let mut said: Vec<_> = said.collect();
        said.sort_unstable();
        said
    }
}
