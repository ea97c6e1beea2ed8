//! Codes, sessions and refresh tokens.

use async_trait::async_trait;
use auth_application::{
    AddressPrefix, UserAgent,
    ports::{
        BeganSession, Ending, GrantRefusal, RedeemRequest, Redeemed, RefreshRequest, Refreshed,
        SESSIONS_SHOWN_MAX, SessionStore, StoreError, TokenState, Which,
    },
};
use domain::{SessionId, Timestamp, UserId};
use identity::{
    ClientId, CodeRefusal, Digest, EndReason, Family, Given, RefreshRecord, RefreshRefusal,
    Rotation, Session, SessionLife, kind, rotate,
};
use sqlx::{Connection as _, PgConnection, types::Uuid};

use crate::{
    audit::set_down,
    rows,
    statements::{
        BEGIN_SESSION, END_SESSIONS, GIVE_TOKEN, LIVE_SESSIONS, LOCK_CODE,
        LOCK_OPEN_SESSION_OF_TOKEN, LOCK_SESSION, LOCK_SESSION_OF_TOKEN, LOCK_SESSIONS_OF_USER,
        REVOKE_TOKEN, SESSION, SESSION_OF_TOKEN, SHARE_USER, SUCCESSOR, TOKEN, USE_CODE,
        USE_SESSION, USE_TOKEN, USER,
    },
    store::{PostgresStore, Sql},
    users::user,
};

type TokenDigest = Digest<kind::Refresh>;

#[async_trait]
impl SessionStore for PostgresStore {
    async fn redeem(&self, request: &RedeemRequest) -> Result<Redeemed, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let (redeemed, user) = redeem(&mut transaction, request).await?;
            set_down(&mut transaction, &request.entries(&redeemed, user)).await?;
            transaction.commit().await?;
            Ok(redeemed)
        })
        .await
    }

    async fn refresh(&self, request: &RefreshRequest) -> Result<Refreshed, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let locked = sqlx::query(LOCK_SESSION_OF_TOKEN).bind(request.token.as_bytes());
            let session = locked.fetch_optional(&mut *transaction).await?;
            let session = session.as_ref().map(rows::session).transpose()?;
            let refreshed = match &session {
                Some(session) => refresh(&mut transaction, request, session).await?,
                None => refused(RefreshRefusal::Unknown),
            };
            let entries = request.entries(&refreshed, session.as_ref());
            set_down(&mut transaction, &entries).await?;
            transaction.commit().await?;
            Ok(refreshed)
        })
        .await
    }

    async fn end(&self, ending: &Ending) -> Result<Vec<SessionId>, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let ended = end(&mut transaction, ending).await?;
            transaction.commit().await?;
            Ok(ended)
        })
        .await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.call(async |connection| {
            let session = sqlx::query(SESSION).bind(id.as_uuid());
            let session = session.fetch_optional(connection).await?;
            session.as_ref().map(rows::session).transpose()
        })
        .await
    }

    async fn token(&self, token: &TokenDigest) -> Result<Option<TokenState>, StoreError> {
        self.call(async |connection| {
            // Both of one moment.
            let mut transaction = connection.begin_with(SNAPSHOT).await?;
            let session = sqlx::query(SESSION_OF_TOKEN).bind(token.as_bytes());
            let session = session.fetch_optional(&mut *transaction).await?;
            let Some(session) = session.as_ref().map(rows::session).transpose()? else {
                return Ok(None);
            };
            let token = self::token(&mut transaction, TOKEN, token).await?;
            Ok(token.map(|token| TokenState { session, token }))
        })
        .await
    }

    async fn live_sessions(
        &self,
        user: UserId,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Vec<BeganSession>, StoreError> {
        self.call(async |connection| {
            let used_after = now.saturating_sub(life.idle);
            let sessions = sqlx::query(LIVE_SESSIONS)
                .bind(user.as_uuid())
                .bind(now.as_unix_ms())
                .bind(used_after.as_unix_ms())
                .bind(i64::try_from(SESSIONS_SHOWN_MAX).unwrap_or(i64::MAX));
            let sessions = sessions.fetch_all(connection).await?;
            sessions.iter().map(rows::began_session).collect()
        })
        .await
    }
}

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Decides while nobody else can use the code; with whose it is.
async fn redeem(
    connection: &mut PgConnection,
    request: &RedeemRequest,
) -> Sql<(Redeemed, Option<UserId>)> {
    let refused = |refusal, ended| Redeemed::Refused { refusal, ended };
    let grant = sqlx::query(LOCK_CODE).bind(request.code.as_bytes());
    let grant = grant.fetch_optional(&mut *connection).await?;
    let Some(grant) = grant.as_ref().map(rows::grant).transpose()? else {
        return Ok((refused(GrantRefusal::Unknown, None), None));
    };
    let owner = Some(grant.user);
    if let Err(refusal) = grant.redeem(&request.redemption(), request.at) {
        let ended = match refusal {
            CodeRefusal::Redeemed(session) => {
                // Whosever it is.
                let locked = sqlx::query(LOCK_SESSION)
                    .bind(session.as_uuid())
                    .bind(None::<Uuid>)
                    .bind(None::<&str>);
                let locked = locked.fetch_optional(&mut *connection).await?;
                let ids: Vec<_> = locked.iter().map(|_| session).collect();
                end_all(connection, &ids, EndReason::CodeReuse, request.at).await?;
                ids.first().copied()
            }
            _ => None,
        };
        return Ok((refused(refusal.into(), ended), owner));
    }
    let user = user(connection, SHARE_USER, grant.user).await?;
    if user.blocked.is_some() {
        return Ok((refused(GrantRefusal::Blocked, None), owner));
    }
    let session = Session::begin(request.session, &grant, request.life, request.at);
    let caller = &request.caller;
    let begun = sqlx::query(BEGIN_SESSION)
        .bind(session.id.as_uuid())
        .bind(session.user.as_uuid())
        .bind(session.client.as_str())
        .bind(session.scopes.to_string())
        .bind(session.authenticated_at.as_unix_ms())
        .bind(request.at.as_unix_ms())
        .bind(session.expires_at.as_unix_ms())
        .bind(caller.user_agent.as_ref().map(UserAgent::as_str))
        .bind(caller.address.as_ref().map(AddressPrefix::as_str));
    begun.execute(&mut *connection).await?;
    let family = Family::begin(session.clone(), request.first, request.life);
    let first = family.token(&request.first).expect("it begins with it");
    give(connection, session.id, first, request.at).await?;
    let code = sqlx::query(USE_CODE)
        .bind(request.code.as_bytes())
        .bind(session.id.as_uuid())
        .bind(request.at.as_unix_ms());
    code.execute(connection).await?;
    let person = user.person;
    Ok((Redeemed::Begun { session, person }, owner))
}

/// Does as the rule says, while nobody else can change the session.
async fn refresh(
    connection: &mut PgConnection,
    request: &RefreshRequest,
    session: &Session,
) -> Sql<Refreshed> {
    let Some(presented) = token(connection, TOKEN, &request.token).await? else {
        return Ok(refused(RefreshRefusal::Unknown));
    };
    let successor = token(connection, SUCCESSOR, &request.token).await?;
    let (asked, life, now) = (request.asked(), request.life, request.at);
    let rotation = match rotate(session, &presented, successor.as_ref(), asked, life, now) {
        Ok(rotation) => rotation,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let (statement, digest, given, is_again): (_, _, Given, _) = match rotation {
        Rotation::Next(given) => (USE_TOKEN, presented.digest, given, false),
        Rotation::Again { instead_of, given } => (REVOKE_TOKEN, instead_of, given, true),
        Rotation::End => {
            end_all(connection, &[session.id], EndReason::Reuse, now).await?;
            return Ok(Refreshed::Refused {
                refusal: RefreshRefusal::Reused,
                ended: Some(session.id),
            });
        }
    };
    let at = now.as_unix_ms();
    let changed = sqlx::query(statement).bind(digest.as_bytes()).bind(at);
    changed.execute(&mut *connection).await?;
    let next = RefreshRecord {
        digest: request.next,
        parent: Some(request.token),
        expires_at: given.expires_at,
        used_at: None,
        revoked_at: None,
    };
    give(connection, session.id, &next, now).await?;
    let used = sqlx::query(USE_SESSION).bind(session.id.as_uuid()).bind(at);
    used.execute(&mut *connection).await?;
    let person = user(connection, USER, session.user).await?.person;
    let session = Session {
        last_used_at: now,
        ..session.clone()
    };
    Ok(Refreshed::Given {
        session,
        person,
        given,
        is_again,
    })
}

fn refused(refusal: RefreshRefusal) -> Refreshed {
    let ended = None;
    Refreshed::Refused { refusal, ended }
}

/// Ends sessions, and sets that down.
pub(crate) async fn end(connection: &mut PgConnection, ending: &Ending) -> Sql<Vec<SessionId>> {
    let client = |client: &'_ Option<ClientId>| client.as_ref().map(|it| it.as_str().to_owned());
    let locked = match &ending.which {
        Which::OfToken { token, client: of } => sqlx::query(LOCK_OPEN_SESSION_OF_TOKEN)
            .bind(token.as_bytes())
            .bind(client(of)),
        Which::One {
            session,
            user,
            client: of,
        } => sqlx::query(LOCK_SESSION)
            .bind(session.as_uuid())
            .bind(user.as_uuid())
            .bind(client(of)),
        Which::AllOf(user) => sqlx::query(LOCK_SESSIONS_OF_USER).bind(user.as_uuid()),
    };
    let (mut ids, mut entries) = (Vec::new(), Vec::new());
    for row in locked.fetch_all(&mut *connection).await? {
        let id = rows::session_id(&row, "id")?;
        let (user, client) = (rows::user_id(&row, "user_id")?, rows::client(&row)?);
        entries.push(ending.entry(id, user, &client));
        ids.push(id);
    }
    end_all(connection, &ids, ending.reason, ending.at).await?;
    set_down(connection, &entries).await?;
    Ok(ids)
}

/// Ends sessions that are locked.
async fn end_all(
    connection: &mut PgConnection,
    sessions: &[SessionId],
    reason: EndReason,
    at: Timestamp,
) -> Sql<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = sessions.iter().map(|it| it.as_uuid()).collect();
    let ended = sqlx::query(END_SESSIONS)
        .bind(ids)
        .bind(reason.code())
        .bind(at.as_unix_ms());
    ended.execute(connection).await.map(drop)
}

async fn give(
    connection: &mut PgConnection,
    session: SessionId,
    token: &RefreshRecord,
    at: Timestamp,
) -> Sql<()> {
    let given = sqlx::query(GIVE_TOKEN)
        .bind(token.digest.as_bytes())
        .bind(session.as_uuid())
        .bind(token.parent.as_ref().map(|it| it.as_bytes().to_vec()))
        .bind(at.as_unix_ms())
        .bind(token.expires_at.as_unix_ms());
    given.execute(connection).await.map(drop)
}

async fn token(
    connection: &mut PgConnection,
    statement: &'static str,
    token: &TokenDigest,
) -> Sql<Option<RefreshRecord>> {
    let found = sqlx::query(statement).bind(token.as_bytes());
    let found = found.fetch_optional(connection).await?;
    found.as_ref().map(rows::token).transpose()
}
