//! Who issues our tokens: the address at which everybody meets us.

use std::fmt;

use secrecy::ExposeSecret as _;

use crate::{
    address::{Address, AddressFault},
    secret::AttemptSecret,
};

/// Where Steam sends browsers back to.
pub const CALLBACK_PATH: &str = "/login/steam/callback";

/// Our own address as clients and verifiers know it: scheme, host and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer(String);

impl Issuer {
    /// Takes an address: `https`, or `http` by the IP of this machine, with nothing behind host and port.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn try_new(text: &str) -> Result<Self, AddressFault> {
        let address = Address::try_new(text)?;
        if !address.is_private() {
            return Err(AddressFault::Scheme);
        }
        if !address.rest.is_empty() {
            return Err(AddressFault::Path);
        }
        Ok(Self(text.to_owned()))
    }

    /// The address. As it has no path, it is the origin too.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where Steam sends the browser of this attempt back to, to the last byte.
    #[must_use]
    pub fn return_to(&self, attempt: &AttemptSecret) -> String {
        let state = attempt.written();
        format!("{}{CALLBACK_PATH}?state={}", self.0, state.expose_secret())
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_origin_where_nobody_reads_along() {
        let check = |text, expected: Result<(), AddressFault>| {
            assert_eq!(Issuer::try_new(text).map(drop), expected, "{text}");
        };
        check("https://login.example", Ok(()));
        check("https://login.example:8443", Ok(()));
        check("http://127.0.0.1:8082", Ok(()));
        check("http://[::1]:8082", Ok(()));
        check("http://login.example", Err(AddressFault::Scheme));
        check("http://localhost:8082", Err(AddressFault::Scheme));
        check("https://login.example/", Err(AddressFault::Path));
        check("https://login.example/a", Err(AddressFault::Path));
        check("https://login.example?a=b", Err(AddressFault::Path));
    }

    #[test]
    fn the_way_back_names_the_attempt() {
        let issuer = Issuer::try_new("https://login.example").expect("an issuer");
        let back = issuer.return_to(&AttemptSecret::new([0; 32]));
        let state = "A".repeat(43);
        assert_eq!(
            back,
            format!("https://login.example/login/steam/callback?state={state}")
        );
    }
}
