//! Settings in layers, every value with its origin.
//!
//! A setting is declared once, as a [`Setting`]: its variable, default, help
//! and the [`ValueParser`] that says what is allowed and what is secret.
//! Settings that belong together are a [`Section`], declared beside the struct
//! they fill, in the crate that owns it; a service names the sections it has in its
//! [`ServiceSettings`].
//! From the list of their declarations follow the command-line [`flags`], the
//! [`Report`] of what is in force, and the [`Manual`] of all.
//!
//! Later layers win: default, TOML file, `.env` in the working directory,
//! environment, command line. In a variable's name the first underscore parts
//! section from key: `KAFKA_LINGER` is `linger` in `[kafka]`.
//! Whatever is not TOML stays the text it was: a password `123` or `true` is
//! no number and no truth value, and an empty value is a value.
//!
//! Deliberately absent: the process environment (it is passed in), sockets,
//! and any knowledge of what a setting is for.

mod declaration;
mod documentation;
mod layers;
mod masking;
mod network_values;
pub mod pem;
mod problem;
mod reader;
mod section;
mod service_settings;
mod toml_file;
mod values;

#[cfg(test)]
mod tests;

pub use declaration::{Declaration, Setting, Unset};
pub use documentation::{Flag, Manual, flags};
pub use layers::{Sources, read_text};
pub use masking::{MASK, masked_url};
pub use network_values::{Headers, HostPorts, Origins, Properties, Url, Urls};
pub use problem::{Broken, Problem, WrongSettings};
pub use reader::{Report, ReportLine, SettingsReader};
pub use section::{Section, declarations};
pub use service_settings::{Loaded, ServiceSettings};
pub use toml_file::read_toml;
pub use values::{
    DurationBetween, FilePath, Integer, OneOf, Parsed, SecretText, SizeBetween, ValueParser,
    size_text,
};
