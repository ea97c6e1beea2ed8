//! What profiles add to the interface that every service has.

use std::{io, net::TcpListener, sync::Arc};

use actix_web::web;
use auth_kit::TokenVerifier;
use http_kit::{Interface, PathWriter, ServiceParts, WritePath};
use tokio_util::sync::CancellationToken;
use user_application::Profiles;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{figures::RequestFigures, list, metrics::UserMetrics, profile, subscription};

/// Groups of paths in the description.
const TAGS: &[(&str, &str)] = &[
    (
        "profiles",
        "For users, with their access tokens: `profile:read` to look, `profile:write` to change.",
    ),
    (
        "administration",
        "For administrators, with the scope `admin`.",
    ),
];

/// A profile has at most 16 KiB of preferences, and somebody may write it with spaces.
pub(crate) const PROFILE_BYTES_MAX: usize = 64 * 1024;
pub(crate) const SUBSCRIPTION_BYTES_MAX: usize = 4 * 1024;

const WRITE_PATHS: &[WritePath] = &[
    WritePath {
        path: "/api/v1/profiles/{id}",
        body_bytes_max: PROFILE_BYTES_MAX,
        writer: PathWriter::User,
    },
    WritePath {
        path: "/api/v1/profiles/{id}/subscription",
        body_bytes_max: SUBSCRIPTION_BYTES_MAX,
        writer: PathWriter::User,
    },
];

/// Everything the HTTP interface shows, and asks.
#[derive(Clone)]
pub struct ApiState {
    /// Whose interface it is.
    pub service: ServiceParts,
    /// All profiles.
    pub profiles: Arc<Profiles>,
    /// Who has sent a request. Whoever serves this also [watches](TokenVerifier::watch) its keys.
    pub verifier: TokenVerifier,
    /// How many connections to the database are in use.
    pub connections_in_use: Arc<dyn Fn() -> usize + Send + Sync>,
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
    let figures = web::Data::new(RequestFigures::default());
    Interface {
        title: "Profiles",
        description: "What users say of themselves, for themselves.",
        service: state.service.clone(),
        metrics: Arc::new(UserMetrics::new(&state, figures.clone().into_inner())),
        // Nothing here is the operator's to write.
        has_token: false,
        tags: TAGS,
        write_paths: WRITE_PATHS,
        routes: Arc::new(move |config| {
            config
                .app_data(web::Data::new(state.clone()))
                .app_data(figures.clone());
            routes(config);
        }),
    }
}

fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(profile::look)
        .service(profile::replace)
        .service(profile::patch)
        .service(profile::remove)
        .service(subscription::subscribe)
        .service(list::list)
        .service(http_kit::status_page);
}
