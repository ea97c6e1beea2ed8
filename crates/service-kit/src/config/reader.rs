//! Reads one setting after another and keeps what is wrong for the end.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::declaration::{Declaration, Setting, Unset, shown_or_none};
use super::layers::{Merged, Sources, read_text};
use super::problem::{Broken, Problem, WrongSettings};
use super::values::ValueParser;

/// Kubernetes tells every container of the services beside it by variables
/// such as `API_PORT=tcp://10.0.0.1:8000`, for a Service named `api`.
const SERVICE_LINK_HINT: &str = ", but a Kubernetes service link: set enableServiceLinks: false in the \
     pod, or give the Service another name";

/// A value longer than this is cut in messages.
const SHOWN_CHARS_MAX: usize = 200;

/// Gives the values of settings, and collects every wrong one.
///
/// A wrong value does not stop the reading: its default stands in until
/// [`SettingsReader::finish`] refuses all that was read. It refuses as well
/// what was read without being declared: no layer could give that. The default
/// one has no layers: there every setting has its default.
#[derive(Default)]
pub struct SettingsReader {
    declarations: Vec<&'static dyn Declaration>,
    texts: BTreeMap<&'static str, Given>,
    problems: Vec<Problem>,
    working_dir: PathBuf,
    /// Whether there are layers, which give what is declared and nothing else.
    has_layers: bool,
}

struct Given {
    text: String,
    origin: String,
}

impl SettingsReader {
    /// Merges the layers. What is wrong in them is kept for the end.
    #[must_use]
    pub fn new(declarations: Vec<&'static dyn Declaration>, sources: &Sources<'_>) -> Self {
        let mut merged = Merged::new(&declarations, sources);
        let mut problems = std::mem::take(&mut merged.problems);
        let mut texts = BTreeMap::new();
        for declaration in &declarations {
            let variable = declaration.variable();
            let Some(found) = merged.find(variable) else {
                continue;
            };
            let mut given = Given {
                text: found.text,
                origin: found.origin,
            };
            if found.in_secret_file {
                let path = sources.working_dir.join(&given.text);
                given.origin = format!(
                    "{}, named by {variable}_FILE in {}",
                    path.display(),
                    given.origin
                );
                match read_text(&path) {
                    Ok(secret) => given.text = without_line_end(secret),
                    Err(error) => {
                        problems.push(Problem::WrongValue {
                            variable: declaration.variable(),
                            value: "not read".to_owned(),
                            origin: given.origin,
                            reason: error.to_string(),
                            allowed: "a readable file".to_owned(),
                        });
                        continue;
                    }
                }
            }
            texts.insert(variable, given);
        }
        Self {
            declarations,
            texts,
            problems,
            working_dir: sources.working_dir.to_owned(),
            has_layers: true,
        }
    }

    /// A path as it was given, seen from where relative ones start.
    #[must_use]
    pub fn located(&self, path: &Path) -> PathBuf {
        self.working_dir.join(path)
    }

    /// The value of a setting that always has one.
    ///
    /// # Panics
    /// Its value is wrong and so is its default: the declaration contradicts itself.
    pub fn get<P: ValueParser>(&mut self, setting: &Setting<P>) -> P::Value {
        self.parsed(setting, &setting.parser).unwrap_or_else(|| {
            setting
                .parser
                .parse(setting.default)
                .unwrap_or_else(|reason| panic!("the default of {}: {reason}", setting.variable))
        })
    }

    /// The value of a setting that may be absent.
    pub fn get_optional<P: ValueParser>(
        &mut self,
        setting: &Setting<P, Unset>,
    ) -> Option<P::Value> {
        self.parsed(setting, &setting.parser)
    }

    /// Gives a setting that may be absent the default that follows from other settings.
    pub fn set_default<P: ValueParser>(&mut self, setting: &Setting<P, Unset>, text: String) {
        self.texts.entry(setting.variable).or_insert(Given {
            text,
            origin: "default".to_owned(),
        });
    }

    /// Adds a value that is wrong only beside others, or in the world. A setting
    /// that is known to be wrong already is not named a second time.
    pub fn refuse(&mut self, declaration: &dyn Declaration, reason: &str) {
        if self.is_wrong(declaration) {
            return;
        }
        let given = self.texts.get(declaration.variable());
        self.problems.push(Problem::WrongValue {
            variable: declaration.variable(),
            value: given.map_or("not given".to_owned(), |given| {
                shown(declaration, &given.text)
            }),
            origin: given.map_or("default".to_owned(), |given| given.origin.clone()),
            reason: reason.to_owned(),
            allowed: declaration.allowed(),
        });
    }

    /// Adds the rules that a section's one check found broken.
    ///
    /// # Panics
    /// A rule is about a setting that no section declares.
    pub fn refuse_all(&mut self, rules: impl IntoIterator<Item = Broken>) {
        for Broken { variable, reason } in rules {
            let declared = self.declarations.iter().find(|d| d.variable() == variable);
            let declaration = *declared.unwrap_or_else(|| panic!("{variable} is not declared"));
            self.refuse(declaration, &reason);
        }
    }

    fn is_declared(&self, variable: &str) -> bool {
        self.declarations.iter().any(|d| d.variable() == variable)
    }

    /// Whether its value is known to be wrong: then a default stands in for it.
    fn is_wrong(&self, declaration: &dyn Declaration) -> bool {
        self.problems.iter().any(|problem| {
            matches!(problem, Problem::WrongValue { variable, .. } if *variable == declaration.variable())
        })
    }

    /// What is in force, if nothing was wrong.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub fn finish(self) -> Result<Report, WrongSettings> {
        if !self.problems.is_empty() {
            return Err(WrongSettings {
                problems: self.problems,
            });
        }
        let line = |declaration: &&'static dyn Declaration| {
            let given = self.texts.get(declaration.variable());
            ReportLine {
                variable: declaration.variable(),
                value: match given {
                    Some(given) => shown_or_none(&declaration.masked(&given.text)).to_owned(),
                    None => declaration.default_shown().to_owned(),
                },
                origin: given.map_or("default".to_owned(), |given| given.origin.clone()),
            }
        };
        Ok(Report {
            lines: self.declarations.iter().map(line).collect(),
        })
    }

    fn parsed<P: ValueParser>(
        &mut self,
        declaration: &dyn Declaration,
        parser: &P,
    ) -> Option<P::Value> {
        let variable = declaration.variable();
        if self.has_layers && !self.is_declared(variable) {
            self.problems.push(Problem::Undeclared { variable });
            return None;
        }
        let given = self.texts.get(variable)?;
        match parser.parse(&given.text) {
            Ok(value) => Some(value),
            Err(mut reason) => {
                if is_service_link(&given.text) {
                    reason.push_str(SERVICE_LINK_HINT);
                }
                self.refuse(declaration, &reason);
                None
            }
        }
    }
}

/// What is in force, one line per setting, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In the order of declaration.
    pub lines: Vec<ReportLine>,
}

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    /// Its name in the environment.
    pub variable: &'static str,
    /// Its text with the secrets masked.
    pub value: String,
    /// The layer that gave it.
    pub origin: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| {
            writeln!(
                f,
                "{}={} ({})",
                line.variable,
                on_one_line(&line.value),
                line.origin
            )
        })
    }
}

/// The text as messages show it: secrets masked, in quotes, on one line, not too long.
fn shown(declaration: &dyn Declaration, text: &str) -> String {
    let mut masked = declaration.masked(text);
    if let Some((end, _)) = masked.char_indices().nth(SHOWN_CHARS_MAX) {
        masked.truncate(end);
        masked.push('…');
    }
    format!("{masked:?}")
}

/// The text with its control characters escaped.
fn on_one_line(text: &str) -> String {
    text.chars().fold(String::new(), |mut line, c| {
        if c.is_control() {
            line.extend(c.escape_debug());
        } else {
            line.push(c);
        }
        line
    })
}

fn is_service_link(text: &str) -> bool {
    let schemes = ["tcp://", "udp://", "sctp://"];
    schemes.iter().any(|scheme| text.starts_with(scheme))
}

fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Parsed;

    const TEXT: Parsed<String> = Parsed {
        allowed: "anything",
        parse: |text| Ok(text.to_owned()),
    };
    static DECLARED: Setting<Parsed<String>> = Setting {
        variable: "TIDE_PLACE",
        default: "Dover",
        help: "Where it is measured",
        parser: TEXT,
    };
    static FORGOTTEN: Setting<Parsed<String>> = Setting {
        variable: "TIDE_UNIT",
        default: "metres",
        help: "What it is measured in",
        parser: TEXT,
    };
    static FORGOTTEN_OPTIONAL: Setting<Parsed<String>, Unset> = Setting {
        variable: "TIDE_NAME",
        default: Unset("(none)"),
        help: "What it is called",
        parser: TEXT,
    };

    fn read(mut reader: SettingsReader) -> Result<Report, String> {
        reader.get(&DECLARED);
        reader.get(&FORGOTTEN);
        reader.set_default(&FORGOTTEN_OPTIONAL, "the tide".to_owned());
        reader.get_optional(&FORGOTTEN_OPTIONAL);
        reader.finish().map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn what_is_read_but_not_declared_is_refused_whatever_is_given() {
        let sources = Sources {
            arguments: &[],
            environment: Vec::new(),
            config_file: None,
            config_file_variable: "TIDE_CONFIG",
            working_dir: Path::new("/nowhere"),
        };
        let wrong = read(SettingsReader::new(vec![&DECLARED], &sources));
        let defect = "is read but not declared, so nothing can give it: a defect of the program";
        assert_eq!(
            wrong.expect_err("two are forgotten"),
            format!("wrong settings:\n  TIDE_UNIT {defect}\n  TIDE_NAME {defect}")
        );
        let defaults = read(SettingsReader::default());
        assert_eq!(defaults.expect("no layers, no declarations").lines, []);
    }
}
