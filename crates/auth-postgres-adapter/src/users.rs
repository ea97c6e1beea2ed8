//! Users, for whoever looks after them.

use async_trait::async_trait;
use auth_application::ports::{Block, StoreError, Unblock, User, UserStore};
use domain::{SessionId, SteamId, UserId};
use sqlx::{Connection as _, PgConnection};

use crate::{
    audit::set_down,
    rows, sessions,
    statements::{BLOCK, LOCK_USER, UNBLOCK, USER, USER_OF},
    store::{PostgresStore, Sql},
};

#[async_trait]
impl UserStore for PostgresStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.call(async |connection| some_user(connection, USER, id).await)
            .await
    }

    async fn user_of(&self, person: SteamId) -> Result<Option<User>, StoreError> {
        self.call(async |connection| {
            let user = sqlx::query(USER_OF).bind(rows::steam_id(person));
            let user = user.fetch_optional(connection).await?;
            user.as_ref().map(rows::user).transpose()
        })
        .await
    }

    async fn block(&self, block: &Block) -> Result<Option<Vec<SessionId>>, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let user = some_user(&mut transaction, LOCK_USER, block.user).await?;
            let Some(user) = user else {
                return Ok(None);
            };
            if user.blocked.is_none() {
                let blocked = sqlx::query(BLOCK)
                    .bind(block.user.as_uuid())
                    .bind(block.reason.as_str())
                    .bind(block.at.as_unix_ms());
                blocked.execute(&mut *transaction).await?;
                set_down(&mut transaction, &[block.entry()]).await?;
            }
            let ended = sessions::end(&mut transaction, &block.ending()).await?;
            transaction.commit().await?;
            Ok(Some(ended))
        })
        .await
    }

    async fn unblock(&self, unblock: &Unblock) -> Result<bool, StoreError> {
        self.call(async |connection| {
            let mut transaction = connection.begin().await?;
            let user = some_user(&mut transaction, LOCK_USER, unblock.user).await?;
            let Some(user) = user else {
                return Ok(false);
            };
            if user.blocked.is_some() {
                let unblocked = sqlx::query(UNBLOCK).bind(unblock.user.as_uuid());
                unblocked.execute(&mut *transaction).await?;
                set_down(&mut transaction, &[unblock.entry()]).await?;
            }
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }
}

async fn some_user(
    connection: &mut PgConnection,
    statement: &'static str,
    id: UserId,
) -> Sql<Option<User>> {
    let user = sqlx::query(statement).bind(id.as_uuid());
    let user = user.fetch_optional(connection).await?;
    user.as_ref().map(rows::user).transpose()
}

/// A user whom something of theirs refers to.
pub(crate) async fn user(
    connection: &mut PgConnection,
    statement: &'static str,
    id: UserId,
) -> Sql<User> {
    let user = some_user(connection, statement, id).await?;
    user.ok_or(sqlx::Error::RowNotFound)
}
