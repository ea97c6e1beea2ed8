//! The TOML file: the one layer with types, and the one where every name must be known.

use std::collections::BTreeMap;
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::Value;
use figment::{Profile, Provider};

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
