//! What the settings of Redis mean, and what is refused.

use redis_kit::{RedisSection, RedisSettings};
use service_kit::config::{Section, SettingsReader, Sources, WrongSettings};
use tempfile::TempDir;

static SECTION: RedisSection = RedisSection::DEFAULT;

fn load(environment: &[(&str, &str)]) -> Result<RedisSettings, WrongSettings> {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let sources = Sources::variables(environment, folder.path());
    let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
    let settings = SECTION.read(&mut reader);
    reader.finish().map(|_| settings)
}

#[test]
fn without_anything_given_it_is_on_this_machine_and_keys_have_no_prefix() {
    let settings = load(&[]).expect("the defaults are right");
    assert_eq!(settings.place.to_string(), "redis://localhost:6379/0");
    assert_eq!(settings.key_prefix, "");
}

#[test]
fn a_password_is_never_shown() {
    let url = "redis+sentinel://me:zQz@a:26379,b:26379/ours";
    let settings = load(&[("REDIS_URL", url), ("REDIS_KEY_PREFIX", "eu-1:")]);
    let settings = settings.expect("they are right");
    let shown = "redis+sentinel://***@a:26379,b:26379/ours";
    assert_eq!(settings.place.to_string(), shown);
    assert_eq!(settings.key_prefix, "eu-1:");
    assert!(!format!("{settings:?}").contains("zQz"));
}

#[test]
fn what_is_wrong_is_refused_by_its_name() {
    let check = |variable: &str, text: &str, reason: &str| {
        let wrong = load(&[(variable, text)]).expect_err(reason).to_string();
        let names = wrong.contains(variable) && wrong.contains(reason);
        assert!(names && !wrong.contains("zQz"), "{wrong}");
    };
    check("REDIS_URL", "", "relative URL without a base");
    check(
        "REDIS_URL",
        "rediss://:zQz@host",
        "TLS to Redis is not supported",
    );
    check(
        "REDIS_URL",
        "redis+cluster://:zQz@a:1,b:2",
        "Redis Cluster is not supported",
    );
    check(
        "REDIS_URL",
        "redis+sentinel://:zQz@a/b",
        "allowed: redis://",
    );
    check("REDIS_KEY_PREFIX", "a b", "a character that is not allowed");
    check("REDIS_KEY_PREFIX", "{a}", "a character that is not allowed");
    check("REDIS_KEY_PREFIX", &"a".repeat(65), "too long");
}
