//! `/metrics`: a service's figures as Prometheus reads them.
//!
//! Nothing is registered and nothing is kept between two answers: each is
//! written when it is asked for, so that its figures belong together.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    registry::Registry,
};
use service_kit::telemetry;

use crate::{
    figures::{Metrics, Writer},
    interface::Interface,
};

/// The newer format, for who asks for it: there `_total` and `_info` are what they mean.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The older format, for everybody else.
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures for Prometheus, all of one moment.
#[utoipa::path(
    tag = "health",
    responses((status = 200, description = "Prometheus text, or OpenMetrics for who accepts it.",
        content((String = "text/plain"), (String = "application/openmetrics-text"))))
)]
#[get("/metrics")]
pub(crate) async fn metrics(interface: web::Data<Interface>, request: HttpRequest) -> HttpResponse {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(Arc::clone(&interface.metrics))));
    let mut answer = String::new();
    text::encode(&mut answer, &registry).expect("writing to a string cannot fail");
    if accepts_openmetrics(&request) {
        HttpResponse::Ok().content_type(OPENMETRICS).body(answer)
    } else {
        HttpResponse::Ok().content_type(PLAIN).body(plain(&answer))
    }
}

fn accepts_openmetrics(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT);
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/openmetrics-text"))
}

/// `OpenMetrics` text in the older format, in which a family has the name of its
/// samples and information is a gauge.
fn plain(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut help = "";
    for line in openmetrics.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", _, words] => help = words,
            ["#", "TYPE", family, kind] => {
                let (name, kind) = match kind {
                    "counter" => (format!("{family}_total"), kind),
                    "info" => (format!("{family}_info"), "gauge"),
                    _ => (family.to_owned(), kind),
                };
                // Writing to a string cannot fail.
                let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            }
            ["#", ..] => {}
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// What a registry asks: the figures, written when it asks.
struct Families(Arc<dyn Metrics>);

impl fmt::Debug for Families {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Families")
    }
}

impl Collector for Families {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer::new(encoder);
        self.0.write(&mut writer)?;
        writer.counter(
            "log_lines_dropped",
            "Log lines that were not read in time, or could not be written",
            telemetry::dropped_lines(),
        )
    }
}
