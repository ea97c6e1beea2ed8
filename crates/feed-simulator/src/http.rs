//! The truth over HTTP, for consumers that are other processes, and the controls beside it.

use std::net::SocketAddr;

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    get, put,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};

use crate::{
    faults::{Fault, UpgradeFault},
    feed::Feed,
    start_error::StartError,
    truth::Truth,
};

/// A running HTTP server. It ends when it is dropped.
pub(crate) struct HttpInterface {
    address: SocketAddr,
    server: ServerHandle,
}

/// Ids in the order in which they were sent or proved.
#[derive(Serialize)]
struct Ids {
    sent: Vec<i64>,
    proved: Vec<i64>,
}

/// What to change; everything left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Controls {
    rate: Option<f64>,
    paused: Option<bool>,
    /// Fails every new upgrade until `accept_again`.
    refuse: Option<UpgradeFault>,
    #[serde(default)]
    accept_again: bool,
    /// Makes every open connection go through this now.
    cut: Option<Fault>,
    send_text: Option<String>,
}

impl HttpInterface {
    /// # Errors
    /// The address cannot be listened on.
    pub(crate) fn start(feed: Feed, address: SocketAddr) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen {
            address,
            purpose: "the truth over HTTP",
            source,
        };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::new(feed.clone()))
                .service(truth)
                .service(ids)
                .service(control)
        })
        .workers(1)
        .disable_signals()
        .bind(address)
        .map_err(listen_error)?;
        let address = *server
            .addrs()
            .first()
            .expect("a bound server has an address");
        let running = server.run();
        let server = running.handle();
        tokio::spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(%error, "the truth is not served over HTTP any more");
            }
        });
        Ok(Self { address, server })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts off answers that are under way; there is nothing to lose.
    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}

impl Drop for HttpInterface {
    fn drop(&mut self) {
        // The command is on its way before the future is awaited.
        drop(self.server.stop(false));
    }
}

/// `GET /truth`: all figures of one moment.
#[get("/truth")]
async fn truth(feed: Data<Feed>) -> Json<Truth> {
    Json(feed.truth())
}

/// `GET /truth/ids`: the distinct genuine ids, if they are recorded.
#[get("/truth/ids")]
async fn ids(feed: Data<Feed>) -> Json<Ids> {
    Json(Ids {
        sent: feed.ids_sent(),
        proved: feed.ids_proved(),
    })
}

/// `PUT /control`: 204, or 400 with what is wrong with the request.
#[put("/control")]
async fn control(feed: Data<Feed>, Json(controls): Json<Controls>) -> HttpResponse {
    if let Some(Err(error)) = controls.rate.map(|rate| feed.set_rate(rate)) {
        return HttpResponse::BadRequest().body(error.to_string());
    }
    match controls.paused {
        Some(true) => feed.pause(),
        Some(false) => feed.resume(),
        None => {}
    }
    if let Some(fault) = controls.refuse {
        feed.refuse(fault);
    }
    if controls.accept_again {
        feed.accept_again();
    }
    if let Some(fault) = controls.cut {
        feed.cut(fault);
    }
    match controls.send_text.map(|text| feed.send_text(text)) {
        Some(false) => HttpResponse::TooManyRequests().body("too many messages wait to be sent"),
        Some(true) | None => HttpResponse::NoContent().finish(),
    }
}
