//! What a joint fit over drafts finds beyond counts: the same tables hold, and nothing
//! is further from the truth.

use model_application::{Counts, Drafts, FromCounts, Parent, Roster, Weight, estimate};

use crate::{
    COUNTERPICKED, OF_100_000, OF_A_MILLION, check, counted,
    judge::{Verdict, judge},
    world::{World, WorldConfig, named},
};

/// What counts alone tell, and what drafts do.
#[derive(Default)]
struct Both {
    from_counts: Vec<Verdict>,
    jointly: Vec<Verdict>,
}

impl Both {
    fn of(config: WorldConfig, matches: usize, seeds: u64) -> Self {
        let mut both = Self::default();
        for seed in 1..=seeds {
            let world = World::new(config, seed);
            let counts = counted(&world, matches);
            both.add(&world, matches, &counts, None);
        }
        both
    }

    fn add(&mut self, world: &World, matches: usize, counts: &Counts, parent: Option<Parent<'_>>) {
        let known = FromCounts::of(counts, parent);
        let joint = known.jointly(&mut drafts(world, matches), &|| true);
        let joint = joint.expect("it is wanted");
        self.from_counts
            .push(judge(world, counts, known.estimate()));
        self.jointly.push(judge(world, counts, &joint));
    }

    /// The means of a figure: from counts, and jointly.
    fn means(&self, name: &str, figure: fn(&Verdict) -> f64) -> (f64, f64) {
        let mean = |of: &[Verdict]| of.iter().map(figure).sum::<f64>() / of.len() as f64;
        let (from_counts, jointly) = (mean(&self.from_counts), mean(&self.jointly));
        println!("{name}: {from_counts:.4} from counts, {jointly:.4} jointly");
        (from_counts, jointly)
    }

    /// Nothing is further from the truth, and of what can be explained at least so much
    /// more is.
    fn expect_better(&self, captured_more: f64) {
        for (name, figure) in [
            (
                "advantage, pp",
                (|v| v.advantage_error_pp) as fn(&Verdict) -> f64,
            ),
            ("synergy, pp", |v| v.synergy_error_pp),
            ("strength, pp", |v| v.strength_error_pp),
        ] {
            let (from_counts, jointly) = self.means(name, figure);
            assert!(jointly <= 1.002 * from_counts, "{name}");
        }
        let (from_counts, jointly) = self.means("captured", |v| v.captured);
        assert!(jointly >= from_counts + captured_more);
        let (_, against) = self.means("coverage, against", |v| v.advantage_coverage);
        let (_, with) = self.means("coverage, with", |v| v.synergy_coverage);
        for coverage in [against, with] {
            assert!((0.90..=0.98).contains(&coverage), "{coverage}");
        }
    }
}

fn drafts(world: &World, matches: usize) -> Drafts {
    let heroes = World::heroes();
    let roster = Roster::new(heroes.iter().copied());
    let mut drafts = Drafts::try_new(roster).expect("127 heroes have room");
    drafts.reserve(matches);
    for (drafted, radiant_won) in world.matches(matches) {
        let draft = named(&heroes, &drafted);
        let added = drafts.add(&draft, radiant_won, Weight::FULL);
        added.expect("all heroes are listed");
    }
    drafts
}

#[test]
fn of_100_000_matches_a_joint_fit_finds_as_much() {
    let both = Both::of(WorldConfig::default(), 100_000, 6);
    check(&both.jointly, 2.0, &OF_100_000);
    both.expect_better(0.0);
}

#[test]
fn of_a_million_matches_a_joint_fit_finds_a_little_more() {
    let both = Both::of(WorldConfig::default(), 1_000_000, 2);
    check(&both.jointly, 2.0, &OF_A_MILLION);
    both.expect_better(0.002);
}

/// Counts think that drafts are drawn; who answers what is picked makes that wrong.
#[test]
fn of_drafts_that_answer_each_other_a_joint_fit_finds_more() {
    let counterpicked = WorldConfig {
        counterpicked: 0.6,
        ..WorldConfig::default()
    };
    let both = Both::of(counterpicked, 1_000_000, 1);
    both.expect_better(0.01);
    check(&both.jointly, 2.0, &COUNTERPICKED);
    let (from_counts, jointly) = both.means("regret, pp", |v| v.regret_pp);
    assert!(jointly <= 0.95 * from_counts);
}

/// A third of all matches is of a skill that differs a little from the others, or after
/// a patch three quarters are left: priors have means, and the whole knows the part's
/// own games already.
#[test]
fn what_a_parent_knows_is_counted_once() {
    const MATCHES: usize = 100_000;
    let (mut of_whole, mut of_earlier) = (Both::default(), Both::default());
    for seed in 1..=3 {
        let base = World::new(WorldConfig::default(), seed);
        let skills: Vec<World> = (1..=3)
            .map(|skill| base.changed(&base.sibling(100 * seed + skill), 0.98))
            .collect();
        let each: Vec<Counts> = skills.iter().map(|skill| counted(skill, MATCHES)).collect();
        let mut all = each[0].clone();
        all.merge(&each[1]);
        all.merge(&each[2]);
        let whole = estimate(&all);
        of_whole.add(&skills[0], MATCHES, &each[0], Some(Parent::Whole(&whole)));

        let earlier = estimate(&counted(&base, 3 * MATCHES));
        let new = base.changed(&base.sibling(100 + seed), 0.75);
        let counts = counted(&new, MATCHES);
        of_earlier.add(&new, MATCHES, &counts, Some(Parent::Earlier(&earlier)));
    }
    for both in [of_whole, of_earlier] {
        both.expect_better(0.0);
    }
}
