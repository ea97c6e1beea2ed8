//! A browser comes back from Steam.

use std::time::Duration;

use domain::{SteamId, Timestamp};
use identity::{
    Attempt, BrowserSecret, Client, Code, Scopes,
    openid::{Assertion, Callback, Refusal},
};
use tokio::time::{Instant, timeout};

use super::{AuthorizeError, back};
use crate::{
    audit::{AuditEntry, AuditEvent},
    auth::{Auth, warn_of},
    caller::Caller,
    figures::LoginResult,
    ports::{AttemptDigest, CheckFault, Completed, Login, Profile, StoreError},
};

/// A name is worth a moment, and no more: with Steam's answer before it, it fits into a request.
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(1);

/// Where a browser goes that has come back from Steam.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameBack {
    /// To the client, with a code.
    In {
        /// The address. It has the code in it.
        location: String,
    },
    /// To the client, without one.
    Back {
        /// The address.
        location: String,
        /// Why.
        error: AuthorizeError,
    },
    /// Nowhere: it gets a page.
    Page(PageReason),
}

/// What a page is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageReason {
    /// Not this way. What is wrong is for the log: whoever sees the page may be the one who is attacked.
    Refused(Refusal),
    /// The client is not there any more, or has another address.
    ClientGone,
    /// The same callback may be loaded again soon.
    Unavailable,
}

/// An attempt that this callback may end: it is open, and the browser is the one that has begun it.
struct Own<'a> {
    id: AttemptDigest,
    attempt: &'a Attempt,
}

impl Auth {
    /// Judges what a browser has come back with; `query` is as it was sent, and `browser` what the browser has
    /// in its cookie.
    ///
    /// Steam is asked only about what has passed every other check, and at most twice for an attempt. Nobody else
    /// is told anything before that.
    pub async fn callback(
        &self,
        query: &str,
        browser: Option<&BrowserSecret>,
        caller: &Caller,
    ) -> CameBack {
        let now = self.clock.now();
        let callback = Callback::read(query);
        let terms = &self.settings.terms;
        let judged = callback.judge(&self.settings.provider, &terms.issuer, now);
        let Some(id) = callback.attempt().map(identity::Secret::digest) else {
            let refusal = judged.err().unwrap_or(Refusal::AttemptUnknown);
            return self.page(refusal, None, caller, now).await;
        };
        let nonce = judged.as_ref().ok().map(Assertion::nonce);
        let look = match self.stores.logins.look(&id, nonce).await {
            Ok(look) => look,
            Err(error) => return self.away(&error, "no callback can be judged"),
        };
        let attempt = look.attempt.as_ref();
        let judged = judged.and_then(|assertion| {
            assertion.belongs_to(attempt, browser, look.is_nonce_seen, now)?;
            Ok(assertion)
        });
        let is_own = |it: &&Attempt| {
            let is_same = browser.is_some_and(|browser| browser.digest() == it.browser);
            is_same && it.is_open() && !it.is_late(now)
        };
        let Some(attempt) = attempt.filter(is_own) else {
            let refusal = judged.err().unwrap_or(Refusal::AttemptUnknown);
            let client = attempt.map(|it| &it.client);
            return self.page(refusal, client, caller, now).await;
        };
        let own = Own { id, attempt };
        // What was agreed on may have changed since.
        let client = self.settings.clients.get(&attempt.client);
        let agreed = |it: &&Client| it.redirect_uri(attempt.redirect_uri.as_str()).is_some();
        let Some(client) = client.filter(agreed) else {
            self.figures.login(LoginResult::Refused, "client_gone");
            return CameBack::Page(PageReason::ClientGone);
        };
        match judged {
            Ok(assertion) => self.ask_steam(&own, client, &assertion, caller, now).await,
            Err(refusal) => {
                self.deny(&own, refusal.code(), Some(refusal), caller, now)
                    .await
            }
        }
    }

    async fn ask_steam(
        &self,
        own: &Own<'_>,
        client: &Client,
        assertion: &Assertion,
        caller: &Caller,
        now: Timestamp,
    ) -> CameBack {
        match self.stores.logins.begin_check(&own.id).await {
            Ok(true) => {}
            Ok(false) => {
                let refusal = Refusal::AttemptEnded;
                return self.page(refusal, Some(client.id()), caller, now).await;
            }
            Err(error) => return self.away(&error, "Steam cannot be asked"),
        }
        let asked_at = Instant::now();
        let checked = self.checker.check(assertion).await;
        let is_answer = !matches!(&checked, Err(fault) if fault.is_passing());
        self.figures.steam(asked_at.elapsed(), is_answer);
        match checked {
            Ok(()) => self.let_in(own, client, assertion, caller).await,
            Err(fault) if fault.is_passing() => self.put_off(own, &fault, caller, now).await,
            Err(fault) => self.deny(own, fault.code(), None, caller, now).await,
        }
    }

    /// Steam has said yes.
    async fn let_in(
        &self,
        own: &Own<'_>,
        client: &Client,
        assertion: &Assertion,
        caller: &Caller,
    ) -> CameBack {
        let person = assertion.person();
        let profile = self.profile(person).await;
        // Steam may have taken its time.
        let now = self.clock.now();
        let code: Code = self.secret();
        let Own { id, attempt } = own;
        let login = Login {
            attempt: *id,
            client: client.id().clone(),
            redirect_uri: attempt.redirect_uri.clone(),
            nonce: assertion.nonce().clone(),
            person,
            profile,
            new_user: self.user_id(now),
            code: code.digest(),
            scopes: Scopes::granted(attempt.scopes, client.scopes(), self.is_admin(person)),
            code_expires_at: now.saturating_add(self.settings.code_life),
            address: caller.address.clone(),
            at: now,
        };
        match self.stores.logins.complete(&login).await {
            Ok(Completed::In(_)) => {
                self.figures.login(LoginResult::In, "");
                let issuer = &self.settings.terms.issuer;
                let uri = &attempt.redirect_uri;
                CameBack::In {
                    location: uri.with_code(&code, &attempt.client_state, issuer),
                }
            }
            Ok(Completed::Blocked(_)) => {
                self.figures.login(LoginResult::Refused, "blocked");
                self.back(own, AuthorizeError::AccessDenied)
            }
            Ok(Completed::Refused(refusal)) => {
                self.page(refusal, Some(client.id()), caller, now).await
            }
            Err(error) => self.away(&error, "nobody can be let in"),
        }
    }

    /// Ends an attempt; its client learns that it has ended.
    async fn deny(
        &self,
        own: &Own<'_>,
        reason: &'static str,
        refusal: Option<Refusal>,
        caller: &Caller,
        now: Timestamp,
    ) -> CameBack {
        let entry = AuditEntry {
            client: Some(own.attempt.client.clone()),
            address: caller.address.clone(),
            ..AuditEntry::new(now, AuditEvent::LoginRefused)
        };
        match self
            .stores
            .logins
            .end(&own.id, &entry.because(reason))
            .await
        {
            Ok(true) => {
                self.figures.login(LoginResult::Refused, reason);
                self.back(own, AuthorizeError::AccessDenied)
            }
            Ok(false) => {
                let refusal = refusal.unwrap_or(Refusal::AttemptEnded);
                let client = Some(&own.attempt.client);
                self.page(refusal, client, caller, now).await
            }
            Err(error) => self.away(&error, "no attempt can be ended"),
        }
    }

    /// Steam cannot say now; the attempt stays open, if Steam may be asked once more.
    async fn put_off(
        &self,
        own: &Own<'_>,
        fault: &CheckFault,
        caller: &Caller,
        now: Timestamp,
    ) -> CameBack {
        tracing::warn!(error = %fault, "Steam cannot say whether somebody may come in");
        self.figures.login(LoginResult::Unavailable, fault.code());
        let entry = AuditEntry {
            client: Some(own.attempt.client.clone()),
            address: caller.address.clone(),
            ..AuditEntry::new(now, AuditEvent::LoginUnavailable)
        };
        self.set_down(entry.because(fault.code())).await;
        self.back(own, AuthorizeError::TemporarilyUnavailable)
    }

    /// Refuses a callback of which nobody knows whose it is.
    async fn page(
        &self,
        refusal: Refusal,
        client: Option<&identity::ClientId>,
        caller: &Caller,
        now: Timestamp,
    ) -> CameBack {
        self.figures.login(LoginResult::Refused, refusal.code());
        let entry = AuditEntry {
            client: client.cloned(),
            address: caller.address.clone(),
            ..AuditEntry::new(now, AuditEvent::LoginRefused)
        };
        self.set_down(entry.because(refusal.code())).await;
        CameBack::Page(PageReason::Refused(refusal))
    }

    fn away(&self, error: &StoreError, what: &'static str) -> CameBack {
        warn_of(error, what);
        self.figures.login(LoginResult::Unavailable, error.cause());
        CameBack::Page(PageReason::Unavailable)
    }

    fn back(&self, own: &Own<'_>, error: AuthorizeError) -> CameBack {
        let attempt = own.attempt;
        let issuer = &self.settings.terms.issuer;
        let state = Some(&attempt.client_state);
        CameBack::Back {
            location: back(&attempt.redirect_uri, state, issuer, error, ""),
            error,
        }
    }

    async fn profile(&self, person: SteamId) -> Profile {
        let Some(people) = &self.people else {
            return Profile::default();
        };
        match timeout(LOOKUP_TIME_MAX, people.look_up(person)).await {
            Ok(Ok(profile)) => profile,
            Ok(Err(error)) => {
                tracing::warn!(%error, "it is not known what somebody is called");
                Profile::default()
            }
            Err(_) => {
                tracing::warn!("it was not said in time what somebody is called");
                Profile::default()
            }
        }
    }
}
