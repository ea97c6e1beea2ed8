//! Attempts to sign in, and what they lead to.

use async_trait::async_trait;
use auth_application::{
    AuditEntry,
    ports::{AttemptDigest, Completed, Login, LoginStore, Look, StoreError, User},
};
use identity::{
    Attempt, CodeGrant, Person,
    openid::{Nonce, Refusal},
};

use crate::state::{MemoryStore, State};

#[async_trait]
impl LoginStore for MemoryStore {
    async fn begin(&self, id: &AttemptDigest, attempt: &Attempt) -> Result<(), StoreError> {
        self.state().attempts.insert(*id, attempt.clone());
        Ok(())
    }

    async fn look(&self, id: &AttemptDigest, nonce: Option<&Nonce>) -> Result<Look, StoreError> {
        let state = self.state();
        Ok(Look {
            attempt: state.attempts.get(id).cloned(),
            is_nonce_seen: nonce.is_some_and(|nonce| state.nonces.contains_key(nonce.as_str())),
        })
    }

    async fn begin_check(&self, id: &AttemptDigest) -> Result<bool, StoreError> {
        let mut state = self.state();
        let attempt = state.attempts.get_mut(id).filter(|it| it.is_open());
        Ok(attempt.map(|it| it.checks_failed += 1).is_some())
    }

    async fn end(&self, id: &AttemptDigest, entry: &AuditEntry) -> Result<bool, StoreError> {
        let mut state = self.state();
        let attempt = state.attempts.get_mut(id);
        let Some(attempt) = attempt.filter(|it| it.ended_at.is_none()) else {
            return Ok(false);
        };
        attempt.ended_at = Some(entry.at);
        state.set_down([entry.clone()]);
        Ok(true)
    }

    async fn complete(&self, login: &Login) -> Result<Completed, StoreError> {
        let mut state = self.state();
        let Some(attempt) = state.attempts.get(&login.attempt) else {
            return Ok(Completed::Refused(Refusal::AttemptUnknown));
        };
        if attempt.ended_at.is_some() {
            return Ok(Completed::Refused(Refusal::AttemptEnded));
        }
        if state.nonces.contains_key(login.nonce.as_str()) {
            return Ok(Completed::Refused(Refusal::NonceSeen));
        }
        Ok(state.let_in(login))
    }
}

impl State {
    /// Does what was judged already.
    fn let_in(&mut self, login: &Login) -> Completed {
        let attempt = self
            .attempts
            .get_mut(&login.attempt)
            .expect("it was judged");
        attempt.ended_at = Some(login.at);
        let challenge = attempt.challenge.clone();
        self.nonces
            .insert(login.nonce.as_str().to_owned(), login.at);

        let known = self.user_of(login.person).map(|user| user.id);
        let id = known.unwrap_or(login.new_user);
        let user = self.users.entry(id).or_insert_with(|| User {
            id,
            person: Person {
                steam_id: login.person,
                name: None,
                picture: None,
            },
            created_at: login.at,
            last_login_at: login.at,
            blocked: None,
        });
        user.last_login_at = login.at;
        let profile = login.profile.clone();
        user.person.name = profile.name.or(user.person.name.take());
        user.person.picture = profile.picture.or(user.person.picture.take());
        let is_blocked = user.blocked.is_some();

        self.set_down([login.entry(id, is_blocked)]);
        if is_blocked {
            return Completed::Blocked(id);
        }
        let grant = CodeGrant {
            user: id,
            client: login.client.clone(),
            redirect_uri: login.redirect_uri.clone(),
            challenge,
            scopes: login.scopes,
            authenticated_at: login.at,
            expires_at: login.code_expires_at,
            redeemed: None,
        };
        self.codes.insert(login.code, grant);
        Completed::In(id)
    }
}
