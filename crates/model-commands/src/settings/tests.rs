//! What the settings are by default, and what is wrong with wrong ones.

use std::{ffi::OsString, path::Path, time::Duration};

use model_application::{Mode, Skill, accounts::AccountChoice, runs::PatchChoice};
use service_kit::config::ServiceSettings as _;

use super::{
    Settings,
    test_cases::{CASES, Case},
};

fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let variables: Vec<(OsString, OsString)> = variables
        .iter()
        .map(|(name, text)| (name.into(), text.into()))
        .collect();
    let loaded = Settings::load(&[], None, variables, Path::new(folder.path()));
    loaded
        .map(|loaded| loaded.settings)
        .map_err(|error| error.to_string())
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = load(&[]).expect("nothing is needed");
    let runs = settings.runs(true);
    assert_eq!(runs.patches, [PatchChoice::Current, PatchChoice::Previous]);
    assert_eq!(
        runs.skills,
        [Skill::All, Skill::Low, Skill::Medium, Skill::High]
    );
    assert_eq!(runs.modes, [Mode::Default, Mode::Turbo]);
    assert_eq!((runs.window_days, runs.half_life_days), (60, 14));
    assert_eq!(
        (runs.holdout, runs.level, runs.matches_min),
        (1_000, 9_000, 20_000)
    );
    assert!(!runs.is_joint, "counts are enough");
    assert_eq!(runs.retries, 5);
    assert_eq!(
        runs.backoff,
        (Duration::from_secs(1), Duration::from_mins(1))
    );
    assert_eq!(runs.expiry, Some(Duration::from_hours(720)));
    let pas = &settings.pas;
    assert!(pas.is_enabled);
    assert_eq!(pas.choice, AccountChoice::Tracked);
    let accounts = settings.accounts(&runs);
    assert_eq!(accounts.history, Duration::from_hours(24 * 365));
    assert_eq!((accounts.half_life_days, accounts.level), (180, 9_000));
    let schedule = settings.models.schedule().expect("there is one");
    assert_eq!(schedule.text(), "17 */6 * * *");
    assert_eq!(settings.api.port, 8084);
    assert!(settings.storing.folder.ends_with("data/models"));
    assert!(settings.leader.has_lock);
    assert_eq!(settings.lineage.url, None, "nobody is told of runs");
}

#[test]
fn every_variable_takes_what_is_right_and_names_what_is_wrong() {
    let declared = Settings::declarations();
    let declared: Vec<_> = declared
        .iter()
        .map(|it| (it.variable(), it.allowed()))
        .collect();
    let tested: Vec<_> = CASES.iter().map(|case| case.0).collect();
    assert_eq!(declared.iter().map(|it| it.0).collect::<Vec<_>>(), tested);
    for (Case(variable, right, wrong), (_, allowed)) in CASES.iter().zip(&declared) {
        for text in *right {
            let refused = load(&[(variable, text)]).err();
            assert_eq!(refused, None, "{variable}={text}");
        }
        for text in *wrong {
            let loaded = load(&[(variable, text)]).map(|_| "it was taken");
            let error = loaded.expect_err(&format!("{variable}={text}"));
            let beginning = format!("wrong settings:\n  {variable} ");
            assert!(error.starts_with(&beginning), "{variable}={text}: {error}");
            let names = error.contains(&**allowed) || error.contains(variable);
            assert!(
                names && !error.contains("s3cret"),
                "{variable}={text}: {error}"
            );
        }
    }
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    for (variable, text, expected) in [
        ("MODEL_SCHEDULE", "17 */6 * *", "five fields"),
        ("MODEL_SCHEDULE", "0 17 */6 * * *", "five fields"),
        ("MODEL_SCHEDULE", "61 * * * *", "five fields"),
        ("MODEL_SKILLS", "all,best", "best"),
        ("MODEL_MODES", "", "default and turbo"),
        ("MODEL_HOLDOUT", "0.6", "0.5"),
        ("MODEL_INTERVAL", "90", "0.999"),
        ("MODEL_PATCHES", "current,,previous", "empty"),
        ("LEADER_LOCK", "etcd", "none"),
        ("PAS_ENABLED", "yes", "true"),
        ("PAS_HISTORY", "1h", "1day"),
        ("PAS_ACCOUNTS", "all", "active:N"),
        ("PAS_ACCOUNTS", "active:", "active:N"),
        ("PAS_ACCOUNTS", "active:0", "100000"),
        ("PAS_ACCOUNTS", "active:100001", "100000"),
        ("REDIS_URL", "redis+cluster://a:1", "REDIS_URL"),
        ("OPENLINEAGE_URL", "kafka://a:1", "http"),
        ("OPENLINEAGE_URL", "http://me:pass@a:1", "user"),
        ("OPENLINEAGE_NAMESPACE", "two words", "visible"),
    ] {
        let error = load(&[(variable, text)]).expect_err(text);
        assert!(
            error.contains(variable) && error.contains(expected),
            "{error}"
        );
    }
    for (text, choice) in [
        ("none", AccountChoice::Nobody),
        ("active:100000", AccountChoice::Active(100_000)),
    ] {
        let settings = load(&[("PAS_ACCOUNTS", text)]).expect("allowed");
        assert_eq!(settings.pas.choice, choice);
    }
    let by_hand = load(&[("MODEL_SCHEDULE", "")]).expect("it may be empty");
    assert!(by_hand.models.schedule().is_none());
    let for_ever = load(&[("REDIS_TTL", "0"), ("MODEL_HALF_LIFE", "0")]).expect("allowed");
    assert_eq!(
        (
            for_ever.runs(true).expiry,
            for_ever.runs(true).half_life_days
        ),
        (None, 0)
    );
}
