//! Users who can be told apart.

use domain::{AccountId, DisplayName, PictureUrl, SteamId, Timestamp, UserId};
use serde_json::json;
use user_application::{Details, Locale, Preferences, TimeZone, ports::Beginning};

/// A time so many seconds after the first of these tests.
#[must_use]
pub fn time(seconds: i64) -> Timestamp {
    // A part of a second shows who loses it.
    Timestamp::from_unix_ms(1_764_547_200_123 + seconds * 1_000)
}

/// The user of this number; ids sort as numbers do.
#[must_use]
pub fn user(number: u8) -> UserId {
    UserId::new(time(0), [number; 10])
}

/// Who that is on Steam.
///
/// # Panics
/// Never: every such number is a person's.
#[must_use]
pub fn steam_id(number: u8) -> SteamId {
    let account = AccountId::try_new(86_701_600 + u32::from(number));
    SteamId::of(account.expect("it is no anonymous one"))
}

/// A profile that begins so many seconds after the first test, for a user who signed in a minute before.
#[must_use]
pub fn beginning(number: u8, seconds: i64) -> Beginning {
    Beginning {
        user: user(number),
        steam_id: Some(steam_id(number)),
        details: Details::first(DisplayName::try_new(&format!("user {number}")).ok(), None),
        signed_in_at: Some(time(seconds - 60)),
        at: time(seconds),
    }
}

/// Details of which everything is given.
///
/// # Panics
/// Never: they may all stand there.
#[must_use]
pub fn details(name: &str) -> Details {
    let preferences = json!({
        "favourite_heroes": [1, 155], "hero_pool": [14, 2], "roles": [5, 4], "skill": "high",
        "overlay": {"theme": "dark", "sizes": [1, 0.5, -3, null, true], "ü\u{1F600}": {"\"\\\n": {}}},
        "notifications": {"drafts": []},
    });
    Details {
        display_name: DisplayName::try_new(name).expect("it is a short name"),
        avatar_url: PictureUrl::try_new("https://avatars.example/a.jpg?b=c").ok(),
        locale: Locale::new("pt-BR"),
        time_zone: TimeZone::new("America/Sao_Paulo"),
        preferences: Preferences::restored(&preferences),
    }
}
