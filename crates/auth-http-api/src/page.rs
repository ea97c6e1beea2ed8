//! Pages for people who cannot go on.

use actix_web::{HttpResponse, http::StatusCode};
use http_kit::live_page;

const PAGE: &str = include_str!("page/notice.html");
const SIMULATED: &str =
    "<p class=\"lost\">Steam is simulated here: whoever comes in may be anybody.</p>";

/// A page that says what is wrong, in words of which none came with the request.
pub(crate) fn page(
    status: StatusCode,
    title: &str,
    text: &str,
    is_steam_simulated: bool,
) -> HttpResponse {
    let page = PAGE.replace("{title}", title).replace("{text}", text);
    let mut answer = live_page(&page.replace("<!-- simulated -->", simulated(is_steam_simulated)));
    *answer.status_mut() = status;
    answer
}

/// What every page says while Steam is simulated.
pub(crate) const fn simulated(is_steam_simulated: bool) -> &'static str {
    if is_steam_simulated { SIMULATED } else { "" }
}
