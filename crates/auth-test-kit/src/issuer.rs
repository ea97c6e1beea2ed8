//! Whoever issues the tokens.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::UserId;
use health_kit::Clock;
use serde_json::{Value, json};
use tokio_util::sync::DropGuard;

use crate::{
    key::{KeyKind, TestKey},
    server::{Answers, Served, serve},
};

const AUDIENCE: &str = "match-platform";
const LIFE_SECONDS: i64 = 300;
/// The session of every token that is not told another.
const SESSION: &str = "01890000-0000-7000-8000-000000000001";

/// Signs tokens, and serves the keys to judge them by at a free port of this machine, until it is dropped. It begins
/// with one key, `first`, for ES256.
pub struct TestIssuer {
    url: String,
    clock: Arc<dyn Clock>,
    keys: Mutex<Vec<Arc<TestKey>>>,
    served: Arc<Served>,
    _end: DropGuard,
}

impl TestIssuer {
    /// Begins to serve; the clock dates its tokens.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(clock: Arc<dyn Clock>) -> io::Result<Self> {
        let served = Arc::new(Served::new());
        let (address, end) = serve(Arc::clone(&served)).await?;
        let issuer = Self {
            url: format!("http://{address}"),
            clock,
            keys: Mutex::default(),
            served,
            _end: end,
        };
        issuer.add_key(TestKey::new("first", KeyKind::Es256));
        Ok(issuer)
    }

    /// Its address, for `AUTH_ISSUER`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A token for this user, as it should be: with these scopes, separated by spaces.
    ///
    /// # Panics
    /// It has no key.
    #[must_use]
    pub fn token(&self, user: UserId, scopes: &str) -> String {
        self.sign(&self.claims(user, scopes))
    }

    /// What such a token says, for those who want to change it before it is signed.
    #[must_use]
    pub fn claims(&self, user: UserId, scopes: &str) -> Value {
        let now = self.clock.now().unix_seconds();
        json!({
            "iss": self.url, "sub": user.to_string(), "aud": AUDIENCE, "exp": now + LIFE_SECONDS, "iat": now,
            "jti": "01890000-0000-7000-8000-000000000002", "client_id": "tests", "scope": scopes, "sid": SESSION,
            "auth_time": now, "steam_id": "76561198046967340", "name": "Puppey",
            "picture": "https://avatars.example/a.jpg",
        })
    }

    /// A token that says this, whatever it is, signed with the newest key.
    ///
    /// # Panics
    /// It has no key.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let key = self.keys().last().map(Arc::clone).expect("it has a key");
        let header = json!({ "typ": "at+jwt", "alg": key.algorithm(), "kid": key.name });
        key.sign(&header, claims)
    }

    /// Publishes a key, and signs with it from now on.
    pub fn add_key(&self, key: TestKey) -> Arc<TestKey> {
        let key = Arc::new(key);
        self.keys().push(Arc::clone(&key));
        self.publish();
        key
    }

    /// A published key.
    ///
    /// # Panics
    /// There is none of this name.
    #[must_use]
    pub fn key(&self, name: &str) -> Arc<TestKey> {
        let keys = self.keys();
        let found = keys.iter().find(|key| key.name == name);
        found.map(Arc::clone).expect("there is a key of this name")
    }

    /// Takes a key out of the set. It still signs, in the hands of whoever has it.
    pub fn remove_key(&self, name: &str) {
        self.keys().retain(|key| key.name != name);
        self.publish();
    }

    /// The set of its keys, as it is served.
    #[must_use]
    pub fn key_set(&self) -> String {
        self.served.set().clone()
    }

    /// What whoever asks for the keys gets from now on.
    pub fn answer(&self, answers: Answers) {
        self.served.answer(answers);
    }

    /// How often it was asked for anything.
    #[must_use]
    pub fn fetches(&self) -> u64 {
        *self.served.fetches().borrow()
    }

    /// Waits until it was asked so often.
    pub async fn fetched(&self, count: u64) {
        let mut fetches = self.served.fetches();
        // It fails only without a sender, and that lives as long as this.
        _ = fetches.wait_for(|fetches| *fetches >= count).await;
    }

    fn publish(&self) {
        let keys: Vec<_> = self.keys().iter().map(|key| key.public()).collect();
        *self.served.set() = json!({ "keys": keys }).to_string();
    }

    fn keys(&self) -> MutexGuard<'_, Vec<Arc<TestKey>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
