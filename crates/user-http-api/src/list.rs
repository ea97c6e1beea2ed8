//! All profiles, page by page.

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth_kit::{AccessRefusals, Scope};
use http_kit::{Parameters, Problem};
use serde_json::{Value, json};
use user_application::{PAGE_MAX, document};

use crate::{
    answer::answer,
    caller::caller,
    documents::ProfilePage,
    figures::Operation,
    interface::ApiState,
    refused::{Refused, StoreRefusals},
};

const PAGE: usize = 50;

/// Profiles in the order of their ids, which is that of the users' first sign-in.
#[utoipa::path(
    tag = "administration",
    params(
        ("after" = Option<String>, Query, description = "The id of the last one of the page before."),
        ("limit" = Option<usize>, Query, description = "1 to 100, else 50."),
    ),
    responses(
        (status = 200, description = "A page.", body = ProfilePage),
        (status = 400, description = "A parameter cannot be meant.", body = Problem,
            content_type = "application/problem+json"),
        AccessRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[get("/api/v1/profiles")]
pub(crate) async fn list(request: HttpRequest, state: web::Data<ApiState>) -> HttpResponse {
    let work = async {
        let caller = caller(&request, &state.verifier, Scope::Admin).await?;
        let parameters = Parameters::of(&request, &["after", "limit"])?;
        let after = parameters.optional("after", "the id of a user", |id| id.parse().ok())?;
        let limit = parameters.optional("limit", "1 to 100", |limit| {
            limit
                .parse()
                .ok()
                .filter(|limit| (1..=PAGE_MAX).contains(limit))
        })?;
        let page = state.profiles.page(&caller, after, limit.unwrap_or(PAGE));
        let (profiles, has_more) = page
            .await
            .map_err(|refusal| Refused::new(&request, refusal))?;
        let last = profiles.last().filter(|_| has_more);
        let next = last.map(|profile| profile.user.to_string());
        let profiles: Value = profiles.iter().map(document).collect();
        Ok(HttpResponse::Ok().json(json!({ "profiles": profiles, "next": next })))
    };
    answer(&request, Operation::List, work).await
}
