//! What documents look like, for the description of the interface alone: the application writes and reads them.

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A profile. What is read only may be left out of what is sent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct ProfileDocument {
    /// The user's id.
    #[schema(read_only, format = "uuid")]
    id: String,
    /// Who that is on Steam.
    #[schema(read_only, pattern = "^[0-9]{17}$")]
    steam_id: Option<String>,
    /// What the user is called, without control characters.
    #[schema(min_length = 1, max_length = 64)]
    display_name: String,
    /// Where the user's picture is: an https address.
    #[schema(max_length = 256, format = "uri")]
    avatar_url: Option<String>,
    /// A language tag, such as `pt-BR`.
    #[schema(max_length = 35)]
    locale: Option<String>,
    /// The name of a time zone, such as `Europe/Berlin`.
    #[schema(max_length = 64)]
    time_zone: Option<String>,
    /// Everything else that the user decides.
    preferences: PreferencesDocument,
    /// What the user has bought.
    #[schema(read_only)]
    subscription: SubscriptionDocument,
    /// Which state of the profile this is: the same as in `ETag`.
    #[schema(read_only)]
    version: i64,
    /// When it began.
    #[schema(read_only, format = DateTime)]
    created_at: String,
    /// When it was changed last.
    #[schema(read_only, format = DateTime)]
    updated_at: String,
}

/// What a user prefers: at most 16 KiB together. What is left out, or null, is as it is at first.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct PreferencesDocument {
    /// Ids of heroes, each once.
    #[schema(max_items = 126)]
    favourite_heroes: Vec<u16>,
    /// Likewise.
    #[schema(max_items = 126)]
    hero_pool: Vec<u16>,
    /// Numbers from 1 to 5, each once.
    #[schema(max_items = 5)]
    roles: Vec<u8>,
    /// `all`, `low`, `medium`, `high`, `herald_guardian`, `crusader_archon`, `legend_ancient` or `divine_immortal`.
    skill: Option<String>,
    /// Whatever an overlay keeps here.
    overlay: Map<String, Value>,
    /// Whatever notifications keep here.
    notifications: Map<String, Value>,
}

/// What a user has bought.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct SubscriptionDocument {
    /// `free`, `plus` or `pro`.
    plan: String,
    /// How it stands: a word such as `active` (the default) or `past_due`.
    #[schema(max_length = 32)]
    status: String,
    /// Until when it is paid for.
    #[schema(format = DateTime)]
    current_period_end: Option<String>,
    /// Who says so.
    #[schema(max_length = 64)]
    source: Option<String>,
}

/// What a user has bought, and the state of the profile that has it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct SubscriptionAnswer {
    /// `free`, `plus` or `pro`.
    plan: String,
    /// How it stands.
    status: String,
    /// Until when it is paid for.
    #[schema(format = DateTime)]
    current_period_end: Option<String>,
    /// Who says so.
    source: Option<String>,
    /// The version of the profile.
    version: i64,
}

/// Some profiles, in the order of their ids.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(crate) struct ProfilePage {
    /// They.
    profiles: Vec<ProfileDocument>,
    /// What to give as `after` for the next page; null on the last one.
    next: Option<String>,
}
