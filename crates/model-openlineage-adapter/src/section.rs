//! `[openlineage]`: whether a collector of lineage is told of runs.

use service_kit::config::{
    Broken, Declaration, Parsed, Section, Setting, SettingsReader, Unset, Url,
};

/// Who is told of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageSettings {
    /// The address of the collector; none if nobody is told.
    pub url: Option<String>,
    /// What jobs are called together; none for the service's name.
    pub namespace: Option<String>,
}

/// The settings that fill [`LineageSettings`].
pub struct LineageSection {
    url: Setting<Url, Unset>,
    namespace: Setting<Parsed<String>, Unset>,
}

impl LineageSection {
    /// Nobody is told.
    pub const DEFAULT: Self = Self {
        url: Setting {
            variable: "OPENLINEAGE_URL",
            default: Unset("(none)"),
            help: "Where a collector of OpenLineage is told of runs; /api/v1/lineage is put behind it",
            parser: Url {
                schemes: &["http", "https"],
            },
        },
        namespace: Setting {
            variable: "OPENLINEAGE_NAMESPACE",
            default: Unset("(none)"),
            help: "The namespace of the job there; without one the name of the service",
            parser: Parsed {
                allowed: "1 to 200 visible ASCII characters",
                parse: namespace,
            },
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> LineageSettings {
        let settings = LineageSettings {
            url: reader.get_optional(&self.url),
            namespace: reader.get_optional(&self.namespace),
        };
        reader.refuse_all(settings.check());
        settings
    }
}

impl LineageSettings {
    /// What cannot work, though it is an address.
    fn check(&self) -> Vec<Broken> {
        let url = self.url.as_deref().unwrap_or_default();
        let authority = url.split('/').nth(2).unwrap_or_default();
        let wrong = [
            (authority.contains('@'), "holds a user, which is not sent"),
            (url.contains('?'), "holds a query; a path is put behind it"),
        ];
        let wrong = wrong.into_iter().filter(|(is_wrong, _)| *is_wrong);
        wrong
            .map(|(_, reason)| Broken::new("OPENLINEAGE_URL", reason))
            .collect()
    }
}

impl Section for LineageSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![&self.url, &self.namespace]
    }
}

fn namespace(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 200 {
        Err("not of that length".to_owned())
    } else if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("a character that is not allowed".to_owned())
    }
}
