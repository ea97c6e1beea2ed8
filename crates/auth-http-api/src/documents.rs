//! What documents and forms look like, for the description of the interface alone.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// What a client shows to get tokens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct TokenForm {
    /// `authorization_code` or `refresh_token`.
    grant_type: String,
    /// The client.
    client_id: String,
    /// With `authorization_code`: the code that the browser has brought.
    code: Option<String>,
    /// With `authorization_code`: where the browser has brought it.
    redirect_uri: Option<String>,
    /// With `authorization_code`: what the challenge was made of, 43 to 128 unreserved characters.
    code_verifier: Option<String>,
    /// With `refresh_token`: the newest one.
    refresh_token: Option<String>,
    /// With `refresh_token`: less than before, for this access token alone.
    scope: Option<String>,
}

/// Tokens (RFC 6749, 5.1).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct TokenDocument {
    /// The access token, a JWT (RFC 9068).
    access_token: String,
    /// `Bearer`.
    token_type: String,
    /// How many seconds the access token lives.
    expires_in: u64,
    /// The refresh token, which works once.
    refresh_token: String,
    /// What the access token permits.
    scope: String,
}

/// A token that is given back.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct RevocationForm {
    /// A refresh token or an access token.
    token: String,
    /// Whose it is; only that client's is taken back then.
    client_id: Option<String>,
    /// Not needed: a token says itself what it is.
    token_type_hint: Option<String>,
}

/// A token that is looked at.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct IntrospectionForm {
    /// A refresh token or an access token.
    token: String,
    /// Not needed: a token says itself what it is.
    token_type_hint: Option<String>,
}

/// What a token is worth (RFC 7662); everything but `active` only if it is worth something.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct IntrospectionDocument {
    /// Whether it is worth something now.
    active: bool,
    /// Who has issued it.
    iss: Option<String>,
    /// For whom it is, of an access token.
    aud: Option<String>,
    /// `Bearer` or `refresh_token`.
    token_type: Option<String>,
    /// The user.
    sub: Option<String>,
    /// The client.
    client_id: Option<String>,
    /// What it permits.
    scope: Option<String>,
    /// The session.
    sid: Option<String>,
    /// When the user has signed in, in seconds since 1970.
    auth_time: Option<i64>,
    /// When it is worth nothing any more, in seconds since 1970.
    exp: Option<i64>,
    /// Who that is on Steam, of an access token.
    steam_id: Option<String>,
    /// What the user is called, if an access token says it.
    name: Option<String>,
    /// Where the user's picture is, if an access token says it.
    picture: Option<String>,
}

/// What this server is (RFC 8414).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct ServerDocument {
    /// As tokens and answers name it.
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    service_documentation: String,
    scopes_supported: Vec<String>,
    response_types_supported: Vec<String>,
    response_modes_supported: Vec<String>,
    grant_types_supported: Vec<String>,
    code_challenge_methods_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Vec<String>,
    revocation_endpoint_auth_methods_supported: Vec<String>,
    introspection_endpoint_auth_methods_supported: Vec<String>,
    authorization_response_iss_parameter_supported: bool,
}

/// Public keys (RFC 7517).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct KeySetDocument {
    /// Each with `kid`, `alg`, `use`, `kty` and the members of its kind (RFC 7518, RFC 8037).
    keys: Vec<BTreeMap<String, String>>,
}

/// One's own sessions.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct SessionsDocument {
    /// The last used first.
    sessions: Vec<SessionDocument>,
}

/// A session, as its user recognises it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct SessionDocument {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// The client.
    client_id: String,
    /// When it began.
    #[schema(format = DateTime)]
    created_at: String,
    /// When tokens were given last.
    #[schema(format = DateTime)]
    last_used_at: String,
    /// Whether it is the one that asks.
    current: bool,
    /// What the browser or program called itself.
    user_agent: Option<String>,
    /// The network it was begun from: 24 bits of an IPv4 address, 48 of an IPv6 one.
    address_prefix: Option<String>,
}

/// Users, for administrators.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct UsersDocument {
    /// They.
    users: Vec<UserDocument>,
}

/// A user, for administrators.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct UserDocument {
    /// The user's id.
    #[schema(format = "uuid")]
    id: String,
    /// Who that is on Steam.
    #[schema(pattern = "^[0-9]{17}$")]
    steam_id: String,
    /// What Steam calls the user, if it was asked.
    name: Option<String>,
    /// Where Steam has the user's picture, if it was asked.
    picture: Option<String>,
    /// When the user came in first.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the user came in last.
    #[schema(format = DateTime)]
    last_login_at: String,
    /// Since when the user is blocked.
    #[schema(format = DateTime)]
    blocked_at: Option<String>,
    /// Why the user is blocked.
    blocked_reason: Option<String>,
}

/// That a user shall not come in any more.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct BlockOrder {
    /// Why, in words for those who look after users: without control characters.
    #[schema(min_length = 1, max_length = 256)]
    reason: String,
}

/// How many sessions have ended.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct EndedDocument {
    /// So many.
    sessions_ended: usize,
}
