//! The settings of the warehouse, as a section.

use service_kit::config::{
    Declaration, FilePath, Parsed, SecretText, Section, Setting, SettingsReader, Unset, Url,
    ValueParser,
};

use crate::{WarehousePlace, WarehouseSettings};

/// The settings that fill [`WarehouseSettings`].
pub struct WarehouseSection {
    url: Setting<Place>,
    dir: Setting<FilePath>,
    database: Setting<Parsed<String>>,
    user: Setting<Parsed<String>>,
    password: Setting<SecretText, Unset>,
    ca_file: Setting<FilePath, Unset>,
}

impl WarehouseSection {
    /// The embedded warehouse, in a folder beside the process.
    pub const DEFAULT: Self = Self {
        url: Setting {
            variable: "WAREHOUSE_URL",
            default: EMBEDDED,
            help: "Where the warehouse is: embedded, a SQLite file on this machine, or the \
                   address of a ClickHouse server's HTTP interface",
            parser: Place,
        },
        dir: Setting {
            variable: "WAREHOUSE_DIR",
            default: "data/warehouse",
            help: "Folder of the embedded warehouse; its file is WAREHOUSE_DATABASE.db there",
            parser: FilePath,
        },
        database: Setting {
            variable: "WAREHOUSE_DATABASE",
            default: "dota",
            help: "Name of the database",
            parser: Parsed {
                allowed: "1 to 64 of letters, digits and underscore, a letter first",
                parse: database,
            },
        },
        user: Setting {
            variable: "WAREHOUSE_USER",
            default: "default",
            help: "Name of the service's user on a server",
            parser: Parsed {
                allowed: "a text that is not empty, without control characters",
                parse: user,
            },
        },
        password: Setting {
            variable: "WAREHOUSE_PASSWORD",
            default: Unset("(none)"),
            help: "Password of that user",
            parser: SecretText {
                allowed: "a text that is not empty, without control characters",
                accepts: |c| !c.is_control(),
            },
        },
        ca_file: Setting {
            variable: "WAREHOUSE_CA_FILE",
            default: Unset("(the public ones)"),
            help: "PEM file of the authorities trusted to vouch for a server",
            parser: FilePath,
        },
    };

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> WarehouseSettings {
        let dir = reader.get(&self.dir);
        let ca_file = reader.get_optional(&self.ca_file);
        let settings = WarehouseSettings {
            place: reader.get(&self.url),
            dir: reader.located(&dir),
            database: reader.get(&self.database),
            user: reader.get(&self.user),
            password: reader.get_optional(&self.password),
            ca_file: ca_file.map(|path| reader.located(&path)),
        };
        reader.refuse_all(settings.check());
        settings
    }
}

impl Section for WarehouseSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![
            &self.url,
            &self.dir,
            &self.database,
            &self.user,
            &self.password,
            &self.ca_file,
        ]
    }
}

const EMBEDDED: &str = "embedded";
const SERVER: Url = Url {
    schemes: &["http", "https"],
};

/// The embedded warehouse, or the address of a server. User and password have
/// settings of their own: an address gets into logs.
struct Place;

impl ValueParser for Place {
    type Value = WarehousePlace;

    fn parse(&self, text: &str) -> Result<WarehousePlace, String> {
        if text == EMBEDDED {
            return Ok(WarehousePlace::Embedded);
        }
        let url = SERVER.parse(text)?;
        let authority = url.split('/').nth(2).unwrap_or_default();
        if authority.contains('@') {
            let reason = "holds a user; WAREHOUSE_USER and WAREHOUSE_PASSWORD are for that";
            return Err(reason.to_owned());
        }
        if url.contains('?') {
            return Err("holds a query".to_owned());
        }
        Ok(WarehousePlace::Server(url))
    }

    fn allowed(&self) -> String {
        format!("{EMBEDDED}, or {}", SERVER.allowed())
    }

    fn holds_secrets(&self) -> bool {
        SERVER.holds_secrets()
    }

    fn masked(&self, text: &str) -> String {
        if text == EMBEDDED {
            return text.to_owned();
        }
        SERVER.masked(text)
    }
}

fn database(text: &str) -> Result<String, String> {
    let is_name = text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("no name of a database".to_owned())
    }
}

fn user(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("no name of a user".to_owned());
    }
    Ok(text.to_owned())
}
