//! Who may sign in, to what, and for how long: the settings of the application, as parts of the sections `[auth]`,
//! `[access]`, `[code]` and `[refresh]`.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use auth_application::Clients;
use domain::SteamId;
use identity::{ACCESS_LIFE_MAX, SessionLife};
use service_kit::config::{
    Broken, Declaration, DurationBetween, FilePath, Parsed, Section, Setting, SettingsReader,
};

use super::clients::read_clients;

const DAY: Duration = Duration::from_hours(24);
/// More than a year: whoever stays away so long signs in again.
const SESSION_MAX: Duration = DAY.saturating_mul(400);

/// Who may sign in, to what, and for how long.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    /// `AUTH_CLIENTS_FILE`: the applications, as it lists them.
    pub clients: Clients,
    /// `AUTH_ADMINS`: who may have the scope `admin`.
    pub admins: BTreeSet<SteamId>,
    /// `ACCESS_TOKEN_LIFE`: how long an access token is good for.
    pub token_life: Duration,
    /// `CODE_LIFE`: how long an authorization code is.
    pub code_life: Duration,
    /// `REFRESH_IDLE`, `REFRESH_ABSOLUTE`, `REFRESH_GRACE`: how long sessions last, and what is forgiven.
    pub session_life: SessionLife,
}

/// The settings that fill [`AccessSettings`].
pub(super) struct AccessSection {
    clients_file: Setting<FilePath>,
    admins: Setting<Parsed<BTreeSet<SteamId>>>,
    token_life: Setting<DurationBetween>,
    code_life: Setting<DurationBetween>,
    idle: Setting<DurationBetween>,
    absolute: Setting<DurationBetween>,
    grace: Setting<DurationBetween>,
}

impl AccessSection {
    /// Minutes for what travels, months for who stays.
    pub(super) const DEFAULT: Self = Self {
        clients_file: Setting {
            variable: "AUTH_CLIENTS_FILE",
            default: "clients.toml",
            help: "The applications that may have users sign in",
            parser: FilePath,
        },
        admins: Setting {
            variable: "AUTH_ADMINS",
            default: "",
            help: "Who may have the scope `admin`, if the application asks for it",
            parser: Parsed {
                allowed: "Steam ids of people, 17 digits, separated by commas",
                parse: admins,
            },
        },
        token_life: Setting {
            variable: "ACCESS_TOKEN_LIFE",
            default: "5m",
            help: "How long an access token is good for, also after its session has ended",
            parser: DurationBetween {
                min: Duration::from_secs(1),
                max: ACCESS_LIFE_MAX,
            },
        },
        code_life: Setting {
            variable: "CODE_LIFE",
            default: "60s",
            help: "How long an authorization code is good for",
            parser: DurationBetween {
                min: Duration::from_secs(1),
                max: Duration::from_mins(10),
            },
        },
        idle: Setting {
            variable: "REFRESH_IDLE",
            default: "30d",
            help: "How long a session lasts that nobody refreshes",
            parser: DurationBetween {
                min: Duration::from_secs(1),
                max: SESSION_MAX,
            },
        },
        absolute: Setting {
            variable: "REFRESH_ABSOLUTE",
            default: "90d",
            help: "How long a session lasts at most",
            parser: DurationBetween {
                min: Duration::from_secs(1),
                max: SESSION_MAX,
            },
        },
        grace: Setting {
            variable: "REFRESH_GRACE",
            default: "10s",
            help: "How long the refresh token before the last one is still taken, for whoever has \
                   lost the answer; 0: never",
            parser: DurationBetween {
                min: Duration::ZERO,
                max: Duration::from_mins(5),
            },
        },
    };

    /// What is in force. The file of clients is read here: what is wrong in it is a wrong setting.
    pub(super) fn read(&self, reader: &mut SettingsReader) -> AccessSettings {
        let file: PathBuf = reader.get(&self.clients_file);
        let clients = read_clients(&reader.located(&file));
        let wrong = clients.as_ref().err();
        reader.refuse_all(wrong.map(|reason| Broken::new("AUTH_CLIENTS_FILE", reason)));
        let session_life = SessionLife {
            idle: reader.get(&self.idle),
            absolute: reader.get(&self.absolute),
            grace: reader.get(&self.grace),
        };
        if session_life.idle > session_life.absolute {
            reader.refuse(&self.idle, "longer than REFRESH_ABSOLUTE");
        }
        AccessSettings {
            clients: clients.unwrap_or_default(),
            admins: reader.get(&self.admins),
            token_life: reader.get(&self.token_life),
            code_life: reader.get(&self.code_life),
            session_life,
        }
    }
}

impl Section for AccessSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![
            &self.clients_file,
            &self.admins,
            &self.token_life,
            &self.code_life,
            &self.idle,
            &self.absolute,
            &self.grace,
        ]
    }
}

fn admins(text: &str) -> Result<BTreeSet<SteamId>, String> {
    if text.trim().is_empty() {
        return Ok(BTreeSet::new());
    }
    let person = |(index, entry): (usize, &str)| {
        let id = entry.trim().parse();
        id.map_err(|_| format!("entry {} is no Steam id of a person", index + 1))
    };
    text.split(',').enumerate().map(person).collect()
}
