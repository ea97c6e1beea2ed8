//! One suite for every space of keys, and what only a server can show.

mod changes;
mod locks;
mod memory;
mod server;
mod values;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use redis_kit::KeySpace;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A space of keys under test, without any key.
#[async_trait]
trait Target: Send + Sync {
    fn keys(&self) -> Arc<dyn KeySpace>;

    /// Lets time pass, as far as keys notice.
    async fn pass(&self, time: Duration) -> Result<()>;

    /// Adds members to a set, as somebody else does.
    async fn add_members(&self, set: &str, members: &[&str]) -> Result<()>;

    /// Loses all keys.
    async fn clear(&self) -> Result<()>;
}

/// Checks everything; `make` makes a target for each check.
async fn check(make: impl AsyncFn() -> Result<Box<dyn Target>>) -> Result<()> {
    values::check(&make).await?;
    changes::check(&make).await?;
    locks::check(&make).await
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

async fn put(keys: &dyn KeySpace, values: &[(&str, &str)], expiry: Option<Duration>) -> Result<()> {
    let values = values
        .iter()
        .map(|(key, value)| (String::from(*key), bytes(value)));
    let values: Vec<_> = values.collect();
    Ok(keys.set_many(&values, expiry).await?)
}

/// The values under these keys, `-` for none.
async fn shown(keys: &dyn KeySpace, wanted: &[&str]) -> Result<String> {
    let values = keys.get_many(&names(wanted)).await?;
    let texts = values.iter().map(|value| match value {
        Some(value) => String::from_utf8_lossy(value).into_owned(),
        None => "-".to_owned(),
    });
    Ok(texts.collect::<Vec<_>>().join(" "))
}
