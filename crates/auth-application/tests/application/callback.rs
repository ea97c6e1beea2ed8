//! Callbacks, the honest one and those that have let somebody in elsewhere: only the honest one comes in, and Steam
//! is asked about nothing else.

use std::{sync::Arc, time::Duration};

use auth_application::{
    Authorized, CameBack, LoginResult, PageReason,
    ports::{CheckFault, Profile},
};
use auth_test_support::ScriptedPeople;
use domain::{DisplayName, SteamId};
use identity::{
    ATTEMPT_LIFE, BrowserSecret,
    openid::{AnswerFault, Refusal},
};

use crate::{
    query::Query,
    world::{ADMIN, ANA, BACK, Tab, World, caller, settings, wait},
};

const ID: &str = "https://steamcommunity.com/openid/id/";

/// A name for what is done to an honest callback, and doing it.
type Spoiled = (&'static str, Refusal, fn(&Query) -> Query);

/// Each is a way in that somebody has found elsewhere, or one beside it.
const HOSTILE: &[Spoiled] = &[
    ("own provider", Refusal::Endpoint, |it| {
        it.with("openid.op_endpoint", "https://evil.example/openid")
    }),
    ("own provider, by prefix", Refusal::Endpoint, |it| {
        let endpoint = "https://steamcommunity.com/openid/login.evil.example";
        it.with("openid.op_endpoint", endpoint)
    }),
    ("provider without TLS", Refusal::Endpoint, |it| {
        it.with(
            "openid.op_endpoint",
            "http://steamcommunity.com/openid/login",
        )
    }),
    ("no provider", Refusal::Endpoint, |it| {
        it.without("openid.op_endpoint")
    }),
    ("claimed elsewhere", Refusal::ClaimedId, |it| {
        it.with(
            "openid.claimed_id",
            "https://evil.example/openid/id/76561198046967340",
        )
    }),
    ("claimed somebody else", Refusal::Identity, |it| {
        it.with("openid.claimed_id", &format!("{ID}76561198000000001"))
    }),
    ("identity of somebody else", Refusal::Identity, |it| {
        it.with("openid.identity", &format!("{ID}76561198000000001"))
    }),
    ("claimed without TLS", Refusal::ClaimedId, |it| {
        it.about("http://steamcommunity.com/openid/id/76561198046967340")
    }),
    ("steps back in the id", Refusal::ClaimedId, |it| {
        it.about(&format!("{ID}../id/76561198046967340"))
    }),
    ("more behind the id", Refusal::ClaimedId, |it| {
        it.about(&format!("{ID}76561198046967340/../76561198000000001"))
    }),
    ("a user at the host", Refusal::ClaimedId, |it| {
        it.about("https://steamcommunity.com@evil.example/openid/id/76561198046967340")
    }),
    ("digits of another script", Refusal::ClaimedId, |it| {
        it.about(&format!("{ID}７6561198046967340"))
    }),
    ("a group", Refusal::NoPerson, |it| {
        it.about(&format!("{ID}10358279145000000"))
    }),
    ("nobody", Refusal::ClaimedId, |it| {
        it.without("openid.claimed_id").without("openid.identity")
    }),
    ("identity not signed", Refusal::Signed, |it| {
        let signed = "signed,op_endpoint,claimed_id,return_to,response_nonce,assoc_handle";
        it.with("openid.signed", signed)
    }),
    ("nothing signed", Refusal::Signed, |it| {
        it.with("openid.signed", "")
    }),
    ("nonce not signed", Refusal::Signed, |it| {
        let signed = "signed,op_endpoint,claimed_id,identity,return_to,assoc_handle";
        it.with("openid.signed", signed)
    }),
    ("no signature", Refusal::Signature, |it| {
        it.without("openid.sig")
    }),
    ("no handle", Refusal::Signed, |it| {
        it.without("openid.assoc_handle")
    }),
    ("made for another site", Refusal::ReturnTo, |it| {
        it.with(
            "openid.return_to",
            "https://evil.example/login/steam/callback",
        )
    }),
    ("returned to, by prefix", Refusal::ReturnTo, |it| {
        let back = it.get("openid.return_to").expect("it is there").to_owned();
        it.with("openid.return_to", &format!("{back}&x=y"))
    }),
    ("made for another attempt", Refusal::ReturnTo, |it| {
        let other = format!(
            "https://login.example/login/steam/callback?state={}",
            "A".repeat(43)
        );
        it.with("openid.return_to", &other)
    }),
    ("claimed twice", Refusal::RepeatedKey, |it| {
        it.and("openid.claimed_id", &format!("{ID}76561198000000001"))
    }),
    ("mode twice", Refusal::RepeatedKey, |it| {
        it.and("openid.mode", "id_res")
    }),
    ("a key with NUL", Refusal::UnknownKey, |it| {
        it.and("openid.claimed_id\0", ID)
    }),
    ("a key of an extension", Refusal::UnknownKey, |it| {
        it.and("openid.ext1.email", "a")
    }),
    ("a key of PHP", Refusal::UnknownKey, |it| {
        it.and("openid_claimed_id", ID)
    }),
    ("a line break", Refusal::ControlCharacter, |it| {
        it.with("openid.sig", "a\nis_valid:true")
    }),
    ("too long", Refusal::TooLong, |it| {
        it.with("openid.sig", &"a".repeat(5_000))
    }),
    ("another protocol", Refusal::Namespace, |it| {
        it.with("openid.ns", "http://openid.net/signon/1.1")
    }),
    ("no protocol", Refusal::Namespace, |it| {
        it.without("openid.ns")
    }),
    ("nothing asserted", Refusal::Mode, |it| {
        it.with("openid.mode", "setup_needed")
    }),
    ("an error", Refusal::Mode, |it| {
        it.with("openid.mode", "error")
    }),
    ("the check itself", Refusal::Mode, |it| {
        it.with("openid.mode", "check_authentication")
    }),
    ("no mode", Refusal::Mode, |it| it.without("openid.mode")),
    ("of yesterday", Refusal::NonceTime, |it| {
        it.with("openid.response_nonce", "2026-11-28T12:00:00Zabc")
    }),
    ("of next year", Refusal::NonceTime, |it| {
        it.with("openid.response_nonce", "2027-11-29T12:00:00Zabc")
    }),
    ("no nonce", Refusal::Nonce, |it| {
        it.without("openid.response_nonce")
    }),
    ("a nonce without a time", Refusal::Nonce, |it| {
        it.with("openid.response_nonce", "abc")
    }),
];

fn error_of(came: &CameBack) -> Option<&str> {
    match came {
        CameBack::Back { location, error } => {
            assert!(location.starts_with(BACK), "{location}");
            let answer = Query::read(location);
            assert_eq!(answer.get("error"), Some(error.code()));
            assert_eq!(answer.get("state"), Some("a state & more"));
            assert_eq!(answer.get("iss"), Some("https://login.example"));
            Some(error.code())
        }
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_honest_one_comes_in() {
    let world = World::new().await;
    let tab = world.tab(ANA).await;
    let CameBack::In { location } = world.come_back(&tab).await else {
        panic!("nobody came in");
    };
    assert!(location.starts_with(&format!("{BACK}?code=")), "{location}");
    let answer = Query::read(&location);
    assert_eq!(answer.get("code").map(str::len), Some(43));
    assert_eq!(answer.get("state"), Some("a state & more"));
    assert_eq!(answer.get("iss"), Some("https://login.example"));
    assert_eq!(world.steam.asked().len(), 1);
    assert_eq!(world.steam.asked()[0].person().get(), ANA);
    assert_eq!(world.set_down(), ["key_published", "login"]);
}

#[tokio::test(start_paused = true)]
async fn no_hostile_one_does_and_steam_is_not_even_asked() {
    let world = World::new().await;
    for (name, refusal, spoil) in HOSTILE {
        // In the browser of an honest user, whose attempt it ends …
        let tab = world.tab(ANA).await;
        let came = world.callback(&spoil(&tab.query), &tab.browser).await;
        assert_eq!(error_of(&came), Some("access_denied"), "{name}: {came:?}");
        let reason = format!("login_refused {}", refusal.code());
        assert_eq!(world.set_down().last(), Some(&reason), "{name}");
        // … for good.
        let came = world.come_back(&tab).await;
        let ended = CameBack::Page(PageReason::Refused(Refusal::AttemptEnded));
        assert_eq!(came, ended, "{name}");
        // In any other browser it gets a page, and the attempt goes on.
        let tab = world.tab(ANA).await;
        for browser in [None, Some(&BrowserSecret::new([9; 32]))] {
            let query = spoil(&tab.query).text();
            let came = world.auth.callback(&query, browser, &caller()).await;
            let page = CameBack::Page(PageReason::Refused(*refusal));
            assert_eq!(came, page, "{name}");
        }
        assert!(world.steam.asked().is_empty(), "{name}");
    }
    let tab = world.tab(ANA).await;
    assert!(matches!(world.come_back(&tab).await, CameBack::In { .. }));
    assert_eq!(world.steam.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_did_not_begin_does_not_come_in() {
    let world = World::new().await;
    let tab = world.tab(ANA).await;
    let page = |refusal| CameBack::Page(PageReason::Refused(refusal));
    // A link that an attacker has sent: the victim's browser has another secret, or none.
    let victim = BrowserSecret::new([9; 32]);
    let came = world.callback(&tab.query, &victim).await;
    assert_eq!(came, page(Refusal::CookieOther));
    let came = world
        .auth
        .callback(&tab.query.text(), None, &caller())
        .await;
    assert_eq!(came, page(Refusal::CookieMissing));
    // An attempt that nobody has begun.
    let state = "A".repeat(43);
    let unknown = Query::honest(
        &crate::world::issuer(),
        &state,
        ANA,
        "2026-11-29T12:00:00Zx",
    );
    let came = world.callback(&unknown, &tab.browser).await;
    assert_eq!(came, page(Refusal::AttemptUnknown));
    // No attempt at all, or two of them.
    for query in [tab.query.without("state"), tab.query.with("state", "x")] {
        let came = world.callback(&query, &tab.browser).await;
        assert_eq!(came, page(Refusal::ReturnTo));
    }
    let two = tab.query.and("state", &state);
    let came = world.callback(&two, &tab.browser).await;
    assert_eq!(came, page(Refusal::RepeatedKey));
    for text in ["", "%", "openid.mode", "openid.mode=id_res&", "a=%ff"] {
        let came = world
            .auth
            .callback(text, Some(&tab.browser), &caller())
            .await;
        assert_eq!(came, page(Refusal::Malformed), "{text}");
    }
    assert!(world.steam.asked().is_empty());
    // None of this has ended the attempt of whoever began it.
    assert!(matches!(world.come_back(&tab).await, CameBack::In { .. }));
}

#[tokio::test(start_paused = true)]
async fn an_assertion_lets_one_in_once() {
    let world = World::new().await;
    let tab = world.tab(ANA).await;
    assert!(matches!(world.come_back(&tab).await, CameBack::In { .. }));
    let page = |refusal| CameBack::Page(PageReason::Refused(refusal));
    assert_eq!(world.come_back(&tab).await, page(Refusal::NonceSeen));
    // With another nonce, which its signature does not cover, it is still the same attempt.
    let other = tab
        .query
        .with("openid.response_nonce", "2026-11-29T12:00:01Zother");
    let came = world.callback(&other, &tab.browser).await;
    assert_eq!(came, page(Refusal::AttemptEnded));
    // The nonce does not do for another attempt either, which it ends.
    let next = world.tab(ANA).await;
    let nonce = tab.query.get("openid.response_nonce").expect("it is there");
    let again = next.query.with("openid.response_nonce", nonce);
    let came = world.callback(&again, &next.browser).await;
    assert_eq!(error_of(&came), Some("access_denied"));
    assert_eq!(world.steam.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_does_not_wait_for_ever() {
    let world = World::new().await;
    let tab = world.tab(ANA).await;
    wait(ATTEMPT_LIFE.saturating_sub(Duration::from_millis(1))).await;
    let state = tab.query.get("state").expect("it is there").to_owned();
    let of_now = |time: &str| {
        let nonce = format!("2026-11-29T{time}Zx");
        Query::honest(&crate::world::issuer(), &state, ANA, &nonce)
    };
    let late = world.tab(ANA).await;
    assert!(matches!(
        world.callback(&of_now("12:09:59"), &tab.browser).await,
        CameBack::In { .. }
    ));
    wait(ATTEMPT_LIFE).await;
    let state = late.query.get("state").expect("it is there");
    let query = Query::honest(&crate::world::issuer(), state, ANA, "2026-11-29T12:19:59Zx");
    let came = world.callback(&query, &late.browser).await;
    let page = CameBack::Page(PageReason::Refused(Refusal::AttemptLate));
    assert_eq!(came, page);
    assert_eq!(world.steam.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn several_tabs_sign_in_side_by_side() {
    let world = World::new().await;
    let first = world.tab(ANA).await;
    let Authorized::ToSteam { location, .. } = world
        .auth
        .authorize(&World::wish().0, Some(&first.browser))
        .await
    else {
        panic!("not to Steam");
    };
    let second = Tab {
        query: world.answered(&location, ADMIN),
        browser: first.browser,
    };
    assert!(matches!(
        world.come_back(&second).await,
        CameBack::In { .. }
    ));
    let came = world.callback(&first.query, &second.browser).await;
    assert!(matches!(came, CameBack::In { .. }));
}

#[tokio::test(start_paused = true)]
async fn whoever_cancels_is_sent_back() {
    let world = World::new().await;
    let tab = world.tab(ANA).await;
    let state = tab.query.get("state").expect("it is there");
    let cancelled = Query::of(&[
        ("state", state),
        ("openid.ns", "http://specs.openid.net/auth/2.0"),
        ("openid.mode", "cancel"),
    ]);
    let came = world.callback(&cancelled, &tab.browser).await;
    assert_eq!(error_of(&came), Some("access_denied"));
    assert!(world.steam.asked().is_empty());
    assert_eq!(
        world.set_down().last().map(String::as_str),
        Some("login_refused cancelled")
    );
}

#[tokio::test(start_paused = true)]
async fn a_no_of_steam_is_a_no() {
    for fault in [
        AnswerFault::No,
        AnswerFault::Status(302),
        AnswerFault::TooLong,
        AnswerFault::Form,
        AnswerFault::RepeatedKey,
        AnswerFault::Namespace,
    ] {
        let world = World::new().await;
        let tab = world.tab(ANA).await;
        world.steam.answer(CheckFault::Answer(fault));
        let came = world.come_back(&tab).await;
        assert_eq!(error_of(&came), Some("access_denied"), "{fault}");
        let came = world.come_back(&tab).await;
        let page = CameBack::Page(PageReason::Refused(Refusal::AttemptEnded));
        assert_eq!(came, page, "{fault}");
        assert_eq!(world.steam.asked().len(), 1);
        let person = SteamId::try_new(ANA).expect("a person");
        assert!(world.auth.user_of(person).await.is_err(), "nobody came in");
    }
}

#[tokio::test(start_paused = true)]
async fn a_steam_that_cannot_answer_is_asked_once_more() {
    let world = World::new().await;
    for fault in [
        CheckFault::Answer(AnswerFault::Unavailable(429)),
        CheckFault::Unreachable("no answer within 6s".to_owned()),
    ] {
        let before = world.steam.asked().len();
        let tab = world.tab(ANA).await;
        world.steam.answer(fault.clone());
        let came = world.come_back(&tab).await;
        assert_eq!(error_of(&came), Some("temporarily_unavailable"));
        assert!(matches!(world.come_back(&tab).await, CameBack::In { .. }));

        let tab = world.tab(ANA).await;
        for _ in 0..2 {
            world.steam.answer(fault.clone());
            let came = world.come_back(&tab).await;
            assert_eq!(error_of(&came), Some("temporarily_unavailable"));
        }
        let came = world.come_back(&tab).await;
        let page = CameBack::Page(PageReason::Refused(Refusal::AttemptEnded));
        assert_eq!(came, page);
        assert_eq!(world.steam.asked().len() - before, 4);
    }
    let figures = world.auth.figures().snapshot();
    assert_eq!(figures.steam_seconds.count(), 8);
    assert_eq!(
        figures.logins[&(LoginResult::Unavailable, "steam_unavailable")],
        3
    );
    assert_eq!(figures.logins[&(LoginResult::In, "")], 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_blocked_is_sent_back() {
    let world = World::new().await;
    let answer = world.session(ANA).await;
    let reason = auth_application::ports::BlockReason::try_new("cheats").expect("a reason");
    let user = world.principal(&answer).user;
    world
        .auth
        .block(user, reason, None)
        .await
        .expect("a user is blocked");
    let tab = world.tab(ANA).await;
    let came = world.come_back(&tab).await;
    assert_eq!(error_of(&came), Some("access_denied"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_gone_gets_nobody() {
    let world = World::new().await;
    let tab = world.tab(ANA).await;
    let mut settings = settings();
    settings.clients = auth_application::Clients::default();
    let later = World::over(world.store.clone(), settings, None);
    let came = later.come_back(&tab).await;
    assert_eq!(came, CameBack::Page(PageReason::ClientGone));
    assert!(later.steam.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn names_are_kept_and_nobody_waits_long_for_one() {
    let name = DisplayName::try_new("Ana").expect("a name");
    let profile = Profile {
        name: Some(name.clone()),
        picture: None,
    };
    let store = Arc::default();
    let person = SteamId::try_new(ANA).expect("a person");
    let people = Some(ScriptedPeople(Some(profile)));
    for people in [people, Some(ScriptedPeople(None)), None] {
        let world = World::over(Arc::clone(&store), settings(), people);
        let tab = world.tab(ANA).await;
        assert!(matches!(world.come_back(&tab).await, CameBack::In { .. }));
        let user = world.auth.user_of(person).await.expect("a user");
        assert_eq!(user.person.name, Some(name.clone()));
    }
}
