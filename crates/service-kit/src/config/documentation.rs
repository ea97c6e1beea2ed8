//! What follows from the declarations for the command line and the manual.

use std::fmt::Write as _;

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
#[must_use]
pub fn tables(declarations: &[&'static dyn Declaration]) -> String {
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
