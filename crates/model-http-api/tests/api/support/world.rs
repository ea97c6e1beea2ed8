//! Publications of a small world: twelve heroes.

use std::collections::BTreeMap;

use contracts::models::{
    AsOf, CountersDocument, Decimal, DraftModelDocument, HeroScore, HoldOutFigures, MetaDocument,
    ModelDocument, PATCHES_KEY, PairPoints, PasDocument, PasPriors, PatchEntry, PatchesDocument,
    PriorFigures, ScoreParts, SliceFigures, SliceKeys, StrengthPoints, SynergyDocument, VERSION,
    meta_key, pas_key,
};
use domain::Timestamp;
use model_application::{
    Mode, Skill, Slice,
    ports::{Document, ModelPublisher, Publication, RunId},
};
use uuid::Uuid;

/// Ids as the game has them, with a hole.
pub(crate) const HEROES: [u16; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14];
/// The slices of every patch here.
const SLICES: [Slice; 3] = [
    Slice {
        mode: Mode::Default,
        skill: Skill::All,
    },
    Slice {
        mode: Mode::Default,
        skill: Skill::High,
    },
    Slice {
        mode: Mode::Turbo,
        skill: Skill::All,
    },
];

/// What a run publishes.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// Tells runs apart.
    pub(crate) run: u64,
    /// The one that is published.
    pub(crate) patch: &'static str,
    /// All with data, the newest first.
    pub(crate) patches: Vec<&'static str>,
    /// Whether every hero document is there.
    pub(crate) is_whole: bool,
}

impl World {
    /// Run 1 of patch 7.36.
    pub(crate) fn first() -> Self {
        Self {
            run: 1,
            patch: "7.36",
            patches: vec!["7.36"],
            is_whole: true,
        }
    }

    pub(crate) fn run(&self) -> RunId {
        RunId(Uuid::from_u64_pair(self.run, 0))
    }

    pub(crate) fn as_of(&self) -> AsOf {
        let hours = i64::try_from(self.run).expect("few") - 1;
        AsOf::of(Timestamp::from_unix_seconds(1_719_728_220 + hours * 3600))
    }

    pub(crate) async fn publish(&self, publisher: &dyn ModelPublisher) {
        let publication = self.publication();
        publisher
            .stage(&publication)
            .await
            .expect("it can be staged");
        let switched = publisher.switch(&publication, None).await;
        switched.expect("it can be switched");
    }

    pub(crate) fn publication(&self) -> Publication {
        let mut documents = Vec::new();
        for slice in SLICES {
            let keys = keys(slice, self.patch);
            documents.push(document(keys.draft_model(), &self.draft_model(slice)));
            for hero in HEROES {
                if !self.is_whole && hero == 14 {
                    continue;
                }
                documents.push(document(keys.counters(hero), &self.counters(slice, hero)));
                documents.push(document(keys.synergy(hero), &self.synergies(slice, hero)));
            }
        }
        documents.push(document(pas_key(76_482_434), &self.pas()));
        let mut publication = Publication {
            run: self.run(),
            patch: self.patch.to_owned(),
            keys: Vec::new(),
            documents: Vec::new(),
            overview: document(meta_key(self.patch), &self.meta()),
            index: document(PATCHES_KEY.to_owned(), &self.index()),
        };
        publication.add(documents);
        publication
    }

    pub(crate) fn draft_model(&self, slice: Slice) -> DraftModelDocument {
        let run = i32::try_from(self.run).expect("few");
        let heroes = HEROES.len();
        let pairs = heroes * (heroes - 1) / 2;
        let spread = |count: usize, step: i32, width: i32| {
            let each = (0..count).map(move |place| i32::try_from(place).expect("few"));
            each.map(|place| (place * step + run).rem_euclid(2 * width + 1) - width)
                .map(|value| i16::try_from(value).expect("within the width"))
                .collect::<Vec<_>>()
        };
        DraftModelDocument {
            v: VERSION,
            run: self.run().to_string(),
            as_of: self.as_of(),
            patch: self.patch.to_owned(),
            skill: slice.skill.as_str().to_owned(),
            mode: slice.mode.as_str().to_owned(),
            from: slice.to_string(),
            matches: 585_502,
            heroes: HEROES.to_vec(),
            side: 62,
            strength: spread(heroes, 31, 90),
            advantage: spread(pairs, 17, 110),
            synergy: spread(pairs, 13, 40),
            sd_side: 3,
            sd_strength: vec![26; heroes],
            sd_advantage: vec![38; pairs],
            sd_synergy: vec![30; pairs],
        }
    }

    pub(crate) fn counters(&self, slice: Slice, hero: u16) -> CountersDocument {
        let pair = PairPoints {
            pp: Decimal(184),
            lo: Decimal(121),
            hi: Decimal(247),
            win_rate: Decimal(5190),
            expected: Decimal(5002),
            games: 4210,
            wins: 2185,
            low_sample: false,
        };
        CountersDocument {
            v: VERSION,
            run: self.run().to_string(),
            as_of: self.as_of(),
            patch: self.patch.to_owned(),
            skill: slice.skill.as_str().to_owned(),
            mode: slice.mode.as_str().to_owned(),
            hero,
            from: slice.to_string(),
            matches: 585_502,
            level: Decimal(9000),
            strength: StrengthPoints {
                pp: Decimal(-112),
                lo: Decimal(-131),
                hi: Decimal(-93),
                win_rate: Decimal(4887),
                // Hero 14 is the one that nobody picks.
                games: if hero == 14 { 10 } else { 65_010 },
                wins: 5,
                low_sample: hero == 14,
            },
            vs: others(hero).map(|other| (other, pair)).collect(),
        }
    }

    fn synergies(&self, slice: Slice, hero: u16) -> SynergyDocument {
        let counters = self.counters(slice, hero);
        SynergyDocument {
            v: counters.v,
            run: counters.run,
            as_of: counters.as_of,
            patch: counters.patch,
            skill: counters.skill,
            mode: counters.mode,
            hero,
            from: counters.from,
            matches: counters.matches,
            level: counters.level,
            strength: counters.strength,
            with: counters.vs,
        }
    }

    fn pas(&self) -> PasDocument {
        let score = HeroScore {
            pp: Decimal(310),
            lo: Decimal(20),
            hi: Decimal(600),
            parts: ScoreParts {
                hero: Decimal(-112),
                account: Decimal(85),
                personal: Decimal(337),
            },
            games: 64,
            wins: 38,
            expected_wins: Decimal(324),
        };
        PasDocument {
            v: VERSION,
            run: self.run().to_string(),
            as_of: self.as_of(),
            account: 76_482_434,
            skill: "high".to_owned(),
            level: Decimal(9000),
            games: 812,
            prior_sd: PasPriors {
                account: Decimal(11),
                hero: Decimal(18),
            },
            heroes: [(7, score)].into(),
        }
    }

    pub(crate) fn meta(&self) -> MetaDocument {
        let of = |strength, advantage, synergy| PriorFigures {
            strength: Decimal(strength),
            advantage: Decimal(advantage),
            synergy: Decimal(synergy),
        };
        let figures = |slice: Slice| SliceFigures {
            from: slice.to_string(),
            matches: 585_502,
            effective_matches: 431_000,
            window: [
                AsOf::of(Timestamp::from_unix_seconds(1_716_441_965)),
                AsOf::of(Timestamp::from_unix_seconds(1_719_705_600)),
            ],
            excluded: BTreeMap::from([("mode".to_owned(), 81_234)]),
            prior_sd: of(81, 54, 40),
            prior_games: PriorFigures {
                strength: 610,
                advantage: 1370,
                synergy: 2500,
            },
            // Turbo has held nothing out.
            holdout: (slice.mode == Mode::Default).then_some(HoldOutFigures {
                matches: 58_550,
                log_loss: Decimal(6801),
                heroes_only: Decimal(6842),
                constant: Decimal(6928),
                accuracy: Decimal(565),
                auc: Decimal(591),
                ece: Decimal(21),
                slope: Decimal(101),
            }),
        };
        MetaDocument {
            v: VERSION,
            run: self.run().to_string(),
            as_of: self.as_of(),
            patch: self.patch.to_owned(),
            slices: SLICES
                .map(|slice| (slice.to_string(), figures(slice)))
                .into(),
            excluded: BTreeMap::from([
                ("leaver".to_owned(), 33_120),
                ("too_short".to_owned(), 20_411),
            ]),
        }
    }

    pub(crate) fn index(&self) -> PatchesDocument {
        let entry = |patch: &&str| PatchEntry {
            patch: (*patch).to_owned(),
            run: self.run().to_string(),
            as_of: self.as_of(),
        };
        PatchesDocument {
            v: VERSION,
            as_of: self.as_of(),
            current: self.patches[0].to_owned(),
            patches: self.patches.iter().map(entry).collect(),
        }
    }
}

fn keys(slice: Slice, patch: &str) -> SliceKeys<'_> {
    SliceKeys {
        patch,
        skill: slice.skill.as_str(),
        mode: slice.mode.as_str(),
    }
}

fn others(hero: u16) -> impl Iterator<Item = u16> {
    HEROES.into_iter().filter(move |&other| other != hero)
}

fn document(key: String, value: &impl ModelDocument) -> Document {
    Document {
        key,
        json: value.encode().into(),
    }
}
