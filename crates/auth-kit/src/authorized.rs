//! Arguments of handlers that say whom they answer.

use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc};

use actix_web::{
    Error, FromRequest, HttpRequest, HttpResponse, dev::Payload, error::InternalError,
    http::StatusCode, web,
};
use futures_util::future::LocalBoxFuture;
use http_kit::Problem;
use identity::{Principal, Scope};

use crate::verifier::TokenVerifier;

/// Who has sent the request, with a token that permits `S`. A handler with this argument is not called for anybody
/// else: they get the answers of [`AccessRefusals`](crate::AccessRefusals).
///
/// The service shares its verifier as `web::Data<TokenVerifier>`.
pub struct Authorized<S> {
    principal: Arc<Principal>,
    scope: PhantomData<fn() -> S>,
}

/// What a token has to permit, as a type.
pub trait NeededScope: 'static {
    /// The scope; none if every token will do.
    const SCOPE: Option<Scope>;
}

macro_rules! needed {
    ($($(#[$doc:meta])* $name:ident = $scope:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}

            impl NeededScope for $name {
                const SCOPE: Option<Scope> = $scope;
            }
        )*
    };
}

needed! {
    /// Every token will do, for what is the user's own whatever the client may.
    AnyScope = None;
    /// `profile:read`
    ProfileRead = Some(Scope::ProfileRead);
    /// `profile:write`
    ProfileWrite = Some(Scope::ProfileWrite);
    /// `draft:read`
    DraftRead = Some(Scope::DraftRead);
    /// `draft:write`
    DraftWrite = Some(Scope::DraftWrite);
    /// `admin`
    AdminScope = Some(Scope::Admin);
}

impl<S> Deref for Authorized<S> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<S> fmt::Debug for Authorized<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.principal.fmt(f)
    }
}

impl<S: NeededScope> FromRequest for Authorized<S> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let verifier = request.app_data::<web::Data<TokenVerifier>>();
            let judged = match verifier {
                Some(verifier) => verifier.authorize(&request, S::SCOPE).await,
                None => Err(Box::new(without_verifier(&request))),
            };
            let principal = judged.map_err(|response| {
                Error::from(InternalError::from_response(
                    "the access token does not do",
                    *response,
                ))
            })?;
            Ok(Self {
                principal,
                scope: PhantomData,
            })
        })
    }
}

fn without_verifier(request: &HttpRequest) -> HttpResponse {
    let path = request.path();
    tracing::error!(
        url.path = path,
        "a path wants tokens, and the service shares no TokenVerifier"
    );
    let detail = "the request could not be answered";
    let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail, path);
    problem.response()
}
