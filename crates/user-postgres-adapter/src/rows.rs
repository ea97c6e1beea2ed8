//! What rows hold, read and written.

use domain::{DisplayName, InvalidData, PictureUrl, SteamId, Timestamp, UserId};
use serde_json::Value;
use sqlx::{Row as _, postgres::PgRow};
use user_application::{
    Details, Locale, Plan, Preferences, Profile, Subscription, TimeZone, Version,
    ports::RememberedChange,
};

/// A profile, from a row that has all of it.
pub(crate) fn profile(row: &PgRow) -> Result<Profile, sqlx::Error> {
    let user = row.try_get("user_id").map(UserId::from_uuid)?;
    let steam_id: Option<i64> = row.try_get("steam_id")?;
    let steam_id = steam_id.map(|raw| SteamId::try_new(u64::try_from(raw).unwrap_or(0)));
    Ok(Profile {
        user,
        steam_id: steam_id.transpose().map_err(wrong)?,
        details: details(row)?,
        subscription: subscription(row)?,
        version: Version::new(row.try_get("version")?),
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn details(row: &PgRow) -> Result<Details, sqlx::Error> {
    let text = |column| -> Result<Option<String>, sqlx::Error> { row.try_get(column) };
    let name: String = row.try_get("display_name")?;
    let picture = text("avatar_url")?.map(|url| PictureUrl::try_new(&url));
    let preferences: String = row.try_get("preferences")?;
    Ok(Details {
        display_name: DisplayName::try_new(&name).map_err(wrong)?,
        avatar_url: picture.transpose().map_err(wrong)?,
        locale: text("locale")?.and_then(|text| Locale::new(&text)),
        time_zone: text("time_zone")?.and_then(|text| TimeZone::new(&text)),
        preferences: Preferences::restored(&json(&preferences)?),
    })
}

fn subscription(row: &PgRow) -> Result<Subscription, sqlx::Error> {
    let plan: Option<String> = row.try_get("plan")?;
    let Some(plan) = plan else {
        return Ok(Subscription::default());
    };
    let unknown = || sqlx::Error::Decode(format!("there is no plan {plan:?}").into());
    let end: Option<i64> = row.try_get("current_period_end")?;
    Ok(Subscription {
        plan: Plan::named(&plan).ok_or_else(unknown)?,
        status: row.try_get("status")?,
        current_period_end: end.map(Timestamp::from_unix_ms),
        source: row.try_get("source")?,
    })
}

/// A change that is remembered.
pub(crate) fn change(row: &PgRow) -> Result<RememberedChange, sqlx::Error> {
    Ok(RememberedChange {
        at: time(row, "at")?,
        by: row.try_get("by").map(UserId::from_uuid)?,
        fields: row.try_get("fields")?,
    })
}

pub(crate) fn json(text: &str) -> Result<Value, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A number that a row can hold.
pub(crate) fn steam_id(id: Option<SteamId>) -> Option<i64> {
    id.and_then(|id| i64::try_from(id.get()).ok())
}

fn time(row: &PgRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    row.try_get(column).map(Timestamp::from_unix_ms)
}

fn wrong(error: InvalidData) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
