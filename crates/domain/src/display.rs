//! How people show themselves.

use std::fmt;

use crate::InvalidData;

const CHARACTERS_MAX: usize = 64;
const PICTURE_LENGTH_MAX: usize = 256;

/// What somebody is called, 1 to 64 characters. It is not unique, and says nothing of who it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DisplayName(String);

/// Where somebody's picture is: an `https` address of up to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PictureUrl(String);

impl DisplayName {
    /// Takes a name.
    ///
    /// # Errors
    /// [`InvalidData::DisplayNameInvalid`].
    pub fn try_new(text: &str) -> Result<Self, InvalidData> {
        let is_length = (1..=CHARACTERS_MAX).contains(&text.chars().count());
        if is_length && !text.contains(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidData::DisplayNameInvalid)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PictureUrl {
    /// Takes an address.
    ///
    /// # Errors
    /// [`InvalidData::PictureUrlInvalid`].
    pub fn try_new(text: &str) -> Result<Self, InvalidData> {
        let rest = text.strip_prefix("https://").unwrap_or_default();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // What could end an attribute of a page, or be read as another host, has no place in it.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte);
        let is_url = !host.is_empty() && !host.contains('@') && text.bytes().all(is_plain);
        if is_url && text.len() <= PICTURE_LENGTH_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidData::PictureUrlInvalid)
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PictureUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_shown() {
        for (text, is_name) in [
            ("a", true),
            ("ä ö\u{1f600}", true),
            (&*"ä".repeat(64), true),
            (&*"ä".repeat(65), false),
            ("", false),
            ("a\nb", false),
            ("a\u{0}", false),
            ("a\u{85}", false),
        ] {
            let name = DisplayName::try_new(text);
            assert_eq!(name.is_ok(), is_name, "{text:?}");
            assert!(name.is_err() || name.is_ok_and(|name| name.as_str() == text));
        }
    }

    #[test]
    fn a_picture_is_fetched_over_tls() {
        let long = |length: usize| format!("https://a.example/{}", "b".repeat(length - 18));
        for (text, is_url) in [
            ("https://avatars.example/a.jpg?b=c", true),
            ("https://a", true),
            (&*long(256), true),
            (&*long(257), false),
            ("http://avatars.example/a.jpg", false),
            ("HTTPS://avatars.example/a.jpg", false),
            ("javascript:alert(1)", false),
            ("data:image/png;base64,AA", false),
            ("//avatars.example/a.jpg", false),
            ("https://", false),
            ("https:///a.jpg", false),
            ("https://a@b.example/a.jpg", false),
            ("https://a.example/\"onerror=b", false),
            ("https://a.example/ b", false),
            ("https://ä.example/", false),
            ("", false),
        ] {
            let url = PictureUrl::try_new(text);
            assert_eq!(url.is_ok(), is_url, "{text:?}");
            assert!(url.is_err() || url.is_ok_and(|url| url.as_str() == text));
        }
    }
}
