//! The settings of a database, as a section.

use std::time::Duration;

use service_kit::config::{
    Declaration, DurationBetween, Integer, OneOf, Section, Setting, SettingsReader, Unset,
};

use crate::postgres_place::{Place, PostgresPlace};

/// Where a PostgreSQL server is, and what may be asked of it.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Where it is, and how it is entered. There is no default: a service that has none does not start.
    pub place: Option<PostgresPlace>,
    /// Connections at a time.
    pub connections_max: u32,
    /// How long somebody waits for a connection, and a statement for a lock.
    pub timeout: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
    /// What happens to a database whose tables are older than this program.
    pub migrate: Migrate,
}

/// What happens to a database whose tables are older than this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// They are brought up to date when the service starts.
    Auto,
    /// The service waits until somebody else has done it.
    Refuse,
}

/// The settings that fill [`DatabaseSettings`].
pub struct DatabaseSection {
    url: Setting<Place, Unset>,
    is_url_needed: bool,
    connections_max: Setting<Integer<u32>>,
    timeout: Setting<DurationBetween>,
    statement_timeout: Setting<DurationBetween>,
    migrate: Setting<OneOf<Migrate>>,
}

impl DatabaseSection {
    /// A server that whoever uses it must name; see [`with_url_needed`](Self::with_url_needed).
    pub const DEFAULT: Self = Self {
        url: Setting {
            variable: "DATABASE_URL",
            default: Unset("(none, required)"),
            help: "Where the PostgreSQL database is, version 14 or later",
            parser: Place,
        },
        is_url_needed: false,
        connections_max: Setting {
            variable: "DATABASE_CONNECTIONS_MAX",
            default: "10",
            help: "Connections to it at a time",
            parser: Integer { min: 1, max: 1_000 },
        },
        timeout: Setting {
            variable: "DATABASE_TIMEOUT",
            default: "3s",
            help: "How long to wait for a connection or a lock",
            parser: DurationBetween {
                min: Duration::from_millis(10),
                max: Duration::from_mins(1),
            },
        },
        statement_timeout: Setting {
            variable: "DATABASE_STATEMENT_TIMEOUT",
            default: "2s",
            help: "How long a statement may take",
            parser: DurationBetween {
                min: Duration::from_millis(10),
                max: Duration::from_mins(1),
            },
        },
        migrate: Setting {
            variable: "DATABASE_MIGRATE",
            default: "auto",
            help: "Whether older tables are brought up to date at the start, or the service waits \
                   until somebody has done it",
            parser: OneOf(&[("auto", Migrate::Auto), ("refuse", Migrate::Refuse)]),
        },
    };

    /// With another time to wait for a connection or a lock.
    #[must_use]
    pub const fn with_timeout(mut self, default: &'static str) -> Self {
        self.timeout.default = default;
        self
    }

    /// The same for a service that does not start unless its server is named.
    #[must_use]
    pub const fn with_url_needed(mut self) -> Self {
        self.is_url_needed = true;
        self
    }

    /// What is in force.
    pub fn read(&self, reader: &mut SettingsReader) -> DatabaseSettings {
        let place = reader.get_optional(&self.url);
        if self.is_url_needed && place.is_none() {
            reader.refuse(&self.url, "without it nothing could be kept");
        }
        DatabaseSettings {
            place,
            connections_max: reader.get(&self.connections_max),
            timeout: reader.get(&self.timeout),
            statement_timeout: reader.get(&self.statement_timeout),
            migrate: reader.get(&self.migrate),
        }
    }
}

impl Section for DatabaseSection {
    fn declarations(&'static self) -> Vec<&'static dyn Declaration> {
        vec![
            &self.url,
            &self.connections_max,
            &self.timeout,
            &self.statement_timeout,
            &self.migrate,
        ]
    }
}
