//! What is there, behind one lock: every change is one step, for whoever looks.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use auth_application::{
    AuditEntry, Caller, SigningKey,
    ports::{
        ATTEMPT_KEPT, AttemptDigest, AuditLog, CODE_KEPT, Housekeeping, Pruned, SESSION_KEPT,
        StoreError, User,
    },
};
use domain::{SessionId, SteamId, Timestamp, UserId};
use identity::{Attempt, CodeGrant, Digest, Family, SessionLife, kind, openid::NONCE_KEPT};

/// How many entries of the audit log are kept; older ones go.
pub const AUDIT_KEPT: usize = 10_000;

/// All of auth's stores, in memory.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) attempts: HashMap<AttemptDigest, Attempt>,
    pub(crate) nonces: BTreeMap<String, Timestamp>,
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) codes: HashMap<Digest<kind::Code>, CodeGrant>,
    pub(crate) sessions: BTreeMap<SessionId, KeptSession>,
    /// In which session each token was given.
    pub(crate) tokens: HashMap<Digest<kind::Refresh>, SessionId>,
    pub(crate) keys: Vec<SigningKey>,
    audit: VecDeque<AuditEntry>,
}

pub(crate) struct KeptSession {
    pub(crate) family: Family,
    pub(crate) began_at: Timestamp,
    pub(crate) caller: Caller,
}

impl MemoryStore {
    /// What was set down and is kept, the oldest first.
    #[must_use]
    pub fn audit(&self) -> Vec<AuditEntry> {
        self.state().audit.iter().cloned().collect()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics between two parts of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn user_of(&self, person: SteamId) -> Option<&User> {
        let mut users = self.users.values();
        users.find(|user| user.person.steam_id == person)
    }

    pub(crate) fn set_down(&mut self, entries: impl IntoIterator<Item = AuditEntry>) {
        self.audit.extend(entries);
        let surplus = self.audit.len().saturating_sub(AUDIT_KEPT);
        self.audit.drain(..surplus);
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.state().set_down([entry.clone()]);
        Ok(())
    }
}

#[async_trait]
impl Housekeeping for MemoryStore {
    async fn prune(
        &self,
        now: Timestamp,
        life: SessionLife,
        count_max: u32,
    ) -> Result<Pruned, StoreError> {
        let count_max = usize::try_from(count_max).unwrap_or(usize::MAX);
        let mut state = self.state();
        let is_over = |at: Timestamp, kept| at.saturating_add(kept) <= now;

        let attempts = state.attempts.iter();
        let attempts = attempts.filter(|(_, attempt)| is_over(attempt.begun_at, ATTEMPT_KEPT));
        let attempts: Vec<_> = attempts.map(|(id, _)| *id).take(count_max).collect();
        for id in &attempts {
            state.attempts.remove(id);
        }

        let nonces = state.nonces.iter();
        let nonces = nonces.filter(|(_, seen_at)| is_over(**seen_at, NONCE_KEPT));
        let nonces: Vec<_> = nonces.map(|(it, _)| it.clone()).take(count_max).collect();
        for nonce in &nonces {
            state.nonces.remove(nonce);
        }

        let codes = state.codes.iter();
        let codes = codes.filter(|(_, code)| is_over(code.expires_at, CODE_KEPT));
        let codes: Vec<_> = codes.map(|(it, _)| *it).take(count_max).collect();
        for code in &codes {
            state.codes.remove(code);
        }

        let mut forgotten = Vec::new();
        for kept in state.sessions.values_mut() {
            let room = count_max - forgotten.len();
            forgotten.extend(kept.family.forget(now, room));
        }
        for token in &forgotten {
            state.tokens.remove(token);
        }

        let sessions = state.sessions.iter();
        let sessions = sessions.filter(|(_, kept)| {
            let over_at = kept.family.session().over_at(life);
            is_over(over_at, SESSION_KEPT)
        });
        let sessions: BTreeSet<_> = sessions.map(|(it, _)| *it).take(count_max).collect();
        state.sessions.retain(|id, _| !sessions.contains(id));
        state.tokens.retain(|_, of| !sessions.contains(of));
        let is_of_one = |code: &CodeGrant| code.redeemed.is_some_and(|it| sessions.contains(&it));
        state.codes.retain(|_, code| !is_of_one(code));
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Ok(Pruned {
            attempts: count(attempts.len()),
            nonces: count(nonces.len()),
            codes: count(codes.len()),
            refresh_tokens: count(forgotten.len()),
            sessions: count(sessions.len()),
        })
    }
}
