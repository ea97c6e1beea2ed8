//! What a server says of itself.

use redis::cmd;

use crate::{RedisError, RedisServer};

const NO_EVICTION: &str = "noeviction";
/// Policies that begin so take only keys that would end anyway.
const OF_VOLATILE: &str = "volatile-";

/// What a server says of itself, as far as it matters to us; a figure is `None`
/// where it says nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerState {
    /// Its version, as in `7.0.15`.
    pub version: Option<String>,
    /// Which keys it throws away when it is full, as in `noeviction`.
    pub eviction_policy: Option<String>,
    /// How much memory it may use; 0 for as much as there is.
    pub memory_bytes_max: Option<u64>,
    /// What its clock says, in milliseconds since 1970.
    pub now_ms: Option<i64>,
}

impl RedisServer {
    /// What the server says of itself.
    ///
    /// # Errors
    /// There is no answer, or the user may not ask.
    pub async fn state(&self) -> Result<ServerState, RedisError> {
        let text: String = self.command(&cmd("INFO")).await?;
        Ok(ServerState::of(&text))
    }
}

impl ServerState {
    fn of(info: &str) -> Self {
        let figure = |name: &str| {
            let mut figures = info.lines().filter_map(|line| line.trim().split_once(':'));
            let found = figures.find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_owned())
        };
        Self {
            version: figure("redis_version"),
            eviction_policy: figure("maxmemory_policy"),
            memory_bytes_max: figure("maxmemory").and_then(|bytes| bytes.parse().ok()),
            now_ms: figure("server_time_usec")
                .and_then(|time| time.parse().ok())
                .map(|time: i64| time / 1000),
        }
    }

    /// What is wrong with how it is set: keys that nobody has removed may be gone.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        let policy = self.eviction_policy.as_deref()?;
        let is_bounded = self.memory_bytes_max.is_some_and(|bytes| bytes > 0);
        if !is_bounded || policy == NO_EVICTION {
            return None;
        }
        let which = if policy.starts_with(OF_VOLATILE) {
            "keys that are still in use"
        } else {
            "any key"
        };
        Some(format!(
            "it throws {which} away when it is full (maxmemory-policy {policy}); set {NO_EVICTION}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_throws_keys_away_is_flawed() {
        let check = |policy: &str, memory_bytes_max: u64, expected: Option<&str>| {
            let info = format!(
                "# Server\r\nredis_version:7.0.15\r\nserver_time_usec:1700000000123456\r\n# Memory\r\nmaxmemory:{memory_bytes_max}\r\n\
                 maxmemory_human:1G\r\nmaxmemory_policy:{policy}\r\n"
            );
            let state = ServerState::of(&info);
            assert_eq!(state.version.as_deref(), Some("7.0.15"));
            assert_eq!(state.memory_bytes_max, Some(memory_bytes_max));
            assert_eq!(state.now_ms, Some(1_700_000_000_123));
            let flaw = state.flaw();
            let is_expected = match expected {
                Some(part) => flaw.as_ref().is_some_and(|flaw| flaw.contains(part)),
                None => flaw.is_none(),
            };
            assert!(is_expected, "{policy}: {flaw:?}");
        };
        check("noeviction", 1_000_000, None);
        check("allkeys-lru", 0, None);
        check("allkeys-lru", 1_000_000, Some("throws any key away"));
        check(
            "volatile-ttl",
            1_000_000,
            Some("keys that are still in use"),
        );
        assert_eq!(ServerState::of("").flaw(), None);
    }
}
