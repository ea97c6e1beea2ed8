//! The live page: one file in this binary, which asks no other host.

use actix_web::{HttpResponse, get};

/// The live page: schedule, runs, what is published and how good it is.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page.", body = String, content_type = "text/html")
))]
#[get("/")]
pub(crate) async fn front() -> HttpResponse {
    http_kit::live_page(include_str!("page/live.html"))
}
