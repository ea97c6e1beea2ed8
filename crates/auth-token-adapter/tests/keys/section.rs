//! What the settings of those who sign mean, and what is refused.

use std::path::Path;

use auth_token_adapter::{SigningSection, SigningSettings};
use identity::Algorithm;
use service_kit::config::{Section as _, SettingsReader, Sources, WrongSettings};

static SECTION: SigningSection = SigningSection::DEFAULT;
const KEY: (&str, &str) = (
    "AUTH_KEY_ENCRYPTION_KEY",
    "zQzCAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
);

fn load(environment: &[(&str, &str)]) -> Result<SigningSettings, WrongSettings> {
    let sources = Sources::variables(environment, Path::new("/nowhere"));
    let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
    let settings = SECTION.read(&mut reader);
    let report = reader.finish()?.to_string();
    assert!(!report.contains("zQz"), "{report}");
    Ok(settings.expect("whoever has no settings is refused"))
}

#[test]
fn keys_sign_as_the_settings_say() {
    let settings = load(&[KEY]).expect("it is right");
    assert_eq!(settings.schedule.algorithm(), Algorithm::Es256);
    assert!(!format!("{settings:?}").contains("zQz"));
    for (name, algorithm) in [("EdDSA", Algorithm::EdDsa), ("rs256", Algorithm::Rs256)] {
        let settings = load(&[KEY, ("AUTH_SIGNING_ALGORITHM", name)]).expect("it is right");
        assert_eq!(settings.schedule.algorithm(), algorithm);
    }
}

#[test]
fn what_is_wrong_is_refused_by_its_name_and_no_secret_is_shown() {
    let check = |given: &[(&str, &str)], variable: &str, reason: &str| {
        let wrong = load(given).expect_err(reason).to_string();
        let names = wrong.contains(variable) && wrong.contains(reason);
        assert!(names && !wrong.contains("zQz"), "{wrong}");
    };
    let sealing = |text| [("AUTH_KEY_ENCRYPTION_KEY", text)];
    check(
        &[],
        "AUTH_KEY_ENCRYPTION_KEY",
        "openssl rand -base64 32 makes one",
    );
    let long = "zQz".repeat(32);
    for text in [
        "",
        "zQz",
        "zQzCAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        &long,
    ] {
        check(
            &sealing(text),
            "AUTH_KEY_ENCRYPTION_KEY",
            "not 32 bytes in base64",
        );
    }
    let zeros = format!("{}=", "A".repeat(43));
    check(
        &sealing(&zeros),
        "AUTH_KEY_ENCRYPTION_KEY",
        "the same byte again and again",
    );
    check(
        &[KEY, ("AUTH_SIGNING_ALGORITHM", "HS256")],
        "AUTH_SIGNING_ALGORITHM",
        "not one of the names",
    );
    check(
        &[KEY, ("AUTH_SIGNING_ALGORITHM", "none")],
        "AUTH_SIGNING_ALGORITHM",
        "not one of the names",
    );
    check(
        &[KEY, ("AUTH_KEY_ROTATION", "59m")],
        "AUTH_KEY_ROTATION",
        "too small",
    );
    check(
        &[
            KEY,
            ("AUTH_KEY_ROTATION", "1h"),
            ("AUTH_KEY_PUBLISH_AHEAD", "1h"),
        ],
        "AUTH_KEY_PUBLISH_AHEAD",
        "shorter than AUTH_KEY_ROTATION",
    );
}
