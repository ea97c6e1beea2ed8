//! `[patches]`: since when each patch is played.

use std::path::{Path, PathBuf};

use crate::config::{
    Broken, Declaration, FilePath, Section, Setting, SettingsReader, Unset, read_text,
};
use domain::{Patch, Patches, Timestamp};
use serde::{Deserialize, Deserializer, de::Error as _};

/// The settings that fill [`PatchesSetting`].
pub struct PatchesSection {
    file: Setting<FilePath, Unset>,
}

/// Which patches there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchesSetting {
    /// The list, as it was when the settings were read.
    pub patches: Patches,
    /// The file it was read from; none for the built-in list.
    pub file: Option<PathBuf>,
}

impl PatchesSection {
    /// The built-in list.
    pub const DEFAULT: Self = Self {
        file: Setting {
            variable: "PATCHES_FILE",
            default: Unset("(built in)"),
            help: "JSON file that says since when each patch is played: [{\"name\":\"7.41\",\
                   \"since\":\"2026-03-24T00:50:59Z\"}], or the patch.json of dotaconstants; when \
                   it has changed, the days concerned are counted again",
            parser: FilePath,
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> PatchesSetting {
        let file = reader.get_optional(&self.file);
        let file = file.map(|path| reader.located(&path));
        let Some(path) = &file else {
            return PatchesSetting {
                patches: Patches::built_in(),
                file,
            };
        };
        let patches = read_patches(path).unwrap_or_else(|why| {
            reader.refuse_all([Broken::new(self.file.variable, why)]);
            Patches::built_in()
        });
        PatchesSetting { patches, file }
    }
}

impl Section for PatchesSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.file]
    }
}

/// Reads such a file.
///
/// # Errors
/// Which file, and what is wrong with it.
pub fn read_patches(path: &Path) -> Result<Patches, String> {
    load(path).map_err(|why| format!("{}: {why}", path.display()))
}

fn load(path: &Path) -> Result<Patches, String> {
    let text = read_text(path).map_err(|error| error.to_string())?;
    parse(&text)
}

/// One of the list; `date` is what dotaconstants calls it.
#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(alias = "date", deserialize_with = "moment")]
    since: Timestamp,
}

/// An error of this says the line, as those of JSON do.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let at: jiff::Timestamp = text.parse().map_err(|_| {
        D::Error::custom(format_args!(
            "{text:?} is no time such as 2026-03-24T00:50:59Z"
        ))
    })?;
    Ok(Timestamp::from_unix_ms(at.as_millisecond()))
}

fn parse(text: &str) -> Result<Patches, String> {
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if entries.is_empty() {
        return Err("no patch is in it".to_owned());
    }
    let patches = entries.into_iter().map(|entry| Patch {
        name: entry.name,
        since: entry.since,
    });
    Patches::try_new(patches.collect()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let ours = r#"[{"name":"7.41","since":"2026-03-24T00:50:59.580Z"}]"#;
        let theirs = r#"[{"name":"7.41","date":"2026-03-24T00:50:59.580Z","id":60}]"#;
        for text in [ours, theirs] {
            let patches = parse(text).expect("it is a list");
            let found: Vec<_> = patches.iter().collect();
            assert_eq!(found.len(), 1);
            assert_eq!(&*found[0].name, "7.41");
            assert_eq!(found[0].since.as_unix_ms(), 1_774_313_459_580);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("[", "at line 1"),
            ("[]", "no patch is in it"),
            ("{}", "line 1"),
            (
                "[\n{\"name\":\"7.41\"}\n]",
                "missing field `since` at line 2",
            ),
            (
                "[\n{\"name\":\"a\",\"since\":\"2026-01-01T00:00:00Z\"},\n{\"name\":\"b\",\"since\":\"soon\"}\n]",
                "\"soon\" is no time such as 2026-03-24T00:50:59Z at line 3",
            ),
            (
                r#"[{"name":"a","since":"2026-01-01T00:00:00Z"},{"name":"a","since":"2026-01-02T00:00:00Z"}]"#,
                "a",
            ),
        ] {
            let why = parse(text).expect_err(text);
            assert!(why.contains(expected), "{expected} in {why}");
        }
    }

    #[test]
    fn the_recorded_list_is_the_one_that_is_built_in() {
        let folder = std::env::var_os("RECORDED_DATA_DIR");
        let read = folder.map_or_else(
            || parse(&invented()),
            |folder| load(&Path::new(&folder).join("dotaconstants/patch.json")),
        );
        assert_eq!(read, Ok(Patches::built_in()));
    }

    /// The list as dotaconstants would write it, for whoever has no recording.
    fn invented() -> String {
        let entries = Patches::built_in();
        let entries = entries.iter().enumerate().map(|(id, patch)| {
            let date = jiff::Timestamp::from_millisecond(patch.since.as_unix_ms());
            let date = date.expect("it is within thousands of years").to_string();
            serde_json::json!({"name": patch.name, "date": date, "id": id})
        });
        entries.collect::<serde_json::Value>().to_string()
    }
}
