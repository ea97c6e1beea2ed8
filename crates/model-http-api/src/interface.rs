//! What models add to the interface that every service has.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::web;
use http_kit::{EventStreams, Interface, PathWriter, Questions, Remembered, WritePath};
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    ApiState, accounts,
    accounts::AccountQuestions,
    draft, heroes,
    metrics::ModelMetrics,
    page,
    runs::{self, BODY_BYTES_MAX, Begun, LedgerQuestions},
    slices,
};

/// Groups of paths in the description.
const TAGS: &[(&str, &str)] = &[
    (
        "models",
        "What is published, and what drafts are worth by it.",
    ),
    ("runs", "What became of the runs, and what they do now."),
    (
        "writing",
        "For whoever has the service's `API_TOKEN`; without one set these paths do not exist.",
    ),
];

/// Where runs are listed and begun.
pub const RUNS_PATH: &str = "/api/v1/runs";
/// Where what a run has found is published.
pub const RUN_PUBLISH_PATH: &str = "/api/v1/runs/{id}/publish";
/// Where one is cancelled.
pub const RUN_CANCEL_PATH: &str = "/api/v1/runs/{id}/cancel";

/// Paths that take something from whoever has the token.
const WRITE_PATHS: &[WritePath] = &[
    WritePath {
        path: RUNS_PATH,
        body_bytes_max: BODY_BYTES_MAX,
        writer: PathWriter::Operator,
    },
    WritePath {
        path: RUN_PUBLISH_PATH,
        // It takes none, and some clients send an empty object.
        body_bytes_max: 1024,
        writer: PathWriter::Operator,
    },
    WritePath {
        path: RUN_CANCEL_PATH,
        body_bytes_max: 1024,
        writer: PathWriter::Operator,
    },
];

/// A request with a key is remembered for so long …
const KEY_LIFE: Duration = Duration::from_hours(24);
/// … and so many are: only whoever has the token sends them.
const KEYS_MAX: usize = 1000;

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
    let interface = interface(state, EventStreams::new(stop.clone()));
    http_kit::serve(listener, interface, stop).await
}

fn interface(state: ApiState, event_streams: EventStreams) -> Interface {
    let waits = state.service.request_timeout.of_waits();
    let redis = Questions::new("Redis", waits);
    let warehouse = Questions::new("the warehouse", waits.min(SCORES_TIME_MAX));
    let warehouse = AccountQuestions(warehouse.refused_as("warehouse-away"));
    let ledger = LedgerQuestions(Questions::new("the ledger of runs", waits));
    let begun = Begun(Arc::new(Remembered::new(KEY_LIFE, KEYS_MAX)));
    Interface {
        title: "Hero models",
        description: "What heroes and pairs of heroes are worth, how sure that is, and what \
            drafts are worth by it; the runs that computed it, health, metrics.",
        service: state.service.clone(),
        metrics: Arc::new(ModelMetrics::of(&state)),
        has_token: state.token.is_some(),
        tags: TAGS,
        write_paths: WRITE_PATHS,
        routes: Arc::new(move |config| {
            config
                .app_data(web::Data::new(state.clone()))
                .app_data(web::Data::new(redis.clone()))
                .app_data(web::Data::new(warehouse.clone()))
                .app_data(web::Data::new(ledger.clone()))
                .app_data(web::Data::new(begun.clone()))
                .app_data(web::Data::new(event_streams.clone()));
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
        .service(runs::runs)
        // Before that of any one run.
        .service(runs::run_events)
        .service(runs::one)
        .service(runs::begin)
        .service(runs::publish)
        .service(runs::cancel)
        .service(page::front);
}
