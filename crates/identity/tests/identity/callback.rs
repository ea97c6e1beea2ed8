//! Callbacks, the honest one and those that have let somebody in elsewhere: only the honest one comes in.

use std::time::Duration;

use identity::{
    ATTEMPT_LIFE, Attempt, AttemptSecret, BrowserSecret, CHECKS_MAX, ClientId, ClientState,
    CodeChallenge, RedirectUri, Scopes,
    openid::{Callback, Provider, Refusal},
};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use crate::query::{KEYS, NOW, PERSON, Query, attempt_secret, issuer, state};

/// Of the person, as the lower half of the id.
const ACCOUNT: u64 = 0x052a_f62c;

/// Why a query is refused once it has been spoiled so.
type Spoiled = (Refusal, fn(Query) -> Query);

fn browser() -> BrowserSecret {
    BrowserSecret::new([8; 32])
}

fn attempt() -> Attempt {
    Attempt {
        client: ClientId::try_new("stats").expect("an id"),
        redirect_uri: RedirectUri::kept("https://stats.example/back".to_owned()),
        client_state: ClientState::try_new("x").expect("a state"),
        challenge: CodeChallenge::try_new(&"a".repeat(43), Some("S256")).expect("a challenge"),
        scopes: Some(Scopes::NONE),
        browser: browser().digest(),
        begun_at: NOW.saturating_sub(Duration::from_mins(1)),
        ended_at: None,
        checks_failed: 0,
    }
}

fn judge(query: &str) -> Result<(), Refusal> {
    let callback = Callback::read(query);
    callback.judge(&Provider::steam(), &issuer(), NOW).map(drop)
}

#[track_caller]
fn refused(query: &Query, expected: Refusal) {
    let text = query.text();
    assert_eq!(judge(&text), Err(expected), "{text}");
}

#[test]
fn the_honest_one_comes_in() {
    let callback = Callback::read(&Query::honest().text());
    let judged = callback.judge(&Provider::steam(), &issuer(), NOW);
    let assertion = judged.expect("it is honest");
    assert_eq!(assertion.person().get(), 76_561_198_046_967_340);
    assert_eq!(
        assertion.nonce().as_str(),
        "2026-11-29T11:59:58ZKq0+Zx/3aB1cD2eF3g="
    );
    let secret = callback.attempt().expect("it names its attempt");
    assert_eq!(secret.digest(), attempt_secret().digest());
    let belongs = assertion.belongs_to(Some(&attempt()), Some(&browser()), false, NOW);
    assert_eq!(belongs, Ok(()));
}

#[test]
fn the_provider_is_asked_what_the_browser_brought_and_nothing_else() {
    let query = Query::honest();
    let callback = Callback::read(&query.text());
    let judged = callback.judge(&Provider::steam(), &issuer(), NOW);
    let question = judged.expect("it is honest").question();
    let expected = query
        .without("state")
        .with("openid.mode", "check_authentication");
    let mut expected: Vec<_> = expected.text().split('&').map(str::to_lowercase).collect();
    expected.sort();
    let mut asked: Vec<_> = question.split('&').map(str::to_lowercase).collect();
    asked.sort();
    assert_eq!(asked, expected);
}

#[test]
fn what_two_readers_read_differently_is_refused() {
    let honest = Query::honest();
    for key in KEYS.iter().chain(&["state"]) {
        let value = honest.0.iter().find(|(known, _)| known == key);
        let value = value.map_or("", |(_, value)| value);
        refused(&honest.clone().and(key, value), Refusal::RepeatedKey);
        refused(&honest.clone().and(key, "another"), Refusal::RepeatedKey);
    }
    // The same key in another spelling.
    let escaped = format!("{}&openid%2E%63laimed_id=x", honest.text());
    assert_eq!(judge(&escaped), Err(Refusal::RepeatedKey));
    for key in [
        "openid.claimed_id\0",
        "openid.invalidate_handle",
        "openid.ext1.value",
        "openid_claimed_id",
        "OPENID.MODE",
        "openid.claimed_id[]",
        "next",
        "",
    ] {
        refused(&honest.clone().and(key, PERSON), Refusal::UnknownKey);
    }
    for control in ["\0", "\n", "\r\n", "\u{7f}", "\u{85}", "\t"] {
        let id = format!("{PERSON}{control}");
        refused(&honest.clone().about(&id), Refusal::ControlCharacter);
        let handle = format!("1{control}");
        refused(
            &honest.clone().with("openid.assoc_handle", &handle),
            Refusal::ControlCharacter,
        );
    }
    for text in [
        String::new(),
        "openid.mode".to_owned(),
        format!("{}&", honest.text()),
        format!("{}&&a=b", honest.text()),
        format!("{}%", honest.text()),
        format!("{}%ff", honest.text()),
        format!("{}ä", honest.text()),
        format!("{};openid.mode=id_res&x", honest.text()),
    ] {
        assert_eq!(judge(&text), Err(Refusal::Malformed), "{text}");
    }
    let length = honest.text().len();
    let filled = |bytes: usize| {
        let signature = "x".repeat(28 + bytes - length + 2);
        honest.clone().with("openid.sig", &signature)
    };
    assert_eq!(filled(4_096).text().len(), 4_096);
    assert_eq!(judge(&filled(4_096).text()), Ok(()));
    refused(&filled(4_097), Refusal::TooLong);
}

#[test]
fn what_asserts_nothing_is_refused() {
    let honest = Query::honest();
    refused(
        &honest.clone().with("openid.mode", "cancel"),
        Refusal::Cancelled,
    );
    let short = Query(Vec::new()).and("state", &state());
    let short = short.and("openid.ns", "http://specs.openid.net/auth/2.0");
    let short = short.and("openid.mode", "cancel");
    refused(&short, Refusal::Cancelled);
    for mode in [
        "setup_needed",
        "error",
        "check_authentication",
        "checkid_setup",
        "ID_RES",
        "id_res ",
        "",
    ] {
        refused(&honest.clone().with("openid.mode", mode), Refusal::Mode);
    }
    refused(&honest.clone().without("openid.mode"), Refusal::Mode);
    for ns in [
        "http://specs.openid.net/auth/2.0/",
        "http://openid.net/signon/1.1",
        "https://specs.openid.net/auth/2.0",
        "",
    ] {
        refused(&honest.clone().with("openid.ns", ns), Refusal::Namespace);
    }
    refused(&honest.without("openid.ns"), Refusal::Namespace);
}

#[test]
fn another_provider_is_refused() {
    let honest = Query::honest();
    for endpoint in [
        "https://own.example/openid/login",
        "http://steamcommunity.com/openid/login",
        "https://steamcommunity.com/openid/login/",
        "https://steamcommunity.com/openid/login?x=https://own.example",
        "https://steamcommunity.com.own.example/openid/login",
        "https://steamcommunity.com@own.example/openid/login",
        "https://STEAMCOMMUNITY.com/openid/login",
        "",
    ] {
        refused(
            &honest.clone().with("openid.op_endpoint", endpoint),
            Refusal::Endpoint,
        );
    }
    refused(
        &honest.clone().without("openid.op_endpoint"),
        Refusal::Endpoint,
    );
    // The settings name another one: then Steam itself is another provider.
    let simulated = Provider::try_simulated(
        "http://127.0.0.1:9/openid/login",
        "http://127.0.0.1:9/openid/id/",
    );
    let callback = Callback::read(&honest.text());
    let judged = callback.judge(&simulated.expect("a provider"), &issuer(), NOW);
    assert_eq!(judged.map(drop), Err(Refusal::Endpoint));
}

#[test]
fn somebody_whom_the_provider_cannot_know_is_refused() {
    let honest = Query::honest();
    for id in [
        "https://own.example/openid/id/76561198046967340",
        "http://steamcommunity.com/openid/id/76561198046967340",
        "https://steamcommunity.com/openid/id/76561198046967340/",
        "https://steamcommunity.com/openid/id/../id/76561198046967340",
        "https://steamcommunity.com/openid/id/7656119804696734",
        "https://steamcommunity.com/openid/id/765611980469673401",
        "https://steamcommunity.com/openid/id/+6561198046967340",
        "https://steamcommunity.com/openid/id/7656119804696734x",
        "https://steamcommunity.com/openid/id/７６５６１１９８０４６９６７３４０",
        "https://steamcommunity.com/openid/id/",
        "https://steamcommunity.com/openid/ID/76561198046967340",
        "https://steamcommunity.com/openid/id/76561198046967340#",
        "https://steamcommunity.com/openid/id/76561198046967340?x",
        "https://steamcommunity.com.own.example/openid/id/76561198046967340",
        " https://steamcommunity.com/openid/id/76561198046967340",
        "76561198046967340",
        "http://specs.openid.net/auth/2.0/identifier_select",
        "",
    ] {
        refused(&honest.clone().about(id), Refusal::ClaimedId);
        // The trick that has worked: one of the two is honest.
        refused(
            &honest.clone().with("openid.claimed_id", id),
            Refusal::ClaimedId,
        );
        refused(
            &honest.clone().with("openid.identity", id),
            Refusal::Identity,
        );
    }
    for (what, raw) in [
        // Public universe, account 86701612, but not an individual's: a game server, a clan, anonymous.
        ("server", (1_u64 << 56) | (3 << 52) | (1 << 32) | ACCOUNT),
        ("universe", (2 << 56) | (1 << 52) | (1 << 32) | ACCOUNT),
        ("instance", (1 << 56) | (1 << 52) | (2 << 32) | ACCOUNT),
        ("nobody", (1 << 56) | (1 << 52) | (1 << 32)),
    ] {
        let id = format!("https://steamcommunity.com/openid/id/{raw:017}");
        let query = honest.clone().about(&id);
        let judged = judge(&query.text());
        let expected = [Err(Refusal::NoPerson), Err(Refusal::ClaimedId)];
        assert!(expected.contains(&judged), "{what} {id}: {judged:?}");
    }
    let other = "https://steamcommunity.com/openid/id/76561197960287930";
    refused(
        &honest.clone().with("openid.identity", other),
        Refusal::Identity,
    );
    refused(
        &honest.clone().without("openid.claimed_id"),
        Refusal::ClaimedId,
    );
    refused(
        &honest.clone().without("openid.identity"),
        Refusal::Identity,
    );
    let of_instance = "https://steamcommunity.com/openid/id/76561202341934636";
    refused(&honest.about(of_instance), Refusal::NoPerson);
}

#[test]
fn what_was_made_for_another_place_or_attempt_is_refused() {
    let honest = Query::honest();
    let back = issuer().return_to(&attempt_secret());
    let other = issuer().return_to(&AttemptSecret::new([9; 32]));
    for return_to in [
        "https://other.example/login/steam/callback",
        &back.replace("login.example", "login.example.other.example"),
        &back.replace("https", "http"),
        &back.replace("login.example", "login.example:443"),
        &back.replace("login.example", "LOGIN.example"),
        &back.replace("/callback", "/callback/"),
        &back.replace("/callback", "/./callback"),
        &back.replace("?state", "?x&state"),
        &format!("{back}&x"),
        &format!("{back}#"),
        &back[..back.len() - 1],
        "https://login.example/login/steam/callback",
        "https://login.example",
        &other,
        "",
    ] {
        refused(
            &honest.clone().with("openid.return_to", return_to),
            Refusal::ReturnTo,
        );
    }
    refused(
        &honest.clone().without("openid.return_to"),
        Refusal::ReturnTo,
    );
    // Another attempt's state beside this one's address, and no state at all.
    let state = AttemptSecret::new([9; 32]).written();
    refused(
        &honest.clone().with("state", state.expose_secret()),
        Refusal::ReturnTo,
    );
    refused(&honest.clone().with("state", ""), Refusal::ReturnTo);
    refused(&honest.clone().without("state"), Refusal::ReturnTo);
}

#[test]
fn what_is_not_signed_or_not_now_is_refused() {
    let honest = Query::honest();
    let names = [
        "op_endpoint",
        "claimed_id",
        "identity",
        "return_to",
        "response_nonce",
        "assoc_handle",
    ];
    for left_out in names {
        let signed: Vec<_> = names.into_iter().filter(|name| *name != left_out).collect();
        let signed = |name: &str| format!("signed,{}{name}", signed.join(","));
        for instead in [
            "",
            &format!(",x{left_out}"),
            &format!(", {left_out}"),
            &format!(",openid.{left_out}"),
        ] {
            refused(
                &honest.clone().with("openid.signed", &signed(instead)),
                Refusal::Signed,
            );
        }
    }
    refused(&honest.clone().with("openid.signed", ""), Refusal::Signed);
    refused(&honest.clone().without("openid.signed"), Refusal::Signed);
    refused(
        &honest.clone().without("openid.assoc_handle"),
        Refusal::Signed,
    );
    refused(&honest.clone().with("openid.sig", ""), Refusal::Signature);
    refused(&honest.clone().without("openid.sig"), Refusal::Signature);
    refused(
        &honest.clone().without("openid.response_nonce"),
        Refusal::Nonce,
    );
    for nonce in [
        "",
        "abc",
        "2026-11-29",
        "2026-02-30T12:00:00Zx",
        "1795953600",
    ] {
        refused(
            &honest.clone().with("openid.response_nonce", nonce),
            Refusal::Nonce,
        );
    }
    for nonce in [
        "2026-11-28T12:00:00Zx",
        "2027-11-29T12:00:00Zx",
        "2026-11-29T11:54:59Zx",
        "2026-11-29T12:05:01Zx",
        "0000-01-01T00:00:00Zx",
        "9999-12-31T23:59:59Zx",
    ] {
        refused(
            &honest.clone().with("openid.response_nonce", nonce),
            Refusal::NonceTime,
        );
    }
    for nonce in ["2026-11-29T11:55:00Z", "2026-11-29T12:05:00Zx"] {
        assert_eq!(
            judge(&honest.clone().with("openid.response_nonce", nonce).text()),
            Ok(())
        );
    }
}

#[test]
fn what_belongs_to_no_open_attempt_of_this_browser_is_refused() {
    let callback = Callback::read(&Query::honest().text());
    let judged = callback.judge(&Provider::steam(), &issuer(), NOW);
    let assertion = judged.expect("it is honest");
    let check = |change: fn(&mut Attempt), expected| {
        let mut attempt = attempt();
        change(&mut attempt);
        let belongs = assertion.belongs_to(Some(&attempt), Some(&browser()), false, NOW);
        assert_eq!(belongs, expected);
    };
    check(|_| {}, Ok(()));
    check(|it| it.ended_at = Some(NOW), Err(Refusal::AttemptEnded));
    check(|it| it.checks_failed = CHECKS_MAX - 1, Ok(()));
    check(
        |it| it.checks_failed = CHECKS_MAX,
        Err(Refusal::AttemptEnded),
    );
    check(
        |it| it.begun_at = NOW.saturating_sub(ATTEMPT_LIFE),
        Err(Refusal::AttemptLate),
    );
    let almost = |it: &mut Attempt| {
        it.begun_at = NOW.saturating_sub(ATTEMPT_LIFE.saturating_sub(Duration::from_millis(1)));
    };
    check(almost, Ok(()));
    check(
        |it| it.browser = BrowserSecret::new([9; 32]).digest(),
        Err(Refusal::CookieOther),
    );

    let (attempt, browser) = (attempt(), browser());
    let belongs = |attempt, cookie, seen| assertion.belongs_to(attempt, cookie, seen, NOW);
    assert_eq!(
        belongs(None, Some(&browser), false),
        Err(Refusal::AttemptUnknown)
    );
    assert_eq!(
        belongs(Some(&attempt), None, false),
        Err(Refusal::CookieMissing)
    );
    assert_eq!(
        belongs(Some(&attempt), Some(&browser), true),
        Err(Refusal::NonceSeen)
    );
}

/// What is wrong first is what is said, so that what is on record can be compared.
#[test]
fn the_first_reason_is_the_one_that_is_said() {
    // Each takes back what the one before it has spoiled.
    let spoil: [Spoiled; 14] = [
        (Refusal::RepeatedKey, |it| {
            it.clone().and("state", "x").and("y", &"z".repeat(5_000))
        }),
        (Refusal::UnknownKey, |it| it.and("y", &"z".repeat(5_000))),
        (Refusal::ControlCharacter, |it| {
            it.with("openid.mode", &"\0".repeat(5_000))
        }),
        (Refusal::TooLong, |it| {
            it.with("openid.mode", &"a".repeat(5_000))
        }),
        (Refusal::Cancelled, |it| it.with("openid.mode", "cancel")),
        (Refusal::Namespace, |it| it.with("openid.ns", "x")),
        (Refusal::Endpoint, |it| it.with("openid.op_endpoint", "x")),
        (Refusal::ClaimedId, |it| it.with("openid.claimed_id", "x")),
        (Refusal::Identity, |it| it.with("openid.identity", "x")),
        (Refusal::ReturnTo, |it| it.with("openid.return_to", "x")),
        (Refusal::Signed, |it| it.with("openid.signed", "x")),
        (Refusal::Signature, |it| it.with("openid.sig", "")),
        (Refusal::Nonce, |it| it.with("openid.response_nonce", "x")),
        (Refusal::NonceTime, |it| {
            it.with("openid.response_nonce", "2025-11-29T12:00:00Z")
        }),
    ];
    for (first, (expected, _)) in spoil.iter().enumerate() {
        // From the last one to this one, so that this one has its way.
        let spoiled = spoil[first..].iter().rev();
        let query = spoiled.fold(Query::honest(), |query, (_, spoil)| spoil(query));
        refused(&query, *expected);
    }
}

proptest! {
    /// Whatever is changed of it, also twice: it is refused, or it says the same as before.
    #[test]
    fn no_change_of_the_honest_one_comes_in_as_somebody_else(
        at in prop::collection::vec((0..11_usize, 0..90_usize, any::<char>()), 1..3),
    ) {
        let mut query = Query::honest();
        for (field, place, instead) in at {
            let value = &mut query.0[field].1;
            let mut characters: Vec<_> = value.chars().collect();
            let place = place.min(characters.len().saturating_sub(1));
            if let Some(character) = characters.get_mut(place) {
                *character = instead;
            }
            *value = characters.into_iter().collect();
        }
        let judged = Callback::read(&query.text()).judge(&Provider::steam(), &issuer(), NOW);
        if let Ok(assertion) = judged {
            // Two changes make another person of both ids only if they are the same two.
            let ids: Vec<_> = query.0.iter().filter(|(key, _)| key.ends_with("id") || key.ends_with("identity")).collect();
            prop_assert_eq!(&ids[0].1, &ids[1].1);
            prop_assert!(ids[0].1.ends_with(&assertion.person().to_string()));
            let free = ["openid.response_nonce", "openid.assoc_handle", "openid.signed", "openid.sig", "openid.claimed_id", "openid.identity"];
            for ((key, value), (_, honest)) in query.0.iter().zip(Query::honest().0) {
                prop_assert!(free.contains(&key.as_str()) || *value == honest, "{} is {}", key, value);
            }
        }
    }

    #[test]
    fn nothing_that_is_sent_makes_it_fall_over(query in "\\PC*", bytes in "[ -~]{0,200}") {
        prop_assert!(judge(&query).is_err());
        prop_assert!(judge(&bytes).is_err());
    }
}
