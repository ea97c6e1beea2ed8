//! The tables, and every statement on them.
//!
//! Times cross the border as milliseconds, as they are everywhere here.

use sql_kit::{PostgresSchema, Schema};

/// The tables of auth.
pub const SCHEMA: PostgresSchema = PostgresSchema {
    name: "auth",
    steps: Schema(&[include_str!("tables.sql")]),
};

/// A column of the type of times, as a number.
macro_rules! ms {
    ($column:literal) => {
        concat!("(extract(epoch FROM ", $column, ") * 1000)::bigint")
    };
}

/// A number that was bound, as a time.
macro_rules! at {
    ($parameter:literal) => {
        concat!("to_timestamp(", $parameter, "::bigint / 1000.0)")
    };
}

/// All of a session; behind it, whence it comes.
macro_rules! session {
    ($rest:expr) => {
        concat!(
            "SELECT s.id, s.user_id, s.client_id, s.scope, ",
            ms!("s.authenticated_at"),
            " AS authenticated_at, ",
            ms!("s.created_at"),
            " AS created_at, ",
            ms!("s.last_used_at"),
            " AS last_used_at, ",
            ms!("s.expires_at"),
            " AS session_expires_at, ",
            ms!("s.revoked_at"),
            " AS ended_at, s.revoked_reason, s.user_agent, s.address_prefix FROM auth.sessions s ",
            $rest
        )
    };
}

/// All of a refresh token.
macro_rules! token {
    ($rest:literal) => {
        concat!(
            "SELECT hash, parent, ",
            ms!("expires_at"),
            " AS expires_at, ",
            ms!("used_at"),
            " AS used_at, ",
            ms!("revoked_at"),
            " AS revoked_at FROM auth.refresh_tokens ",
            $rest
        )
    };
}

/// All of a user.
macro_rules! user {
    ($rest:literal) => {
        concat!(
            "SELECT id, steam_id, display_name, avatar_url, ",
            ms!("created_at"),
            " AS created_at, ",
            ms!("last_login_at"),
            " AS last_login_at, ",
            ms!("blocked_at"),
            " AS blocked_at, blocked_reason FROM auth.users ",
            $rest
        )
    };
}

/// Forgets at most $2 rows of a table.
macro_rules! forget {
    ($table:literal, $condition:expr) => {
        concat!(
            "DELETE FROM auth.",
            $table,
            " WHERE ctid = ANY(ARRAY(SELECT ctid FROM auth.",
            $table,
            " WHERE ",
            $condition,
            " LIMIT $2 FOR UPDATE SKIP LOCKED))"
        )
    };
}

pub(crate) const SET_DOWN: &str = concat!(
    "INSERT INTO auth.audit_log (at, event, user_id, client_id, session_id, address_prefix, detail) SELECT ",
    at!("it.at"),
    ", it.event, it.user_id, it.client_id, it.session_id, it.address_prefix, it.detail::jsonb \
     FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[]) \
     AS it(at, event, user_id, client_id, session_id, address_prefix, detail)"
);

pub(crate) const BEGIN_ATTEMPT: &str = concat!(
    "INSERT INTO auth.attempts (id_hash, browser_hash, client_id, redirect_uri, client_state, code_challenge, scope, \
     created_at, checks_failed) VALUES ($1, $2, $3, $4, $5, $6, $7, ",
    at!("$8"),
    ", $9)"
);
/// All of an attempt; behind it, how it is locked.
macro_rules! attempt {
    ($rest:literal) => {
        concat!(
            "SELECT client_id, redirect_uri, client_state, code_challenge, scope, browser_hash, ",
            ms!("created_at"),
            " AS created_at, ",
            ms!("consumed_at"),
            " AS consumed_at, checks_failed FROM auth.attempts WHERE id_hash = $1",
            $rest
        )
    };
}
pub(crate) const ATTEMPT: &str = attempt!("");
pub(crate) const LOCK_ATTEMPT: &str = attempt!(" FOR NO KEY UPDATE");
pub(crate) const COUNT_CHECK: &str =
    "UPDATE auth.attempts SET checks_failed = checks_failed + 1 WHERE id_hash = $1";
pub(crate) const END_ATTEMPT: &str = concat!(
    "UPDATE auth.attempts SET consumed_at = ",
    at!("$2"),
    " WHERE id_hash = $1 AND consumed_at IS NULL"
);
pub(crate) const IS_NONCE_SEEN: &str =
    "SELECT EXISTS (SELECT 1 FROM auth.steam_nonces WHERE nonce = $1)";
/// Waits for whoever adds the same one at the same time.
pub(crate) const SEE_NONCE: &str = concat!(
    "INSERT INTO auth.steam_nonces (nonce, seen_at) VALUES ($1, ",
    at!("$2"),
    ") ON CONFLICT (nonce) DO NOTHING"
);
pub(crate) const MEET_USER: &str = concat!(
    "INSERT INTO auth.users (id, steam_id, display_name, avatar_url, created_at, last_login_at) VALUES ($1, $2, $3, $4, ",
    at!("$5"),
    ", ",
    at!("$5"),
    ") ON CONFLICT (steam_id) DO UPDATE SET last_login_at = excluded.last_login_at, \
     display_name = coalesce(excluded.display_name, users.display_name), \
     avatar_url = coalesce(excluded.avatar_url, users.avatar_url) RETURNING id, blocked_at IS NOT NULL AS is_blocked"
);
pub(crate) const KEEP_CODE: &str = concat!(
    "INSERT INTO auth.codes (hash, user_id, client_id, redirect_uri, code_challenge, scope, authenticated_at, \
     expires_at) VALUES ($1, $2, $3, $4, $5, $6, ",
    at!("$7"),
    ", ",
    at!("$8"),
    ")"
);

pub(crate) const LOCK_CODE: &str = concat!(
    "SELECT user_id, client_id, redirect_uri, code_challenge, scope, ",
    ms!("authenticated_at"),
    " AS authenticated_at, ",
    ms!("expires_at"),
    " AS expires_at, session_id FROM auth.codes WHERE hash = $1 FOR NO KEY UPDATE"
);
pub(crate) const USE_CODE: &str = concat!(
    "UPDATE auth.codes SET session_id = $2, consumed_at = ",
    at!("$3"),
    " WHERE hash = $1"
);
pub(crate) const BEGIN_SESSION: &str = concat!(
    "INSERT INTO auth.sessions (id, user_id, client_id, scope, authenticated_at, created_at, last_used_at, \
     expires_at, user_agent, address_prefix) VALUES ($1, $2, $3, $4, ",
    at!("$5"),
    ", ",
    at!("$6"),
    ", ",
    at!("$6"),
    ", ",
    at!("$7"),
    ", $8, $9)"
);
pub(crate) const GIVE_TOKEN: &str = concat!(
    "INSERT INTO auth.refresh_tokens (hash, session_id, parent, created_at, expires_at) VALUES ($1, $2, $3, ",
    at!("$4"),
    ", ",
    at!("$5"),
    ")"
);

pub(crate) const SESSION: &str = session!("WHERE s.id = $1");
pub(crate) const SESSION_OF_TOKEN: &str =
    session!("JOIN auth.refresh_tokens t ON t.session_id = s.id WHERE t.hash = $1");
pub(crate) const LOCK_SESSION_OF_TOKEN: &str = session!(
    "JOIN auth.refresh_tokens t ON t.session_id = s.id WHERE t.hash = $1 FOR NO KEY UPDATE OF s"
);
pub(crate) const LIVE_SESSIONS: &str = session!(concat!(
    "WHERE s.user_id = $1 AND s.revoked_at IS NULL AND s.expires_at > ",
    at!("$2"),
    " AND s.last_used_at > ",
    at!("$3"),
    " ORDER BY s.last_used_at DESC, s.id DESC LIMIT $4"
));
pub(crate) const TOKEN: &str = token!("WHERE hash = $1");
pub(crate) const SUCCESSOR: &str = token!("WHERE parent = $1 AND revoked_at IS NULL");
pub(crate) const USE_TOKEN: &str = concat!(
    "UPDATE auth.refresh_tokens SET used_at = ",
    at!("$2"),
    " WHERE hash = $1"
);
pub(crate) const REVOKE_TOKEN: &str = concat!(
    "UPDATE auth.refresh_tokens SET revoked_at = ",
    at!("$2"),
    " WHERE hash = $1"
);
pub(crate) const USE_SESSION: &str = concat!(
    "UPDATE auth.sessions SET last_used_at = ",
    at!("$2"),
    " WHERE id = $1"
);

/// Sessions that have not ended are locked by their ids, so that nobody waits for whoever waits for it.
pub(crate) const LOCK_SESSION: &str = "SELECT id, user_id, client_id FROM auth.sessions WHERE id = $1 \
    AND ($2::uuid IS NULL OR user_id = $2) AND ($3::text IS NULL OR client_id = $3) AND revoked_at IS NULL \
    FOR NO KEY UPDATE";
pub(crate) const LOCK_OPEN_SESSION_OF_TOKEN: &str = "SELECT id, user_id, client_id FROM auth.sessions \
    WHERE id = (SELECT session_id FROM auth.refresh_tokens WHERE hash = $1) \
    AND ($2::text IS NULL OR client_id = $2) AND revoked_at IS NULL FOR NO KEY UPDATE";
pub(crate) const LOCK_SESSIONS_OF_USER: &str = "SELECT id, user_id, client_id FROM auth.sessions \
    WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id FOR NO KEY UPDATE";
pub(crate) const END_SESSIONS: &str = concat!(
    "UPDATE auth.sessions SET revoked_reason = $2, revoked_at = ",
    at!("$3"),
    " WHERE id = ANY($1) AND revoked_at IS NULL"
);

pub(crate) const USER: &str = user!("WHERE id = $1");
/// Whoever is blocked at the same time waits, or is waited for.
pub(crate) const SHARE_USER: &str = user!("WHERE id = $1 FOR SHARE");
pub(crate) const LOCK_USER: &str = user!("WHERE id = $1 FOR NO KEY UPDATE");
pub(crate) const USER_OF: &str = user!("WHERE steam_id = $1");
pub(crate) const BLOCK: &str = concat!(
    "UPDATE auth.users SET blocked_reason = $2, blocked_at = ",
    at!("$3"),
    " WHERE id = $1"
);
pub(crate) const UNBLOCK: &str =
    "UPDATE auth.users SET blocked_at = NULL, blocked_reason = NULL WHERE id = $1";

/// Whoever adds a key waits for whoever else does.
pub(crate) const LOCK_KEYS: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('auth.signing_keys', 5003))";
pub(crate) const KEYS: &str = concat!(
    "SELECT kid, algorithm, sealed, public::text AS public, ",
    ms!("publish_at"),
    " AS publish_at, ",
    ms!("active_from"),
    " AS active_from, ",
    ms!("retire_at"),
    " AS retire_at FROM auth.signing_keys ORDER BY auth.signing_keys.active_from, kid"
);
pub(crate) const ADD_KEY: &str = concat!(
    "INSERT INTO auth.signing_keys (kid, algorithm, sealed, public, publish_at, active_from) \
     VALUES ($1, $2, $3, $4::text::jsonb, ",
    at!("$5"),
    ", ",
    at!("$6"),
    ")"
);
pub(crate) const RETIRE_KEY: &str = concat!(
    "UPDATE auth.signing_keys SET retire_at = ",
    at!("$2"),
    " WHERE kid = $1 AND retire_at IS NULL"
);
pub(crate) const REMOVE_KEY: &str = "DELETE FROM auth.signing_keys WHERE kid = $1";

pub(crate) const FORGET_ATTEMPTS: &str = forget!("attempts", concat!("created_at <= ", at!("$1")));
pub(crate) const FORGET_NONCES: &str = forget!("steam_nonces", concat!("seen_at <= ", at!("$1")));
pub(crate) const FORGET_CODES: &str = forget!("codes", concat!("expires_at <= ", at!("$1")));
pub(crate) const FORGET_TOKENS: &str = forget!(
    "refresh_tokens",
    concat!(
        "(used_at IS NOT NULL OR revoked_at IS NOT NULL) AND expires_at <= ",
        at!("$1")
    )
);
pub(crate) const FORGET_SESSIONS: &str = forget!(
    "sessions",
    concat!(
        "revoked_at <= ",
        at!("$1"),
        " OR revoked_at IS NULL AND (expires_at <= ",
        at!("$1"),
        " OR last_used_at <= ",
        at!("$3"),
        ")"
    )
);

/// All of them, so that a test has the server judge each.
pub const STATEMENTS: &[&str] = &[
    SET_DOWN,
    BEGIN_ATTEMPT,
    ATTEMPT,
    LOCK_ATTEMPT,
    COUNT_CHECK,
    END_ATTEMPT,
    IS_NONCE_SEEN,
    SEE_NONCE,
    MEET_USER,
    KEEP_CODE,
    LOCK_CODE,
    USE_CODE,
    BEGIN_SESSION,
    GIVE_TOKEN,
    SESSION,
    SESSION_OF_TOKEN,
    LOCK_SESSION_OF_TOKEN,
    LIVE_SESSIONS,
    TOKEN,
    SUCCESSOR,
    USE_TOKEN,
    REVOKE_TOKEN,
    USE_SESSION,
    LOCK_SESSION,
    LOCK_OPEN_SESSION_OF_TOKEN,
    LOCK_SESSIONS_OF_USER,
    END_SESSIONS,
    USER,
    SHARE_USER,
    LOCK_USER,
    USER_OF,
    BLOCK,
    UNBLOCK,
    LOCK_KEYS,
    KEYS,
    ADD_KEY,
    RETIRE_KEY,
    REMOVE_KEY,
    FORGET_ATTEMPTS,
    FORGET_NONCES,
    FORGET_CODES,
    FORGET_TOKENS,
    FORGET_SESSIONS,
];
