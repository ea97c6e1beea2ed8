//! What the settings of a sign-in mean, and what is refused.

use std::path::Path;

use auth_steam_adapter::{SignInSection, SignInSettings};
use service_kit::config::{Section as _, SettingsReader, Sources, WrongSettings};

static SECTION: SignInSection = SignInSection::DEFAULT;
const SIMULATED: (&str, &str) = ("STEAM_SIMULATED", "true");

fn load(environment: &[(&str, &str)]) -> Result<SignInSettings, WrongSettings> {
    let sources = Sources::variables(environment, Path::new("/nowhere"));
    let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
    let settings = SECTION.read(&mut reader);
    let report = reader.finish()?.to_string();
    assert!(!report.contains("s3cret"), "{report}");
    Ok(settings)
}

#[test]
fn without_anything_given_it_is_steam_itself_and_nobody_asks_for_names() {
    let settings = load(&[]).expect("the defaults are right");
    assert!(settings.provider.is_steam());
    assert!(settings.headers.is_empty() && settings.people.keys.is_empty());
    assert_eq!(settings.people.url, "https://api.steampowered.com");
}

#[test]
fn somebody_may_play_steam_only_if_that_is_said() {
    let endpoint = (
        "STEAM_OPENID_ENDPOINT",
        "http://127.0.0.1:9000/openid/login",
    );
    let prefix = (
        "STEAM_CLAIMED_ID_PREFIX",
        "http://127.0.0.1:9000/openid/id/",
    );
    let settings = load(&[endpoint, prefix, SIMULATED]).expect("it is said");
    assert!(!settings.provider.is_steam());
    assert_eq!(settings.provider.endpoint(), endpoint.1);
    assert_eq!(settings.provider.claimed_id_prefix(), prefix.1);
    for (variable, text) in [
        endpoint,
        prefix,
        (
            "STEAM_OPENID_ENDPOINT",
            "https://steamcommunity.com/openid/login/",
        ),
        (
            "STEAM_OPENID_ENDPOINT",
            "http://steamcommunity.com/openid/login",
        ),
        (
            "STEAM_OPENID_ENDPOINT",
            "https://steamcommunity.com.example/openid/login",
        ),
        (
            "STEAM_CLAIMED_ID_PREFIX",
            "http://steamcommunity.com/openid/id/",
        ),
    ] {
        let wrong = load(&[(variable, text)]).expect_err(text).to_string();
        assert!(
            wrong.contains(variable) && wrong.contains("STEAM_SIMULATED=true"),
            "{wrong}"
        );
    }
    assert!(load(&[SIMULATED]).expect("it may be").provider.is_steam());
}

#[test]
fn what_is_wrong_is_refused_by_its_name_and_no_secret_is_shown() {
    let check = |variable: &str, text: &str, reason: &str| {
        let wrong = load(&[SIMULATED, (variable, text)])
            .expect_err(text)
            .to_string();
        let names = wrong.contains(variable) && wrong.contains(reason);
        assert!(names && !wrong.contains("s3cret"), "{wrong}");
    };
    check(
        "STEAM_OPENID_ENDPOINT",
        "ftp://steam/",
        "allowed: an address",
    );
    check(
        "STEAM_OPENID_ENDPOINT",
        "https://steam/?a=b",
        "allowed: an address",
    );
    check(
        "STEAM_CLAIMED_ID_PREFIX",
        "https://steam/id",
        "ends with a slash",
    );
    check("STEAM_OPENID_HEADERS", "s3cret", "entry 1 is not");
    check("STEAM_API_KEY", "", "empty");
    check("STEAM_API_KEY", "s3cret s3cret", "not allowed");
    check("STEAM_API_URL", "http://s3cret@api.example", "holds a user");
    check("STEAM_SIMULATED", "maybe", "not one of the names");
    let right = load(&[
        ("STEAM_API_KEY", "s3cret"),
        ("STEAM_OPENID_HEADERS", "Origin: s3cret"),
    ]);
    assert!(!format!("{:?}", right.expect("they are right")).contains("s3cret"));
}
