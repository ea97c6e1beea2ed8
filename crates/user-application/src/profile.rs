//! A profile as it is kept.

use domain::{DisplayName, PictureUrl, SteamId, Timestamp, UserId};

use crate::{
    preferences::Preferences,
    subscription::{Subscription, SubscriptionState},
    version::Version,
};

/// What somebody is called of whom Steam says nothing.
pub const DEFAULT_NAME: &str = "Player";
/// The longest that RFC 5646 expects.
const LOCALE_BYTES_MAX: usize = 35;
/// Twice the longest of the database of time zones.
const TIME_ZONE_BYTES_MAX: usize = 64;

/// A user's profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Whose it is.
    pub user: UserId,
    /// Who that is on Steam, as the token said at the first look.
    pub steam_id: Option<SteamId>,
    /// What its owner decides.
    pub details: Details,
    /// What its owner has bought.
    pub subscription: Subscription,
    /// Which state of it this is.
    pub version: Version,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What the owner of a profile decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// What the user is called.
    pub display_name: DisplayName,
    /// Where the user's picture is.
    pub avatar_url: Option<PictureUrl>,
    /// In which language, and how, things are to be said.
    pub locale: Option<Locale>,
    /// Which time is to be told.
    pub time_zone: Option<TimeZone>,
    /// Everything else.
    pub preferences: Preferences,
}

/// A language tag such as `en`, `pt-BR` or `zh-Hant-TW` (RFC 5646), by its form: nobody asks here whether there is
/// such a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale(String);

/// The name of a time zone such as `Europe/Berlin` or `UTC`, by its form: which ones there are changes several times
/// a year, and whoever shows times knows best.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(String);

impl Profile {
    /// The same with another subscription, since that time.
    #[must_use]
    pub fn subscribed(mut self, subscription: Subscription, at: Timestamp) -> Self {
        self.subscription = subscription;
        self.touch(at);
        self
    }

    /// The same with other details, since that time.
    #[must_use]
    pub fn changed(mut self, details: Details, at: Timestamp) -> Self {
        self.details = details;
        self.touch(at);
        self
    }

    /// Its subscription, and of which state that is.
    #[must_use]
    pub fn subscription_state(&self) -> SubscriptionState {
        SubscriptionState {
            subscription: self.subscription.clone(),
            version: self.version,
        }
    }

    fn touch(&mut self, at: Timestamp) {
        self.version = self.version.next();
        // Clocks of two instances differ; a profile does not grow younger.
        self.updated_at = self.updated_at.max(at);
    }
}

impl Details {
    /// Those of a profile that begins.
    #[must_use]
    pub fn first(name: Option<DisplayName>, picture: Option<PictureUrl>) -> Self {
        let nobody = || DisplayName::try_new(DEFAULT_NAME).expect("it is a short word");
        Self {
            display_name: name.unwrap_or_else(nobody),
            avatar_url: picture,
            locale: None,
            time_zone: None,
            preferences: Preferences::default(),
        }
    }

    /// The names of what differs in `other`.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let own = [
            ("display_name", self.display_name != other.display_name),
            ("avatar_url", self.avatar_url != other.avatar_url),
            ("locale", self.locale != other.locale),
            ("time_zone", self.time_zone != other.time_zone),
        ];
        let own = own
            .into_iter()
            .filter_map(|(name, differs)| differs.then_some(name));
        own.chain(self.preferences.differences(&other.preferences))
            .collect()
    }
}

impl Locale {
    /// A tag of this text; none if it has not the form of one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let language = parts.next().unwrap_or_default();
        let is_language = (2..=8).contains(&language.len())
            && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        let mut rest = parts.map(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        (text.len() <= LOCALE_BYTES_MAX && is_language && rest.all(|is_part| is_part))
            .then(|| Self(text.to_owned()))
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TimeZone {
    /// A name of this text; none if it has not the form of one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
        };
        (text.len() <= TIME_ZONE_BYTES_MAX && text.split('/').all(is_part))
            .then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_has_the_form_of_one() {
        for (text, expected) in [
            ("en", true),
            ("pt-BR", true),
            ("zh-Hant-TW", true),
            ("es-419", true),
            ("sl-rozaj-biske-1994", true),
            ("", false),
            ("e", false),
            ("e1", false),
            ("en_US", false),
            ("en-", false),
            ("en-toolongpart", false),
            ("deutsch1", false),
            ("ä", false),
            ("en-aaaaaaaa-bbbbbbbb-cccccccc-dddddddd", false),
        ] {
            assert_eq!(Locale::new(text).is_some(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_time_zone_has_the_form_of_one() {
        for (text, expected) in [
            ("UTC", true),
            ("Europe/Berlin", true),
            ("America/Argentina/Buenos_Aires", true),
            ("Etc/GMT+3", true),
            ("", false),
            ("/", false),
            ("Europe/", false),
            ("+02:00", false),
            ("Europe/../passwd", false),
            ("Europe Berlin", false),
            (&*"a".repeat(65), false),
        ] {
            assert_eq!(TimeZone::new(text).is_some(), expected, "{text:?}");
        }
    }
}
