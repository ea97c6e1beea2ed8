//! Codes, sessions and refresh tokens.

use async_trait::async_trait;
use auth_application::ports::{
    BeganSession, Ending, GrantRefusal, RedeemRequest, Redeemed, RefreshRequest, Refreshed,
    SESSIONS_SHOWN_MAX, SessionStore, StoreError, TokenState, Which,
};
use domain::{SessionId, Timestamp, UserId};
use identity::{
    CodeRefusal, Digest, EndReason, Family, RefreshRefusal, Session, SessionLife, kind,
};

use crate::state::{KeptSession, MemoryStore, State};

#[async_trait]
impl SessionStore for MemoryStore {
    async fn redeem(&self, request: &RedeemRequest) -> Result<Redeemed, StoreError> {
        let mut state = self.state();
        let user = state.codes.get(&request.code).map(|code| code.user);
        let redeemed = state.redeem(request);
        state.set_down(request.entries(&redeemed, user));
        Ok(redeemed)
    }

    async fn refresh(&self, request: &RefreshRequest) -> Result<Refreshed, StoreError> {
        let mut state = self.state();
        let session = state.tokens.get(&request.token).copied();
        let refreshed = match session {
            Some(session) => state.refresh(request, session),
            None => Refreshed::Refused {
                refusal: RefreshRefusal::Unknown,
                ended: None,
            },
        };
        let session = session.and_then(|id| state.sessions.get(&id));
        let entries = request.entries(&refreshed, session.map(|it| it.family.session()));
        state.set_down(entries);
        Ok(refreshed)
    }

    async fn end(&self, ending: &Ending) -> Result<Vec<SessionId>, StoreError> {
        Ok(self.state().end(ending))
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let state = self.state();
        let kept = state.sessions.get(&id);
        Ok(kept.map(|kept| kept.family.session().clone()))
    }

    async fn token(&self, token: &Digest<kind::Refresh>) -> Result<Option<TokenState>, StoreError> {
        let state = self.state();
        let kept = state
            .tokens
            .get(token)
            .and_then(|id| state.sessions.get(id));
        Ok(kept.and_then(|kept| {
            Some(TokenState {
                session: kept.family.session().clone(),
                token: kept.family.token(token)?.clone(),
            })
        }))
    }

    async fn live_sessions(
        &self,
        user: UserId,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Vec<BeganSession>, StoreError> {
        let state = self.state();
        let sessions = state.sessions.values().filter(|kept| {
            let session = kept.family.session();
            session.user == user && session.is_live(life, now)
        });
        let shown = sessions.map(|kept| BeganSession {
            session: kept.family.session().clone(),
            began_at: kept.began_at,
            caller: kept.caller.clone(),
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by_key(|it| std::cmp::Reverse((it.session.last_used_at, it.session.id)));
        shown.truncate(SESSIONS_SHOWN_MAX);
        Ok(shown)
    }
}

impl State {
    fn redeem(&mut self, request: &RedeemRequest) -> Redeemed {
        let refused = |refusal, ended| Redeemed::Refused { refusal, ended };
        let Some(grant) = self.codes.get_mut(&request.code) else {
            return refused(GrantRefusal::Unknown, None);
        };
        if let Err(refusal) = grant.redeem(&request.redemption(), request.at) {
            let ended = match refusal {
                CodeRefusal::Redeemed(session) => {
                    self.end_one(session, EndReason::CodeReuse, request.at)
                }
                _ => None,
            };
            return refused(refusal.into(), ended);
        }
        let user = self
            .users
            .get(&grant.user)
            .expect("users are never removed");
        if user.blocked.is_some() {
            return refused(GrantRefusal::Blocked, None);
        }
        grant.redeemed = Some(request.session);
        let session = Session::begin(request.session, grant, request.life, request.at);
        let kept = KeptSession {
            family: Family::begin(session.clone(), request.first, request.life),
            began_at: request.at,
            caller: request.caller.clone(),
        };
        self.sessions.insert(session.id, kept);
        self.tokens.insert(request.first, session.id);
        Redeemed::Begun {
            session,
            person: user.person.clone(),
        }
    }

    fn refresh(&mut self, request: &RefreshRequest, id: SessionId) -> Refreshed {
        let kept = self.sessions.get_mut(&id);
        let family = &mut kept.expect("a token goes with its session").family;
        let was_used = family
            .token(&request.token)
            .is_some_and(|it| it.used_at.is_some());
        let given = family.refresh(
            &request.token,
            request.next,
            request.asked(),
            request.life,
            request.at,
        );
        match given {
            Ok(given) => {
                let session = family.session().clone();
                self.tokens.insert(request.next, id);
                let user = self.users.get(&session.user);
                Refreshed::Given {
                    person: user.expect("users are never removed").person.clone(),
                    session,
                    given,
                    is_again: was_used,
                }
            }
            Err(refusal) => Refreshed::Refused {
                refusal,
                ended: (refusal == RefreshRefusal::Reused).then_some(id),
            },
        }
    }

    pub(crate) fn end(&mut self, ending: &Ending) -> Vec<SessionId> {
        let is_meant = |session: &Session| match &ending.which {
            Which::OfToken { token, client } => {
                self.tokens.get(token) == Some(&session.id)
                    && client.as_ref().is_none_or(|it| *it == session.client)
            }
            Which::One {
                session: id,
                user,
                client,
            } => {
                (id, user) == (&session.id, &session.user)
                    && client.as_ref().is_none_or(|it| *it == session.client)
            }
            Which::AllOf(user) => *user == session.user,
        };
        let sessions = self.sessions.values().map(|kept| kept.family.session());
        let meant: Vec<_> = sessions
            .filter(|it| is_meant(it))
            .map(|it| (it.id, it.user, it.client.clone()))
            .collect();
        let mut ended = Vec::new();
        for (id, user, client) in meant {
            if self.end_one(id, ending.reason, ending.at).is_some() {
                self.set_down([ending.entry(id, user, &client)]);
                ended.push(id);
            }
        }
        ended
    }

    /// Ends a session that is there and has not ended.
    fn end_one(&mut self, id: SessionId, reason: EndReason, at: Timestamp) -> Option<SessionId> {
        let family = &mut self.sessions.get_mut(&id)?.family;
        if family.session().ended.is_some() {
            return None;
        }
        family.end(reason, at);
        Some(id)
    }
}
