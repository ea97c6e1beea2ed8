//! `[ingestion]`: which feeds are read, and by how many instances.

use ingestion_application::SourceName;
use service_kit::config::{Declaration, OneOf, Setting, SettingsReader, ValueParser};

use crate::feeds;

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&SOURCES, &STANDBY];

const SOURCES: Setting<FeedNames> = Setting {
    variable: "INGESTION_SOURCES",
    default: "opendota-stream",
    help: "The feeds that are read, all into one ledger and one dedup window",
    parser: FeedNames,
};

const STANDBY: Setting<OneOf<bool>> = Setting {
    variable: "INGESTION_STANDBY",
    default: "off",
    help: "Whether several instances share the topic of matches: the one that came first publishes, \
           the others stand by and take over within seconds when it is gone; all of them have it on, \
           the same KAFKA_GROUP_ID and KAFKA_TRANSACTIONAL_ID, and a JOURNAL_DIR of their own",
    parser: OneOf(&[("off", false), ("on", true)]),
};

/// Whether other instances publish to the same topic.
pub(super) fn read_standby(reader: &mut SettingsReader) -> bool {
    reader.get(&STANDBY)
}

pub(super) fn read(reader: &mut SettingsReader) -> Vec<SourceName> {
    reader.get(&SOURCES)
}

/// Names of feeds, separated by commas, each once.
struct FeedNames;

impl ValueParser for FeedNames {
    type Value = Vec<SourceName>;

    fn parse(&self, text: &str) -> Result<Vec<SourceName>, String> {
        let mut sources = Vec::new();
        for name in text.split(',').map(str::trim) {
            let known = feeds::sources().find(|source| written(*source) == name);
            let source = known.ok_or("holds what is the name of no feed here")?;
            if sources.contains(&source) {
                return Err("names a feed twice".to_owned());
            }
            sources.push(source);
        }
        Ok(sources)
    }

    fn allowed(&self) -> String {
        let known: Vec<_> = feeds::sources().map(written).collect();
        format!("one or more of {}, separated by commas", known.join(", "))
    }
}

/// The name of a feed as it stands in the setting.
fn written(source: SourceName) -> String {
    source.as_str().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_are_named_once_each_and_none_that_is_not_there() {
        let check = |text: &str, expected: Result<&[&str], &str>| {
            let found = FeedNames.parse(text);
            let found = found.map(|names| names.iter().map(|name| name.as_str()).collect());
            let expected = expected.map(<[&str]>::to_vec).map_err(str::to_owned);
            assert_eq!(found, expected, "{text:?}");
        };
        check("opendota-stream", Ok(&["opendota_stream"]));
        check(" opendota-stream ", Ok(&["opendota_stream"]));
        for unknown in [
            "",
            "opendota_stream",
            "opendota-stream,",
            "steam",
            "Opendota-Stream",
        ] {
            check(unknown, Err("holds what is the name of no feed here"));
        }
        check("opendota-stream,opendota-stream", Err("names a feed twice"));
        assert!(FeedNames.allowed().contains("opendota-stream"));
    }
}
