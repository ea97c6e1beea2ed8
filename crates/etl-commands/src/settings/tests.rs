//! The sections as one: defaults of the contract, and what is refused.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use service_kit::config::{Loaded, WrongSettings};

use super::*;

fn load(given: &[(&str, &str)]) -> Result<Loaded<Settings>, WrongSettings> {
    let environment = given.iter().map(|(name, text)| (name.into(), text.into()));
    Settings::load(&[], None, environment, Path::new("/nowhere"))
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = load(&[]).expect("defaults are right").settings;
    assert_eq!(settings.kafka.group_id, "etl-service");
    assert_eq!(
        settings.kafka.match_summary_topic.as_deref(),
        Some("match_summaries")
    );
    assert_eq!(
        settings.kafka.match_id_topic.as_deref(),
        Some("match_ids_raw")
    );
    assert_eq!(settings.kafka.dead_letter_topic, "etl_dead_letter");
    assert_eq!(
        settings.warehouse.embedded_file().as_deref(),
        Some(Path::new("/nowhere/data/warehouse/dota.db"))
    );
    assert_eq!(settings.server, WarehouseOptions::default());
    assert_eq!(settings.loader.batch.rows_max, 50_000);
    assert_eq!(settings.loader.batch.bytes_max, 32 * 1024 * 1024);
    assert_eq!(settings.loader.batch_wait, Duration::from_secs(2));
    assert_eq!(settings.loader.inserts_parallel, 2);
    assert!(settings.loader.wishes.wanted.missing);
    assert_eq!(settings.loader.wishes.grace, Duration::from_mins(10));
    let details = settings.details;
    assert_eq!((details.attempts_max, details.parallel), (6, 8));
    assert_eq!(settings.opendota.url, "https://api.opendota.com/api");
    assert_eq!(Some(settings.backfill_share), BackfillShare::of_percent(50));
    assert_eq!(settings.counters.delay, Duration::from_mins(5));
    assert_eq!(settings.counters.rules, domain::CountingRules::default());
    assert_eq!(
        (settings.api.port, &*settings.service_name),
        (8001, "etl-service")
    );
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(25));
}

#[test]
fn lobbies_are_a_list() {
    let settings = load(&[("COUNTERS_LOBBIES", "7, 0,7")])
        .expect("it is a list")
        .settings;
    assert_eq!(settings.counters.rules.lobbies, BTreeSet::from([0, 7]));
    for wrong in ["", "7;0", "256", "ranked"] {
        let refused = load(&[("COUNTERS_LOBBIES", wrong)])
            .expect_err(wrong)
            .to_string();
        assert!(refused.contains("COUNTERS_LOBBIES"), "{refused}");
    }
}

#[test]
fn a_share_is_in_percent() {
    for (text, percent) in [("1%", 1), ("75 %", 75), ("100%", 100)] {
        let settings = load(&[("BACKFILL_SHARE", text)]).expect(text).settings;
        let expected = BackfillShare::of_percent(percent);
        assert_eq!(Some(settings.backfill_share), expected, "{text}");
    }
    for wrong in ["", "50", "0%", "101%", "0.5", "half"] {
        let refused = load(&[("BACKFILL_SHARE", wrong)]).expect_err(wrong);
        assert!(refused.to_string().contains("1% to 100%"), "{refused}");
    }
}

#[test]
fn everything_wrong_is_named_at_once() {
    let wrong = [
        ("WAREHOUSE_BATCH_ROWS", "0"),
        ("WAREHOUSE_URL", "ftp://host"),
        ("COUNTERS_DELAY", "soon"),
        ("KAFKA_START", "yesterday"),
    ];
    let refused = load(&wrong).expect_err("all are wrong").to_string();
    for (variable, _) in wrong {
        assert!(refused.contains(variable), "{variable} in {refused}");
    }
}
