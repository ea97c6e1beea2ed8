//! What is known already: ids, and beside them what each source has said.
//!
//! The two are asked separately. An id that one source has told of is a
//! duplicate from then on; what another source knows of that match is not.

use std::sync::Arc;

use domain::MatchId;

use super::BacklogSettings;
use crate::{DedupWindow, ReceivedSummary, SummaryKey, ports::Message};

/// By what a summary is recognised; the publisher says it.
pub(super) type KeyOf = Arc<dyn Fn(&ReceivedSummary) -> SummaryKey + Send + Sync>;

/// Both windows.
pub(super) struct Windows {
    ids: DedupWindow,
    /// None where of a summary the id alone is published.
    summaries: Option<DedupWindow>,
    key_of: KeyOf,
}

impl Windows {
    pub(super) fn new(settings: &BacklogSettings, key_of: KeyOf) -> Self {
        let window = || DedupWindow::new(settings.dedup_window_size);
        Self {
            ids: window(),
            summaries: settings.has_summaries.then(window),
            key_of,
        }
    }

    /// Takes note of what is in the topics, the oldest first.
    pub(super) fn restore(&mut self, ids: &[MatchId], summaries: &[SummaryKey]) {
        for id in ids {
            self.ids.insert(*id);
        }
        if let Some(window) = &mut self.summaries {
            for key in summaries {
                window.insert_number(key.get());
            }
        }
    }

    /// Whether summaries are published.
    pub(super) fn take_summaries(&self) -> bool {
        self.summaries.is_some()
    }

    /// Whether all of `message` is known.
    pub(super) fn know(&self, message: &Message) -> bool {
        match message {
            Message::Match(found) => self.ids.contains(found.id),
            Message::Summary(told) => {
                let is_told = |window: &DedupWindow| {
                    let key = (self.key_of)(told);
                    window.contains_number(key.get())
                };
                self.ids.contains(told.summary.match_id)
                    && self.summaries.as_ref().is_none_or(is_told)
            }
            Message::DeadLetter(_) => false,
        }
    }

    /// Takes note of `id`; whether it is new.
    pub(super) fn insert(&mut self, id: MatchId) -> bool {
        self.ids.insert(id)
    }

    /// Takes note of `message`: what of it is new, none when nothing is.
    pub(super) fn pass(&mut self, mut message: Message) -> Option<Message> {
        match &mut message {
            Message::Match(found) => self.ids.insert(found.id).then_some(message),
            Message::Summary(told) => {
                let is_id_new = self.ids.insert(told.summary.match_id);
                let window = self.summaries.as_mut();
                let is_new = window.is_some_and(|window| {
                    let key = (self.key_of)(told);
                    window.insert_number(key.get())
                });
                match (is_id_new, is_new) {
                    (false, false) => None,
                    (true, false) => Some(Message::Match(told.received_match())),
                    (_, true) => {
                        Arc::make_mut(told).is_id_new = is_id_new;
                        Some(message)
                    }
                }
            }
            Message::DeadLetter(_) => Some(message),
        }
    }

    /// Takes back what was noted of `message`.
    pub(super) fn forget(&mut self, message: &Message) {
        match message {
            Message::Match(found) => self.ids.forget(found.id),
            Message::Summary(told) => {
                if told.is_id_new {
                    self.ids.forget(told.summary.match_id);
                }
                if let Some(window) = &mut self.summaries {
                    window.forget_number((self.key_of)(told).get());
                }
            }
            Message::DeadLetter(_) => {}
        }
    }
}
