//! From a request to an answer, counted.

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::tagged;
use user_application::{Profile, document};

use crate::{
    figures::{Operation, RequestFigures},
    refused::Refused,
};

/// Does what was asked for, and counts what came of it.
pub(crate) async fn answer(
    request: &HttpRequest,
    operation: Operation,
    work: impl Future<Output = Result<HttpResponse, Refused>>,
) -> HttpResponse {
    let answer = work.await.unwrap_or_else(Refused::answer);
    let figures = request.app_data::<web::Data<RequestFigures>>();
    let figures = figures.expect("the interface has it");
    figures.count(operation, answer.status());
    answer
}

/// A profile, tagged with its version.
pub(crate) fn show(profile: &Profile) -> HttpResponse {
    let answer = HttpResponse::Ok().json(document(profile));
    tagged(answer, profile.version.to_string())
}
