//! What stands in a token, as it was sent.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use client_kit::wire::Object;
use identity::{ClaimedTime, TokenClaims, TokenHeader, TokenRefusal};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A member of a header or of claims: whatever it is, `null` too. It is judged by what it is, and never made into
/// something else: a time in quotes is a text.
type Member<'a> = Option<&'a RawValue>;

/// The members of a header that matter. Where keys would be, or addresses of keys, is not even read.
#[derive(Deserialize)]
struct SentHeader<'a> {
    #[serde(borrow, default, deserialize_with = "member")]
    typ: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    alg: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    kid: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    crit: Member<'a>,
}

#[derive(Deserialize)]
struct SentClaims<'a> {
    #[serde(borrow, default, deserialize_with = "member")]
    iss: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    aud: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    exp: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    iat: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    nbf: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    auth_time: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    sub: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    client_id: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    jti: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    sid: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    scope: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    steam_id: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    name: Member<'a>,
    #[serde(borrow, default, deserialize_with = "member")]
    picture: Member<'a>,
}

/// The bytes that a part of a token encodes.
pub(crate) fn decoded(part: &str) -> Result<Vec<u8>, TokenRefusal> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenRefusal::Parts)
}

/// What comes of a header; `judge` is given it as it was sent.
pub(crate) fn with_header<T>(
    text: &[u8],
    judge: impl FnOnce(TokenHeader<'_>) -> Result<T, TokenRefusal>,
) -> Result<T, TokenRefusal> {
    let sent: Object<SentHeader<'_>> =
        serde_json::from_slice(text).map_err(|_| TokenRefusal::Form)?;
    let sent = sent.0;
    let [kind, algorithm, key] = [sent.typ, sent.alg, sent.kid].map(words);
    judge(TokenHeader {
        kind: kind.as_deref(),
        algorithm: algorithm.as_deref(),
        key: key.as_deref(),
        has_critical: sent.crit.is_some(),
    })
}

/// What comes of claims; `judge` is given them as they were sent.
pub(crate) fn with_claims<T>(
    text: &[u8],
    judge: impl FnOnce(&TokenClaims<'_>) -> Result<T, TokenRefusal>,
) -> Result<T, TokenRefusal> {
    let sent: Object<SentClaims<'_>> =
        serde_json::from_slice(text).map_err(|_| TokenRefusal::Form)?;
    let sent = sent.0;
    let texts = [
        sent.iss,
        sent.sub,
        sent.client_id,
        sent.jti,
        sent.sid,
        sent.scope,
        sent.steam_id,
        sent.name,
        sent.picture,
    ];
    let texts = texts.map(words);
    let [
        issuer,
        subject,
        client,
        id,
        session,
        scope,
        steam_id,
        name,
        picture,
    ] = texts.each_ref().map(Option::as_deref);
    let audience = one_or_several(sent.aud);
    let audience: Vec<&str> = audience.iter().map(String::as_str).collect();
    let [expires_at, issued_at, not_before, authenticated_at] =
        [sent.exp, sent.iat, sent.nbf, sent.auth_time].map(time);
    judge(&TokenClaims {
        issuer,
        audience: &audience,
        expires_at,
        issued_at,
        not_before,
        authenticated_at,
        subject,
        client,
        id,
        session,
        scope,
        steam_id,
        name,
        picture,
    })
}

/// Unlike an `Option` of its own, it takes `null` for something that is there.
fn member<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Member<'a>, D::Error> {
    <&'a RawValue>::deserialize(from).map(Some)
}

fn words(member: Member<'_>) -> Option<String> {
    serde_json::from_str(member?.get()).ok()
}

/// Without anything else among them: a list with a number in it names nobody.
fn one_or_several(member: Member<'_>) -> Vec<String> {
    let Some(member) = member else {
        return Vec::new();
    };
    let several = serde_json::from_str(member.get()).ok();
    let one = || words(Some(member)).map(|one| vec![one]);
    several.or_else(one).unwrap_or_default()
}

fn time(member: Member<'_>) -> ClaimedTime {
    let Some(member) = member else {
        return ClaimedTime::Missing;
    };
    let number = serde_json::from_str(member.get());
    number.map_or(ClaimedTime::NoNumber, ClaimedTime::from_unix_seconds)
}
