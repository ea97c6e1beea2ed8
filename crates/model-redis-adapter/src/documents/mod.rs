//! Results as documents.

mod accounts;
mod figures;
mod heroes;
mod read;
mod runs;

use bytes::Bytes;
use contracts::models::{
    AsOf, DEFAULT_MODE, DraftModelDocument, MetaDocument, ModelDocument, PATCHES_KEY, PatchEntry,
    PatchesDocument, SliceKeys, VERSION, meta_key,
};
use domain::HeroId;
use model_application::{
    Effect, Mode, PatchHead, PatchResult, Slice, SliceResult, Triangle,
    accounts::AccountResult,
    ports::{Document, PatchIndex, Publication, Renewal, ResultDocuments, Run},
};

pub use read::RedisResults;

/// Writes the documents of the contract.
#[derive(Debug, Clone, Copy, Default)]
pub struct ContractDocuments;

/// A slice of a result, for whoever writes a document of it.
#[derive(Clone, Copy)]
struct Of<'a> {
    result: &'a PatchResult,
    slice: Slice,
    values: &'a SliceResult,
}

impl<'a> Of<'a> {
    fn find(result: &'a PatchResult, slice: Slice) -> Option<Self> {
        let values = result.slices.get(&slice)?;
        Some(Self {
            result,
            slice,
            values,
        })
    }

    fn keys(self) -> SliceKeys<'a> {
        keys(&self.result.patch, self.slice)
    }

    fn from(self) -> String {
        self.values.head.from.of_slice(self.slice)
    }
}

/// How keys name a slice.
fn keys(patch: &str, slice: Slice) -> SliceKeys<'_> {
    SliceKeys {
        patch,
        skill: slice.skill.as_str(),
        mode: mode(slice.mode),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Default => DEFAULT_MODE,
        Mode::Turbo => mode.as_str(),
    }
}

fn written(key: String, document: &impl ModelDocument) -> Document {
    Document {
        key,
        json: document.encode().into(),
    }
}

impl ResultDocuments for ContractDocuments {
    fn outline(&self, result: &PatchResult, index: &PatchIndex) -> Publication {
        Publication {
            run: result.run,
            patch: result.patch.clone(),
            keys: Vec::new(),
            documents: Vec::new(),
            overview: overview(&result.head()),
            index: written(PATCHES_KEY.to_owned(), &patches(index)),
        }
    }

    fn of_slice(&self, result: &PatchResult, slice: Slice) -> Vec<Document> {
        let Some(of) = Of::find(result, slice) else {
            return Vec::new();
        };
        let keys = of.keys();
        let mut documents = Vec::new();
        for (place, hero) in of.values.head.model.roster.heroes().iter().enumerate() {
            let counters = heroes::counters(of, place);
            documents.push(written(keys.counters(hero.get()), &counters));
            let synergy = heroes::synergy(of, place);
            documents.push(written(keys.synergy(hero.get()), &synergy));
        }
        documents.push(written(keys.draft_model(), &draft_model(of)));
        documents
    }

    fn renewal(&self, result: &PatchHead, index: &PatchIndex) -> Renewal {
        Renewal {
            patch: result.patch.clone(),
            overview: overview(result),
            index: written(PATCHES_KEY.to_owned(), &patches(index)),
        }
    }

    fn counters(&self, result: &PatchResult, slice: Slice, hero: HeroId) -> Option<Bytes> {
        let of = Of::find(result, slice)?;
        let place = of.values.place(hero)?;
        Some(heroes::counters(of, place.0).encode().into())
    }

    fn synergies(&self, result: &PatchResult, slice: Slice, hero: HeroId) -> Option<Bytes> {
        let of = Of::find(result, slice)?;
        let place = of.values.place(hero)?;
        Some(heroes::synergy(of, place.0).encode().into())
    }

    fn account(&self, scores: &AccountResult, patch: &PatchHead) -> Document {
        accounts::document(scores, patch)
    }

    fn figures(&self, results: &[PatchHead]) -> String {
        figures::of_run(results)
    }

    fn entry(&self, run: &Run) -> Bytes {
        runs::entry(run)
    }
}

fn overview(result: &PatchHead) -> Document {
    let slices = result.slices.iter().map(|(&slice, head)| {
        let name = keys(&result.patch, slice).name();
        (name, figures::of_slice(slice, head))
    });
    let document = MetaDocument {
        v: VERSION,
        run: result.run.to_string(),
        as_of: AsOf::of(result.as_of),
        patch: result.patch.clone(),
        slices: slices.collect(),
        excluded: result.excluded.clone(),
    };
    written(meta_key(&result.patch), &document)
}

fn patches(index: &PatchIndex) -> PatchesDocument {
    let entry = |patch: &model_application::ports::IndexedPatch| PatchEntry {
        patch: patch.patch.clone(),
        run: patch.run.to_string(),
        as_of: AsOf::of(patch.as_of),
    };
    let newest = index.patches.first();
    PatchesDocument {
        v: VERSION,
        as_of: AsOf::of(index.as_of),
        current: newest.map_or_else(String::new, |patch| patch.patch.clone()),
        patches: index.patches.iter().map(entry).collect(),
    }
}

fn draft_model(of: Of<'_>) -> DraftModelDocument {
    let model = &of.values.head.model;
    let values = |effects: &[Effect]| effects.iter().map(|effect| effect.value).collect();
    let sds = |effects: &[Effect]| effects.iter().map(|effect| effect.sd).collect();
    let all = Triangle::values;
    DraftModelDocument {
        v: VERSION,
        run: of.result.run.to_string(),
        as_of: AsOf::of(of.result.as_of),
        patch: of.result.patch.clone(),
        skill: of.slice.skill.as_str().to_owned(),
        mode: mode(of.slice.mode).to_owned(),
        from: of.from(),
        matches: of.values.head.matches,
        heroes: model
            .roster
            .heroes()
            .iter()
            .map(|hero| hero.get())
            .collect(),
        side: model.side.value,
        strength: values(&model.strengths),
        advantage: values(all(&model.advantages)),
        synergy: values(all(&model.synergies)),
        sd_side: model.side.sd,
        sd_strength: sds(&model.strengths),
        sd_advantage: sds(all(&model.advantages)),
        sd_synergy: sds(all(&model.synergies)),
    }
}
