//! What a browser brings back from the provider, judged.

use std::collections::BTreeMap;

use domain::{SteamId, Timestamp};

use crate::{
    attempt::Attempt,
    form,
    issuer::Issuer,
    openid::{NAMESPACE, Nonce, Provider, Refusal},
    secret::{AttemptSecret, BrowserSecret},
};

/// Several times what the provider sends.
pub const CALLBACK_BYTES_MAX: usize = 4_096;

const STATE: &str = "state";
const MODE: &str = "openid.mode";
/// What the provider sends.
const KEYS: [&str; 11] = [
    STATE,
    MODE,
    "openid.ns",
    "openid.op_endpoint",
    "openid.claimed_id",
    "openid.identity",
    "openid.return_to",
    "openid.response_nonce",
    "openid.assoc_handle",
    "openid.signed",
    "openid.sig",
];
/// What is worth nothing unless it is signed.
const SIGNED: [&str; 6] = [
    "op_endpoint",
    "claimed_id",
    "identity",
    "return_to",
    "response_nonce",
    "assoc_handle",
];

/// A query that a browser has come back with.
#[derive(Debug)]
pub struct Callback {
    /// What is wrong with it before anybody asks what it says.
    fields: Result<BTreeMap<String, String>, Refusal>,
    attempt: Option<AttemptSecret>,
}

/// Says that somebody is a person, if the provider confirms it.
///
/// Everything about it has been judged but two things: whether the provider has said it, and whether it
/// [belongs](Self::belongs_to) to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    person: SteamId,
    nonce: Nonce,
    fields: BTreeMap<String, String>,
}

impl Callback {
    /// Reads the query as it was sent, without its question mark.
    #[must_use]
    pub fn read(query: &str) -> Self {
        let Some(list) = form::read(query) else {
            return Self {
                fields: Err(Refusal::Malformed),
                attempt: None,
            };
        };
        let mut states = list.iter().filter(|(key, _)| key == STATE);
        let attempt = match (states.next(), states.next()) {
            (Some((_, state)), None) => AttemptSecret::try_read(state).ok(),
            _ => None,
        };
        Self {
            fields: check_form(query, list),
            attempt,
        }
    }

    /// The attempt that it says it belongs to, also if the rest is wrong.
    #[must_use]
    pub fn attempt(&self) -> Option<&AttemptSecret> {
        self.attempt.as_ref()
    }

    /// Judges everything that can be judged without asking anybody.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub fn judge(
        &self,
        provider: &Provider,
        issuer: &Issuer,
        now: Timestamp,
    ) -> Result<Assertion, Refusal> {
        let fields = self.fields.as_ref().map_err(|refusal| *refusal)?;
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        match field(MODE) {
            "id_res" => {}
            "cancel" => return Err(Refusal::Cancelled),
            _ => return Err(Refusal::Mode),
        }
        require(field("openid.ns") == NAMESPACE, Refusal::Namespace)?;
        require(
            field("openid.op_endpoint") == provider.endpoint(),
            Refusal::Endpoint,
        )?;
        let claimed_id = field("openid.claimed_id");
        let person = person(claimed_id, provider)?;
        require(field("openid.identity") == claimed_id, Refusal::Identity)?;
        let return_to = self
            .attempt
            .as_ref()
            .map(|attempt| issuer.return_to(attempt));
        let is_ours = return_to.is_some_and(|expected| field("openid.return_to") == expected);
        require(is_ours, Refusal::ReturnTo)?;
        let signed: Vec<_> = field("openid.signed").split(',').collect();
        let are_signed = SIGNED.iter().all(|name| signed.contains(name));
        require(
            are_signed && !field("openid.assoc_handle").is_empty(),
            Refusal::Signed,
        )?;
        require(!field("openid.sig").is_empty(), Refusal::Signature)?;
        let nonce = Nonce::read(field("openid.response_nonce")).ok_or(Refusal::Nonce)?;
        require(nonce.is_of(now), Refusal::NonceTime)?;
        Ok(Assertion {
            person,
            nonce,
            fields: fields.clone(),
        })
    }
}

impl Assertion {
    /// Who it is about.
    #[must_use]
    pub fn person(&self) -> SteamId {
        self.person
    }

    /// What is remembered of it once it has been taken.
    #[must_use]
    pub fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// Judges what is known of the attempt and of the browser, before the provider is asked.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub fn belongs_to(
        &self,
        attempt: Option<&Attempt>,
        cookie: Option<&BrowserSecret>,
        is_nonce_seen: bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        require(!is_nonce_seen, Refusal::NonceSeen)?;
        let attempt = attempt.ok_or(Refusal::AttemptUnknown)?;
        require(attempt.is_open(), Refusal::AttemptEnded)?;
        require(!attempt.is_late(now), Refusal::AttemptLate)?;
        let cookie = cookie.ok_or(Refusal::CookieMissing)?;
        require(cookie.digest() == attempt.browser, Refusal::CookieOther)
    }

    /// What the provider is asked: whether it has said this. To be posted as a form to its endpoint.
    #[must_use]
    pub fn question(&self) -> String {
        let fields = self.fields.iter().filter(|(key, _)| *key != STATE);
        form::write(fields.map(|(key, value)| {
            let is_mode = key == MODE;
            let value = if is_mode {
                "check_authentication"
            } else {
                value
            };
            (key.as_str(), value)
        }))
    }
}

/// What holds for the query whatever it says.
fn check_form(
    query: &str,
    list: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let count = list.len();
    let fields: BTreeMap<_, _> = list.into_iter().collect();
    require(fields.len() == count, Refusal::RepeatedKey)?;
    let is_known = |key: &String| KEYS.contains(&key.as_str());
    require(fields.keys().all(is_known), Refusal::UnknownKey)?;
    let is_clean = |value: &String| !value.contains(char::is_control);
    require(fields.values().all(is_clean), Refusal::ControlCharacter)?;
    require(query.len() <= CALLBACK_BYTES_MAX, Refusal::TooLong)?;
    Ok(fields)
}

fn person(claimed_id: &str, provider: &Provider) -> Result<SteamId, Refusal> {
    let digits = claimed_id.strip_prefix(provider.claimed_id_prefix());
    match digits.map(str::parse) {
        Some(Ok(person)) => Ok(person),
        Some(Err(domain::InvalidData::SteamIdNoPerson(_))) => Err(Refusal::NoPerson),
        _ => Err(Refusal::ClaimedId),
    }
}

fn require(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    holds.then_some(()).ok_or(refusal)
}
