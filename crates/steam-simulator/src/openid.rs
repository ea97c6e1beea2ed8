//! The provider's side of OpenID 2.0, as far as Steam speaks it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Day, SteamId, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::{
    form::{self, Form},
    mode::Mode,
};

pub(crate) const NAMESPACE: &str = "http://specs.openid.net/auth/2.0";
/// Steam's is always this one.
const ASSOCIATION: &str = "1234567890";
const SIGNED: &str = "signed,op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle";
const SIGNED_FIELDS: [&str; 6] = [
    "openid.op_endpoint",
    "openid.claimed_id",
    "openid.identity",
    "openid.return_to",
    "openid.response_nonce",
    "openid.assoc_handle",
];
const ONE_DAY: Duration = Duration::from_hours(24);

/// What an assertion is made of.
pub(crate) struct Terms<'a> {
    pub(crate) origin: &'a str,
    pub(crate) person: SteamId,
    pub(crate) mode: Mode,
    pub(crate) now: Timestamp,
    /// Tells nonces of a second apart.
    pub(crate) number: u64,
    /// Only whoever has it can sign.
    pub(crate) key: &'a [u8; 32],
}

/// Where a browser is sent back to, with what is to be believed.
pub(crate) fn way_back(return_to: &str, terms: &Terms<'_>) -> String {
    let separator = if return_to.contains('?') { '&' } else { '?' };
    if terms.mode == Mode::Cancel {
        let fields = [("openid.ns", NAMESPACE), ("openid.mode", "cancel")];
        return format!("{return_to}{separator}{}", form::write(fields));
    }
    let origin = terms.origin;
    let id_origin = match terms.mode {
        // On a loopback address everything is http, so Steam's own old form is what differs.
        Mode::HttpIds => "http://steamcommunity.com",
        _ => origin,
    };
    let id = format!("{id_origin}/openid/id/{}", terms.person);
    let endpoint = format!("{origin}/openid/login");
    let made_at = match terms.mode {
        Mode::StaleNonces => terms.now.saturating_sub(ONE_DAY),
        _ => terms.now,
    };
    let nonce = format!("{}{:x}", second(made_at), terms.number);
    let values = [&*endpoint, &*id, &*id, return_to, &*nonce, ASSOCIATION];
    let signature = signature(&values, terms.key);
    let fixed = [
        ("openid.ns", NAMESPACE),
        ("openid.mode", "id_res"),
        ("openid.signed", SIGNED),
        ("openid.sig", &*signature),
    ];
    let fields = SIGNED_FIELDS.into_iter().zip(values).chain(fixed);
    format!("{return_to}{separator}{}", form::write(fields))
}

/// Whether this was said here.
pub(crate) fn is_ours(asked: &Form, key: &[u8; 32]) -> bool {
    let values: Option<Vec<_>> = SIGNED_FIELDS.iter().map(|name| asked.get(name)).collect();
    let is_signed =
        values.is_some_and(|values| asked.get("openid.sig") == Some(&signature(&values, key)));
    is_signed
        && asked.get("openid.ns") == Some(NAMESPACE)
        && asked.get("openid.mode") == Some("check_authentication")
        && asked.get("openid.signed") == Some(SIGNED)
}

fn signature(values: &[&str], key: &[u8; 32]) -> String {
    let mut hash = Sha256::new();
    hash.update(key);
    for value in values {
        hash.update(value.as_bytes());
        hash.update(b"\n");
    }
    hash.update(key);
    STANDARD.encode(hash.finalize())
}

fn second(at: Timestamp) -> String {
    let day = Day::of(at);
    let seconds = at.unix_seconds() - day.start().unix_seconds();
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{day}T{hour:02}:{minute:02}:{second:02}Z")
}
