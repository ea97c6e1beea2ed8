//! What is answered instead of what the warehouse says.

use http_kit::Problem;
use utoipa::IntoResponses;

/// For the description of every path that asks the warehouse.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) enum WarehouseRefusals {
    /// A parameter cannot be meant; the problem names it, its value and what is allowed.
    #[response(status = 400, content_type = "application/problem+json")]
    BadParameter(Problem),
    /// The warehouse does not answer, or has too many questions already; `Retry-After` says
    /// when to come again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
