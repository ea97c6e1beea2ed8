//! What the settings of `[auth]` mean, and what is refused.

use std::time::Duration;

use auth_kit::{AuthSection, AuthSettings};
use service_kit::config::{Section as _, SettingsReader, Sources, WrongSettings};
use tempfile::TempDir;

static SECTION: AuthSection = AuthSection::DEFAULT;
static NEEDED: AuthSection = AuthSection::DEFAULT.with_issuer_needed();

fn load(
    section: &'static AuthSection,
    environment: &[(&str, &str)],
) -> Result<AuthSettings, WrongSettings> {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let sources = Sources::variables(environment, folder.path());
    let mut reader = SettingsReader::new(section.declarations(), &sources);
    let settings = section.read(&mut reader);
    let settings = reader.finish().map(|_| settings)?;
    assert!(settings.key_file.starts_with(folder.path()));
    Ok(settings)
}

#[test]
fn without_an_issuer_a_service_starts_unless_it_needs_one() {
    let settings = load(&SECTION, &[]).expect("it needs none");
    assert!(settings.issuer.is_none() && settings.rules().is_none());
    assert_eq!(settings.key_set_url(), None);
    let wrong = load(&NEEDED, &[]).expect_err("it needs one").to_string();
    assert!(wrong.contains("AUTH_ISSUER is not given"), "{wrong}");
    assert!(wrong.contains("nobody could be let in"), "{wrong}");
}

#[test]
fn the_keys_are_where_the_issuer_has_them_unless_it_is_said() {
    let issuer = ("AUTH_ISSUER", "https://login.example");
    let settings = load(&NEEDED, &[issuer]).expect("it is right");
    let url = settings.key_set_url();
    assert_eq!(
        url.as_deref(),
        Some("https://login.example/.well-known/jwks.json")
    );
    assert!(settings.key_file.ends_with("data/jwks.json"));
    let rules = settings.rules().expect("there is an issuer");
    assert_eq!(rules.issuer.as_str(), "https://login.example");
    assert_eq!(rules.audience, "match-platform");
    assert_eq!(rules.skew, Duration::from_secs(30));

    let inside = ("AUTH_JWKS_URL", "http://auth-service:8082/keys");
    let settings = load(&SECTION, &[issuer, inside]).expect("they are right");
    assert_eq!(
        settings.key_set_url().as_deref(),
        Some("http://auth-service:8082/keys")
    );
}

#[test]
fn what_is_wrong_is_refused_by_its_name() {
    let check = |variable: &str, text: &str, reason: &str| {
        let wrong = load(&SECTION, &[(variable, text)])
            .expect_err(text)
            .to_string();
        let names = wrong.contains(variable) && wrong.contains(reason);
        assert!(names && !wrong.contains("zQz"), "{wrong}");
    };
    check("AUTH_ISSUER", "", "allowed: an address");
    check("AUTH_ISSUER", "http://login.example", "allowed: an address");
    check(
        "AUTH_ISSUER",
        "https://login.example/",
        "allowed: an address",
    );
    check(
        "AUTH_ISSUER",
        "https://login.example/auth",
        "allowed: an address",
    );
    check("AUTH_AUDIENCE", "", "no name of an audience");
    check("AUTH_AUDIENCE", "a b", "no name of an audience");
    check("AUTH_AUDIENCE", &"a".repeat(129), "no name of an audience");
    check("AUTH_JWKS_URL", "file:///etc/keys", "host");
    check(
        "AUTH_JWKS_URL",
        "https://me:zQz@login.example/keys",
        "holds a user",
    );
    check("AUTH_JWKS_CACHE_FILE", "", "not a path");
    check("AUTH_CLOCK_SKEW", "6m", "too large");
}
