//! What a request is answered whose token does not do.

use std::{fmt::Display, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use http_kit::{Problem, bearer_token, note_refused_token};
use identity::{Principal, Scope};
use utoipa::IntoResponses;

use crate::verifier::TokenVerifier;

/// What is answered instead, for the description of every path that wants a token.
#[derive(IntoResponses)]
pub enum AccessRefusals {
    /// There is no access token, or one that is not taken: get a new one.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The token does not permit this: ask for the scope.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
}

impl TokenVerifier {
    /// Who has sent `request`, if it comes with a token that is taken and permits `needed`, whatever that is.
    ///
    /// # Errors
    /// The answer to give instead (RFC 6750, 3). The log says why, where a token came that was not taken.
    pub async fn authorize(
        &self,
        request: &HttpRequest,
        needed: Option<Scope>,
    ) -> Result<Arc<Principal>, Box<HttpResponse>> {
        let Some(principal) = self.identify(request).await? else {
            let detail = "this needs the header `Authorization: Bearer` with an access token";
            let problem = Problem::new(StatusCode::UNAUTHORIZED, detail, request.path());
            return Err(Box::new(challenge(&problem, "Bearer".to_owned())));
        };
        match needed {
            Some(scope) if !principal.scopes.contains(scope) => {
                Err(Box::new(too_little(request, scope)))
            }
            _ => Ok(principal),
        }
    }

    /// Who has sent `request`; `None` if it comes without a token.
    ///
    /// # Errors
    /// There is one, and it is not taken: the answer to give instead.
    pub async fn identify(
        &self,
        request: &HttpRequest,
    ) -> Result<Option<Arc<Principal>>, Box<HttpResponse>> {
        let Some(token) = bearer_token(request) else {
            return Ok(None);
        };
        // Who reads the first of two, and who the last?
        let is_one = request.headers().get_all(header::AUTHORIZATION).count() == 1;
        let token = std::str::from_utf8(token).ok().filter(|_| is_one);
        let Some(token) = token else {
            return Err(Box::new(refused_token(
                request,
                &"Authorization is there twice, or no text",
            )));
        };
        match self.verify(token).await {
            Ok(principal) => Ok(Some(principal)),
            Err(refused) => Err(Box::new(refused_token(request, &refused))),
        }
    }
}

/// The answer to a token that is not taken, the same for every reason; the log says which.
///
/// A [`TokenVerifier`] gives it by itself. It is here for whoever knows more of a token than a verifier does.
pub fn refused_token(request: &HttpRequest, reason: &dyn Display) -> HttpResponse {
    note_refused_token(request, reason);
    let detail = "the access token is not taken; get a new one";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, detail, request.path());
    let problem = problem.of_kind("invalid-token");
    challenge(&problem, "Bearer error=\"invalid_token\"".to_owned())
}

fn too_little(request: &HttpRequest, scope: Scope) -> HttpResponse {
    let name = scope.name();
    let detail = format!("this needs an access token with the scope `{name}`");
    let problem = Problem::new(StatusCode::FORBIDDEN, detail, request.path());
    let problem = problem.of_kind("insufficient-scope");
    challenge(
        &problem,
        format!("Bearer error=\"insufficient_scope\", scope=\"{name}\""),
    )
}

fn challenge(problem: &Problem, challenge: String) -> HttpResponse {
    let mut response = problem.response();
    let challenge = HeaderValue::try_from(challenge).expect("names of scopes are visible ASCII");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
