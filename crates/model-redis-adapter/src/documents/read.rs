//! Documents as results: what readers see, for whoever has to compare with it.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::models::{
    CountersDocument, DraftModelDocument, MetaDocument, ModelDocument, PATCHES_KEY,
    PatchesDocument, SliceFigures, SliceKeys, SynergyDocument, meta_key,
};
use model_application::{
    DraftModel, Effect, HoldOutResult, KindFigures, PairPoints, PatchResult, Points,
    PublishedEffects, Slice, SliceHead, SliceResult, StrengthPoints, Triangle, ValuesFrom,
    ports::{IndexedPatch, PatchIndex, PublishedResults, ReadBackError, RunId},
};
use redis_kit::KeySpace;

use super::keys;
use crate::publish_error;

/// A switch in between is waited out so often.
const ATTEMPTS_MAX: usize = 3;

/// Reads what is published in a space of keys.
pub struct RedisResults {
    keys: Arc<dyn KeySpace>,
}

/// What a document is not, or is not any more.
enum Odd {
    /// It cannot be read.
    Unreadable(ReadBackError),
    /// It is not of the run that the overview names: there was a switch in between.
    Switched(String),
}

impl From<ReadBackError> for Odd {
    fn from(error: ReadBackError) -> Self {
        Self::Unreadable(error)
    }
}

impl RedisResults {
    /// Reads this space.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySpace>) -> Self {
        Self { keys }
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, ReadBackError> {
        let values = self.keys.get_many(keys).await;
        values.map_err(|error| publish_error(&error).into())
    }

    async fn get<T: ModelDocument>(&self, key: &str) -> Result<Option<T>, ReadBackError> {
        let value = self.keys.get(key).await;
        let value = value.map_err(|error| publish_error(&error))?;
        value.map(|json| decoded(key, &json)).transpose()
    }

    async fn read(&self, patch: &str) -> Result<Option<PatchResult>, Odd> {
        let Some(meta) = self.get::<MetaDocument>(&meta_key(patch)).await? else {
            return Ok(None);
        };
        let run = RunId::of(&meta.run)
            .ok_or_else(|| unreadable(&meta_key(patch), "its run is no id of one"))?;
        let mut slices = BTreeMap::new();
        for (name, figures) in &meta.slices {
            // A later program may have slices that this one does not know.
            let Ok(slice) = name.parse::<Slice>() else {
                continue;
            };
            let values = self.read_slice(patch, &meta.run, slice, figures).await?;
            slices.insert(slice, values);
        }
        Ok(Some(PatchResult {
            run,
            as_of: meta.as_of.at(),
            patch: meta.patch,
            counts_hash: None,
            excluded: meta.excluded,
            slices,
        }))
    }

    async fn read_slice(
        &self,
        patch: &str,
        run: &str,
        slice: Slice,
        figures: &SliceFigures,
    ) -> Result<SliceResult, Odd> {
        let keys = keys(patch, slice);
        let key = keys.draft_model();
        let document: DraftModelDocument = self
            .get(&key)
            .await?
            .ok_or_else(|| Odd::Switched(key.clone()))?;
        if document.run != run {
            return Err(Odd::Switched(key));
        }
        let (counters, synergies) = self.read_heroes(keys, run, &document.heroes).await?;
        let of = Documents {
            key: &key,
            document: &document,
            counters,
            synergies,
        };
        Ok(of.result(slice, figures)?)
    }

    async fn read_heroes(
        &self,
        keys: SliceKeys<'_>,
        run: &str,
        heroes: &[u16],
    ) -> Result<(Vec<CountersDocument>, Vec<SynergyDocument>), Odd> {
        let counters = heroes.iter().map(|&hero| keys.counters(hero));
        let synergies = heroes.iter().map(|&hero| keys.synergy(hero));
        let all: Vec<_> = counters.chain(synergies).collect();
        let values = self.get_many(&all).await?;
        let mut found = all.iter().zip(values).map(|(key, value)| {
            let value = value.ok_or_else(|| Odd::Switched(key.clone()))?;
            Ok::<_, Odd>((key, value))
        });
        let mut counters = Vec::with_capacity(heroes.len());
        for found in found.by_ref().take(heroes.len()) {
            let (key, json) = found?;
            let document: CountersDocument = decoded(key, &json)?;
            if document.run != run {
                return Err(Odd::Switched(key.clone()));
            }
            counters.push(document);
        }
        let mut synergies = Vec::with_capacity(heroes.len());
        for found in found {
            let (key, json) = found?;
            let document: SynergyDocument = decoded(key, &json)?;
            if document.run != run {
                return Err(Odd::Switched(key.clone()));
            }
            synergies.push(document);
        }
        Ok((counters, synergies))
    }
}

#[async_trait]
impl PublishedResults for RedisResults {
    async fn index(&self) -> Result<Option<PatchIndex>, ReadBackError> {
        let Some(document) = self.get::<PatchesDocument>(PATCHES_KEY).await? else {
            return Ok(None);
        };
        let mut patches = Vec::with_capacity(document.patches.len());
        for entry in document.patches {
            let run = RunId::of(&entry.run)
                .ok_or_else(|| unreadable(PATCHES_KEY, "a run is no id of one"))?;
            patches.push(IndexedPatch {
                patch: entry.patch,
                run,
                as_of: entry.as_of.at(),
            });
        }
        Ok(Some(PatchIndex {
            as_of: document.as_of.at(),
            patches,
        }))
    }

    async fn published(&self, patch: &str) -> Result<Option<PatchResult>, ReadBackError> {
        let mut attempts = 1;
        loop {
            match self.read(patch).await {
                Ok(result) => return Ok(result),
                Err(Odd::Unreadable(error)) => return Err(error),
                Err(Odd::Switched(_)) if attempts < ATTEMPTS_MAX => attempts += 1,
                Err(Odd::Switched(key)) => {
                    let odd = "it is not of the run that the overview of the patch names";
                    return Err(unreadable(&key, odd));
                }
            }
        }
    }
}

fn decoded<T: ModelDocument>(key: &str, json: &[u8]) -> Result<T, ReadBackError> {
    T::decode(json).map_err(|error| unreadable(key, &error.to_string()))
}

fn unreadable(key: &str, why: &str) -> ReadBackError {
    ReadBackError::Unreadable {
        key: key.to_owned(),
        why: why.to_owned(),
    }
}

/// The documents of a slice, all of one run.
struct Documents<'a> {
    key: &'a str,
    document: &'a DraftModelDocument,
    counters: Vec<CountersDocument>,
    synergies: Vec<SynergyDocument>,
}

impl Documents<'_> {
    fn odd(&self, why: &str) -> ReadBackError {
        unreadable(self.key, why)
    }

    fn result(&self, slice: Slice, figures: &SliceFigures) -> Result<SliceResult, ReadBackError> {
        let level = self.counters.first().map_or(0, |document| document.level.0);
        let [begin, end] = figures.window;
        let head = SliceHead {
            from: ValuesFrom::read(&figures.from, slice)
                .ok_or_else(|| self.odd("nobody knows whose values these are"))?,
            matches: figures.matches,
            effective_matches: figures.effective_matches,
            window: (begin.at(), end.at()),
            excluded: figures.excluded.clone(),
            prior_sd: KindFigures {
                strength: figures.prior_sd.strength.0.unsigned_abs(),
                advantage: figures.prior_sd.advantage.0.unsigned_abs(),
                synergy: figures.prior_sd.synergy.0.unsigned_abs(),
            },
            prior_games: KindFigures {
                strength: figures.prior_games.strength,
                advantage: figures.prior_games.advantage,
                synergy: figures.prior_games.synergy,
            },
            holdout: figures.holdout.map(|seen| HoldOutResult {
                matches: seen.matches,
                log_loss: seen.log_loss.0,
                heroes_only: seen.heroes_only.0,
                constant: seen.constant.0,
                accuracy: seen.accuracy.0,
                auc: seen.auc.0,
                ece: seen.ece.0,
                slope: seen.slope.0,
                calibration: Vec::new(),
            }),
            level: u16::try_from(level).map_err(|_| self.odd("its level is no share"))?,
            model: Arc::new(self.model()?),
        };
        Ok(SliceResult {
            head,
            strengths: self.strengths(),
            advantages: self.advantages()?,
            synergies: self.pairs_with()?,
            judged: None,
        })
    }

    fn model(&self) -> Result<DraftModel, ReadBackError> {
        let document = self.document;
        DraftModel::try_from(PublishedEffects {
            heroes: &document.heroes,
            side: Effect {
                value: document.side,
                sd: document.sd_side,
            },
            strengths: (&document.strength, &document.sd_strength),
            advantages: (&document.advantage, &document.sd_advantage),
            synergies: (&document.synergy, &document.sd_synergy),
        })
        .map_err(|error| self.odd(&error.to_string()))
    }

    fn strengths(&self) -> Vec<StrengthPoints> {
        let each = self.counters.iter().map(|document| document.strength);
        each.map(|seen| StrengthPoints {
            points: Points {
                pp: whole(seen.pp.0),
                lo: whole(seen.lo.0),
                hi: whole(seen.hi.0),
            },
            games: seen.games,
            wins: seen.wins,
            low_sample: seen.low_sample,
        })
        .collect()
    }

    fn advantages(&self) -> Result<Triangle<PairPoints>, ReadBackError> {
        self.triangle(|first, second| self.counters[first].vs.get(&second))
    }

    fn pairs_with(&self) -> Result<Triangle<PairPoints>, ReadBackError> {
        self.triangle(|first, second| self.synergies[first].with.get(&second))
    }

    fn triangle<'a>(
        &self,
        seen: impl Fn(usize, u16) -> Option<&'a contracts::models::PairPoints>,
    ) -> Result<Triangle<PairPoints>, ReadBackError> {
        let heroes = &self.document.heroes;
        let mut pairs = Vec::with_capacity(heroes.len() * heroes.len().saturating_sub(1) / 2);
        for first in 0..heroes.len() {
            for &second in &heroes[first + 1..] {
                let seen = seen(first, second);
                let seen = seen.ok_or_else(|| self.odd("a hero lacks another one"))?;
                pairs.push(PairPoints {
                    points: Points {
                        pp: whole(seen.pp.0),
                        lo: whole(seen.lo.0),
                        hi: whole(seen.hi.0),
                    },
                    expected: whole(seen.expected.0),
                    games: seen.games,
                    wins: seen.wins,
                    low_sample: seen.low_sample,
                });
            }
        }
        Ok(Triangle::from_values(heroes.len(), pairs))
    }
}

/// Hundredths of points are far fewer than 2³¹.
fn whole(hundredths: i64) -> i32 {
    i32::try_from(hundredths).unwrap_or(0)
}
