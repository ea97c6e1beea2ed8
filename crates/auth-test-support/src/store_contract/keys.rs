//! Signing keys.

use std::time::Duration;

use anyhow::{Result, ensure};
use auth_application::{KEY_KEPT, KeyId, KeySchedule, MadeKey, PublicKey, SealedKey, SigningKey};
use identity::Algorithm;

use super::world::{BEGIN, World, after, same};

const HOUR: Duration = Duration::from_hours(1);

fn schedule() -> KeySchedule {
    KeySchedule::try_new(Algorithm::EdDsa, 24 * HOUR, HOUR).expect("a day is more than an hour")
}

fn made(name: usize) -> MadeKey {
    MadeKey {
        id: KeyId::new(&format!("key-{name}")).expect("it is a name"),
        sealed: SealedKey::new(vec![0, 1, 2, 255]),
        public: match name % 3 {
            0 => PublicKey::P256 {
                x: format!("x-{name}"),
                y: "y".to_owned(),
            },
            1 => PublicKey::Rsa {
                n: "n".repeat(342),
                e: "AQAB".to_owned(),
            },
            _ => PublicKey::Ed25519 {
                x: format!("x_{name}"),
            },
        },
    }
}

/// How many of many instances have added one.
async fn added_at_once(world: &World, from: usize, seconds: u64) -> Result<usize> {
    let added = world.at_once(20, |stores, number| async move {
        let mut made = made(from + number);
        made.public = PublicKey::Ed25519 { x: "x".to_owned() };
        stores.keys.add(&made, &schedule(), after(seconds)).await
    });
    let mut count = 0;
    for added in added.await? {
        count += usize::from(added?.is_some());
    }
    Ok(count)
}

pub(super) async fn one_instance_of_many_adds_a_key(world: &World) -> Result<()> {
    ensure!(world.stores.keys.keys().await?.is_empty());
    same(&added_at_once(world, 0, 0).await?, &1)?;
    same(&added_at_once(world, 100, 1).await?, &0)?;
    let due = 23 * 3_600;
    same(&added_at_once(world, 200, due - 1).await?, &0)?;
    same(&added_at_once(world, 300, due).await?, &1)?;
    same(&added_at_once(world, 400, due).await?, &0)?;
    same(&world.stores.keys.keys().await?.len(), &2)?;
    same(&world.audited("key_published").await?, &2)
}

pub(super) async fn keys_follow_each_other_and_go(world: &World) -> Result<()> {
    let keys = &world.stores.keys;
    let mut expected: Vec<SigningKey> = Vec::new();
    for (name, seconds) in [(0, 0), (1, 24 * 3_600), (2, 2 * 24 * 3_600)] {
        let now = after(seconds);
        let added = keys.add(&made(name), &schedule(), now).await?;
        let followed = schedule().follow(&mut expected, &made(name), now);
        same(&added, &followed)?;
        ensure!(added.is_some());
        expected.extend(followed);
        same(&keys.keys().await?, &expected)?;
        let entry = world.last_audit("key_published").await?;
        let kid = entry.detail.get("kid").cloned();
        same(&kid, &Some(format!("key-{name}")))?;
    }
    let first_is_over = BEGIN.saturating_add(25 * HOUR + KEY_KEPT);
    let just_before = first_is_over.saturating_sub(Duration::from_millis(1));
    ensure!(keys.remove_retired(just_before).await?.is_empty());
    same(
        &keys.remove_retired(first_is_over).await?,
        &vec![made(0).id],
    )?;
    same(&keys.keys().await?, &expected[1..].to_vec())?;
    let entry = world.last_audit("key_removed").await?;
    same(&entry.detail.get("kid").map(String::as_str), &Some("key-0"))?;
    ensure!(keys.remove_retired(first_is_over).await?.is_empty());
    // The last one never goes by itself.
    let late = BEGIN.saturating_add(10_000 * HOUR);
    same(&keys.remove_retired(late).await?, &vec![made(1).id])?;
    same(&keys.keys().await?.len(), &1)
}
