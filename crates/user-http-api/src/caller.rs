//! Who has sent a request, and whose profile it is about.

use actix_web::HttpRequest;
use auth_kit::{Principal, Scope, TokenVerifier};
use user_application::{Caller, Refusal, Whose};

use crate::refused::Refused;

/// The caller's own profile, in a path.
const ME: &str = "me";

/// Who has sent `request`, with a token that permits `needed`, or everything.
pub(crate) async fn caller(
    request: &HttpRequest,
    verifier: &TokenVerifier,
    needed: Scope,
) -> Result<Caller, Refused> {
    let principal = verifier.authorize(request, None).await?;
    if !principal.scopes.contains(Scope::Admin) {
        // Says which scope is missing.
        verifier.authorize(request, Some(needed)).await?;
    }
    Ok(of(&principal))
}

/// Whose profile it is about. What is no id is nobody's.
pub(crate) fn whose(request: &HttpRequest) -> Result<Whose, Refused> {
    let id = request.match_info().get("id");
    match id.expect("the route has this part") {
        ME => Ok(Whose::Mine),
        id => match id.parse() {
            Ok(user) => Ok(Whose::Of(user)),
            Err(_) => Err(Refused::new(request, Refusal::NotFound)),
        },
    }
}

fn of(principal: &Principal) -> Caller {
    let permits = |scope| principal.scopes.contains(scope);
    Caller {
        user: principal.user,
        may_read: permits(Scope::ProfileRead),
        may_write: permits(Scope::ProfileWrite),
        is_admin: permits(Scope::Admin),
        signed_in_at: principal.authenticated_at,
        steam_id: principal.steam_id,
        name: principal.name.clone(),
        picture: principal.picture.clone(),
    }
}
