//! The settings of a whole service.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{Declaration, Flag, Report, SettingsReader, Sources, WrongSettings, flags};
use crate::telemetry::LogSettings;

/// Everything that one service can be told: the sections that it has, read into the structs that they fill.
pub trait ServiceSettings: Sized {
    /// The variable that names the TOML file.
    const CONFIG_FILE_VARIABLE: &'static str;

    /// What there is, in the order of the manual.
    fn declarations() -> Vec<&'static dyn Declaration>;

    /// Reads every section. What does not go together is refused through the reader.
    fn read(reader: &mut SettingsReader, sources: &Sources<'_>) -> Self;

    /// What is logged, and how.
    fn log(&self) -> &LogSettings;

    /// Host and port of the HTTP interface.
    fn api_address(&self) -> (&str, u16);

    /// Reads all layers. `arguments` are the texts given by [`flags`](Self::flags).
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    fn load(
        arguments: &[(&str, String)],
        config_file: Option<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        working_dir: &Path,
    ) -> Result<Loaded<Self>, WrongSettings> {
        let sources = Sources {
            arguments,
            environment: environment.into_iter().collect(),
            config_file,
            config_file_variable: Self::CONFIG_FILE_VARIABLE,
            working_dir,
        };
        let mut reader = SettingsReader::new(Self::declarations(), &sources);
        let settings = Self::read(&mut reader, &sources);
        let report = reader.finish()?;
        Ok(Loaded { settings, report })
    }

    /// One command-line flag for each setting.
    #[must_use]
    fn flags() -> Vec<Flag> {
        flags(&Self::declarations())
    }
}

/// Settings that are right, and what they look like to a reader.
#[derive(Debug)]
pub struct Loaded<Settings> {
    /// To be acted upon.
    pub settings: Settings,
    /// To be shown: every setting with its origin, secrets masked.
    pub report: Report,
}
