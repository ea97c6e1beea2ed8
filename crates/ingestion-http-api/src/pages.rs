//! The pages for people, and the document they are made from.
//!
//! Each page is one file in this binary. None refers to another host, so they
//! work where there is no internet.

use actix_web::{HttpResponse, dev::HttpServiceFactory, get, http::header::ContentType, web};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::routes::Document;

/// The live page: what flows, how fast, and how the service is.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page.", body = String, content_type = "text/html")
))]
#[get("/")]
pub(crate) async fn live_page() -> HttpResponse {
    html(include_str!("page/live.html"))
}

/// This document.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "The document.", body = serde_json::Value)
))]
#[get("/openapi.json")]
pub(crate) async fn openapi(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok().json(&document.openapi)
}

/// This document in Swagger UI, to try it out.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page.", body = String, content_type = "text/html")
))]
#[get("/docs")]
pub(crate) async fn swagger_ui() -> HttpResponse {
    html(include_str!("page/docs.html"))
}

/// This document as a page to read.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page.", body = String, content_type = "text/html")
))]
#[get("/redoc")]
pub(crate) async fn reference() -> HttpResponse {
    html(include_str!("page/reference.html"))
}

/// A page has one address. Where else one may look for it leads there, by a
/// relative path that holds behind a proxy's prefix, too.
pub(crate) fn redirects() -> impl HttpServiceFactory {
    (
        web::redirect("/docs/", "../docs").permanent(),
        web::redirect("/docs/index.html", "../docs").permanent(),
        web::redirect("/redoc/", "../redoc").permanent(),
    )
}

/// The files that the page at `/docs` loads.
pub(crate) fn swagger_ui_files() -> SwaggerUi {
    let config = Config::from("/openapi.json")
        .use_base_layout()
        // Otherwise it would ask a host of its makers whether the document is valid.
        .validator_url("none");
    SwaggerUi::new("/docs/{file:.*}").config(config)
}

fn html(page: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(page)
}
