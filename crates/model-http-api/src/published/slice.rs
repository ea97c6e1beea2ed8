//! A slice, as it is published.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use contracts::models::{AsOf, DraftModelDocument, SliceKeys};
use domain::HeroId;
use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};
use model_application::{DraftModel, Effect, EffectsUnreadable, PublishedEffects, Slice};

/// The keys of a slice's documents.
pub(crate) const fn keys(slice: Slice, patch: &str) -> SliceKeys<'_> {
    SliceKeys {
        patch,
        skill: slice.skill.as_str(),
        mode: slice.mode.as_str(),
    }
}

/// What heroes of a slice have been given, as it stands in Redis.
#[derive(Clone, Default)]
pub struct HeroDocuments {
    /// By hero: strength and advantages.
    pub counters: PackedDocuments,
    /// By hero: synergies.
    pub synergies: PackedDocuments,
}

/// Documents by hero, in blocks of LZ4: half as large, and a slice of 127 heroes has three megabytes of them.
#[derive(Clone, Default)]
pub struct PackedDocuments(HashMap<u16, Box<[u8]>>);

impl HeroDocuments {
    /// How many bytes these take.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.counters.len_bytes() + self.synergies.len_bytes()
    }
}

impl PackedDocuments {
    /// Packs a hero's document.
    pub fn insert(&mut self, hero: u16, document: &[u8]) {
        let packed = compress_prepend_size(document);
        self.0.insert(hero, packed.into());
    }

    /// A hero's document, byte for byte; none where there is none.
    #[must_use]
    pub fn get(&self, hero: u16) -> Option<Bytes> {
        let packed = self.0.get(&hero)?;
        let document = decompress_size_prepended(packed);
        Some(document.expect("it was packed here").into())
    }

    /// How many bytes these take.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.0.values().map(|packed| packed.len()).sum()
    }
}

/// A slice.
#[derive(Clone)]
pub struct SliceModels {
    /// Which one.
    pub name: Slice,
    /// The run that computed it.
    pub run: String,
    /// When that run began.
    pub as_of: AsOf,
    /// Whose values these are.
    pub from: String,
    /// Matches of the slice.
    pub matches: u64,
    /// What scores drafts.
    pub model: Arc<DraftModel>,
    /// How often each hero is picked, by its place; `None` where nobody says.
    pub games: Option<Vec<u64>>,
    /// Those of heroes; `None` where there is no room for them.
    pub heroes: Option<HeroDocuments>,
}

impl SliceModels {
    /// What a document says, without its heroes' documents.
    ///
    /// # Errors
    /// Its numbers are of no slice.
    pub fn of(name: Slice, document: DraftModelDocument) -> Result<Self, EffectsUnreadable> {
        let model = DraftModel::try_from(PublishedEffects {
            heroes: &document.heroes,
            side: Effect {
                value: document.side,
                sd: document.sd_side,
            },
            strengths: (&document.strength, &document.sd_strength),
            advantages: (&document.advantage, &document.sd_advantage),
            synergies: (&document.synergy, &document.sd_synergy),
        })?;
        Ok(Self {
            name,
            run: document.run,
            as_of: document.as_of,
            from: document.from,
            matches: document.matches,
            model: Arc::new(model),
            games: None,
            heroes: None,
        })
    }

    /// The heroes, by id.
    #[must_use]
    pub fn hero_ids(&self) -> Vec<u16> {
        let heroes = self.model.roster.heroes().iter();
        heroes.copied().map(HeroId::get).collect()
    }
}
