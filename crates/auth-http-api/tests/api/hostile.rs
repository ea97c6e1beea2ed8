//! Callbacks of those who should not come in.

use reqwest::StatusCode;

use crate::support::{ANA, Api, BACK, Fields, location, page, wish};

/// What is done to an honest callback. In values `{prefix}` is how ids begin, and `{return_to}` what is there.
enum Spoil {
    /// These keys have these values.
    Set(&'static [(&'static str, &'static str)]),
    /// This key is missing.
    Without(&'static str),
    /// This key is there twice, with the same value.
    Twice(&'static str),
    /// This stands behind it, as it is.
    Behind(&'static str),
    /// It is longer than any answer of Steam's.
    Long,
}

#[rustfmt::skip]
const SPOILS: &[Spoil] = &[
    Spoil::Set(&[("openid.op_endpoint", "https://evil.example/openid/login")]),
    Spoil::Set(&[("openid.identity", "{prefix}76561198000000002")]),
    Spoil::Set(&[
        ("openid.claimed_id", "https://evil.example/openid/id/76561198046967340"),
        ("openid.identity", "https://evil.example/openid/id/76561198046967340"),
    ]),
    Spoil::Set(&[
        ("openid.claimed_id", "https://evil.example/openid/id/76561198046967340"),
        ("openid.identity", "{prefix}76561198046967340"),
    ]),
    // A group, and a path that leads elsewhere.
    Spoil::Set(&[
        ("openid.claimed_id", "{prefix}103582791429521408"), ("openid.identity", "{prefix}103582791429521408"),
    ]),
    Spoil::Set(&[
        ("openid.claimed_id", "{prefix}../id/76561198046967340"),
        ("openid.identity", "{prefix}../id/76561198046967340"),
    ]),
    Spoil::Set(&[("openid.return_to", "{return_to}&a=b")]),
    Spoil::Set(&[("openid.return_to", "https://other.example/login/steam/callback")]),
    Spoil::Set(&[("openid.signed", "signed,op_endpoint,claimed_id,return_to,response_nonce,assoc_handle")]),
    Spoil::Set(&[("openid.response_nonce", "2026-11-28T12:00:00Zabc")]),
    Spoil::Set(&[("openid.response_nonce", "2027-11-29T12:00:00Zabc")]),
    Spoil::Set(&[("openid.mode", "setup_needed")]),
    Spoil::Set(&[("openid.mode", "cancel")]),
    Spoil::Set(&[("openid.ns", "http://openid.net/signon/1.1")]),
    Spoil::Set(&[("openid.ext1.value", "x")]),
    Spoil::Set(&[("next", "https://evil.example/")]),
    Spoil::Without("openid.ns"),
    Spoil::Without("openid.signed"),
    Spoil::Without("openid.sig"),
    Spoil::Twice("openid.claimed_id"),
    Spoil::Twice("openid.mode"),
    Spoil::Behind("%00"),
    Spoil::Behind("&&"),
    Spoil::Long,
];

impl Spoil {
    fn apply(&self, honest: &Fields, api: &Api) -> String {
        let there = |key: &str| honest.get(key).expect("it is there").to_owned();
        let whole = |value: &str| {
            let value = value.replace("{prefix}", &api.steam.claimed_id_prefix());
            value.replace("{return_to}", &there("openid.return_to"))
        };
        match self {
            Self::Set(fields) => {
                let fields = fields.iter();
                let spoilt = fields.fold(honest.clone(), |spoilt, (key, value)| {
                    spoilt.with(key, &whole(value))
                });
                spoilt.written()
            }
            Self::Without(key) => honest.without(key).written(),
            Self::Twice(key) => honest.twice(key, &there(key)).written(),
            Self::Behind(text) => format!("{}{text}", honest.written()),
            Self::Long => honest.with("openid.sig", &"s".repeat(4_096)).written(),
        }
    }
}

#[tokio::test]
async fn hostile_callbacks_end_in_a_refusal_and_steam_is_never_asked() {
    let api = Api::start().await;
    for spoil in SPOILS {
        let (honest, cookie) = api.at_steam(&wish(), ANA).await;
        let hostile = spoil.apply(&honest, &api);
        // Of another browser it is nothing at all.
        page(api.callback_text(&hostile, None).await, 400).await;
        let answer = api.callback_text(&hostile, Some(&cookie)).await;
        if answer.status() == StatusCode::SEE_OTHER {
            assert!(
                location(&answer).starts_with(&format!("{BACK}?")),
                "{hostile}"
            );
            let told = Fields::of_answer(&answer);
            assert_eq!(told.get("error"), Some("access_denied"), "{hostile}");
            assert_eq!(told.get("code"), None, "{hostile}");
            assert_eq!(told.get("iss"), Some(api.url.as_str()), "{hostile}");
        } else {
            page(answer, 400).await;
        }
    }
    for query in [
        "",
        "state=",
        "state=x",
        "openid.mode=id_res",
        "%",
        "a=b&a=b",
    ] {
        page(api.callback_text(query, None).await, 400).await;
    }
    assert_eq!(api.steam.counts().checks, 0, "nobody was asked");
    assert_eq!(api.steam.counts().others, 0);
    api.stop().await;
}

#[tokio::test]
async fn what_is_spoilt_so_that_only_steam_knows_is_refused_by_steam() {
    let api = Api::start().await;
    for spoil in [
        Spoil::Set(&[
            ("openid.claimed_id", "{prefix}76561198000000001"),
            ("openid.identity", "{prefix}76561198000000001"),
        ]),
        Spoil::Set(&[("openid.sig", "W0u5DRbtHE1GG0ZKXjerUZDUGmc=")]),
        Spoil::Set(&[("openid.response_nonce", "2026-11-29T12:00:00Zanother")]),
    ] {
        let (honest, cookie) = api.at_steam(&wish(), ANA).await;
        let answer = api
            .callback_text(&spoil.apply(&honest, &api), Some(&cookie))
            .await;
        let told = Fields::of_answer(&answer);
        assert_eq!(told.get("error"), Some("access_denied"));
        assert_eq!(told.get("code"), None);
    }
    let counts = api.steam.counts();
    assert_eq!((counts.checks, counts.confirmed), (3, 0));
    api.stop().await;
}
