//! Access tokens, as they are written (RFC 9068).

use auth_application::{KeyId, ports::AccessToken};
use aws_lc_rs::error::Unspecified;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{DisplayName, PictureUrl, Timestamp};
use identity::{AccessClaims, Algorithm};
use serde::Serialize;

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

/// The claims, by their names. Times are whole seconds: no token is good for longer than was meant.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    jti: String,
    client_id: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    sid: String,
    auth_time: i64,
    steam_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
}

/// The token that says this, by this key; `sign` is given what is signed.
pub(crate) fn write(
    key: &KeyId,
    algorithm: Algorithm,
    claims: &AccessClaims,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Unspecified>,
) -> Result<AccessToken, Unspecified> {
    let header = Header {
        typ: "at+jwt",
        alg: algorithm.name(),
        kid: key.as_str(),
    };
    let seconds = Timestamp::unix_seconds;
    let claims = Claims {
        iss: claims.issuer.as_str(),
        sub: claims.user.to_string(),
        aud: &claims.audience,
        exp: seconds(claims.expires_at),
        iat: seconds(claims.issued_at),
        jti: claims.id.to_string(),
        client_id: claims.client.as_str(),
        scope: claims.scopes.to_string(),
        sid: claims.session.to_string(),
        auth_time: seconds(claims.authenticated_at),
        steam_id: claims.steam_id.to_string(),
        name: claims.name.as_ref().map(DisplayName::as_str),
        picture: claims.picture.as_ref().map(PictureUrl::as_str),
    };
    let mut token = format!("{}.{}", part(&header), part(&claims));
    let signature = sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(AccessToken::new(token))
}

fn part(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).expect("texts and numbers are always JSON");
    URL_SAFE_NO_PAD.encode(text)
}
