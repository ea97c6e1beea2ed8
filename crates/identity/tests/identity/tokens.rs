//! Access tokens: what is issued is taken, and every known forgery is not.

use std::time::Duration;

use domain::{DisplayName, PictureUrl, SessionId, SteamId, Timestamp, TokenId, UserId};
use identity::{
    ACCESS_LIFE_MAX, AccessClaims, Algorithm, ClaimedTime, ClientId, Issuer, Person, Scope, Scopes,
    Session, TOKEN_BYTES_MAX, TokenClaims, TokenHeader, TokenRefusal, TokenTerms, Verifier, parts,
    revoked_key,
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
const SKEW: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(1);

fn issuer() -> Issuer {
    Issuer::try_new("https://login.example").expect("an issuer")
}

fn verifier() -> Verifier {
    Verifier {
        issuer: issuer(),
        audience: "match-platform".to_owned(),
        skew: SKEW,
    }
}

fn session() -> Session {
    Session {
        id: SessionId::new(NOW, [1; 10]),
        user: UserId::new(NOW, [2; 10]),
        client: ClientId::try_new("stats").expect("an id"),
        scopes: Scopes::from_iter([Scope::ProfileRead, Scope::DraftRead]),
        authenticated_at: NOW.saturating_sub(Duration::from_hours(1)),
        last_used_at: NOW,
        expires_at: NOW.saturating_add(Duration::from_hours(48)),
        ended: None,
    }
}

fn issued_for(session: &Session, life: Duration) -> AccessClaims {
    let terms = TokenTerms {
        issuer: issuer(),
        audience: "match-platform".to_owned(),
        life,
    };
    let person = Person {
        steam_id: "76561198046967340".parse::<SteamId>().expect("a person's"),
        name: DisplayName::try_new("Puppey").ok(),
        picture: PictureUrl::try_new("https://avatars.example/a.jpg").ok(),
    };
    let wish = Scopes::from_iter([Scope::ProfileRead, Scope::Admin]);
    terms.claims(TokenId::new(NOW, [3; 10]), session, person, wish, NOW)
}

/// Claims as they are sent, which a test spoils.
struct Sent {
    texts: [(&'static str, Option<String>); 9],
    audience: Vec<&'static str>,
    times: [(&'static str, ClaimedTime); 4],
}

impl Sent {
    fn honest() -> Self {
        let claims = issued_for(&session(), Duration::from_mins(5));
        let text = |name, text: &dyn ToString| (name, Some(text.to_string()));
        Self {
            texts: [
                text("iss", &claims.issuer),
                text("sub", &claims.user),
                text("client_id", &claims.client),
                text("jti", &claims.id),
                text("sid", &claims.session),
                text("scope", &claims.scopes),
                text("steam_id", &claims.steam_id),
                text("name", &claims.name.expect("it has one")),
                text("picture", &claims.picture.expect("it has one")),
            ],
            audience: vec!["match-platform"],
            times: [
                ("exp", ClaimedTime::At(claims.expires_at)),
                ("iat", ClaimedTime::At(claims.issued_at)),
                ("nbf", ClaimedTime::Missing),
                ("auth_time", ClaimedTime::At(claims.authenticated_at)),
            ],
        }
    }

    fn with(mut self, name: &str, text: Option<&str>) -> Self {
        let found = self.texts.iter_mut().find(|(known, _)| *known == name);
        found.expect("it is a claim").1 = text.map(str::to_owned);
        self
    }

    fn at(mut self, name: &str, time: ClaimedTime) -> Self {
        let found = self.times.iter_mut().find(|(known, _)| *known == name);
        found.expect("it is a time").1 = time;
        self
    }

    fn to(mut self, audience: &[&'static str]) -> Self {
        self.audience = audience.to_vec();
        self
    }

    fn judge(&self) -> Result<identity::Principal, TokenRefusal> {
        let text = |name| {
            let found = self.texts.iter().find(|(known, _)| *known == name);
            found.and_then(|(_, text)| text.as_deref())
        };
        let time = |name| {
            let found = self.times.iter().find(|(known, _)| *known == name);
            found.map_or(ClaimedTime::Missing, |(_, time)| *time)
        };
        let claims = TokenClaims {
            issuer: text("iss"),
            audience: &self.audience,
            expires_at: time("exp"),
            issued_at: time("iat"),
            not_before: time("nbf"),
            authenticated_at: time("auth_time"),
            subject: text("sub"),
            client: text("client_id"),
            id: text("jti"),
            session: text("sid"),
            scope: text("scope"),
            steam_id: text("steam_id"),
            name: text("name"),
            picture: text("picture"),
        };
        verifier().judge_claims(&claims, NOW)
    }
}

#[track_caller]
fn refused(sent: &Sent, expected: TokenRefusal) {
    assert_eq!(sent.judge().map(drop), Err(expected));
}

#[test]
fn what_is_issued_is_taken_for_what_it_is() {
    let session = session();
    let principal = Sent::honest().judge().expect("it was issued");
    assert_eq!(principal.user, session.user);
    assert_eq!(principal.client, session.client);
    assert_eq!(principal.session, Some(session.id));
    assert_eq!(principal.authenticated_at, Some(session.authenticated_at));
    assert_eq!(
        principal.scopes.to_string(),
        "profile:read",
        "not more than the session permits"
    );
    assert_eq!(
        principal.expires_at,
        NOW.saturating_add(Duration::from_mins(5))
    );
    assert_eq!(
        principal.steam_id.map(SteamId::get),
        Some(76_561_198_046_967_340)
    );
    assert_eq!(
        principal.name.map(|name| name.to_string()).as_deref(),
        Some("Puppey")
    );
    let picture = principal.picture.map(|picture| picture.to_string());
    assert_eq!(picture.as_deref(), Some("https://avatars.example/a.jpg"));
}

#[test]
fn no_token_lives_longer_than_an_hour_or_its_session() {
    let claims = issued_for(&session(), Duration::from_hours(24));
    assert_eq!(claims.expires_at, NOW.saturating_add(ACCESS_LIFE_MAX));
    let ending = Session {
        expires_at: NOW.saturating_add(Duration::from_secs(7)),
        ..session()
    };
    let claims = issued_for(&ending, Duration::from_mins(5));
    assert_eq!(claims.expires_at, ending.expires_at);
}

#[test]
fn what_is_not_three_parts_is_no_token() {
    assert_eq!(parts("a.b-_.c9"), Ok(["a", "b-_", "c9"]));
    for text in [
        "", "a", "a.b", "a.b.", "a..c", ".b.c", "a.b.c.d", "a.b.c.", "a.b.c=", "a.b+.c", "a.b.c\n",
        "a.b. c", "ä.b.c",
    ] {
        assert_eq!(parts(text), Err(TokenRefusal::Parts), "{text}");
    }
    let long = format!("a.b.{}", "c".repeat(TOKEN_BYTES_MAX - 4));
    assert!(parts(&long).is_ok());
    assert_eq!(parts(&format!("{long}c")), Err(TokenRefusal::TooLong));
}

const HEADER: TokenHeader<'_> = TokenHeader {
    kind: Some("at+jwt"),
    algorithm: Some("ES256"),
    key: Some("es"),
    has_critical: false,
};

#[track_caller]
fn judged(header: TokenHeader<'_>, expected: Result<Algorithm, TokenRefusal>) {
    let algorithm_of = |key: &str| match key {
        "es" => Some(Algorithm::Es256),
        "ed" => Some(Algorithm::EdDsa),
        "rs" => Some(Algorithm::Rs256),
        _ => None,
    };
    let judged = verifier().judge_header(header, algorithm_of);
    assert_eq!(judged, expected, "{header:?}");
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    judged(HEADER, Ok(Algorithm::Es256));
    for (key, algorithm) in [("ed", Algorithm::EdDsa), ("rs", Algorithm::Rs256)] {
        let header = TokenHeader {
            key: Some(key),
            algorithm: Some(algorithm.name()),
            ..HEADER
        };
        judged(header, Ok(algorithm));
    }
    let others = [
        "none", "None", "NONE", "", "HS256", "RS256", "EdDSA", "ES384", "PS256", "es256",
    ];
    for algorithm in others.map(Some).into_iter().chain([None]) {
        let header = TokenHeader {
            algorithm,
            ..HEADER
        };
        judged(header, Err(TokenRefusal::Algorithm));
    }
    // The public key as the secret of an HMAC.
    let confused = TokenHeader {
        key: Some("rs"),
        algorithm: Some("HS256"),
        ..HEADER
    };
    judged(confused, Err(TokenRefusal::Algorithm));
}

#[test]
fn a_header_names_a_known_key_and_asks_for_nothing_else() {
    let kind = Some("application/at+jwt");
    judged(TokenHeader { kind, ..HEADER }, Ok(Algorithm::Es256));
    let others = ["JWT", "jwt", "at+JWT", "", "id+jwt", "logout+jwt"];
    for kind in others.map(Some).into_iter().chain([None]) {
        judged(TokenHeader { kind, ..HEADER }, Err(TokenRefusal::Kind));
    }
    let others = [
        "",
        "ES",
        "../../dev/null",
        "https://own.example/jwks",
        "es' OR 1=1",
    ];
    for key in others.map(Some).into_iter().chain([None]) {
        judged(TokenHeader { key, ..HEADER }, Err(TokenRefusal::KeyUnknown));
    }
    let has_critical = true;
    let header = TokenHeader {
        has_critical,
        ..HEADER
    };
    judged(header, Err(TokenRefusal::Critical));
    judged(TokenHeader::default(), Err(TokenRefusal::Kind));
}

#[test]
fn what_is_for_or_from_others_is_refused() {
    for issuer in [
        None,
        Some("https://login.example/"),
        Some("https://LOGIN.example"),
        Some("http://login.example"),
        Some("https://own.example"),
        Some(""),
    ] {
        refused(&Sent::honest().with("iss", issuer), TokenRefusal::Issuer);
    }
    let check = |audience: &[&'static str], is_taken: bool| {
        let judged = Sent::honest().to(audience).judge();
        let expected = is_taken.then_some(()).ok_or(TokenRefusal::Audience);
        assert_eq!(judged.map(drop), expected, "{audience:?}");
    };
    check(&["match-platform"], true);
    check(&["other", "match-platform"], true);
    check(&[], false);
    check(&["other"], false);
    check(&["match-platform "], false);
    check(&["match"], false);
    check(&["Match-Platform"], false);
}

#[test]
fn what_is_not_of_now_is_refused() {
    let at = |time: Timestamp| ClaimedTime::At(time);
    let check = |name, time, expected: Result<(), TokenRefusal>| {
        let judged = Sent::honest().at(name, time).judge().map(drop);
        assert_eq!(judged, expected, "{name} {time:?}");
    };
    check("exp", at(NOW.saturating_add(MOMENT)), Ok(()));
    check("exp", at(NOW), Err(TokenRefusal::Expired));
    check(
        "exp",
        at(NOW.saturating_sub(MOMENT)),
        Err(TokenRefusal::Expired),
    );
    check("exp", at(NOW.saturating_add(ACCESS_LIFE_MAX)), Ok(()));
    check(
        "exp",
        at(NOW.saturating_add(ACCESS_LIFE_MAX + MOMENT)),
        Err(TokenRefusal::Life),
    );
    check(
        "exp",
        at(Timestamp::from_unix_ms(i64::MAX)),
        Err(TokenRefusal::Life),
    );
    check("iat", at(NOW.saturating_add(SKEW)), Ok(()));
    check(
        "iat",
        at(NOW.saturating_add(SKEW + MOMENT)),
        Err(TokenRefusal::IssuedAt),
    );
    check(
        "iat",
        at(Timestamp::from_unix_ms(0)),
        Err(TokenRefusal::Life),
    );
    check(
        "iat",
        at(Timestamp::from_unix_ms(i64::MIN)),
        Err(TokenRefusal::Life),
    );
    check("nbf", at(NOW.saturating_add(SKEW)), Ok(()));
    check(
        "nbf",
        at(NOW.saturating_add(SKEW + MOMENT)),
        Err(TokenRefusal::NotBefore),
    );
    for (name, refusal) in [
        ("exp", TokenRefusal::Expired),
        ("iat", TokenRefusal::IssuedAt),
        ("nbf", TokenRefusal::NotBefore),
        ("auth_time", TokenRefusal::Other),
    ] {
        check(name, ClaimedTime::NoNumber, Err(refusal));
    }
    check("exp", ClaimedTime::Missing, Err(TokenRefusal::Expired));
    check("iat", ClaimedTime::Missing, Err(TokenRefusal::IssuedAt));
    check("auth_time", ClaimedTime::Missing, Ok(()));
}

#[test]
fn what_names_nobody_is_refused() {
    for (name, texts, refusal) in [
        (
            "sub",
            &[None, Some(""), Some("76561198046967340"), Some("me")][..],
            TokenRefusal::Subject,
        ),
        (
            "client_id",
            &[None, Some(""), Some("a b")][..],
            TokenRefusal::Client,
        ),
        ("jti", &[None, Some("")][..], TokenRefusal::Id),
        ("sid", &[Some(""), Some("1")][..], TokenRefusal::Other),
        (
            "steam_id",
            &[Some(""), Some("103582791429521408")][..],
            TokenRefusal::Other,
        ),
    ] {
        for text in texts {
            refused(&Sent::honest().with(name, *text), refusal);
        }
    }
    // What is only to be shown, or permits nothing, is left out.
    let sent = Sent::honest()
        .with("scope", Some("superuser  \""))
        .with("name", Some("\n"));
    let sent = sent
        .with("picture", Some("javascript:alert(1)"))
        .with("sid", None)
        .with("steam_id", None);
    let principal = sent.judge().expect("it is taken");
    assert!(principal.scopes.is_empty());
    assert!(principal.name.is_none() && principal.picture.is_none());
    assert!(principal.session.is_none() && principal.steam_id.is_none());
}

#[test]
fn a_time_is_a_number_of_seconds_with_or_without_a_fraction() {
    let check = |seconds, expected: ClaimedTime| {
        assert_eq!(
            ClaimedTime::from_unix_seconds(seconds),
            expected,
            "{seconds}"
        );
    };
    let at = |ms| ClaimedTime::At(Timestamp::from_unix_ms(ms));
    check(1_795_953_600.0, at(1_795_953_600_000));
    check(1_795_953_600.25, at(1_795_953_600_250));
    check(0.0, at(0));
    check(-0.000_1, at(-1));
    check(1e300, at(i64::MAX));
    check(f64::INFINITY, at(i64::MAX));
    check(-1e300, at(i64::MIN));
    check(f64::NAN, ClaimedTime::NoNumber);
}

#[test]
fn an_end_is_told_of_a_session_by_its_id() {
    let key = revoked_key(SessionId::new(Timestamp::from_unix_ms(0), [0; 10]));
    assert_eq!(key, "auth:revoked:00000000-0000-7000-8000-000000000000");
}
