//! A Steam that answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use auth_application::ports::{AssertionChecker, CheckFault, LookupFault, PersonLookup, Profile};
use domain::SteamId;
use identity::openid::Assertion;
use tokio::sync::{RwLock, RwLockWriteGuard};

/// Says yes, unless it was told something else for the next time.
#[derive(Debug, Default)]
pub struct ScriptedSteam {
    next: Mutex<VecDeque<CheckFault>>,
    asked: Mutex<Vec<Assertion>>,
    /// Held by whoever keeps it from answering.
    silence: RwLock<()>,
}

/// Knows what everybody is called, or nothing.
#[derive(Debug, Default)]
pub struct ScriptedPeople(pub Option<Profile>);

impl ScriptedSteam {
    /// The next answer that was not told yet is this.
    pub fn answer(&self, fault: CheckFault) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.push_back(fault);
    }

    /// It takes questions and answers nobody, as long as this is kept.
    ///
    /// # Panics
    /// It is being asked.
    pub fn keep_silent(&self) -> RwLockWriteGuard<'_, ()> {
        self.silence.try_write().expect("nobody is asking it")
    }

    /// What it was asked about, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Assertion> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

#[async_trait]
impl AssertionChecker for ScriptedSteam {
    async fn check(&self, assertion: &Assertion) -> Result<(), CheckFault> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(assertion.clone());
        let _answering = self.silence.read().await;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.pop_front().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl PersonLookup for ScriptedPeople {
    async fn look_up(&self, _: SteamId) -> Result<Profile, LookupFault> {
        self.0.clone().ok_or(LookupFault("away".to_owned()))
    }
}
