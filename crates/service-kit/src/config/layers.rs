//! The layers, merged so that every text keeps its origin.
//!
//! Every layer is brought into the same form, texts by variable, before
//! figment merges them: only TOML has types, and they end here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::declaration::Declaration;
use super::problem::Problem;
use super::toml_file::toml_texts;

/// More than any file of settings or secret holds; what is larger is the wrong file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// The same mark in the two kinds of UTF-16.
const UTF_16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Where settings come from. Nothing else of the process is looked at.
pub struct Sources<'a> {
    /// Variables, also those ending in `_FILE`, with the text their flag was given.
    pub arguments: &'a [(&'a str, String)],
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The TOML file named by `--config`.
    pub config_file: Option<PathBuf>,
    /// The variable that names the TOML file otherwise.
    pub config_file_variable: &'a str,
    /// The folder with the `.env`, and the one relative paths start from.
    pub working_dir: &'a Path,
}

impl<'a> Sources<'a> {
    /// These variables and nothing else: what tests of a section give.
    #[must_use]
    pub fn variables(given: &[(&str, &str)], working_dir: &'a Path) -> Self {
        let each = given.iter();
        Self {
            arguments: &[],
            environment: each
                .map(|(variable, text)| (variable.into(), text.into()))
                .collect(),
            config_file: None,
            config_file_variable: "CONFIG",
            working_dir,
        }
    }
}

/// The layers merged, and what was wrong in them.
pub(super) struct Merged {
    figment: Figment,
    pub(super) problems: Vec<Problem>,
}

/// The text of a setting before it is judged.
pub(super) struct Found {
    /// The text; of a secret file, its path.
    pub(super) text: String,
    /// Where it was given.
    pub(super) origin: String,
    /// Whether the text names a file that holds the secret.
    pub(super) in_secret_file: bool,
}

impl Merged {
    pub(super) fn new(declarations: &[&'static dyn Declaration], sources: &Sources<'_>) -> Self {
        let mut problems = Vec::new();
        let env_file = sources.working_dir.join(".env");
        let env_file_texts = env_file_texts(&env_file, &mut problems);
        let environment = environment_texts(declarations, sources, &mut problems);
        let variables = [
            (LayerKind::EnvFile(env_file), env_file_texts),
            (LayerKind::Environment, environment),
        ];

        let mut layers = vec![(LayerKind::Default, default_texts(declarations))];
        if let Some((path, named_by)) = config_file(sources, &variables) {
            let texts = toml_texts(&path, &named_by, declarations, &mut problems);
            layers.push((LayerKind::TomlFile(path), texts));
        }
        layers.extend(variables);
        layers.push((LayerKind::CommandLine, argument_texts(sources)));

        let mut figment = Figment::new();
        for (kind, texts) in layers {
            for layer in [false, true]
                .map(|in_secret_file| Layer::new(&kind, &texts, declarations, in_secret_file))
            {
                figment = figment.merge(layer);
            }
            refuse_twice(&kind, &texts, declarations, &mut problems);
        }
        Self { figment, problems }
    }

    pub(super) fn find(&self, variable: &str) -> Option<Found> {
        let value = self.figment.find_value(variable).ok()?;
        let metadata = self.figment.get_metadata(value.tag())?;
        Some(Found {
            text: value.as_str()?.to_owned(),
            origin: metadata.interpolate(&Profile::Default, &[variable]),
            in_secret_file: metadata.name == SECRET_FILES,
        })
    }
}

/// Reads a text file of at most one mebibyte; a byte order mark in front of the
/// text is not part of it.
///
/// # Errors
/// It cannot be read, is larger, or is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    let invalid = |reason| io::Error::new(ErrorKind::InvalidData, reason);
    if bytes.starts_with(UTF_16_MARKS[0]) || bytes.starts_with(UTF_16_MARKS[1]) {
        return Err(invalid("UTF-16; save it as UTF-8"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| invalid("not UTF-8"))?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    Ok(text)
}

/// What one layer says: texts by variable.
pub(super) type Texts = BTreeMap<String, String>;

/// Which layer a text is from.
#[derive(Clone)]
enum LayerKind {
    Default,
    TomlFile(PathBuf),
    EnvFile(PathBuf),
    Environment,
    CommandLine,
}

impl LayerKind {
    fn origin(&self, section: &str, key: &str) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::TomlFile(path) => format!("{}, [{section}] {key}", path.display()),
            Self::EnvFile(path) => path.display().to_string(),
            Self::Environment => "environment".to_owned(),
            Self::CommandLine => "command line".to_owned(),
        }
    }
}

const TEXTS: &str = "texts";
const SECRET_FILES: &str = "secret files";

/// What one layer says, as figment wants it: either the texts it gives, or the
/// files in which it says the texts are.
struct Layer {
    kind: LayerKind,
    values: Dict,
    in_secret_file: bool,
}

impl Layer {
    fn new(
        kind: &LayerKind,
        texts: &Texts,
        declarations: &[&'static dyn Declaration],
        in_secret_file: bool,
    ) -> Self {
        let value = |declaration: &&'static dyn Declaration| {
            let variable = declaration.variable();
            let text = if !in_secret_file {
                texts.get(variable)?
            } else if declaration.holds_secrets() {
                texts.get(&format!("{variable}_FILE"))?
            } else {
                return None;
            };
            Some((variable.to_owned(), Value::from(text.as_str())))
        };
        Self {
            kind: kind.clone(),
            values: declarations.iter().filter_map(value).collect(),
            in_secret_file,
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        let (kind, in_secret_file) = (self.kind.clone(), self.in_secret_file);
        Metadata::named(if in_secret_file { SECRET_FILES } else { TEXTS }).interpolater(
            move |_, variable| {
                let variable = variable.concat().to_lowercase();
                let (section, key) = variable.split_once('_').unwrap_or((&variable, ""));
                let suffix = if in_secret_file { "_file" } else { "" };
                kind.origin(section, &format!("{key}{suffix}"))
            },
        )
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// The TOML file and what names it; the last of the layers that do has its way.
fn config_file(sources: &Sources<'_>, layers: &[(LayerKind, Texts)]) -> Option<(PathBuf, String)> {
    if let Some(path) = &sources.config_file {
        return Some((sources.working_dir.join(path), "--config".to_owned()));
    }
    let variable = sources.config_file_variable;
    layers.iter().rev().find_map(|(kind, texts)| {
        let path = sources.working_dir.join(texts.get(variable)?);
        Some((path, format!("{variable} in {}", kind.origin("", ""))))
    })
}

fn refuse_twice(
    kind: &LayerKind,
    texts: &Texts,
    declarations: &[&'static dyn Declaration],
    problems: &mut Vec<Problem>,
) {
    for declaration in declarations.iter().filter(|d| d.holds_secrets()) {
        let variable = declaration.variable();
        let file_variable = format!("{variable}_FILE");
        if let (Some(text), Some(_)) = (texts.get(variable), texts.get(&file_variable)) {
            problems.push(Problem::WrongValue {
                variable,
                value: format!("{:?}", declaration.masked(text)),
                origin: kind.origin(&declaration.section(), &declaration.key()),
                reason: format!("{file_variable} is given in the same place"),
                allowed: "one of the two".to_owned(),
            });
        }
    }
}

fn default_texts(declarations: &[&'static dyn Declaration]) -> Texts {
    declarations
        .iter()
        .filter_map(|d| Some((d.variable().to_owned(), d.default_text()?.to_owned())))
        .collect()
}

fn argument_texts(sources: &Sources<'_>) -> Texts {
    sources
        .arguments
        .iter()
        .map(|(variable, text)| ((*variable).to_owned(), text.clone()))
        .collect()
}

/// The environment's texts. Of what is not UTF-8, only a setting is worth a complaint.
fn environment_texts(
    declarations: &[&'static dyn Declaration],
    sources: &Sources<'_>,
    problems: &mut Vec<Problem>,
) -> Texts {
    let mut texts = Texts::new();
    for (name, text) in &sources.environment {
        let Some(name) = name.to_str() else { continue };
        if let Some(text) = text.to_str() {
            texts.insert(name.to_owned(), text.to_owned());
        } else if let Some(declaration) = declarations.iter().find(|d| d.variable() == name) {
            problems.push(Problem::WrongValue {
                variable: declaration.variable(),
                value: format!("{:?}", declaration.masked(&text.to_string_lossy())),
                origin: LayerKind::Environment.origin("", ""),
                reason: "not UTF-8".to_owned(),
                allowed: declaration.allowed(),
            });
        }
    }
    texts
}

/// The texts of a `.env`, if there is one. A later line wins, as a later layer does.
fn env_file_texts(path: &Path, problems: &mut Vec<Problem>) -> Texts {
    let content = match read_text(path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Texts::new(),
        Err(error) => {
            problems.push(wrong_file(path.display(), error.to_string()));
            return Texts::new();
        }
    };
    let mut texts = Texts::new();
    for pair in dotenvy::from_read_iter(content.as_bytes()) {
        match pair {
            Ok((name, text)) => _ = texts.insert(name, text),
            Err(error) => {
                let reason = env_line_reason(&content, &error);
                problems.push(wrong_file(path.display(), reason));
            }
        }
    }
    texts
}

/// Tells the line by its number: it may hold a secret.
fn env_line_reason(content: &str, error: &dotenvy::Error) -> String {
    let dotenvy::Error::LineParse(text, _) = error else {
        return error.to_string();
    };
    let beginning = text.lines().next().unwrap_or_default();
    let number = content
        .lines()
        .position(|line| line.contains(beginning))
        .unwrap_or_default()
        + 1;
    format!(
        "line {number} is not NAME=value; a value with blanks or special characters needs quotes"
    )
}

pub(super) fn wrong_file(file: impl Display, reason: String) -> Problem {
    Problem::WrongFile {
        file: file.to_string(),
        reason,
    }
}
