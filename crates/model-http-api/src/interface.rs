//! What models add to the interface that every service has.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::web;
use http_kit::{Interface, Questions};
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    ApiState, accounts, accounts::AccountQuestions, draft, heroes, metrics::ModelMetrics, page,
    slices,
};

/// Groups of paths in the description.
const TAGS: &[(&str, &str)] = &[(
    "models",
    "What is published, and what drafts are worth by it.",
)];

/// Scores that nobody has computed yet take no longer.
const SCORES_TIME_MAX: Duration = Duration::from_secs(2);

/// Answers on `listener` until `stop` is cancelled, and then for at most
/// three seconds more, to finish the answers that are under way.
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
    let waits = state.service.request_timeout.of_waits();
    let redis = Questions::new("Redis", waits);
    let warehouse = Questions::new("the warehouse", waits.min(SCORES_TIME_MAX));
    let warehouse = AccountQuestions(warehouse.refused_as("warehouse-away"));
    Interface {
        title: "Hero models",
        description: "What heroes and pairs of heroes are worth, how sure that is, and what \
            drafts are worth by it; the runs that computed it, health, metrics.",
        service: state.service.clone(),
        metrics: Arc::new(ModelMetrics::of(&state)),
        has_token: false,
        tags: TAGS,
        write_paths: &[],
        routes: Arc::new(move |config| {
            config
                .app_data(web::Data::new(state.clone()))
                .app_data(web::Data::new(redis.clone()))
                .app_data(web::Data::new(warehouse.clone()));
            routes(config);
        }),
    }
}

fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(slices::slices)
        .service(heroes::counters)
        .service(heroes::synergies)
        .service(draft::evaluate)
        .service(draft::suggest)
        .service(accounts::pas)
        .service(page::front);
}
