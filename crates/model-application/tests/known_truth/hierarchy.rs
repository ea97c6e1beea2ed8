//! What a slice learns from its parent.

use std::collections::BTreeMap;

use model_application::{Counts, Parent, Skill, Source, estimate, estimate_from, estimate_mode};

use crate::{
    counted,
    judge::{Verdict, judge},
    world::{World, WorldConfig},
};

const MATCHES: usize = 100_000;

fn means(verdicts: &[Verdict], figure: fn(&Verdict) -> f64) -> f64 {
    verdicts.iter().map(figure).sum::<f64>() / verdicts.len() as f64
}

/// A third of all matches is of a skill that differs a little from the others.
#[test]
fn a_skill_learns_from_all_and_its_intervals_hold() {
    for (kept, gain) in [(0.98, 0.90), (0.90, 0.96)] {
        let (mut alone, mut within) = (Vec::new(), Vec::new());
        for seed in 1..=3 {
            let base = World::new(WorldConfig::default(), seed);
            let skills: Vec<World> = (1..=3)
                .map(|skill| base.changed(&base.sibling(100 * seed + skill), kept))
                .collect();
            let each: Vec<Counts> = skills.iter().map(|skill| counted(skill, MATCHES)).collect();
            let mut all = each[0].clone();
            all.merge(&each[1]);
            all.merge(&each[2]);
            let whole = estimate(&all);
            alone.push(judge(&skills[0], &each[0], &estimate(&each[0])));
            let found = estimate_from(&each[0], Some(Parent::Whole(&whole)));
            within.push(judge(&skills[0], &each[0], &found));
        }
        for figure in [(|v| v.advantage_error_pp) as fn(&Verdict) -> f64, |v| {
            v.strength_error_pp
        }] {
            let (alone, within) = (means(&alone, figure), means(&within, figure));
            println!("{kept}: alone {alone:.3}, within all {within:.3}");
            assert!(within <= gain * alone, "{within} for {alone}");
        }
        for figure in [(|v| v.advantage_coverage) as fn(&Verdict) -> f64, |v| {
            v.synergy_coverage
        }] {
            let coverage = means(&within, figure);
            println!("{kept}: coverage {coverage:.3}");
            assert!((0.90..=0.98).contains(&coverage), "{coverage}");
        }
    }
}

/// After a patch three quarters of everything are left.
#[test]
fn a_patch_learns_from_the_one_before_and_how_much_is_left_of_it() {
    let (mut alone, mut after) = (Vec::new(), Vec::new());
    for seed in 1..=3 {
        let old = World::new(WorldConfig::default(), seed);
        let new = old.changed(&old.sibling(100 + seed), 0.75);
        let earlier = estimate(&counted(&old, 10 * MATCHES));
        let counts = counted(&new, MATCHES);
        let found = estimate_from(&counts, Some(Parent::Earlier(&earlier)));
        let kept = found.carried_over.expect("a patch was before");
        println!("carried over: {kept:.3?}");
        assert!((kept.strength - 0.75).abs() < 0.15, "{kept:?}");
        assert!((kept.advantage - 0.75).abs() < 0.10, "{kept:?}");
        alone.push(judge(&new, &counts, &estimate(&counts)));
        after.push(judge(&new, &counts, &found));
    }
    let errors = |of: &[Verdict]| means(of, |v| v.advantage_error_pp);
    println!("alone {:.3}, after {:.3}", errors(&alone), errors(&after));
    assert!(errors(&after) <= 0.9 * errors(&alone));
    let coverage = means(&after, |v| v.advantage_coverage);
    println!("coverage {coverage:.3}");
    assert!((0.91..=0.98).contains(&coverage), "{coverage}");
}

#[test]
fn a_slice_with_few_matches_shows_its_parent_s_values() {
    let world = World::new(WorldConfig::default(), 1);
    let (few, many) = (counted(&world, 5000), counted(&world, 40_000));
    let earlier = estimate(&counted(&world, 60_000));
    let slices = |all: &Counts, low: &Counts| {
        BTreeMap::from([(Skill::All, all.clone()), (Skill::Low, low.clone())])
    };
    let sources = |counts, earlier| {
        let values = estimate_mode(&counts, earlier, 20_000);
        (values[&Skill::All].source, values[&Skill::Low].source)
    };
    assert_eq!(
        sources(slices(&many, &many), None),
        (Source::Own, Source::Own)
    );
    assert_eq!(
        sources(slices(&many, &few), None),
        (Source::Own, Source::All)
    );
    assert_eq!(
        sources(slices(&few, &few), None),
        (Source::Own, Source::All)
    );
    assert_eq!(
        sources(slices(&few, &few), Some(&earlier)),
        (Source::EarlierPatch, Source::EarlierPatch)
    );
    let shown = estimate_mode(&slices(&many, &few), None, 20_000);
    assert_eq!(shown[&Skill::Low].estimate, shown[&Skill::All].estimate);
    let shown = estimate_mode(&slices(&few, &few), Some(&earlier), 20_000);
    assert_eq!(shown[&Skill::All].estimate, earlier);

    // Few matches of their own leave most effects unknown, and say so.
    let own = estimate_mode(&slices(&few, &few), None, 20_000);
    let pairs = own[&Skill::All].estimate.advantages.values();
    let unknown = pairs.iter().filter(|pair| pair.is_low_sample()).count();
    assert!(2 * unknown > pairs.len(), "{unknown} of {}", pairs.len());
}
