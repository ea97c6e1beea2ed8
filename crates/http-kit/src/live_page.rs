//! What the live pages of all services have in common: how they look, how they
//! keep up with the events, and what they say when the service is gone.

use actix_web::HttpResponse;

use crate::documents::html;

/// A service's live page, made whole: one file that asks no other host.
///
/// `page` is a document with the lines `<!-- live.css -->` and `<!-- live.js -->`
/// in front of its own style and script. Its script calls `live` with the path
/// and the name of the events, and a function that shows the data of one.
#[must_use]
pub fn live_page(page: &str) -> HttpResponse {
    let style = concat!("<style>\n", include_str!("page/live.css"), "</style>");
    let script = concat!("<script>\n", include_str!("page/live.js"), "</script>");
    let page = page.replace("<!-- live.css -->", style);
    html(page.replace("<!-- live.js -->", script))
}
