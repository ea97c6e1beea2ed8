//! What ingestion adds to the interface that every service has.

use std::{io, net::TcpListener, sync::Arc};

use actix_web::web;
use http_kit::{EventStreams, Interface, PathWriter, WritePath};
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    ApiState, events, gaps, hand_in,
    hand_in::{HAND_IN_BYTES_MAX, HandIns, REDRIVE_PATH, REPLAY_PATH},
    ingestion,
    metrics::IngestionMetrics,
    page,
};

/// Groups of paths in the description.
const TAGS: &[(&str, &str)] = &[
    ("ingestion", "What became of everything received."),
    (
        "writing",
        "For whoever has the service's `API_TOKEN`; without one set these paths do not exist.",
    ),
];

/// Paths that exist only where a token is set.
const WRITE_PATHS: &[WritePath] = &[hand_in_at(REPLAY_PATH), hand_in_at(REDRIVE_PATH)];

const fn hand_in_at(path: &'static str) -> WritePath {
    WritePath {
        path,
        body_bytes_max: HAND_IN_BYTES_MAX,
        writer: PathWriter::Operator,
    }
}

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
        title: "Match ingestion",
        description: "How ingestion is doing: health, figures, metrics.",
        service: state.service.clone(),
        metrics: Arc::new(IngestionMetrics::of(&state)),
        has_token: state.write.is_some(),
        tags: TAGS,
        write_paths: WRITE_PATHS,
        routes: {
            let hand_ins = HandIns::new(state.service.request_timeout.of_waits());
            Arc::new(move |config| {
                config
                    .app_data(web::Data::new(state.clone()))
                    .app_data(web::Data::new(event_streams.clone()))
                    .app_data(web::Data::new(hand_ins.clone()));
                routes(config);
            })
        },
    }
}

fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(ingestion::ingestion)
        .service(events::ingestion_events)
        .service(gaps::gaps)
        .service(hand_in::replay)
        .service(hand_in::redrive)
        .service(page::live_page);
}
