//! The description of the interface, and the pages made from it.
//!
//! Each page is one file in this binary. None refers to another host, so they
//! work where there is no internet.

use actix_web::{HttpResponse, dev::HttpServiceFactory, get, http::header::ContentType, web};
use utoipa::openapi::{
    Components, InfoBuilder, OpenApi, OpenApiBuilder, PathItem,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::interface::{Interface, PathWriter, is_at};

/// The description of the interface, as `/openapi.json` shows it.
pub(crate) struct Document {
    pub(crate) openapi: OpenApi,
}

impl Document {
    /// The methods of a path; none if there is no such path.
    pub(crate) fn methods(&self, path: &str) -> Option<String> {
        let methods = |item: &PathItem| {
            let PathItem {
                get,
                put,
                post,
                delete,
                patch,
                ..
            } = item;
            let known = [
                // HEAD is answered wherever GET is.
                ("GET, HEAD", get),
                ("POST", post),
                ("PUT", put),
                ("PATCH", patch),
                ("DELETE", delete),
            ];
            let there = known
                .into_iter()
                .filter(|(_, operation)| operation.is_some());
            there.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
        };
        let mut paths = self.openapi.paths.paths.iter();
        let (_, item) = paths.find(|(template, _)| is_at(template, path))?;
        Some(methods(item)).filter(|methods| !methods.is_empty())
    }
}

/// The frame of the description; paths and schemas come from the handlers.
pub(crate) fn frame(interface: &Interface) -> OpenApi {
    let description = format!(
        "{} Every error is a problem document (RFC 9457). HEAD works wherever GET does.",
        interface.description
    );
    let info = InfoBuilder::new()
        .title(interface.title)
        .version(interface.service.version)
        .description(Some(description));
    let health = "Alive, ready and healthy are three different answers.";
    let tags = [("health", health)].into_iter();
    let tags = tags.chain(interface.tags.iter().copied());
    let tags = tags.chain([("pages", "For people.")]);
    let tags = tags.map(|(name, description)| {
        let tag = TagBuilder::new().name(name);
        tag.description(Some(description)).build()
    });
    let mut components = Components::new();
    let bearer = || HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    if interface.is_written_by(PathWriter::Operator) {
        let bearer = bearer().description(Some("The service's `API_TOKEN`."));
        components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
    }
    if interface.is_written_by(PathWriter::User) {
        let bearer = bearer().bearer_format("JWT");
        let bearer = bearer.description(Some("A user's access token (RFC 9068)."));
        components.add_security_scheme("access_token", SecurityScheme::Http(bearer.build()));
    }
    OpenApiBuilder::new()
        .info(info.build())
        .tags(Some(tags))
        .components(Some(components))
        .build()
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
pub(crate) async fn swagger_ui(interface: web::Data<Interface>) -> HttpResponse {
    html(with_title(include_str!("page/docs.html"), &interface))
}

/// This document as a page to read.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page.", body = String, content_type = "text/html")
))]
#[get("/redoc")]
pub(crate) async fn reference(interface: web::Data<Interface>) -> HttpResponse {
    html(with_title(include_str!("page/reference.html"), &interface))
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

/// The answer that is a page.
pub fn html(page: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(page.into())
}

fn with_title(page: &str, interface: &Interface) -> String {
    page.replace("{title}", interface.title)
}
