//! What loading adds to the interface that every service has.

use std::{io, net::TcpListener, sync::Arc};

use actix_web::web;
use http_kit::{EventStreams, Interface, PathWriter, Questions, WritePath};
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    ApiState, backfills,
    backfills::{BACKFILL_PATH, BACKFILLS_PATH, BODY_BYTES_MAX},
    days, events, figures, matches,
    metrics::EtlMetrics,
    page, rebuild,
    rebuild::REBUILD_PATH,
    stats,
};

/// Groups of paths in the description.
const TAGS: &[(&str, &str)] = &[
    ("etl", "What became of everything consumed."),
    (
        "warehouse",
        "What the warehouse knows: raw facts and raw counts, no model.",
    ),
    (
        "writing",
        "For whoever has the service's `API_TOKEN`; without one set these paths do not exist.",
    ),
];

/// Paths that exist only where a token is set.
const WRITE_PATHS: &[WritePath] = &[
    WritePath {
        path: REBUILD_PATH,
        // It takes none, and some clients send an empty object.
        body_bytes_max: 1024,
        writer: PathWriter::Operator,
    },
    WritePath {
        path: BACKFILLS_PATH,
        body_bytes_max: BODY_BYTES_MAX,
        writer: PathWriter::Operator,
    },
    WritePath {
        path: BACKFILL_PATH,
        body_bytes_max: 1024,
        writer: PathWriter::Operator,
    },
];

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
    Interface {
        title: "Match loading",
        description: "How loading is doing, and what has been loaded: health, figures, metrics, \
            days, matches, counters.",
        service: state.service.clone(),
        metrics: Arc::new(EtlMetrics::of(&state)),
        has_token: state.write.is_some(),
        tags: TAGS,
        write_paths: WRITE_PATHS,
        routes: {
            let time_max = state.service.request_timeout.of_waits();
            let questions = Questions::new("the warehouse", time_max);
            Arc::new(move |config| {
                config
                    .app_data(web::Data::new(state.clone()))
                    .app_data(web::Data::new(event_streams.clone()))
                    .app_data(web::Data::new(questions.clone()));
                routes(config);
            })
        },
    }
}

fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(figures::etl)
        .service(events::etl_events)
        .service(days::days)
        .service(rebuild::rebuild)
        .service(backfills::begin)
        .service(backfills::newest)
        .service(backfills::one)
        .service(backfills::cancel)
        .service(matches::known_match)
        .service(stats::heroes)
        .service(stats::pairs)
        .service(page::front);
}
