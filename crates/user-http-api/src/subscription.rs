//! What somebody has bought.

use actix_web::{HttpRequest, HttpResponse, put, web};
use auth_kit::{AccessRefusals, Scope};
use http_kit::{Problem, idempotency_key, read_json, tagged};
use user_application::Subscription;

use crate::{
    answer::answer,
    caller::{caller, whose},
    documents::{SubscriptionAnswer, SubscriptionDocument},
    figures::Operation,
    interface::{ApiState, SUBSCRIPTION_BYTES_MAX},
    refused::{ChangeRefusals, Refused, StoreRefusals},
};

/// Sets what a user has bought.
///
/// With an `Idempotency-Key` a request that is sent again within 24 hours is answered as it was, and does nothing.
#[utoipa::path(
    tag = "administration",
    request_body = SubscriptionDocument,
    params(
        ("id" = String, Path, description = "A user's id, or `me`."),
        ("Idempotency-Key" = Option<String>, Header, description = "Up to 255 printable ASCII characters."),
    ),
    responses(
        (status = 200, description = "What is bought; `ETag` is the version of the profile.", body = SubscriptionAnswer,
            headers(("ETag" = String, description = "The version of the profile, in quotes."))),
        (status = 404, description = "There is no such profile.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, ChangeRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[put("/api/v1/profiles/{id}/subscription")]
pub(crate) async fn subscribe(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let work = async {
        let caller = caller(&request, &state.verifier, Scope::Admin).await?;
        let whose = whose(&request)?;
        let key = idempotency_key(&request)?;
        let types = ["application/json"];
        let body = read_json(&request, payload, SUBSCRIPTION_BYTES_MAX, &types).await?;
        let subscription = Subscription::try_read(&body);
        let subscription = subscription.map_err(|faults| Refused::invalid(&request, &faults))?;
        let subscribed = state.profiles.subscribe(&caller, whose, subscription, key);
        let subscribed = subscribed.await;
        let state = subscribed.map_err(|refusal| Refused::new(&request, refusal))?;
        let answer = HttpResponse::Ok().json(state.document());
        Ok(tagged(answer, state.version.to_string()))
    };
    answer(&request, Operation::Subscribe, work).await
}
