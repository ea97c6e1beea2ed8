//! How a profile is written down.

use domain::Timestamp;
use jiff::Timestamp as Time;
use serde_json::{Value, json};

use crate::profile::{Locale, Profile, TimeZone};

/// The profile as everybody sees it who may see it.
#[must_use]
pub fn document(profile: &Profile) -> Value {
    let details = &profile.details;
    json!({
        "id": profile.user.to_string(),
        "steam_id": profile.steam_id.map(|id| id.to_string()),
        "display_name": details.display_name.as_str(),
        "avatar_url": details.avatar_url.as_ref().map(domain::PictureUrl::as_str),
        "locale": details.locale.as_ref().map(Locale::as_str),
        "time_zone": details.time_zone.as_ref().map(TimeZone::as_str),
        "preferences": details.preferences.document(),
        "subscription": profile.subscription.document(),
        "version": profile.version.get(),
        "created_at": time(profile.created_at),
        "updated_at": time(profile.updated_at),
    })
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn time(at: Timestamp) -> String {
    // Beyond the year 9999 there is no such text; the nearest one is as good as any.
    let at = Time::from_millisecond(at.as_unix_ms()).unwrap_or(Time::MAX);
    format!("{at:.3}")
}
