//! What signing in adds to the interface that every service has.

use std::{io, net::TcpListener, sync::Arc};

use actix_web::web;
use auth_application::{Auth, SigningKey};
use auth_kit::TokenVerifier;
use http_kit::{Interface, PathWriter, ServiceParts, WritePath};
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    administration, authorize, callback, caller::OwnKeys, discovery, introspect, limits::Limits,
    metrics::AuthMetrics, rates::RateSettings, sessions, sessions_page, token,
};

/// Groups of paths in the description.
const TAGS: &[(&str, &str)] = &[
    (
        "sign-in",
        "For browsers: to Steam, and back to the client that has sent them.",
    ),
    (
        "tokens",
        "For clients: tokens for codes and for older ones, and tokens given back. Errors are those of RFC 6749, 5.2.",
    ),
    (
        "discovery",
        "Where everything is, and the keys to judge tokens by.",
    ),
    ("sessions", "For users, with any access token of theirs."),
    (
        "administration",
        "For administrators, with the scope `admin`.",
    ),
];

/// Several times what any token or code needs.
pub(crate) const FORM_BYTES_MAX: usize = 16 * 1024;
pub(crate) const ORDER_BYTES_MAX: usize = 4 * 1024;

const WRITE_PATHS: &[WritePath] = &[
    written("/token", FORM_BYTES_MAX),
    written("/revoke", FORM_BYTES_MAX),
    written("/introspect", FORM_BYTES_MAX),
    written("/api/v1/sessions", ORDER_BYTES_MAX),
    written("/api/v1/sessions/{id}", ORDER_BYTES_MAX),
    written("/api/v1/admin/users/{id}/block", ORDER_BYTES_MAX),
    written("/api/v1/admin/users/{id}/unblock", ORDER_BYTES_MAX),
    written("/api/v1/admin/users/{id}/end-sessions", ORDER_BYTES_MAX),
];

const TITLE: &str = "Signing in";
const DESCRIPTION: &str = "Signs people in with Steam, and gives their clients tokens.";
const SIMULATED_TITLE: &str = "Signing in (simulated Steam)";
const SIMULATED_DESCRIPTION: &str = "Steam is simulated (STEAM_SIMULATED): whoever comes in may be anybody. \
    Signs people in, and gives their clients tokens.";

/// Everything the HTTP interface shows, and asks.
#[derive(Clone)]
pub struct ApiState {
    /// Whose interface it is.
    pub service: ServiceParts,
    /// What it does. Whoever serves this also has it [look after itself](Auth::look_after_itself).
    pub auth: Arc<Auth>,
    /// Who has sent a request; made [with own keys](TokenVerifier::with_own_keys). It is given those of `auth` here,
    /// whenever they have changed.
    pub verifier: TokenVerifier,
    /// Writes the set of these keys (RFC 7517), public parts only.
    pub key_set: fn(&[SigningKey]) -> String,
    /// How often somebody may ask.
    pub rates: RateSettings,
    /// `STEAM_SIMULATED`: every page says so.
    pub is_steam_simulated: bool,
    /// How many connections to the database are in use.
    pub connections_in_use: Arc<dyn Fn() -> usize + Send + Sync>,
}

/// What handlers share.
pub(crate) struct Api {
    pub(crate) auth: Arc<Auth>,
    pub(crate) keys: Arc<OwnKeys>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) is_steam_simulated: bool,
}

/// Answers on `listener` until `stop` is cancelled, and then for at most three seconds more, to finish the answers
/// that are under way.
///
/// # Errors
/// When the listener cannot be used or the server cannot go on.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    stop: CancellationToken,
) -> io::Result<()> {
    http_kit::serve(listener, interface(state), stop).await
}

fn interface(state: ApiState) -> Interface {
    let mut service = state.service.clone();
    let clients = state.auth.settings().clients.iter();
    let origins = clients.flat_map(|client| client.origins().iter().cloned());
    service.cors_allowed_origins.extend(origins);

    let limits = Arc::new(Limits::new(state.rates));
    let keys = Arc::new(OwnKeys::new(&state));
    let metrics = AuthMetrics::new(&state, Arc::clone(&keys), Arc::clone(&limits));
    let (title, description) = if state.is_steam_simulated {
        (SIMULATED_TITLE, SIMULATED_DESCRIPTION)
    } else {
        (TITLE, DESCRIPTION)
    };
    let api = web::Data::new(Api {
        auth: state.auth,
        keys,
        limits,
        is_steam_simulated: state.is_steam_simulated,
    });
    Interface {
        title,
        description,
        service,
        metrics: Arc::new(metrics),
        // Nothing here is the operator's to write.
        has_token: false,
        tags: TAGS,
        write_paths: WRITE_PATHS,
        routes: Arc::new(move |config| {
            config.app_data(api.clone());
            routes(config);
        }),
    }
}

fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(authorize::authorize)
        .service(callback::callback)
        .service(token::token)
        .service(token::revoke)
        .service(introspect::introspect)
        .service(discovery::server)
        .service(discovery::keys)
        .service(sessions::list)
        .service(sessions::log_out)
        .service(sessions::log_out_everywhere)
        .service(administration::look_up)
        .service(administration::block)
        .service(administration::unblock)
        .service(administration::end_sessions)
        .service(sessions_page::sessions_page)
        .service(http_kit::status_page);
}

const fn written(path: &'static str, body_bytes_max: usize) -> WritePath {
    WritePath {
        path,
        body_bytes_max,
        writer: PathWriter::User,
    }
}
