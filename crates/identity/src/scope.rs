//! What a token permits.

use std::fmt;

use thiserror::Error;

/// One thing that a token may permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To see one's own profile.
    ProfileRead,
    /// To change it.
    ProfileWrite,
    /// To watch drafts.
    DraftRead,
    /// To take part in them.
    DraftWrite,
    /// To see and change what is everybody's.
    Admin,
}

/// Some scopes; perhaps none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

/// What stands where scopes should is no list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScopeFault {
    /// It is no list of words between single spaces, or too long.
    #[error("not a list of scopes: words between single spaces, up to 512 characters")]
    Malformed,
    /// It asks for more than was given before.
    #[error("asks for more than was given before")]
    Wider,
}

/// More than all scopes take, several times over.
const LENGTH_MAX: usize = 512;

impl Scope {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 5] = [
        Self::ProfileRead,
        Self::ProfileWrite,
        Self::DraftRead,
        Self::DraftWrite,
        Self::Admin,
    ];

    /// As tokens and settings name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProfileRead => "profile:read",
            Self::ProfileWrite => "profile:write",
            Self::DraftRead => "draft:read",
            Self::DraftWrite => "draft:write",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Scopes {
    /// No scope at all.
    pub const NONE: Self = Self(0);

    /// Reads a list. Names that nobody knows are left out, as everything is that cannot be given.
    ///
    /// # Errors
    /// [`ScopeFault::Malformed`].
    pub fn try_read(text: &str) -> Result<Self, ScopeFault> {
        // RFC 6749, 3.3.
        let is_word = |word: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
            !word.is_empty() && word.bytes().all(is_allowed)
        };
        if text.len() > LENGTH_MAX || !text.split(' ').all(is_word) {
            return Err(ScopeFault::Malformed);
        }
        Ok(text.split(' ').filter_map(Scope::named).collect())
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those without this one.
    #[must_use]
    pub const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !scope.bit())
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What a client gets that asks for these, or for nothing in particular: not more than it may have, and
    /// `admin` only if it asks and the user is an administrator.
    #[must_use]
    pub fn granted(asked: Option<Self>, of_client: Self, is_admin: bool) -> Self {
        let asked = asked.unwrap_or(of_client.without(Scope::Admin));
        let granted = asked.and(of_client);
        if is_admin {
            granted
        } else {
            granted.without(Scope::Admin)
        }
    }

    /// What a refreshed token permits, of what the session does.
    ///
    /// # Errors
    /// [`ScopeFault::Wider`].
    pub fn narrowed(self, asked: Option<Self>) -> Result<Self, ScopeFault> {
        match asked {
            None => Ok(self),
            Some(asked) if asked.and(self) == asked => Ok(asked),
            Some(_) => Err(ScopeFault::Wider),
        }
    }

    /// Each of them, in the order in which they are written.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{}", scope.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        match text {
            "" => Scopes::NONE,
            text => Scopes::try_read(text).expect("a list"),
        }
    }

    #[test]
    fn a_list_is_words_between_spaces() {
        let check = |text, expected| {
            let read = Scopes::try_read(text).map(|scopes| scopes.to_string());
            assert_eq!(read.as_deref(), expected, "{text:?}");
        };
        check("draft:read profile:read", Ok("profile:read draft:read"));
        check("admin admin", Ok("admin"));
        check("openid Admin profile:read", Ok("profile:read"));
        check("openid", Ok(""));
        for text in [
            "",
            " ",
            "admin ",
            "admin  admin",
            "admin\tadmin",
            "a\"",
            "a\\",
            "ä",
        ] {
            check(text, Err(&ScopeFault::Malformed));
        }
        check(&"a".repeat(513), Err(&ScopeFault::Malformed));
        assert!(scopes("openid").is_empty());
    }

    #[test]
    fn nobody_gets_more_than_client_and_user_may_have() {
        let check = |asked: Option<&str>, is_admin, expected: &str| {
            let of_client = scopes("profile:read draft:read admin");
            let granted = Scopes::granted(asked.map(scopes), of_client, is_admin);
            assert_eq!(granted.to_string(), expected, "{asked:?} {is_admin}");
        };
        check(Some("profile:read profile:write"), false, "profile:read");
        check(Some("profile:read admin"), false, "profile:read");
        check(Some("profile:read admin"), true, "profile:read admin");
        check(None, true, "profile:read draft:read");
        check(Some("draft:write"), true, "");
        let without = Scopes::granted(Some(scopes("admin")), scopes("draft:read"), true);
        assert!(without.is_empty(), "the client may not have it");
    }

    #[test]
    fn a_refreshed_token_permits_no_more() {
        let session = scopes("profile:read draft:read");
        let check = |asked: Option<&str>, expected: Result<&str, ScopeFault>| {
            let narrowed = session
                .narrowed(asked.map(scopes))
                .map(|scopes| scopes.to_string());
            assert_eq!(narrowed, expected.map(str::to_owned), "{asked:?}");
        };
        check(None, Ok("profile:read draft:read"));
        check(Some("draft:read"), Ok("draft:read"));
        check(Some("draft:read draft:write"), Err(ScopeFault::Wider));
        check(Some("admin"), Err(ScopeFault::Wider));
    }
}
