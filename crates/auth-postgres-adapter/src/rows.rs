//! What rows hold, read.

use auth_application::{
    AddressPrefix, Caller, KeyId, PublicKey, SealedKey, SigningKey, UserAgent,
    ports::{BeganSession, BlockReason, Blocked, User},
};
use domain::{DisplayName, PictureUrl, SessionId, SteamId, Timestamp, UserId};
use identity::{
    Attempt, ClientId, ClientState, CodeChallenge, CodeGrant, Digest, EndReason, Ended, Person,
    RedirectUri, RefreshRecord, Scopes, Session,
};
use serde_json::Value;
use sqlx::{Row as _, postgres::PgRow, types::Uuid};

use crate::store::Sql;

/// What nobody can have written here.
fn wrong(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what} cannot be read").into())
}

pub(crate) fn attempt(row: &PgRow) -> Sql<Attempt> {
    let state: String = row.try_get("client_state")?;
    let scope: Option<String> = row.try_get("scope")?;
    let checks_failed: i16 = row.try_get("checks_failed")?;
    Ok(Attempt {
        client: client(row)?,
        redirect_uri: redirect_uri(row)?,
        client_state: ClientState::try_new(&state).map_err(|_| wrong("client_state"))?,
        challenge: challenge(row)?,
        scopes: scope.as_deref().map(scopes).transpose()?,
        browser: digest(row, "browser_hash")?,
        begun_at: time(row, "created_at")?,
        ended_at: some_time(row, "consumed_at")?,
        checks_failed: u8::try_from(checks_failed).unwrap_or(u8::MAX),
    })
}

pub(crate) fn grant(row: &PgRow) -> Sql<CodeGrant> {
    let session: Option<Uuid> = row.try_get("session_id")?;
    Ok(CodeGrant {
        user: user_id(row, "user_id")?,
        client: client(row)?,
        redirect_uri: redirect_uri(row)?,
        challenge: challenge(row)?,
        scopes: scopes(row.try_get("scope")?)?,
        authenticated_at: time(row, "authenticated_at")?,
        expires_at: time(row, "expires_at")?,
        redeemed: session.map(SessionId::from_uuid),
    })
}

pub(crate) fn session(row: &PgRow) -> Sql<Session> {
    let ended_at = some_time(row, "ended_at")?;
    let reason: Option<&str> = row.try_get("revoked_reason")?;
    let ended = ended_at.zip(reason).map(|(at, reason)| {
        let reason = EndReason::named(reason);
        let ended = reason.map(|reason| Ended { at, reason });
        ended.ok_or(wrong("revoked_reason"))
    });
    Ok(Session {
        id: session_id(row, "id")?,
        user: user_id(row, "user_id")?,
        client: client(row)?,
        scopes: scopes(row.try_get("scope")?)?,
        authenticated_at: time(row, "authenticated_at")?,
        last_used_at: time(row, "last_used_at")?,
        expires_at: time(row, "session_expires_at")?,
        ended: ended.transpose()?,
    })
}

pub(crate) fn began_session(row: &PgRow) -> Sql<BeganSession> {
    let address: Option<String> = row.try_get("address_prefix")?;
    let user_agent: Option<&str> = row.try_get("user_agent")?;
    Ok(BeganSession {
        session: session(row)?,
        began_at: time(row, "created_at")?,
        caller: Caller {
            address: address.map(AddressPrefix::kept),
            user_agent: user_agent.and_then(UserAgent::shortened),
        },
    })
}

pub(crate) fn token(row: &PgRow) -> Sql<RefreshRecord> {
    let parent: Option<&[u8]> = row.try_get("parent")?;
    Ok(RefreshRecord {
        digest: digest(row, "hash")?,
        parent: parent.map(|it| digest_of(it, "parent")).transpose()?,
        expires_at: time(row, "expires_at")?,
        used_at: some_time(row, "used_at")?,
        revoked_at: some_time(row, "revoked_at")?,
    })
}

pub(crate) fn user(row: &PgRow) -> Sql<User> {
    let blocked_at = some_time(row, "blocked_at")?;
    let reason: Option<String> = row.try_get("blocked_reason")?;
    let blocked = blocked_at.zip(reason).map(|(at, reason)| Blocked {
        at,
        reason: BlockReason::kept(reason),
    });
    Ok(User {
        id: user_id(row, "id")?,
        person: person(row)?,
        created_at: time(row, "created_at")?,
        last_login_at: time(row, "last_login_at")?,
        blocked,
    })
}

fn person(row: &PgRow) -> Sql<Person> {
    let steam_id: i64 = row.try_get("steam_id")?;
    let steam_id = u64::try_from(steam_id).ok().map(SteamId::try_new);
    let steam_id = steam_id.and_then(Result::ok).ok_or(wrong("steam_id"))?;
    let name: Option<&str> = row.try_get("display_name")?;
    let picture: Option<&str> = row.try_get("avatar_url")?;
    Ok(Person {
        steam_id,
        // Rules for names of tomorrow leave out those of today.
        name: name.and_then(|it| DisplayName::try_new(it).ok()),
        picture: picture.and_then(|it| PictureUrl::try_new(it).ok()),
    })
}

pub(crate) fn key(row: &PgRow) -> Sql<SigningKey> {
    let id: &str = row.try_get("kid")?;
    let public: &str = row.try_get("public")?;
    let public: Value = serde_json::from_str(public).map_err(|_| wrong("public"))?;
    let member = |name: &str| public.get(name)?.as_str().map(str::to_owned);
    Ok(SigningKey {
        id: KeyId::new(id).ok_or(wrong("kid"))?,
        sealed: SealedKey::new(row.try_get("sealed")?),
        public: PublicKey::of_members(member).ok_or(wrong("public"))?,
        publish_at: time(row, "publish_at")?,
        active_from: time(row, "active_from")?,
        retire_at: some_time(row, "retire_at")?,
    })
}

pub(crate) fn session_id(row: &PgRow, column: &str) -> Sql<SessionId> {
    row.try_get(column).map(SessionId::from_uuid)
}

pub(crate) fn user_id(row: &PgRow, column: &str) -> Sql<UserId> {
    row.try_get(column).map(UserId::from_uuid)
}

pub(crate) fn client(row: &PgRow) -> Sql<ClientId> {
    let id: &str = row.try_get("client_id")?;
    ClientId::try_new(id).map_err(|_| wrong("client_id"))
}

fn redirect_uri(row: &PgRow) -> Sql<RedirectUri> {
    row.try_get("redirect_uri").map(RedirectUri::kept)
}

fn challenge(row: &PgRow) -> Sql<CodeChallenge> {
    let challenge: &str = row.try_get("code_challenge")?;
    CodeChallenge::try_new(challenge, Some("S256")).map_err(|_| wrong("code_challenge"))
}

/// None are written as nothing, which is no list.
fn scopes(text: &str) -> Sql<Scopes> {
    if text.is_empty() {
        return Ok(Scopes::NONE);
    }
    Scopes::try_read(text).map_err(|_| wrong("scope"))
}

fn digest<K>(row: &PgRow, column: &'static str) -> Sql<Digest<K>> {
    digest_of(row.try_get(column)?, column)
}

fn digest_of<K>(bytes: &[u8], column: &'static str) -> Sql<Digest<K>> {
    let bytes = bytes.try_into().map_err(|_| wrong(column))?;
    Ok(Digest::from_bytes(bytes))
}

fn time(row: &PgRow, column: &str) -> Sql<Timestamp> {
    row.try_get(column).map(Timestamp::from_unix_ms)
}

fn some_time(row: &PgRow, column: &str) -> Sql<Option<Timestamp>> {
    let ms: Option<i64> = row.try_get(column)?;
    Ok(ms.map(Timestamp::from_unix_ms))
}

/// A number that a row can hold.
pub(crate) fn steam_id(id: SteamId) -> i64 {
    i64::try_from(id.get()).expect("a person's id has 57 bits")
}
