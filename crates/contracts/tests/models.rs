//! The documents as they are promised, and the way back.

use std::collections::BTreeMap;

use contracts::models::{
    AsOf, CountersDocument, Decimal, DocumentUnreadable, DraftModelDocument, HeroScore,
    HoldOutFigures, MetaDocument, ModelDocument, PairPoints, PasDocument, PasPriors, PatchEntry,
    PatchesDocument, PriorFigures, ScoreParts, SliceFigures, SliceKeys, StrengthPoints,
    SynergyDocument, VERSION, meta_key, pas_key,
};
use domain::Timestamp;

/// 2024-06-30T06:17:00Z
const AS_OF: AsOf = AsOf::of(Timestamp::from_unix_ms(1_719_728_220_000));
const RUN: &str = "0192f3a1-0000-7000-8000-000000000000";

fn strength() -> StrengthPoints {
    StrengthPoints {
        pp: Decimal(-112),
        lo: Decimal(-131),
        hi: Decimal(-93),
        win_rate: Decimal(4887),
        games: 65_010,
        wins: 31_770,
        low_sample: false,
    }
}

fn pairs() -> BTreeMap<u16, PairPoints> {
    let known = PairPoints {
        pp: Decimal(184),
        lo: Decimal(121),
        hi: Decimal(247),
        win_rate: Decimal(5190),
        expected: Decimal(5002),
        games: 4210,
        wins: 2185,
        low_sample: false,
    };
    let unsure = PairPoints {
        pp: Decimal(-22),
        lo: Decimal(-140),
        hi: Decimal(96),
        win_rate: Decimal(4710),
        expected: Decimal(4766),
        games: 310,
        wins: 146,
        low_sample: true,
    };
    [(10, unsure), (2, known)].into()
}

fn counters() -> CountersDocument {
    CountersDocument {
        v: VERSION,
        run: RUN.to_owned(),
        as_of: AS_OF,
        patch: "7.36".to_owned(),
        skill: "high".to_owned(),
        mode: "default".to_owned(),
        hero: 1,
        from: "skill_high".to_owned(),
        matches: 585_502,
        level: Decimal(9000),
        strength: strength(),
        vs: pairs(),
    }
}

fn synergy() -> SynergyDocument {
    let of = counters();
    SynergyDocument {
        v: of.v,
        run: of.run,
        as_of: of.as_of,
        patch: of.patch,
        skill: of.skill,
        mode: of.mode,
        hero: of.hero,
        from: of.from,
        matches: of.matches,
        level: of.level,
        strength: of.strength,
        with: of.vs,
    }
}

fn draft_model() -> DraftModelDocument {
    DraftModelDocument {
        v: VERSION,
        run: RUN.to_owned(),
        as_of: AS_OF,
        patch: "7.36".to_owned(),
        skill: "high".to_owned(),
        mode: "default".to_owned(),
        from: "skill_high".to_owned(),
        matches: 585_502,
        heroes: vec![1, 2, 3],
        side: 62,
        strength: vec![-45, 12, 3],
        advantage: vec![74, -9, 21],
        synergy: vec![5, 0, -3],
        sd_side: 3,
        sd_strength: vec![8, 8, 9],
        sd_advantage: vec![26, 40, 38],
        sd_synergy: vec![30, 31, 29],
    }
}

fn meta() -> MetaDocument {
    let slice = SliceFigures {
        from: "skill_high".to_owned(),
        matches: 585_502,
        effective_matches: 431_000,
        window: [AsOf::of(Timestamp::from_unix_ms(1_716_441_965_242)), AS_OF],
        excluded: [("mode".to_owned(), 81_234)].into(),
        prior_sd: PriorFigures {
            strength: Decimal(81),
            advantage: Decimal(54),
            synergy: Decimal(40),
        },
        prior_games: PriorFigures {
            strength: 610,
            advantage: 1370,
            synergy: 2500,
        },
        holdout: Some(HoldOutFigures {
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
    let unjudged = SliceFigures {
        holdout: None,
        from: "skill_all:mode_turbo".to_owned(),
        ..slice.clone()
    };
    MetaDocument {
        v: VERSION,
        run: RUN.to_owned(),
        as_of: AS_OF,
        patch: "7.36".to_owned(),
        slices: [
            ("skill_high".to_owned(), slice),
            ("skill_high:mode_turbo".to_owned(), unjudged),
        ]
        .into(),
        excluded: [
            ("too_short".to_owned(), 20_411),
            ("leaver".to_owned(), 33_120),
        ]
        .into(),
    }
}

fn patches() -> PatchesDocument {
    let entry = |patch: &str| PatchEntry {
        patch: patch.to_owned(),
        run: RUN.to_owned(),
        as_of: AS_OF,
    };
    PatchesDocument {
        v: VERSION,
        as_of: AS_OF,
        current: "7.36".to_owned(),
        patches: vec![entry("7.36"), entry("7.35")],
    }
}

fn pas() -> PasDocument {
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
        run: RUN.to_owned(),
        as_of: AS_OF,
        account: 76_482_434,
        skill: "medium".to_owned(),
        level: Decimal(9000),
        games: 812,
        prior_sd: PasPriors {
            account: Decimal(11),
            hero: Decimal(18),
        },
        heroes: [(1, score)].into(),
    }
}

fn text<D: ModelDocument + PartialEq + std::fmt::Debug>(document: &D) -> String {
    let bytes = document.encode();
    assert_eq!(&D::decode(&bytes).expect("it was written"), document);
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[test]
fn documents_are_as_promised() {
    insta::assert_snapshot!("counters", text(&counters()));
    insta::assert_snapshot!("synergy", text(&synergy()));
    insta::assert_snapshot!("draft_model", text(&draft_model()));
    insta::assert_snapshot!("meta", text(&meta()));
    insta::assert_snapshot!("patches", text(&patches()));
    insta::assert_snapshot!("pas", text(&pas()));
}

#[test]
fn keys_are_as_promised() {
    let slice = |mode| SliceKeys {
        patch: "7.36",
        skill: "high",
        mode,
    };
    for (found, promised) in [
        (
            slice("default").counters(1),
            "counters:patch_7.36:skill_high:hero_1",
        ),
        (
            slice("turbo").counters(1),
            "counters:patch_7.36:skill_high:mode_turbo:hero_1",
        ),
        (
            slice("default").synergy(5),
            "synergy:patch_7.36:skill_high:hero_5",
        ),
        (
            slice("default").draft_model(),
            "draft_model:patch_7.36:skill_high",
        ),
        (
            slice("turbo").draft_model(),
            "draft_model:patch_7.36:skill_high:mode_turbo",
        ),
        (slice("turbo").name(), "skill_high:mode_turbo"),
        (meta_key("7.36"), "meta:patch_7.36"),
        (pas_key(76_482_434), "pas:account_76482434"),
    ] {
        assert_eq!(found, promised);
    }
}

#[test]
fn readers_ignore_what_they_do_not_know_and_refuse_another_version() {
    let newer = text(&patches()).replacen('{', "{\"more\":[1],", 1);
    assert_eq!(
        PatchesDocument::decode(newer.as_bytes()).expect("known"),
        patches()
    );
    let other = text(&patches()).replacen("\"v\":1", "\"v\":2", 1);
    let refused = PatchesDocument::decode(other.as_bytes());
    assert!(
        matches!(refused, Err(DocumentUnreadable::Version(2))),
        "{refused:?}"
    );
    assert!(PatchesDocument::decode(b"{}").is_err());
}
