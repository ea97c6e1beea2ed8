//! What earlier processes have left, joined with what this one has seen by then.

use domain::Timestamp;

use super::{Pushed, Register};
use crate::{
    SourceName,
    gaps::{gap::GapCause, window::Window, written::Written},
    ports::Coverage,
};

impl Register {
    /// Takes over what earlier processes have left, once.
    pub(in crate::gaps) fn load(&mut self, written: Option<&Written>, now: Timestamp) {
        self.is_loaded = true;
        let Some(written) = written else { return };
        self.lost_total += written.lost_total;
        for (source, since) in &written.covered_since {
            self.load_coverage(*source, *since, now);
        }
        let (open, ended): (Vec<_>, Vec<_>) =
            written.windows.iter().partition(|window| window.is_open());
        for window in ended {
            let id = self.fresh_id();
            self.windows.push(Window {
                id,
                ..window.clone()
            });
        }
        for feed in self.pushed.clone() {
            let open = open.iter().find(|window| window.source == feed.source);
            let heard = written.heard.iter().find(|(name, _)| *name == feed.source);
            let (open, heard) = (open.map(|it| (*it).clone()), heard.map(|(_, heard)| *heard));
            let restart = |from| Window::new(0, feed.source, from, GapCause::RESTART);
            if let Some(window) = open.or_else(|| heard.map(restart)) {
                self.take_up(&feed, window);
            }
        }
        for window in open {
            // Nobody listens to that feed any more: what it told since is not missed.
            if !self.pushed.iter().any(|it| it.source == window.source) {
                let to = Some(self.began_at.max(window.from));
                self.add(Window {
                    to,
                    ..window.clone()
                });
            }
        }
        for id in self.to_close_ids() {
            self.judge(id);
        }
        // Feeds may have told of these times before the windows were known.
        for follower in self.followers.clone() {
            if let Some(coverage) = follower.coverage {
                self.apply_coverage(follower.source, coverage, now);
            }
        }
        self.bound();
    }

    /// What began in an earlier process ends when this one has heard `feed`, or is
    /// one with what has kept this one from it.
    fn take_up(&mut self, feed: &Pushed, mut window: Window) {
        let is_own = |it: &Window| it.source == feed.source && it.from == self.began_at;
        match self.windows.iter().position(is_own) {
            Some(own) => {
                let own = self.windows.remove(own);
                if own.is_lost() {
                    self.lost_total -= u64::from(own.interruptions);
                }
                window.to = own.to;
            }
            // A standby that has listened all the while has missed nothing.
            None if feed.first_heard.is_some_and(|at| at < window.from) => return,
            None => window.to = feed.first_heard,
        }
        window.to = window.to.map(|to| to.max(window.from));
        self.add(window);
    }

    fn load_coverage(&mut self, source: SourceName, since: Timestamp, now: Timestamp) {
        let follower = self.followers.iter_mut().find(|it| it.source == source);
        let Some(follower) = follower else { return };
        let coverage = match follower.coverage {
            // It has begun anew meanwhile.
            Some(told) if !told.is_resumed => told,
            told => Coverage {
                since,
                up_to: told.map_or(since, |told| told.up_to.max(since)),
                is_resumed: true,
            },
        };
        follower.coverage = Some(coverage);
        self.apply_coverage(source, coverage, now);
    }
}
