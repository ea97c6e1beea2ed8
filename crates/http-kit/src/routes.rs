//! Every path, and what stands in front of it.

use actix_cors::Cors;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::from_fn,
    web,
};
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use crate::{
    access::nothing_here,
    connections,
    documents::{self, Document},
    health,
    interface::{Interface, PathWriter},
    metrics, middleware,
    problem::Problem,
    refused_tokens::RefusedTokens,
    time_limit,
};

/// The application with everything that `interface` shows.
pub(crate) fn app(
    interface: Interface,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let cors = cors(&interface);
    let (app, openapi) = App::new()
        .into_utoipa_app()
        .openapi(documents::frame(&interface))
        .configure(routes)
        .configure(|config: &mut ServiceConfig<'_>| (interface.routes)(config))
        .split_for_parts();
    app.service(documents::redirects())
        .service(documents::swagger_ui_files())
        .default_service(web::to(no_route))
        .app_data(web::Data::new(Document { openapi }))
        .app_data(web::Data::new(interface))
        .app_data(web::Data::new(RefusedTokens::default()))
        // The last one is the outermost.
        .wrap(from_fn(time_limit::limit_time))
        .wrap(cors)
        .wrap(from_fn(middleware::explain_errors))
        .wrap(from_fn(middleware::refuse_large_bodies))
        .wrap(from_fn(middleware::answer_head))
        .wrap(from_fn(middleware::add_security_headers))
        .wrap(from_fn(connections::watch_answers))
}

fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(health::livez)
        .service(health::readyz)
        .service(health::health)
        .service(metrics::metrics)
        .service(documents::openapi)
        .service(documents::swagger_ui)
        .service(documents::reference);
}

/// Closed unless origins are listed; never with credentials. Pages may write what users may: with the user's own
/// token, which no browser sends by itself.
fn cors(interface: &Interface) -> Cors {
    let allowed_origins = interface.service.cors_allowed_origins.clone();
    let mut methods = vec![Method::GET, Method::HEAD];
    if interface.is_written_by(PathWriter::User) {
        methods.extend([Method::POST, Method::PUT, Method::PATCH, Method::DELETE]);
    }
    let cors = Cors::default().allowed_methods(methods).allow_any_header();
    let cors = cors.expose_headers([header::ETAG, header::RETRY_AFTER, header::WWW_AUTHENTICATE]);
    if allowed_origins.iter().any(|origin| origin == "*") {
        cors.allow_any_origin().send_wildcard()
    } else {
        cors.allowed_origin_fn(move |origin, _| allowed_origins.iter().any(|it| origin == it))
    }
}

async fn no_route(
    request: HttpRequest,
    document: web::Data<Document>,
    interface: web::Data<Interface>,
) -> HttpResponse {
    let path = request.path();
    let write_path = interface.write_path(path);
    let is_closed = write_path.is_some_and(|path| !interface.is_open(path));
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
    let methods = header::HeaderValue::try_from(methods).expect("methods are visible ASCII");
    response.headers_mut().insert(header::ALLOW, methods);
    response
}
