//! What follows from the declarations for the command line and the manual.

use std::fmt::Write as _;
use std::path::Path;

use super::declaration::Declaration;

/// A command-line flag that gives one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The variable to hand back in [`Sources::arguments`](super::Sources::arguments).
    pub variable: String,
    /// Its name without the leading dashes: `kafka-publish-topic`.
    pub name: String,
    /// What it does, its default and what is allowed.
    pub help: String,
}

/// One flag per setting, and one more for the file of each secret.
#[must_use]
pub fn flags(declarations: &[&'static dyn Declaration]) -> Vec<Flag> {
    let mut flags = Vec::new();
    for declaration in declarations {
        let variable = declaration.variable();
        let (default, allowed) = (declaration.default_shown(), declaration.allowed());
        let help = declaration.help();
        flags.push(flag(
            variable.to_owned(),
            format!("{help} [default: {default}] [allowed: {allowed}]"),
        ));
        if declaration.holds_secrets() {
            flags.push(flag(
                format!("{variable}_FILE"),
                format!("File with the text of {variable}"),
            ));
        }
    }
    flags
}

/// A Markdown table of the settings for each section.
pub(super) fn tables(declarations: &[&'static dyn Declaration]) -> String {
    let mut text = String::new();
    let mut section = String::new();
    for declaration in declarations {
        if declaration.section() != section {
            section = declaration.section();
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n## [{section}]\n\n| variable | default | allowed | what it does |\n|---|---|---|---|\n"
            );
        }
        let variable = declaration.variable();
        let file = if declaration.holds_secrets() {
            format!("<br>or `{variable}_FILE`")
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "| `{variable}`{file} | {} | {} | {} |",
            cell(declaration.default_shown()),
            cell(&declaration.allowed()),
            cell(declaration.help())
        );
    }
    text
}

/// The manual of a service's settings, a file that is made from their declarations.
#[derive(Debug, Clone, Copy)]
pub struct Manual {
    /// What is run.
    pub program: &'static str,
    /// The crate whose tests make the file, and whose settings it shows.
    pub commands: &'static str,
    /// The variable that names a TOML file.
    pub config_file_variable: &'static str,
    /// A setting that shows how variable, key and flag belong together.
    pub example: &'static str,
}

impl Manual {
    /// Compares the file with the declarations, or writes it where
    /// `UPDATE_CONFIG_MD` is set.
    ///
    /// # Errors
    /// It is out of date or cannot be read or written, with the command that makes it anew.
    pub fn check(
        &self,
        file: &Path,
        declarations: &[&'static dyn Declaration],
    ) -> Result<(), String> {
        let text = self.text(declarations);
        if std::env::var_os("UPDATE_CONFIG_MD").is_some() {
            std::fs::write(file, &text).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        let written = std::fs::read_to_string(file).unwrap_or_default();
        (written == text).then_some(()).ok_or_else(|| {
            format!(
                "{} is out of date; UPDATE_CONFIG_MD=1 cargo test -p {} config_md makes it anew",
                file.display(),
                self.commands
            )
        })
    }

    fn text(&self, declarations: &[&'static dyn Declaration]) -> String {
        let Self {
            program,
            commands,
            config_file_variable,
            example,
        } = self;
        let (section, key) = example.split_once('_').unwrap_or(("", example));
        let (section, key) = (section.to_lowercase(), key.to_lowercase());
        let flag = example.to_lowercase().replace('_', "-");
        format!(
            "\
# Settings

This file is made from the sections that `crates/{commands}/src/settings` names.
To regenerate it: `UPDATE_CONFIG_MD=1 cargo test -p {commands} config_md`.

A setting can be given in five places; each wins over those before it:

1. its default,
2. a TOML file, named by `--config` or `{config_file_variable}`,
3. `.env` in the working directory,
4. the environment,
5. the command line.

The first underscore of a variable separates section and key.
`{example}` is `{key}` in `[{section}]` of the TOML file, and `--{flag}` on the command line.

- An empty value is a value, not an absent one.
- The service ignores environment variables that are not listed here; a key of the TOML file that is not listed here is an error.
- In the TOML file a list can be an array of strings, and numbers and texts can have quotes or not, where TOML allows it.
- In `.env`, `$NAME` is replaced in double-quoted and unquoted values; single quotes keep a value as it is.
- Files must be UTF-8; a byte order mark at the beginning is ignored.
- A Kubernetes Service named `api` gives every pod beside it `API_PORT=tcp://…`: set `enableServiceLinks: false` in the pod, or give the Service another name.
- Where `_FILE` is offered, the variable with that ending names a file that holds the text; a line end at the end of the file does not count. Giving both in one place is an error.

If settings are wrong, the process ends with code 78, and standard error names all of them, each with its value unless it is secret, its origin and what is allowed.
`{program} validate` shows which values are in force and where each comes from, with secrets masked.
{}",
            tables(declarations)
        )
    }
}

fn flag(variable: String, help: String) -> Flag {
    Flag {
        name: variable.to_lowercase().replace('_', "-"),
        variable,
        help,
    }
}

/// Text that does not break out of its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "\\<")
}
