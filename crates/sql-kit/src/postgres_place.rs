//! Where a PostgreSQL server is.

use std::{fmt, str::FromStr as _};

use service_kit::config::{MASK, ValueParser, masked_url};
use sqlx::postgres::PgConnectOptions;

const SCHEMES: [&str; 3] = ["postgresql", "postgres", "postgresql+psycopg2"];

/// Where a PostgreSQL server is, and how it is entered, as `DATABASE_URL` says; shown without its password.
#[derive(Clone)]
pub struct PostgresPlace {
    /// They are large, and errors carry them.
    pub(crate) options: Box<PgConnectOptions>,
    shown: String,
}

impl PostgresPlace {
    /// Understands an address: `postgresql://[user[:password]@]host[:port]/database`, as other programs write it
    /// too: `postgres://`, and with the name of a driver, which means nothing here.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat it.
    pub fn try_new(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if !SCHEMES.contains(&scheme) {
            return Err("not an address of PostgreSQL".to_owned());
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.is_empty() || host.starts_with(':') {
            return Err("names no host".to_owned());
        }
        if path.split('?').next().is_none_or(str::is_empty) {
            return Err("names no database".to_owned());
        }
        // What it says may repeat the text.
        let options = PgConnectOptions::from_str(&format!("postgresql://{rest}"))
            .map_err(|_| "not an address of PostgreSQL".to_owned())?;
        Ok(Self {
            options: Box::new(options),
            shown: masked(text),
        })
    }
}

impl fmt::Display for PostgresPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The value of `DATABASE_URL`, where it must be PostgreSQL.
pub(crate) struct Place;

impl ValueParser for Place {
    type Value = PostgresPlace;

    fn parse(&self, text: &str) -> Result<PostgresPlace, String> {
        PostgresPlace::try_new(text)
    }

    fn allowed(&self) -> String {
        "postgresql://[user:password@]host[:port]/database".to_owned()
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, text: &str) -> String {
        masked(text)
    }
}

/// The address without user, password and what its query may say of them.
fn masked(text: &str) -> String {
    let address = text.split('?').next().unwrap_or_default();
    let shown = masked_url(address);
    if address.len() < text.len() && shown != MASK {
        return format!("{shown}?{MASK}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_understood_as_others_write_it() {
        for (text, host, port, database) in [
            (
                "postgresql://db.example/accounts",
                "db.example",
                5432,
                "accounts",
            ),
            ("postgres://u:p@db.example:5433/a", "db.example", 5433, "a"),
            ("postgresql+psycopg2://u:p@db/a", "db", 5432, "a"),
            ("postgresql://db/a?sslmode=require", "db", 5432, "a"),
        ] {
            let place = PostgresPlace::try_new(text).expect("an address");
            let options = &place.options;
            assert_eq!(
                (
                    options.get_host(),
                    options.get_port(),
                    options.get_database()
                ),
                (host, port, Some(database))
            );
        }
        for text in [
            "",
            "db.example/a",
            "mysql://db/a",
            "sqlite:///a.db",
            "postgresql://db",
            "postgresql://db/",
            "postgresql:///a",
            "postgresql://u:p@/a",
            "postgresql://db:x/a",
            "postgresql://db/a?sslmode=zQz",
        ] {
            let reason = PostgresPlace::try_new(text).expect_err("it is none");
            assert!(!reason.contains("zQz"), "{reason}");
        }
    }

    #[test]
    fn nothing_shows_a_password() {
        for text in [
            "postgresql://zQz:zQz@db.example/a",
            "postgresql://db.example/a?password=zQz",
            "postgresql://u:zQz/zQz@db/a",
            "zQz",
        ] {
            let shown = masked(text);
            assert!(!shown.contains("zQz"), "{shown}");
            if let Ok(place) = PostgresPlace::try_new(text) {
                assert!(!format!("{place} {place:?}").contains("zQz"));
            }
        }
        assert_eq!(
            masked("postgresql://db.example/a"),
            "postgresql://db.example/a"
        );
    }
}
