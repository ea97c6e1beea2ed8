//! Every path, what stands in front of it, and the document that lists it.

use actix_cors::Cors;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::from_fn,
    web,
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        PathItem,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use crate::{
    ApiState, connections, events,
    events::EventStreams,
    hand_in,
    hand_in::{HandIns, REDRIVE_PATH, REPLAY_PATH},
    health, ingestion, metrics, middleware, pages,
    problem::Problem,
};

/// Paths that exist only where a token is set.
pub(crate) const WRITE_PATHS: [&str; 2] = [REPLAY_PATH, REDRIVE_PATH];

/// The frame of the document; paths and schemas come from the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Match ingestion",
        description = "How ingestion is doing: health, figures, metrics. Every error is a \
                       problem document (RFC 9457). HEAD works wherever GET does.",
    ),
    tags(
        (name = "health", description = "Alive, ready and healthy are three different answers."),
        (name = "ingestion", description = "What became of everything received."),
        (name = "writing", description = "For whoever has the service's `API_TOKEN`; without \
                                          one set these paths do not exist."),
        (name = "pages", description = "For people."),
    ),
    modifiers(&Token)
)]
struct Frame;

/// How to show that one may write.
struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The service's `API_TOKEN`."))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The description of the interface, as `/openapi.json` shows it.
pub(crate) struct Document {
    pub(crate) openapi: utoipa::openapi::OpenApi,
}

impl Document {
    /// The methods of a path; none if there is no such path.
    fn methods(&self, path: &str) -> Option<&'static str> {
        // HEAD is answered wherever GET is.
        let methods = |item: &PathItem| match (&item.get, &item.post) {
            (Some(_), _) => Some("GET, HEAD"),
            (None, Some(_)) => Some("POST"),
            (None, None) => None,
        };
        self.openapi.paths.paths.get(path).and_then(methods)
    }
}

/// The application with everything that `state` shows.
pub(crate) fn app(
    state: ApiState,
    event_streams: EventStreams,
    hand_ins: HandIns,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let mut frame = Frame::openapi();
    state.version.clone_into(&mut frame.info.version);
    // Swagger UI would make it a link to another host.
    frame.info.license = None;
    let cors = cors(state.cors_allowed_origins.clone());
    let (app, openapi) = App::new()
        .into_utoipa_app()
        .openapi(frame)
        .configure(routes)
        .split_for_parts();
    app.service(pages::redirects())
        .service(pages::swagger_ui_files())
        .default_service(web::to(no_route))
        .app_data(web::Data::new(Document { openapi }))
        .app_data(web::Data::new(state))
        .app_data(web::Data::new(event_streams))
        .app_data(web::Data::new(hand_ins))
        // The last one is the outermost.
        .wrap(cors)
        .wrap(from_fn(middleware::explain_errors))
        .wrap(from_fn(middleware::refuse_large_bodies))
        .wrap(from_fn(middleware::answer_head))
        .wrap(middleware::security_headers())
        .wrap(from_fn(connections::watch_answers))
}

fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(health::livez)
        .service(health::readyz)
        .service(health::health)
        .service(ingestion::ingestion)
        .service(events::ingestion_events)
        .service(metrics::metrics)
        .service(hand_in::replay)
        .service(hand_in::redrive)
        .service(pages::live_page)
        .service(pages::openapi)
        .service(pages::swagger_ui)
        .service(pages::reference);
}

/// Closed unless origins are listed; never with credentials.
fn cors(allowed_origins: Vec<String>) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD])
        .allow_any_header();
    if allowed_origins.iter().any(|origin| origin == "*") {
        cors.allow_any_origin().send_wildcard()
    } else {
        cors.allowed_origin_fn(move |origin, _| allowed_origins.iter().any(|it| origin == it))
    }
}

/// The answer where there is no path.
pub(crate) fn nothing_here(path: &str) -> HttpResponse {
    let detail = "there is nothing here; /openapi.json lists every path";
    Problem::new(StatusCode::NOT_FOUND, detail, path).response()
}

async fn no_route(
    request: HttpRequest,
    document: web::Data<Document>,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let path = request.path();
    let is_closed = state.write.is_none() && WRITE_PATHS.contains(&path);
    let methods = if is_closed {
        None
    } else {
        document.methods(path)
    };
    let Some(methods) = methods else {
        return nothing_here(path);
    };
    let detail = format!("{} is not possible here, only {methods}", request.method());
    let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail, path).response();
    response
        .headers_mut()
        .insert(header::ALLOW, header::HeaderValue::from_static(methods));
    response
}
