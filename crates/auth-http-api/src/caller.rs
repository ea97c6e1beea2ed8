//! Who has sent a request.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{HttpRequest, HttpResponse, http::header};
use auth_application::{AddressPrefix, Auth, Caller, KeyId, SigningKey, UserAgent};
use auth_kit::{Principal, Scope, TokenVerifier, refused_token};
use http_kit::client_address;

use crate::{
    interface::{Api, ApiState},
    refused::refused_account,
};

/// The verifier of the service's own tokens, with the keys that it publishes.
pub(crate) struct OwnKeys {
    auth: Arc<Auth>,
    verifier: TokenVerifier,
    key_set: fn(&[SigningKey]) -> String,
    /// Those that the verifier has.
    given: Mutex<Vec<KeyId>>,
}

impl OwnKeys {
    pub(crate) fn new(state: &ApiState) -> Self {
        Self {
            auth: Arc::clone(&state.auth),
            verifier: state.verifier.clone(),
            key_set: state.key_set,
            given: Mutex::default(),
        }
    }

    /// The set of keys that are published now; `None` if there is none, or none is known yet.
    pub(crate) fn published(&self) -> Option<String> {
        let keys = self.auth.ring().published();
        (!keys.is_empty()).then(|| (self.key_set)(&keys))
    }

    /// The verifier, with the keys of this moment: a key is published, and retires, by the clock alone.
    pub(crate) fn verifier(&self) -> &TokenVerifier {
        let keys = self.auth.ring().published();
        let ids: Vec<_> = keys.iter().map(|key| key.id.clone()).collect();
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if *given != ids {
            match self.verifier.take_keys((self.key_set)(&keys).as_bytes()) {
                Ok(()) => *given = ids,
                Err(error) => tracing::error!(%error, "our own set of keys is none"),
            }
        }
        &self.verifier
    }
}

/// Whence a request comes, as far as it may be written down.
pub(crate) fn caller(request: &HttpRequest) -> Caller {
    let user_agent = request.headers().get(header::USER_AGENT);
    let user_agent = user_agent.map(|text| String::from_utf8_lossy(text.as_bytes()));
    Caller {
        address: client_address(request).map(AddressPrefix::of),
        user_agent: user_agent.and_then(|text| UserAgent::shortened(&text)),
    }
}

/// The user who has sent a request, with any token.
pub(crate) async fn user(
    request: &HttpRequest,
    api: &Api,
) -> Result<Arc<Principal>, Box<HttpResponse>> {
    api.keys.verifier().authorize(request, None).await
}

/// The administrator who has sent a request. Other services take a token until it expires; this one knows whether its
/// session has ended since, and whether its user is an administrator still.
pub(crate) async fn administrator(
    request: &HttpRequest,
    api: &Api,
) -> Result<Arc<Principal>, Box<HttpResponse>> {
    let verifier = api.keys.verifier();
    let who = verifier.authorize(request, Some(Scope::Admin)).await?;
    let admins = &api.auth.settings().admins;
    if !who.steam_id.is_some_and(|person| admins.contains(&person)) {
        return Err(Box::new(refused_token(
            request,
            &"its user is none of AUTH_ADMINS",
        )));
    }
    let live = api.auth.require_session(&who).await;
    live.map_err(|refusal| refused_account(request, refusal))?;
    Ok(who)
}
