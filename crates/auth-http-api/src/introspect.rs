//! What a token is worth, for administrators.

use actix_web::{HttpRequest, HttpResponse, post, web};
use auth_application::{Introspection, TokenError};
use auth_kit::AccessRefusals;
use serde_json::{Map, Value, json};

use crate::{
    caller::administrator,
    documents::{IntrospectionDocument, IntrospectionForm},
    form::read_form,
    interface::Api,
    refused::{StoreRefusals, TokenRefusals, refused},
};

/// Says what a token of either kind is worth now (RFC 7662): for all that is not ours or not worth anything,
/// `{"active": false}`.
///
/// An access token whose session has ended is worth nothing here; verifiers that look at signatures alone take it
/// until it expires.
#[utoipa::path(
    tag = "administration",
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What it is worth.", body = IntrospectionDocument),
        AccessRefusals, TokenRefusals, StoreRefusals,
    ),
    security(("access_token" = []))
)]
#[post("/introspect")]
pub(crate) async fn introspect(
    request: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> HttpResponse {
    let work = async {
        administrator(&request, &api).await?;
        let fields = read_form(&request, payload).await?;
        let mut tokens = fields.iter().filter(|(name, _)| name == "token");
        let (Some((_, token)), None) = (tokens.next(), tokens.next()) else {
            let wrong = TokenError::InvalidRequest("token is missing, or there more than once");
            return Err(Box::new(refused(&request, wrong)));
        };
        let looked = api.auth.introspect(token).await;
        let looked = looked.map_err(|refusal| refused(&request, refusal))?;
        let document = looked.map_or_else(|| json!({ "active": false }), |it| document(&it, &api));
        Ok(HttpResponse::Ok().json(document))
    };
    work.await.unwrap_or_else(|answer| *answer)
}

fn document(token: &Introspection, api: &Api) -> Value {
    let terms = &api.auth.settings().terms;
    let kind = if token.is_refresh_token {
        "refresh_token"
    } else {
        "Bearer"
    };
    let members = json!({
        "active": true,
        "iss": terms.issuer.as_str(),
        "aud": (!token.is_refresh_token).then_some(&terms.audience),
        "token_type": kind,
        "sub": token.user.to_string(),
        "client_id": token.client.as_str(),
        "scope": token.scopes.to_string(),
        "sid": token.session.to_string(),
        "auth_time": token.authenticated_at.unix_seconds(),
        "exp": token.expires_at.unix_seconds(),
        "steam_id": token.steam_id.map(|id| id.to_string()),
        "name": token.name.as_ref().map(ToString::to_string),
        "picture": token.picture.as_ref().map(ToString::to_string),
    });
    let Value::Object(members) = members else {
        unreachable!("it is written as an object");
    };
    let there = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(there.collect::<Map<_, _>>())
}
