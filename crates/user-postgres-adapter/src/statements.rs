//! The tables, and every statement on them.
//!
//! Times cross the border as milliseconds, as they are everywhere here.

use sql_kit::{PostgresSchema, Schema};

/// The tables of profiles.
pub const SCHEMA: PostgresSchema = PostgresSchema {
    name: "profiles",
    steps: Schema(&[include_str!("tables.sql")]),
};

/// What a row of profiles has; the statements below put their own conditions behind it.
macro_rules! profile {
    ($rest:literal) => {
        concat!(
            "SELECT p.user_id, p.steam_id, p.display_name, p.avatar_url, p.locale, p.time_zone, \
             p.preferences::text AS preferences, p.version, \
             (extract(epoch FROM p.created_at) * 1000)::bigint AS created_at, \
             (extract(epoch FROM p.updated_at) * 1000)::bigint AS updated_at, \
             s.plan, s.status, (extract(epoch FROM s.current_period_end) * 1000)::bigint AS current_period_end, s.source \
             FROM profiles.profiles p LEFT JOIN profiles.subscriptions s USING (user_id) ",
            $rest
        )
    };
}

/// Keeps others from beginning, deleting and ordering for a user at the same time.
pub(crate) const LOCK_USER: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 5001))";
/// Likewise for a key.
pub(crate) const LOCK_KEY: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 5002))";

pub(crate) const PROFILE: &str = profile!("WHERE p.user_id = $1");
pub(crate) const PAGE: &str = profile!("WHERE p.user_id > $1 ORDER BY p.user_id LIMIT $2");
pub(crate) const FIRST_PAGE: &str = profile!("ORDER BY p.user_id LIMIT $1");
pub(crate) const DELETED_AT: &str = "SELECT (extract(epoch FROM deleted_at) * 1000)::bigint FROM profiles.tombstones WHERE user_id = $1";

pub(crate) const BEGIN: &str = "INSERT INTO profiles.profiles (user_id, steam_id, display_name, avatar_url, locale, \
    time_zone, preferences, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, to_timestamp($9::bigint / 1000.0), \
    to_timestamp($9::bigint / 1000.0)) ON CONFLICT (user_id) DO NOTHING";
pub(crate) const CHANGE: &str = "UPDATE profiles.profiles SET display_name = $3, avatar_url = $4, locale = $5, \
    time_zone = $6, preferences = $7::text::jsonb, version = version + 1, \
    updated_at = greatest(updated_at, to_timestamp($8::bigint / 1000.0)) WHERE user_id = $1 AND version = $2";
pub(crate) const TOUCH: &str = "UPDATE profiles.profiles SET version = version + 1, \
    updated_at = greatest(updated_at, to_timestamp($2::bigint / 1000.0)) WHERE user_id = $1 RETURNING version";

pub(crate) const REMEMBER: &str = "INSERT INTO profiles.changes (user_id, at, by, fields) \
    VALUES ($1, to_timestamp($2::bigint / 1000.0), $3, $4)";
pub(crate) const FORGET_CHANGES: &str = "DELETE FROM profiles.changes WHERE user_id = $1 AND id <= \
    (SELECT id FROM profiles.changes WHERE user_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)";
pub(crate) const CHANGES: &str = "SELECT (extract(epoch FROM at) * 1000)::bigint AS at, by, fields \
    FROM profiles.changes WHERE user_id = $1 ORDER BY id DESC";

/// What else there is of the user goes with it.
pub(crate) const REMOVE: &str = "DELETE FROM profiles.profiles WHERE user_id = $1";
pub(crate) const BURY: &str = "INSERT INTO profiles.tombstones (user_id, deleted_at) \
    VALUES ($1, to_timestamp($2::bigint / 1000.0)) ON CONFLICT (user_id) DO UPDATE \
    SET deleted_at = greatest(tombstones.deleted_at, excluded.deleted_at)";

pub(crate) const SUBSCRIBE: &str = "INSERT INTO profiles.subscriptions (user_id, plan, status, current_period_end, \
    source, updated_at) VALUES ($1, $2, $3, to_timestamp($4::bigint / 1000.0), $5, to_timestamp($6::bigint / 1000.0)) \
    ON CONFLICT (user_id) DO UPDATE SET plan = excluded.plan, status = excluded.status, \
    current_period_end = excluded.current_period_end, source = excluded.source, updated_at = excluded.updated_at";
/// Those that somebody else forgets at this moment are not waited for.
pub(crate) const FORGET_KEYS: &str = "DELETE FROM profiles.idempotency WHERE key IN (SELECT key \
    FROM profiles.idempotency WHERE at < to_timestamp($1::bigint / 1000.0) FOR UPDATE SKIP LOCKED)";
pub(crate) const KNOWN_KEY: &str = "SELECT user_id, answer::text AS answer FROM profiles.idempotency \
    WHERE key = $1 AND at >= to_timestamp($2::bigint / 1000.0)";
pub(crate) const REMEMBER_KEY: &str = "INSERT INTO profiles.idempotency (key, user_id, answer, at) \
    VALUES ($1, $2, $3::text::jsonb, to_timestamp($4::bigint / 1000.0))";

/// All of them, so that a test has the server judge each.
pub const STATEMENTS: &[&str] = &[
    LOCK_USER,
    LOCK_KEY,
    PROFILE,
    PAGE,
    FIRST_PAGE,
    DELETED_AT,
    BEGIN,
    CHANGE,
    TOUCH,
    REMEMBER,
    FORGET_CHANGES,
    CHANGES,
    REMOVE,
    BURY,
    SUBSCRIBE,
    FORGET_KEYS,
    KNOWN_KEY,
    REMEMBER_KEY,
];
