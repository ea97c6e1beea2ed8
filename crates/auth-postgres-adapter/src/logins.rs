//! Attempts to sign in, and what they lead to.

use async_trait::async_trait;
use auth_application::{
    AuditEntry,
    ports::{AttemptDigest, Completed, Login, LoginStore, Look, StoreError},
};
use domain::{DisplayName, PictureUrl};
use identity::{
    Attempt,
    openid::{Nonce, Refusal},
};
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::{
    audit::set_down,
    rows,
    statements::{
        ATTEMPT, BEGIN_ATTEMPT, COUNT_CHECK, END_ATTEMPT, IS_NONCE_SEEN, KEEP_CODE, LOCK_ATTEMPT,
        MEET_USER, SEE_NONCE,
    },
    store::{PostgresStore, Sql},
};

#[async_trait]
impl LoginStore for PostgresStore {
    async fn begin(&self, id: &AttemptDigest, attempt: &Attempt) -> Result<(), StoreError> {
        self.call(async |connection| {
            let begun = sqlx::query(BEGIN_ATTEMPT)
                .bind(id.as_bytes())
                .bind(attempt.browser.as_bytes())
                .bind(attempt.client.as_str())
                .bind(attempt.redirect_uri.as_str())
                .bind(attempt.client_state.as_str())
                .bind(attempt.challenge.as_str())
                .bind(attempt.scopes.map(|it| it.to_string()))
                .bind(attempt.begun_at.as_unix_ms())
                .bind(i16::from(attempt.checks_failed));
            begun.execute(connection).await.map(drop)
        })
        .await
    }

    async fn look(&self, id: &AttemptDigest, nonce: Option<&Nonce>) -> Result<Look, StoreError> {
        self.call(async |connection| {
            let attempt = attempt(connection, ATTEMPT, id).await?;
            let is_nonce_seen = match nonce {
                Some(nonce) => {
                    let seen = sqlx::query_scalar(IS_NONCE_SEEN).bind(nonce.as_str());
                    seen.fetch_one(connection).await?
                }
                None => false,
            };
            Ok(Look {
                attempt,
                is_nonce_seen,
            })
        })
        .await
    }

    async fn begin_check(&self, id: &AttemptDigest) -> Result<bool, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let attempt = attempt(&mut transaction, LOCK_ATTEMPT, id).await?;
            if !attempt.is_some_and(|it| it.is_open()) {
                return Ok(false);
            }
            let counted = sqlx::query(COUNT_CHECK).bind(id.as_bytes());
            counted.execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn end(&self, id: &AttemptDigest, entry: &AuditEntry) -> Result<bool, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let ended = sqlx::query(END_ATTEMPT)
                .bind(id.as_bytes())
                .bind(entry.at.as_unix_ms());
            let ended = ended.execute(&mut *transaction).await?;
            if ended.rows_affected() == 0 {
                return Ok(false);
            }
            set_down(&mut transaction, std::slice::from_ref(entry)).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn complete(&self, login: &Login) -> Result<Completed, StoreError> {
        self.call(async |connection| complete(connection, login).await)
            .await
    }
}

async fn attempt(
    connection: &mut PgConnection,
    statement: &'static str,
    id: &AttemptDigest,
) -> Sql<Option<Attempt>> {
    let found = sqlx::query(statement).bind(id.as_bytes());
    let found = found.fetch_optional(connection).await?;
    found.as_ref().map(rows::attempt).transpose()
}

async fn complete(connection: &mut PgConnection, login: &Login) -> Sql<Completed> {
    let mut transaction = connection.begin().await?;
    let Some(attempt) = attempt(&mut transaction, LOCK_ATTEMPT, &login.attempt).await? else {
        return Ok(Completed::Refused(Refusal::AttemptUnknown));
    };
    if attempt.ended_at.is_some() {
        return Ok(Completed::Refused(Refusal::AttemptEnded));
    }
    let at = login.at.as_unix_ms();
    let seen = sqlx::query(SEE_NONCE).bind(login.nonce.as_str()).bind(at);
    if seen.execute(&mut *transaction).await?.rows_affected() == 0 {
        return Ok(Completed::Refused(Refusal::NonceSeen));
    }
    let ended = sqlx::query(END_ATTEMPT).bind(login.attempt.as_bytes());
    ended.bind(at).execute(&mut *transaction).await?;
    let profile = &login.profile;
    let user = sqlx::query(MEET_USER)
        .bind(login.new_user.as_uuid())
        .bind(rows::steam_id(login.person))
        .bind(profile.name.as_ref().map(DisplayName::as_str))
        .bind(profile.picture.as_ref().map(PictureUrl::as_str))
        .bind(at);
    let user = user.fetch_one(&mut *transaction).await?;
    let id = rows::user_id(&user, "id")?;
    let is_blocked: bool = user.try_get("is_blocked")?;
    if !is_blocked {
        let code = sqlx::query(KEEP_CODE)
            .bind(login.code.as_bytes())
            .bind(id.as_uuid())
            .bind(login.client.as_str())
            .bind(login.redirect_uri.as_str())
            .bind(attempt.challenge.as_str())
            .bind(login.scopes.to_string())
            .bind(at)
            .bind(login.code_expires_at.as_unix_ms());
        code.execute(&mut *transaction).await?;
    }
    set_down(&mut transaction, &[login.entry(id, is_blocked)]).await?;
    transaction.commit().await?;
    Ok(if is_blocked {
        Completed::Blocked(id)
    } else {
        Completed::In(id)
    })
}
