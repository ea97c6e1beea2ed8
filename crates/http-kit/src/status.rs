//! The page of a service that has nothing to show but how it is: its health and its figures.

#![expect(
    unreachable_pub,
    reason = "the attribute makes a function within of what is public"
)]

use actix_web::{HttpResponse, get, web};

use crate::{interface::Interface, live_page::live_page};

/// How the service is, for people.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page.", body = String, content_type = "text/html")
))]
#[get("/")]
pub async fn status_page(interface: web::Data<Interface>) -> HttpResponse {
    let page = include_str!("page/status.html").replace("{title}", interface.title);
    live_page(&page.replace("{description}", interface.description))
}
