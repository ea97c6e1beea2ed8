//! Where Redis is: one server, or one that sentinels know.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use service_kit::config::{MASK, Url, ValueParser};

const STANDALONE: &str = "redis://";
const SENTINEL: &str = "redis+sentinel://";
const DATABASE_MAX: i64 = 9_999;
const ADDRESS: Url = Url {
    schemes: &["redis"],
};

/// Where Redis is, as `REDIS_URL` says; shown without its password.
#[derive(Clone)]
pub struct RedisPlace {
    pub(crate) way: Way,
    shown: String,
}

/// How the server is found.
#[derive(Clone)]
pub(crate) enum Way {
    /// It stands at this address.
    Direct(ConnectionInfo),
    /// Sentinels know which one is the master.
    Sentinels {
        sentinels: Vec<ConnectionInfo>,
        name: String,
        /// How the master is entered: user, password and database.
        entry: RedisConnectionInfo,
    },
}

impl RedisPlace {
    /// Understands an address: `redis://[user:password@]host[:port][/database]`, or
    /// `redis+sentinel://[user:password@]host:port[,host:port…]/master[/database]`.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat it.
    pub fn try_new(text: &str) -> Result<Self, String> {
        let way = match text.split_once("://") {
            Some(("redis+sentinel", rest)) => sentinels(rest)?,
            Some(("rediss", _)) => return Err("TLS to Redis is not supported".to_owned()),
            Some((scheme, _)) if scheme.contains("cluster") => {
                let reason = "Redis Cluster is not supported: there keys cannot change in one step";
                return Err(reason.to_owned());
            }
            _ => Way::Direct(server(text)?),
        };
        Ok(Self {
            way,
            shown: masked(text),
        })
    }
}

impl fmt::Display for RedisPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RedisPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The value of `REDIS_URL`.
pub(crate) struct Place;

impl ValueParser for Place {
    type Value = RedisPlace;

    fn parse(&self, text: &str) -> Result<RedisPlace, String> {
        RedisPlace::try_new(text)
    }

    fn allowed(&self) -> String {
        format!(
            "{STANDALONE}[user:password@]host[:port][/database], or \
             {SENTINEL}[user:password@]host:port[,host:port…]/master[/database]"
        )
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, text: &str) -> String {
        masked(text)
    }
}

fn server(text: &str) -> Result<ConnectionInfo, String> {
    let url = ADDRESS.parse(text)?;
    let (_, rest) = url.split_once("://").unwrap_or_default();
    if rest.contains('?') {
        return Err("holds a query".to_owned());
    }
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    // The client would take an empty host for one on this machine.
    is_database(path)?;
    let info = url.as_str().into_connection_info();
    // What it says may repeat the text.
    info.map(without_name)
        .map_err(|_| "not an address of Redis".to_owned())
}

/// What comes after the scheme: credentials, sentinels, name of the master, database.
fn sentinels(rest: &str) -> Result<Way, String> {
    let (authority, path) = rest
        .split_once('/')
        .ok_or_else(|| "names no master".to_owned())?;
    let (name, database) = path.split_once('/').unwrap_or((path, "0"));
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("names no master".to_owned());
    }
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
        None => (String::new(), authority),
    };
    let mut sentinels = Vec::new();
    let mut entry = None;
    for (index, host) in hosts.split(',').map(str::trim).enumerate() {
        let wrong = |reason: String| format!("sentinel {}: {reason}", index + 1);
        let is_complete = host.rsplit_once(':').is_some_and(|(_, port)| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty()
        });
        if !is_complete {
            return Err(wrong("not host:port".to_owned()));
        }
        sentinels.push(server(&format!("{STANDALONE}{host}")).map_err(wrong)?);
        let master = server(&format!("{STANDALONE}{credentials}{host}/{database}"))?;
        entry = Some(master.redis_settings().clone());
    }
    let entry = entry.ok_or_else(|| "names no sentinel".to_owned())?;
    Ok(Way::Sentinels {
        sentinels,
        name: name.to_owned(),
        entry,
    })
}

fn is_database(path: &str) -> Result<(), String> {
    let number = if path.is_empty() { Ok(0) } else { path.parse() };
    match number {
        Ok(0..=DATABASE_MAX) => Ok(()),
        _ => Err("its path is not the number of a database".to_owned()),
    }
}

/// A client that tells its name costs each connection two answers more.
fn without_name(info: ConnectionInfo) -> ConnectionInfo {
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    info.set_redis_settings(settings)
}

/// The text without user and password; several hosts are no address for anyone else.
fn masked(text: &str) -> String {
    let Some(rest) = text.strip_prefix(SENTINEL) else {
        return ADDRESS.masked(text);
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // An `@` behind the hosts is what a password with an unescaped `/` leaves.
    if path.contains(['@', '?', '#']) {
        return MASK.to_owned();
    }
    match authority.rsplit_once('@') {
        Some((_, hosts)) => format!("{SENTINEL}{MASK}@{hosts}/{path}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_server_user_and_database() {
        let check = |text: &str, host: &str, user: Option<&str>, database: i64| {
            let place = RedisPlace::try_new(text).expect(text);
            let Way::Direct(info) = place.way else {
                panic!("{text} is one server");
            };
            assert_eq!(info.addr().to_string(), host, "{text}");
            let settings = info.redis_settings();
            assert_eq!(settings.username(), user, "{text}");
            assert_eq!(settings.db(), database, "{text}");
        };
        check("redis://localhost:6379/0", "localhost:6379", None, 0);
        check("redis://localhost", "localhost:6379", None, 0);
        check(
            "redis://me:p%40ss@10.0.0.1:7000/12",
            "10.0.0.1:7000",
            Some("me"),
            12,
        );
        check("redis://:pass@h/", "h:6379", None, 0);
    }

    #[test]
    fn sentinels_are_asked_without_the_password_of_the_master() {
        let text = "redis+sentinel://me:zQz@a:26379,b:26380/ours/3";
        let place = RedisPlace::try_new(text).expect("it is right");
        assert_eq!(
            place.to_string(),
            "redis+sentinel://***@a:26379,b:26380/ours/3"
        );
        let Way::Sentinels {
            sentinels,
            name,
            entry,
        } = place.way
        else {
            panic!("it names sentinels");
        };
        let addresses: Vec<_> = sentinels.iter().map(|one| one.addr().to_string()).collect();
        assert_eq!(addresses, ["a:26379", "b:26380"]);
        assert!(
            sentinels
                .iter()
                .all(|one| one.redis_settings().password().is_none())
        );
        assert_eq!((name.as_str(), entry.db()), ("ours", 3));
        assert_eq!(
            (entry.username(), entry.password()),
            (Some("me"), Some("zQz"))
        );
    }

    #[test]
    fn what_is_no_address_is_refused_and_shows_no_secret() {
        let check = |text: &str, expected: &str| {
            let refused = RedisPlace::try_new(text).expect_err(text);
            assert_eq!(refused, expected, "{text}");
            let shown = Place.masked(text);
            assert!(
                !shown.contains("zQz") && !refused.contains("zQz"),
                "{shown}"
            );
        };
        check("localhost:6379", "not an address with a host");
        check("http://localhost", "another scheme");
        check("rediss://:zQz@localhost", "TLS to Redis is not supported");
        let cluster = "Redis Cluster is not supported: there keys cannot change in one step";
        check("redis-cluster://:zQz@localhost", cluster);
        check("redis+cluster://a:1,b:2", cluster);
        check(
            "redis://:zQz@localhost/x",
            "its path is not the number of a database",
        );
        check(
            "redis://localhost/1/2",
            "its path is not the number of a database",
        );
        check(
            "redis://localhost/-1",
            "its path is not the number of a database",
        );
        check("redis://localhost/0?db=1", "holds a query");
        check("redis+sentinel://:zQz@a:26379", "names no master");
        check("redis+sentinel://a:26379/", "names no master");
        check("redis+sentinel://a/ours", "sentinel 1: not host:port");
        check("redis+sentinel://a:1,/ours", "sentinel 2: not host:port");
        check(
            "redis+sentinel://:zQz/w@a:1/ours",
            "sentinel 1: not host:port",
        );
        check(
            "redis+sentinel://a:1/ours/x",
            "its path is not the number of a database",
        );
    }
}
