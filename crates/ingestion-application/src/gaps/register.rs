//! All windows, and what opens, ends and closes them. No clock, no I/O.

mod loading;

use std::time::Duration;

use domain::Timestamp;

use super::{
    gap::{Gap, GapCause, GapState, Loss},
    window::{Fate, Window},
    written::Written,
};
use crate::{
    SourceName,
    ports::{Coverage, PassedOver},
};

/// So many windows of each state are told one by one; beyond, the two oldest of a
/// feed become one, over the time between them, too.
pub(super) const WINDOWS_MAX: usize = 64;

/// Closed windows are shown for so long.
const SHOWN_FOR: Duration = Duration::from_hours(24);

/// Interruptions that follow each other so soon are one window to close: most of
/// what is asked for is what led up to it, and would be asked for twice.
const TOUCHING: Duration = Duration::from_mins(1);

/// A feed whose interruptions leave windows.
#[derive(Debug, Clone)]
pub(super) struct Pushed {
    pub(super) source: SourceName,
    /// When it was heard last; none if it never was.
    pub(super) heard: Option<Timestamp>,
    /// When it was first heard by this process.
    first_heard: Option<Timestamp>,
}

/// A feed that tells of everything in its order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follower {
    pub(super) source: SourceName,
    /// What it has told of; none before it has said so.
    pub(super) coverage: Option<Coverage>,
}

#[derive(Debug)]
pub(super) struct Register {
    /// Every feed whose windows may have been kept.
    pub(super) known: Vec<SourceName>,
    pub(super) pushed: Vec<Pushed>,
    pub(super) followers: Vec<Follower>,
    pub(super) windows: Vec<Window>,
    /// Interruptions lost for good, ever.
    pub(super) lost_total: u64,
    next_id: u64,
    began_at: Timestamp,
    /// Whether it is known what earlier processes have left.
    is_loaded: bool,
}

impl Register {
    /// A register of the feeds `pushed`, whose windows are closed by `followers`;
    /// `known` are all feeds there can be.
    pub(super) fn new(
        known: Vec<SourceName>,
        pushed: Vec<SourceName>,
        followers: Vec<SourceName>,
        now: Timestamp,
    ) -> Self {
        let pushed = pushed.into_iter().map(|source| Pushed {
            source,
            heard: None,
            first_heard: None,
        });
        let followers = followers.into_iter().map(|source| Follower {
            source,
            coverage: None,
        });
        Self {
            known,
            pushed: pushed.collect(),
            followers: followers.collect(),
            windows: Vec::new(),
            lost_total: 0,
            next_id: 1,
            began_at: now,
            is_loaded: false,
        }
    }

    /// The feeds are read from now on.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.began_at = now;
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    // What feeds tell.

    /// `source` has told something; whether that ends a window.
    pub(super) fn heard(&mut self, source: SourceName, at: Timestamp) -> bool {
        let Some(feed) = self.pushed.iter_mut().find(|it| it.source == source) else {
            return false;
        };
        feed.heard = Some(feed.heard.map_or(at, |before| before.max(at)));
        feed.first_heard.get_or_insert(at);
        self.end_open(source, at)
    }

    /// `source` is interrupted; whether that opens a window.
    pub(super) fn interrupted(&mut self, source: SourceName, cause: GapCause) -> bool {
        let Some(feed) = self.pushed.iter().find(|it| it.source == source) else {
            return false;
        };
        let from = feed.heard.unwrap_or(self.began_at);
        if self.open(source).is_some() {
            return false;
        }
        self.add(Window::new(0, source, from, cause));
        true
    }

    /// `source` has told of everything in a time; whether that closes a window.
    pub(super) fn covered(&mut self, source: SourceName, told: Coverage, now: Timestamp) -> bool {
        let Some(follower) = self.followers.iter_mut().find(|it| it.source == source) else {
            return false;
        };
        let before = follower.coverage;
        let coverage = match before {
            // From where on there is a whole, whoever came before knows better.
            Some(before) if told.is_resumed => Coverage {
                since: before.since,
                up_to: before.up_to.max(told.up_to),
                is_resumed: before.is_resumed,
            },
            _ => told,
        };
        follower.coverage = Some(coverage);
        let is_first = before.is_none_or(|it| it.since != coverage.since);
        self.apply_coverage(source, coverage, now) || is_first
    }

    /// `source` has left something out; it does not close that itself.
    pub(super) fn passed_over(&mut self, source: SourceName, passed: PassedOver) {
        let mut window = Window::new(0, source, passed.from, GapCause::PASSED_OVER);
        window.to = Some(passed.to.max(passed.from));
        self.add(window);
        for id in self.to_close_ids() {
            self.judge(id);
        }
        self.bound();
    }

    // What is known of all of them.

    /// Lets go of what is old; whether anything has changed.
    pub(super) fn tidy(&mut self, now: Timestamp) -> bool {
        let count = self.windows.len();
        self.windows.retain(|window| match window.fate {
            Fate::Closed { at, .. } => now.saturating_since(at) < SHOWN_FOR,
            Fate::Pending | Fate::Lost(_) => true,
        });
        self.bound();
        self.windows.len() != count
    }

    /// All of them, the newest first.
    pub(super) fn list(&self, now: Timestamp) -> Vec<Gap> {
        let mut windows: Vec<_> = self.windows.iter().collect();
        windows.sort_by_key(|window| std::cmp::Reverse((window.from, window.id)));
        let shown = windows
            .into_iter()
            .map(|window| window.shown(self.follower_of(window), now));
        shown.collect()
    }

    // What goes from process to process.

    /// What the next process has to know.
    pub(super) fn written(&self) -> String {
        Written::of(self).encode()
    }

    // Windows.

    fn open(&mut self, source: SourceName) -> Option<&mut Window> {
        let mut windows = self.windows.iter_mut();
        windows.find(|window| window.source == source && window.is_open())
    }

    fn pending(&mut self, id: u64) -> Option<&mut Window> {
        let mut windows = self.windows.iter_mut();
        windows.find(|window| window.id == id && window.fate == Fate::Pending)
    }

    fn to_close_ids(&self) -> Vec<u64> {
        let windows = self.windows.iter();
        let to_close = windows.filter(|window| window.to_close().is_some());
        to_close.map(|window| window.id).collect()
    }

    fn fresh_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Adds a window; one that follows another closely goes on with it.
    fn add(&mut self, mut window: Window) {
        let touches = |before: &&mut Window| {
            let to = before.to_close();
            before.source == window.source
                && to.is_some_and(|to| to.saturating_add(TOUCHING) >= window.from)
        };
        if let Some(before) = self.windows.iter_mut().find(touches) {
            before.absorb(&window);
        } else {
            window.id = self.fresh_id();
            self.windows.push(window);
        }
    }

    /// The feed is heard again; whether there was a window.
    fn end_open(&mut self, source: SourceName, at: Timestamp) -> bool {
        let Some(window) = self.open(source) else {
            return false;
        };
        window.to = Some(at.max(window.from));
        let id = window.id;
        self.judge(id);
        self.bound();
        true
    }

    /// Gives up of a window what nobody can tell of.
    fn judge(&mut self, id: u64) {
        let Some(window) = self.pending(id) else {
            return;
        };
        let (source, cause) = (window.source, window.cause);
        let others = self.followers.iter().filter(|it| it.source != source);
        let began = others.map(|it| Some(it.coverage?.since));
        match began.reduce(|one, two| Some(one?.min(two?))) {
            None if cause == GapCause::PASSED_OVER => self.lose(id, Loss::PassedOver),
            None => self.lose(id, Loss::NobodyLooksBack),
            Some(Some(since)) => self.lose_before(id, since),
            // One of them has not said yet where it began.
            Some(None) => {}
        }
    }

    fn lose_before(&mut self, id: u64, since: Timestamp) {
        let new_id = self.fresh_id();
        let Some(window) = self.pending(id) else {
            return;
        };
        let Some(to) = window.to.filter(|_| window.from < since) else {
            return;
        };
        if to <= since {
            return self.lose(id, Loss::NotCovered);
        }
        let mut before = window.clone();
        (before.id, before.to) = (new_id, Some(since));
        window.from = since;
        self.windows.push(before);
        self.lose(new_id, Loss::NotCovered);
    }

    fn lose(&mut self, id: u64, loss: Loss) {
        let Some(window) = self.pending(id) else {
            return;
        };
        window.fate = Fate::Lost(loss);
        let interruptions = window.interruptions;
        tracing::warn!(
            source = %window.source,
            from_unix_seconds = window.from.unix_seconds(),
            to_unix_seconds = window.to.map(Timestamp::unix_seconds),
            "what the feed had to tell in this time is lost: {}",
            loss.words()
        );
        self.lost_total += u64::from(interruptions);
    }

    /// The feed that tells of all of a window in its order, or may: some have not
    /// said yet where they began.
    fn follower_of(&self, window: &Window) -> Option<SourceName> {
        let others = self.followers.iter();
        let mut others = others.filter(|it| it.source != window.source);
        let may = |it: &&Follower| it.coverage.is_none_or(|told| told.since <= window.from);
        Some(others.find(may)?.source)
    }

    fn apply_coverage(&mut self, by: SourceName, coverage: Coverage, now: Timestamp) -> bool {
        let mut is_news = false;
        for id in self.to_close_ids() {
            self.judge(id);
            let Some(window) = self.pending(id) else {
                is_news = true;
                continue;
            };
            // Who has left something out cannot have told of it.
            let may = coverage.since <= window.from && window.source != by;
            let Some(to) = window.to.filter(|_| may) else {
                continue;
            };
            if coverage.up_to >= to {
                window.progress = 1.0;
                window.fate = Fate::Closed { at: now, by };
                is_news = true;
            } else if coverage.up_to > window.from {
                let whole = to.saturating_since(window.from).as_secs_f64();
                let done = coverage.up_to.saturating_since(window.from).as_secs_f64();
                window.progress = window.progress.max(done / whole);
            }
            window.behind = Some(now.saturating_since(coverage.up_to));
        }
        is_news
    }

    /// Of too many in one state the two oldest of a feed become one.
    fn bound(&mut self) {
        for state in GapState::ALL {
            while self.count(state) > WINDOWS_MAX {
                if state == GapState::Closed {
                    let oldest = self.windows.iter().position(|it| it.state() == state);
                    self.windows.remove(oldest.expect("there are many"));
                } else if !merge_oldest(&mut self.windows, state) {
                    break;
                }
            }
        }
    }

    pub(super) fn count(&self, state: GapState) -> usize {
        let windows = self.windows.iter();
        windows.filter(|window| window.state() == state).count()
    }
}

/// Makes one of the two oldest windows in this state that a feed has two of;
/// whether there were any.
pub(super) fn merge_oldest(windows: &mut Vec<Window>, state: GapState) -> bool {
    windows.sort_by_key(|window| window.from);
    for first in 0..windows.len() {
        let is_like =
            |other: &Window| other.state() == state && other.source == windows[first].source;
        if windows[first].state() != state {
            continue;
        }
        let second = windows[first + 1..].iter().position(is_like);
        if let Some(second) = second {
            let second = windows.remove(first + 1 + second);
            windows[first].absorb(&second);
            return true;
        }
    }
    false
}
