//! The TOML file: the one layer with types, and the one where every name must be known.

use std::collections::BTreeMap;
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::Value;
use figment::{Figment, Profile, Provider};
use serde::de::DeserializeOwned;

use super::declaration::Declaration;
use super::layers::{Texts, read_text, wrong_file};
use super::problem::Problem;

/// How alike two names must be for one to be suggested for the other.
const SUGGESTION_LIKENESS_MIN: f64 = 0.7;

/// The parser shows the wrong text in this many lines, between place and kind of the error.
const SHOWN_TEXT_LINES: usize = 3;

/// The texts of the file, and every key of it that is wrong.
pub(super) fn toml_texts(
    path: &Path,
    named_by: &str,
    declarations: &[&'static dyn Declaration],
    problems: &mut Vec<Problem>,
) -> Texts {
    let file = format!("{} (named by {named_by})", path.display());
    let sections = read_text(path)
        .map_err(|error| error.to_string())
        .and_then(|content| {
            Toml::string(&content)
                .data()
                .map_err(|error| syntax_reason(&error.to_string()))
        });
    let sections = match sections {
        Ok(mut profiles) => profiles.remove(&Profile::Default).unwrap_or_default(),
        Err(reason) => {
            problems.push(wrong_file(&file, reason));
            return Texts::new();
        }
    };
    let mut texts = Texts::new();
    for (section, value) in sections {
        let known: Vec<_> = declarations
            .iter()
            .filter(|d| d.section() == section)
            .collect();
        match value {
            Value::Dict(_, keys) if !known.is_empty() => {
                for (key, value) in keys {
                    match toml_text(&known, &key, &value) {
                        Ok((variable, text)) => _ = texts.insert(variable, text),
                        Err(reason) => {
                            problems.push(wrong_file(&file, format!("[{section}] {reason}")));
                        }
                    }
                }
            }
            value => {
                let reason = wrong_section(&section, &value, declarations);
                problems.push(wrong_file(&file, reason));
            }
        }
    }
    texts
}

/// Reads a TOML file that a setting names: what `T` has, and what it does not know is refused if it says so.
///
/// # Errors
/// It cannot be read, is no TOML, or no `T`: where, and what was expected.
pub fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = read_text(path).map_err(|error| error.to_string())?;
    let toml = Toml::string(&text);
    // An error of the reading below would name the whole text as its place.
    toml.data()
        .map_err(|error| syntax_reason(&error.to_string()))?;
    let read = Figment::from(toml).extract();
    read.map_err(|error| match error.path.as_slice() {
        [] => error.kind.to_string(),
        path => format!("{}: {}", path.join("."), error.kind),
    })
}

/// The place and the kind of a syntax error. Left out are the lines between,
/// which show the text: it may hold a secret.
fn syntax_reason(error: &str) -> String {
    let mut lines = error.lines();
    let place = lines.next().unwrap_or_default();
    let kind: Vec<&str> = lines.skip(SHOWN_TEXT_LINES).collect();
    format!("{place}: {}", kind.join(", "))
}

/// The variable and text of one key, or what is wrong with it.
fn toml_text(
    known: &[&&'static dyn Declaration],
    key: &str,
    value: &Value,
) -> Result<(String, String), String> {
    let names = known.iter().flat_map(|declaration| {
        let (variable, key) = (declaration.variable(), declaration.key());
        let file = declaration
            .holds_secrets()
            .then(|| (format!("{key}_file"), format!("{variable}_FILE")));
        [(key, variable.to_owned())].into_iter().chain(file)
    });
    let names: BTreeMap<String, String> = names.collect();
    let Some(variable) = names.get(key) else {
        let suggestion = suggestion(key, names.keys());
        return Err(format!("{key}: unknown key{suggestion}"));
    };
    let text = match value {
        Value::Array(_, items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(",")),
        Value::Num(_, number) => {
            let signed = number.to_i128().map(|number| number.to_string());
            signed.or_else(|| number.to_u128().map(|number| number.to_string()))
        }
        Value::Bool(_, truth) => Some(truth.to_string()),
        _ => value.as_str().map(str::to_owned),
    };
    match text {
        Some(text) => Ok((variable.clone(), text)),
        None => Err(format!(
            "{key}: neither a string, an integer, a boolean nor an array of strings"
        )),
    }
}

fn wrong_section(name: &str, value: &Value, declarations: &[&'static dyn Declaration]) -> String {
    let sections: Vec<String> = declarations.iter().map(|d| d.section()).collect();
    if sections.iter().any(|known| known == name) {
        return format!("{name}: not a table; write [{name}]");
    }
    if value.as_dict().is_none() {
        return format!("{name}: unknown key outside of a section");
    }
    format!(
        "[{name}]: unknown section{}",
        suggestion(name, sections.iter())
    )
}

fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= SUGGESTION_LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| format!("; did you mean {candidate}?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Harbours {
        harbours: Vec<Harbour>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Harbour {
        name: String,
    }

    #[test]
    fn a_file_that_a_setting_names_is_read_and_a_wrong_one_says_where() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("harbours.toml");
        let read = |text: &str| {
            fs::write(&file, text).expect("it is written");
            read_toml::<Harbours>(&file)
        };
        let harbours = vec![Harbour {
            name: "Dover".to_owned(),
        }];
        let text = "[[harbours]]\nname = \"Dover\"\n";
        assert_eq!(read(text), Ok(Harbours { harbours }));
        for (text, words) in [
            ("[[harbours]]\ndepth = 3\n", &["harbours.0", "depth"][..]),
            ("[[harbours]]\nname = 3\n", &["harbours.0.name", "string"]),
            ("", &["harbours"]),
            ("[[harbours]\n", &["line 1"]),
        ] {
            let wrong = read(text).expect_err(text);
            assert!(words.iter().all(|word| wrong.contains(word)), "{wrong}");
        }
        let missing = read_toml::<Harbours>(&folder.path().join("nowhere.toml"));
        assert!(
            missing
                .expect_err("it is not there")
                .contains("No such file")
        );
    }
}
