//! Profiles as rows.

use async_trait::async_trait;
use domain::{PictureUrl, Timestamp, UserId};
use sql_kit::{CallError, PostgresDatabase};
use sqlx::{Connection as _, PgConnection, Row as _};
use user_application::{
    Details, Locale, Profile, SubscriptionState, TimeZone, Version,
    ports::{
        Beginning, Begun, CHANGES_MAX, Change, Changed, Deletion, Found, ProfileStore,
        RememberedChange, Removal, Remover, StoreError, Subscribed, SubscriptionOrder,
    },
};

use crate::{
    rows::{self, json},
    statements::{
        BEGIN, BURY, CHANGE, CHANGES, DELETED_AT, FIRST_PAGE, FORGET_CHANGES, FORGET_KEYS,
        KNOWN_KEY, LOCK_KEY, LOCK_USER, PAGE, PROFILE, REMEMBER, REMEMBER_KEY, REMOVE, SUBSCRIBE,
        TOUCH,
    },
};

/// The profiles in a database whose tables are as this program needs them.
#[derive(Debug, Clone)]
pub struct PostgresProfiles {
    database: PostgresDatabase,
}

type Sql<T> = Result<T, sqlx::Error>;

impl PostgresProfiles {
    /// Those in this database.
    #[must_use]
    pub const fn new(database: PostgresDatabase) -> Self {
        Self { database }
    }

    async fn call<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Sql<T>,
    ) -> Result<T, StoreError> {
        let called = self.database.call(work).await;
        called.map_err(|error| store_error(&error))
    }
}

fn store_error(error: &CallError) -> StoreError {
    match error {
        // Somebody has to do something, and then it passes.
        CallError::Denied { .. } => StoreError::Away(error.to_string()),
        error if error.is_passing() => StoreError::Away(error.to_string()),
        error => StoreError::Failed(error.to_string()),
    }
}

#[async_trait]
impl ProfileStore for PostgresProfiles {
    async fn find(&self, user: UserId) -> Result<Found, StoreError> {
        self.call(async |connection| {
            Ok(Found {
                profile: profile(connection, user).await?,
                deletion: deletion(connection, user).await?,
            })
        })
        .await
    }

    async fn begin(&self, beginning: Beginning) -> Result<Begun, StoreError> {
        self.call(async |connection| begin(connection, beginning).await)
            .await
    }

    async fn change(&self, change: Change) -> Result<Changed, StoreError> {
        self.call(async |connection| self::change(connection, change).await)
            .await
    }

    async fn remove(&self, removal: Removal) -> Result<(), StoreError> {
        self.call(async |connection| remove(connection, removal).await)
            .await
    }

    async fn subscribe(&self, order: SubscriptionOrder) -> Result<Subscribed, StoreError> {
        self.call(async |connection| subscribe(connection, order).await)
            .await
    }

    async fn page(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Profile>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.call(async |connection| {
            let page = match after {
                Some(after) => sqlx::query(PAGE).bind(after.as_uuid()).bind(limit),
                None => sqlx::query(FIRST_PAGE).bind(limit),
            };
            let page = page.fetch_all(connection).await?;
            page.iter().map(rows::profile).collect()
        })
        .await
    }

    async fn changes(&self, user: UserId) -> Result<Vec<RememberedChange>, StoreError> {
        self.call(async |connection| {
            let changes = sqlx::query(CHANGES).bind(user.as_uuid());
            let changes = changes.fetch_all(connection).await?;
            changes.iter().map(rows::change).collect()
        })
        .await
    }
}

async fn begin(connection: &mut PgConnection, beginning: Beginning) -> Sql<Begun> {
    let user = beginning.user;
    let mut transaction = connection.begin().await?;
    lock_user(&mut transaction, user).await?;
    let deletion = deletion(&mut transaction, user).await?;
    if deletion.is_some_and(|deletion| deletion.bars(beginning.signed_in_at)) {
        return Ok(Begun::Barred);
    }
    let new = beginning.profile(deletion);
    let details = &new.details;
    sqlx::query(BEGIN)
        .bind(user.as_uuid())
        .bind(rows::steam_id(new.steam_id))
        .bind(details.display_name.as_str())
        .bind(details.avatar_url.as_ref().map(PictureUrl::as_str))
        .bind(details.locale.as_ref().map(Locale::as_str))
        .bind(details.time_zone.as_ref().map(TimeZone::as_str))
        .bind(details.preferences.document().to_string())
        .bind(new.version.get())
        .bind(new.created_at.as_unix_ms())
        .execute(&mut *transaction)
        .await?;
    let there = profile(&mut transaction, user).await?;
    transaction.commit().await?;
    // It was begun now or before, and nobody deletes it before the commit.
    Ok(Begun::Profile(Box::new(there.unwrap_or(new))))
}

async fn change(connection: &mut PgConnection, change: Change) -> Sql<Changed> {
    let user = change.user;
    let Details {
        display_name,
        avatar_url,
        locale,
        time_zone,
        preferences,
    } = &change.details;
    let mut transaction = connection.begin().await?;
    let changed = sqlx::query(CHANGE)
        .bind(user.as_uuid())
        .bind(change.from.get())
        .bind(display_name.as_str())
        .bind(avatar_url.as_ref().map(PictureUrl::as_str))
        .bind(locale.as_ref().map(Locale::as_str))
        .bind(time_zone.as_ref().map(TimeZone::as_str))
        .bind(preferences.document().to_string())
        .bind(change.at.as_unix_ms())
        .execute(&mut *transaction)
        .await?;
    if changed.rows_affected() == 0 {
        let there = profile(&mut transaction, user).await?;
        return Ok(there.map_or(Changed::Missing, |there| Changed::Stale(there.version)));
    }
    remember(&mut transaction, user, change.at, change.by, &change.fields).await?;
    // Nobody changes it before the commit.
    let there = profile(&mut transaction, user).await?;
    transaction.commit().await?;
    Ok(there.map_or(Changed::Missing, |there| Changed::Yes(Box::new(there))))
}

async fn remove(connection: &mut PgConnection, removal: Removal) -> Sql<()> {
    let user = removal.user;
    let mut transaction = connection.begin().await?;
    lock_user(&mut transaction, user).await?;
    if let Remover::Owner(signed_in_at) = removal.by {
        let deletion = deletion(&mut transaction, user).await?;
        if deletion.is_some_and(|deletion| deletion.bars(signed_in_at)) {
            return Ok(());
        }
    }
    let removed = sqlx::query(REMOVE).bind(user.as_uuid());
    let removed = removed.execute(&mut *transaction).await?.rows_affected();
    if removed == 0 && removal.by == Remover::Admin {
        return Ok(());
    }
    sqlx::query(BURY)
        .bind(user.as_uuid())
        .bind(removal.at.as_unix_ms())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

async fn subscribe(connection: &mut PgConnection, order: SubscriptionOrder) -> Sql<Subscribed> {
    let user = order.user;
    let mut transaction = connection.begin().await?;
    if let Some(key) = &order.key {
        sqlx::query(LOCK_KEY)
            .bind(key)
            .execute(&mut *transaction)
            .await?;
        let known = known_key(&mut transaction, key, order.keys_since).await?;
        if let Some((known_user, answer)) = known {
            let is_same = known_user == user && answer.subscription == order.subscription;
            return Ok(if is_same {
                Subscribed::Yes(answer)
            } else {
                Subscribed::KeyReused
            });
        }
    }
    lock_user(&mut transaction, user).await?;
    let Some(mut there) = profile(&mut transaction, user).await? else {
        return Ok(Subscribed::Missing);
    };
    if there.subscription != order.subscription {
        there.version = set_subscription(&mut transaction, &order).await?;
        there.subscription = order.subscription;
    }
    let answer = there.subscription_state();
    if let Some(key) = &order.key {
        sqlx::query(FORGET_KEYS)
            .bind(order.keys_since.as_unix_ms())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(REMEMBER_KEY)
            .bind(key)
            .bind(user.as_uuid())
            .bind(answer.document().to_string())
            .bind(order.at.as_unix_ms())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(Subscribed::Yes(answer))
}

/// The version afterwards.
async fn set_subscription(
    connection: &mut PgConnection,
    order: &SubscriptionOrder,
) -> Sql<Version> {
    let subscription = &order.subscription;
    let end = subscription.current_period_end.map(Timestamp::as_unix_ms);
    sqlx::query(SUBSCRIBE)
        .bind(order.user.as_uuid())
        .bind(subscription.plan.name())
        .bind(&subscription.status)
        .bind(end)
        .bind(&subscription.source)
        .bind(order.at.as_unix_ms())
        .execute(&mut *connection)
        .await?;
    let version: i64 = sqlx::query_scalar(TOUCH)
        .bind(order.user.as_uuid())
        .bind(order.at.as_unix_ms())
        .fetch_one(&mut *connection)
        .await?;
    let fields = ["subscription"];
    remember(connection, order.user, order.at, order.by, &fields).await?;
    Ok(Version::new(version))
}

async fn remember(
    connection: &mut PgConnection,
    user: UserId,
    at: Timestamp,
    by: UserId,
    fields: &[&str],
) -> Sql<()> {
    sqlx::query(REMEMBER)
        .bind(user.as_uuid())
        .bind(at.as_unix_ms())
        .bind(by.as_uuid())
        .bind(fields)
        .execute(&mut *connection)
        .await?;
    sqlx::query(FORGET_CHANGES)
        .bind(user.as_uuid())
        .bind(i64::try_from(CHANGES_MAX).unwrap_or(i64::MAX))
        .execute(connection)
        .await?;
    Ok(())
}

async fn lock_user(connection: &mut PgConnection, user: UserId) -> Sql<()> {
    let lock = sqlx::query(LOCK_USER).bind(user.as_uuid());
    lock.execute(connection).await.map(drop)
}

async fn profile(connection: &mut PgConnection, user: UserId) -> Sql<Option<Profile>> {
    let row = sqlx::query(PROFILE).bind(user.as_uuid());
    let row = row.fetch_optional(connection).await?;
    row.as_ref().map(rows::profile).transpose()
}

async fn deletion(connection: &mut PgConnection, user: UserId) -> Sql<Option<Deletion>> {
    let deleted_at = sqlx::query_scalar(DELETED_AT).bind(user.as_uuid());
    let deleted_at: Option<i64> = deleted_at.fetch_optional(connection).await?;
    Ok(deleted_at.map(|ms| Deletion {
        at: Timestamp::from_unix_ms(ms),
    }))
}

async fn known_key(
    connection: &mut PgConnection,
    key: &str,
    since: Timestamp,
) -> Sql<Option<(UserId, SubscriptionState)>> {
    let row = sqlx::query(KNOWN_KEY).bind(key).bind(since.as_unix_ms());
    let Some(row) = row.fetch_optional(connection).await? else {
        return Ok(None);
    };
    let answer: String = row.try_get("answer")?;
    let answer = SubscriptionState::restored(&json(&answer)?);
    let unknown = || sqlx::Error::Decode("the answer to this key cannot be read".into());
    let user = row.try_get("user_id").map(UserId::from_uuid)?;
    Ok(Some((user, answer.ok_or_else(unknown)?)))
}
