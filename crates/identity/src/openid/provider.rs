//! Whom we trust to know who somebody is.

use crate::{
    address::{Address, AddressFault},
    form,
    issuer::Issuer,
    openid::NAMESPACE,
    secret::AttemptSecret,
};

/// Says to the provider that it shall find out who it is.
const ANYBODY: &str = "http://specs.openid.net/auth/2.0/identifier_select";

/// The provider, as the settings name it: the one endpoint that is ever sent anything, and how its ids begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    endpoint: String,
    claimed_id_prefix: String,
}

impl Provider {
    /// Where Steam is.
    pub const STEAM_ENDPOINT: &str = "https://steamcommunity.com/openid/login";
    /// How the ids that it speaks of begin.
    pub const STEAM_CLAIMED_ID_PREFIX: &str = "https://steamcommunity.com/openid/id/";

    /// Steam itself.
    #[must_use]
    pub fn steam() -> Self {
        Self {
            endpoint: Self::STEAM_ENDPOINT.to_owned(),
            claimed_id_prefix: Self::STEAM_CLAIMED_ID_PREFIX.to_owned(),
        }
    }

    /// Somebody who plays Steam, for tests and demos; also without TLS.
    ///
    /// # Errors
    /// What is wrong with an address.
    pub fn try_simulated(endpoint: &str, claimed_id_prefix: &str) -> Result<Self, AddressFault> {
        for text in [endpoint, claimed_id_prefix] {
            let address = Address::try_new(text)?;
            if !["http", "https"].contains(&address.scheme) {
                return Err(AddressFault::Scheme);
            }
            if address.rest.contains('?') {
                return Err(AddressFault::Query);
            }
        }
        if !claimed_id_prefix.ends_with('/') {
            return Err(AddressFault::Path);
        }
        Ok(Self {
            endpoint: endpoint.to_owned(),
            claimed_id_prefix: claimed_id_prefix.to_owned(),
        })
    }

    /// Whether it is Steam itself.
    #[must_use]
    pub fn is_steam(&self) -> bool {
        *self == Self::steam()
    }

    /// The one address that is ever sent anything.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How its ids begin.
    #[must_use]
    pub fn claimed_id_prefix(&self) -> &str {
        &self.claimed_id_prefix
    }

    /// Where a browser goes to be told who its user is.
    #[must_use]
    pub fn question(&self, issuer: &Issuer, attempt: &AttemptSecret) -> String {
        let return_to = issuer.return_to(attempt);
        let fields = [
            ("openid.ns", NAMESPACE),
            ("openid.mode", "checkid_setup"),
            ("openid.claimed_id", ANYBODY),
            ("openid.identity", ANYBODY),
            ("openid.return_to", &return_to),
            ("openid.realm", issuer.as_str()),
        ];
        format!("{}?{}", self.endpoint, form::write(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_says_where_to_come_back() {
        let issuer = Issuer::try_new("https://login.example").expect("an issuer");
        let question = Provider::steam().question(&issuer, &AttemptSecret::new([0; 32]));
        let (endpoint, query) = question.split_once('?').expect("it has a query");
        assert_eq!(endpoint, "https://steamcommunity.com/openid/login");
        let fields = form::read(query).expect("a form");
        let fields: Vec<_> = fields
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        let anybody = "http://specs.openid.net/auth/2.0/identifier_select";
        let back = format!(
            "https://login.example/login/steam/callback?state={}",
            "A".repeat(43)
        );
        let expected = [
            ("openid.ns", "http://specs.openid.net/auth/2.0"),
            ("openid.mode", "checkid_setup"),
            ("openid.claimed_id", anybody),
            ("openid.identity", anybody),
            ("openid.return_to", &back),
            ("openid.realm", "https://login.example"),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn another_provider_is_no_steam() {
        let check = |endpoint, prefix, expected: Result<bool, AddressFault>| {
            let provider = Provider::try_simulated(endpoint, prefix);
            assert_eq!(
                provider.map(|it| it.is_steam()),
                expected,
                "{endpoint} {prefix}"
            );
        };
        let (endpoint, prefix) = (Provider::STEAM_ENDPOINT, Provider::STEAM_CLAIMED_ID_PREFIX);
        check(endpoint, prefix, Ok(true));
        check("http://simulator:9000/openid/login", prefix, Ok(false));
        check(endpoint, "http://simulator:9000/openid/id/", Ok(false));
        check("ftp://simulator/", prefix, Err(AddressFault::Scheme));
        check("https://simulator/?a=b", prefix, Err(AddressFault::Query));
        check(endpoint, "https://simulator/id", Err(AddressFault::Path));
        check("simulator", prefix, Err(AddressFault::Scheme));
    }
}
