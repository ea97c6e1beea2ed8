//! Reading what is published, as far as it is not known already.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use contracts::models::{
    DocumentUnreadable, DraftModelDocument, MetaDocument, ModelDocument, PATCHES_KEY,
    PatchesDocument, meta_key,
};
use model_application::{
    EffectsUnreadable, Slice,
    ports::{ModelPublisher, PublishError},
};
use serde::Deserialize;
use thiserror::Error;

use super::{HeroDocuments, PatchModels, SliceModels, Snapshot, keys};

/// So many patches are held, the newest; others expire by themselves.
pub const PATCHES_MAX: usize = 6;

/// Why it is not known what is published.
#[derive(Debug, Error)]
pub enum LookError {
    /// There is no answer.
    #[error(transparent)]
    Publisher(#[from] PublishError),
    /// Something else is written there.
    #[error("{key} cannot be read: {reason}")]
    Unreadable {
        /// Where it stands.
        key: String,
        /// What is wrong with it.
        reason: DocumentUnreadable,
    },
    /// Its numbers are of no slice.
    #[error("{key} cannot be read: {reason}")]
    WrongNumbers {
        /// Where it stands.
        key: String,
        /// What is wrong with it.
        reason: EffectsUnreadable,
    },
    /// Another run published meanwhile; the next look sees it.
    #[error("{0} was published meanwhile")]
    Overtaken(String),
    /// It is in an index and not there.
    #[error("{0} is not there")]
    Missing(String),
    /// It took too long.
    #[error("it was not read within {0:?}")]
    TooSlow(Duration),
}

/// What is published, with what `before` has of it already.
pub(super) async fn load(
    publisher: &dyn ModelPublisher,
    before: &Snapshot,
    hero_bytes_max: usize,
) -> Result<Snapshot, LookError> {
    let index = one(publisher, PATCHES_KEY).await?;
    let Some(index) = index else {
        // Not written yet, or expired, or lost: nothing is published.
        return Ok(Snapshot::default());
    };
    let index: PatchesDocument = decode(PATCHES_KEY, &index)?;
    if before.index.as_ref() == Some(&index) {
        return Ok(Snapshot {
            index: Some(index),
            patches: before.patches.clone(),
            seen_at: None,
        });
    }
    let mut patches = Vec::new();
    let mut room = hero_bytes_max;
    for entry in index.patches.iter().take(PATCHES_MAX) {
        let known = before.patch(&entry.patch);
        // One that has expired is not published any more, whatever the index says.
        if let Some(patch) = load_patch(publisher, &entry.patch, known, &mut room).await? {
            patches.push(patch);
        }
    }
    Ok(Snapshot {
        index: Some(index),
        patches,
        seen_at: None,
    })
}

async fn load_patch(
    publisher: &dyn ModelPublisher,
    patch: &str,
    known: Option<&PatchModels>,
    room: &mut usize,
) -> Result<Option<PatchModels>, LookError> {
    let key = meta_key(patch);
    let Some(meta) = one(publisher, &key).await? else {
        return Ok(None);
    };
    let meta: MetaDocument = decode(&key, &meta)?;
    let known = known.filter(|known| known.meta.run == meta.run);
    let names = meta.slices.keys().map(|name| name.parse());
    let mut names: Vec<_> = names.filter_map(Result::ok).collect();
    names.sort_unstable();
    let mut slices = Vec::new();
    for name in names {
        let held = known.and_then(|known| known.slice(name));
        let slice = match held {
            Some(slice) => Arc::clone(slice),
            None => Arc::new(load_slice(publisher, &meta, name).await?),
        };
        slices.push(within(room, slice));
    }
    Ok(Some(PatchModels { meta, slices }))
}

/// The slice, without its heroes' documents if there is no room for them.
fn within(room: &mut usize, slice: Arc<SliceModels>) -> Arc<SliceModels> {
    let bytes = slice.heroes.as_ref().map_or(0, HeroDocuments::len_bytes);
    if bytes <= *room {
        *room -= bytes;
        return slice;
    }
    let mut slice = Arc::unwrap_or_clone(slice);
    slice.heroes = None;
    Arc::new(slice)
}

async fn load_slice(
    publisher: &dyn ModelPublisher,
    meta: &MetaDocument,
    name: Slice,
) -> Result<SliceModels, LookError> {
    let keys = keys(name, &meta.patch);
    let key = keys.draft_model();
    let document = one(publisher, &key).await?;
    let document = document.ok_or_else(|| LookError::Missing(key.clone()))?;
    let document: DraftModelDocument = decode(&key, &document)?;
    let mut slice = SliceModels::of(name, document).map_err(|reason| LookError::WrongNumbers {
        key: key.clone(),
        reason,
    })?;
    let ids = slice.hero_ids();
    let counters = ids.iter().map(|&hero| keys.counters(hero));
    let synergies = ids.iter().map(|&hero| keys.synergy(hero));
    let overview = meta_key(&meta.patch);
    let all: Vec<_> = [overview.clone()]
        .into_iter()
        .chain(counters)
        .chain(synergies)
        .collect();
    let mut found = publisher.published(&all).await?.into_iter();
    // All of one instant: if the run is the same, so are all others.
    let now = found.next().flatten();
    let now = now.ok_or_else(|| LookError::Missing(overview.clone()))?;
    let now: MetaDocument = decode(&overview, &now)?;
    if now.run != meta.run || slice.run != meta.run {
        return Err(LookError::Overtaken(now.run));
    }
    let counters: Vec<_> = found.by_ref().take(ids.len()).collect();
    slice.games = counters.iter().map(|it| games(it.as_ref())).collect();
    let mut heroes = HeroDocuments::default();
    for (documents, found) in [
        (&mut heroes.counters, counters),
        (&mut heroes.synergies, found.collect()),
    ] {
        for (&hero, document) in ids.iter().zip(&found) {
            if let Some(document) = document {
                documents.insert(hero, document);
            }
        }
    }
    slice.heroes = Some(heroes);
    Ok(slice)
}

/// How often a hero is picked, as its document says; `None` if it says nothing.
fn games(document: Option<&Bytes>) -> Option<u64> {
    /// The part of a document that is looked at.
    #[derive(Deserialize)]
    struct Picked {
        strength: Games,
    }
    #[derive(Deserialize)]
    struct Games {
        games: u64,
    }
    let picked: Picked = serde_json::from_slice(document?).ok()?;
    Some(picked.strength.games)
}

async fn one(publisher: &dyn ModelPublisher, key: &str) -> Result<Option<Bytes>, LookError> {
    let found = publisher.published(&[key.to_owned()]).await?;
    Ok(found.into_iter().next().flatten())
}

fn decode<T: ModelDocument>(key: &str, document: &[u8]) -> Result<T, LookError> {
    T::decode(document).map_err(|reason| LookError::Unreadable {
        key: key.to_owned(),
        reason,
    })
}
