//! The declaration of one setting, from which everything about it follows.

use super::values::ValueParser;

/// One setting: how it is called, what it is without being given, what it is
/// for, and how its text becomes a value.
#[derive(Debug, Clone, Copy)]
pub struct Setting<P, D = &'static str> {
    /// Name in the environment; the other names follow from it.
    pub variable: &'static str,
    /// Its text when no layer gives one, or [`Unset`].
    pub default: D,
    /// What it does, in one sentence without full stop.
    pub help: &'static str,
    /// Judges and masks its text.
    pub parser: P,
}

/// The default of a setting that may be absent: what stands for it in reports.
#[derive(Debug, Clone, Copy)]
pub struct Unset(pub &'static str);

/// The default of a [`Setting`]: a text, or [`Unset`].
pub trait DefaultText: Sync {
    /// The text to parse, if there is one.
    fn text(&self) -> Option<&'static str>;
    /// What a reader is told.
    fn shown(&self) -> &'static str;
}

impl DefaultText for &'static str {
    fn text(&self) -> Option<&'static str> {
        Some(self)
    }

    fn shown(&self) -> &'static str {
        shown_or_none(self)
    }
}

impl DefaultText for Unset {
    fn text(&self) -> Option<&'static str> {
        None
    }

    fn shown(&self) -> &'static str {
        self.0
    }
}

/// A [`Setting`] of any type, as lists of settings hold it.
pub trait Declaration: Sync {
    /// Name in the environment.
    fn variable(&self) -> &'static str;
    /// Its text when no layer gives one.
    fn default_text(&self) -> Option<&'static str>;
    /// The default as a reader is told it.
    fn default_shown(&self) -> &'static str;
    /// What it does.
    fn help(&self) -> &'static str;
    /// What is allowed, to be read after "allowed: ".
    fn allowed(&self) -> String;
    /// Whether its text may hold a secret: then a `_FILE` variant is accepted.
    fn holds_secrets(&self) -> bool;
    /// The text with its secrets masked, also when it is wrong.
    fn masked(&self, text: &str) -> String;

    /// Its section of the TOML file.
    fn section(&self) -> String {
        split(self.variable()).0.to_lowercase()
    }

    /// Its key within the section.
    fn key(&self) -> String {
        split(self.variable()).1.to_lowercase()
    }
}

impl<P: ValueParser, D: DefaultText> Declaration for Setting<P, D> {
    fn variable(&self) -> &'static str {
        self.variable
    }

    fn default_text(&self) -> Option<&'static str> {
        self.default.text()
    }

    fn default_shown(&self) -> &'static str {
        self.default.shown()
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn allowed(&self) -> String {
        self.parser.allowed()
    }

    fn holds_secrets(&self) -> bool {
        self.parser.holds_secrets()
    }

    fn masked(&self, text: &str) -> String {
        self.parser.masked(text)
    }
}

/// The text, or what stands for an empty one, such as that of a list without entries.
pub(super) fn shown_or_none(text: &str) -> &str {
    if text.is_empty() { "(none)" } else { text }
}

fn split(variable: &'static str) -> (&'static str, &'static str) {
    variable
        .split_once('_')
        .expect("every variable is declared as SECTION_KEY")
}
