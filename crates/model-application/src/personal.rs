//! The Personal Advantage Score: what is to be expected of an account on a hero.
//!
//! A game counts by what was won beyond what its draft let expect, so a lucky draft is
//! no skill. What an account can do on whatever it plays, `u ~ N(0, t_u)`, and on one
//! hero beyond that, `v ~ N(slope·ln(1 + games), t_v)`, are told apart by closed forms:
//! people play what they are good at, so what was played more may be better.

use domain::HeroId;

use crate::{
    draft_model::z_of,
    estimate::Estimate,
    log_odds::{ln, points},
    tally::Weight,
};

/// The games of an account on a hero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Played {
    /// The hero.
    pub hero: HeroId,
    /// Games, unweighted.
    pub games: u64,
    /// Those that were won.
    pub wins: u64,
    /// How many the drafts let expect, `Σ p`.
    pub expected_wins: f64,
    /// What was won beyond, weighted: `Σ w·(won − p)`.
    surplus: f64,
    /// `Σ w·p(1 − p)`.
    information: f64,
    /// The variance of the surplus: `Σ w²·p(1 − p)`.
    noise: f64,
    /// `Σ (w·p(1 − p))²`: what products of a game with itself would add.
    squares: f64,
}

impl Played {
    /// No game yet.
    #[must_use]
    pub const fn new(hero: HeroId) -> Self {
        Self {
            hero,
            games: 0,
            wins: 0,
            expected_wins: 0.0,
            surplus: 0.0,
            information: 0.0,
            noise: 0.0,
            squares: 0.0,
        }
    }

    /// Adds a game, of which the draft model expected that probability, within 0 … 1.
    #[expect(clippy::cast_precision_loss, reason = "at most 16384")]
    pub fn add(&mut self, expected: f64, won: bool, weight: Weight) {
        let weight = weight.parts() as f64 / Weight::PARTS as f64;
        let won_by = f64::from(u8::from(won)) - expected;
        let information = weight * expected * (1.0 - expected);
        self.games += 1;
        self.wins += u64::from(won);
        self.expected_wins += expected;
        self.surplus += weight * won_by;
        self.information += information;
        self.noise += weight * information;
        self.squares += information * information;
    }

    /// What is seen beyond what `slope` explains, in log-odds, and its noise.
    fn seen(&self, slope: f64) -> (f64, f64) {
        let information = self.information.max(INFORMATION_MIN);
        (
            self.surplus / information - slope * self.practice(),
            self.noise.max(INFORMATION_MIN) / (information * information),
        )
    }

    /// The logarithm of 1 + games: 0 of a hero that was not played.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵³")]
    fn practice(&self) -> f64 {
        ln(1.0 + self.games as f64)
    }

    /// The surplus beyond what `slope` explains.
    fn surplus(&self, slope: f64) -> f64 {
        self.surplus - self.information * slope * self.practice()
    }
}

const INFORMATION_MIN: f64 = 1e-9;
const VARIANCE_MIN: f64 = 1e-8;
/// The weights of products follow from what they are to find; after some rounds
/// nothing changes.
const ROUNDS: u32 = 12;

/// How far skills spread, in log-odds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkillSpread {
    /// The variance of accounts, `t_u`.
    pub account: f64,
    /// The variance of heroes of an account beyond that, `t_v`.
    pub hero: f64,
    /// How much better a hero is by the logarithm of its games.
    pub slope: f64,
}

impl Default for SkillSpread {
    /// What is taken for granted before anybody has learned it: 0.11 and 0.18.
    fn default() -> Self {
        Self {
            account: 0.11 * 0.11,
            hero: 0.18 * 0.18,
            slope: 0.0,
        }
    }
}

impl SkillSpread {
    /// Fewer accounts say little of it, and at times something absurd: nothing at all,
    /// or hundreds of log-odds. Then the [default](Self::default) is the better guess.
    pub const ACCOUNTS_MIN: usize = 200;

    /// Learns the spread from the heroes of all accounts, each account together.
    ///
    /// `each_account` is called once a round and hands over one account after another,
    /// so nobody needs to hold all of them.
    ///
    /// Variances come from products of *different* games, which chance does not bias:
    /// games of an account on one hero vary together by `t_u + t_v`, on different
    /// heroes by `t_u`. A single game says nothing of its spread, `(won − p)²` is
    /// `p(1 − p)` on average whatever the skill.
    #[must_use]
    pub fn learn(mut each_account: impl FnMut(&mut dyn FnMut(&[Played]))) -> Self {
        let mut spread = Self {
            account: 0.0,
            hero: 0.0,
            slope: 0.0,
        };
        for _ in 0..ROUNDS {
            let mut sums = Sums::default();
            each_account(&mut |heroes| sums.add(heroes, spread));
            spread = sums.spread();
        }
        spread
    }
}

/// What a round adds up.
#[derive(Default)]
struct Sums {
    /// Products of games of a hero, and what they are worth.
    same: (f64, f64),
    /// Products of games of different heroes.
    cross: (f64, f64),
    /// Of what was seen on practice, within accounts.
    slope: (f64, f64),
}

impl Sums {
    fn add(&mut self, heroes: &[Played], spread: SkillSpread) {
        let SkillSpread {
            account,
            hero,
            slope,
        } = spread;
        let (mut surplus, mut information, mut noise) = (0.0, 0.0, 0.0);
        let (mut own_products, mut own_worth) = (0.0, 0.0);
        let mut mean = (0.0, 0.0, 0.0);
        for played in heroes {
            let (of_hero, worth) = (played.surplus(slope), played.information);
            let (product, weight) = (
                of_hero * of_hero - played.noise,
                worth * worth - played.squares,
            );
            let variance = played.noise + (account + hero) * worth * worth;
            let trust = 1.0 / variance.max(INFORMATION_MIN);
            self.same.0 += trust * trust * product * weight;
            self.same.1 += trust * trust * weight * weight;
            surplus += of_hero;
            information += worth;
            noise += played.noise;
            own_products += of_hero * of_hero;
            own_worth += worth * worth;
            let (seen, noise_of_seen) = played.seen(0.0);
            let trust = 1.0 / (hero + noise_of_seen);
            mean.0 += trust;
            mean.1 += trust * seen;
            mean.2 += trust * played.practice();
        }
        let (product, weight) = (
            surplus * surplus - own_products,
            information * information - own_worth,
        );
        let variance = noise + account * information * information + hero * own_worth;
        let trust = 1.0 / variance.max(INFORMATION_MIN);
        self.cross.0 += trust * trust * product * weight;
        self.cross.1 += trust * trust * weight * weight;
        for played in heroes {
            let (seen, noise_of_seen) = played.seen(0.0);
            let trust = 1.0 / (hero + noise_of_seen);
            let practice = played.practice() - mean.2 / mean.0;
            self.slope.0 += trust * practice * (seen - mean.1 / mean.0);
            self.slope.1 += trust * practice * practice;
        }
    }

    fn spread(&self) -> SkillSpread {
        let ratio = |(products, worth): (f64, f64)| {
            if worth > 0.0 { products / worth } else { 0.0 }
        };
        let account = ratio(self.cross).max(VARIANCE_MIN);
        SkillSpread {
            account,
            hero: (ratio(self.same) - account).max(VARIANCE_MIN),
            slope: ratio(self.slope),
        }
    }
}

/// What is known of an account's skill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Account {
    spread: SkillSpread,
    /// The mean of its skill on whatever it plays.
    mean: f64,
    /// The variance of that.
    variance: f64,
}

/// A skill on a hero, in log-odds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PersonalSkill {
    /// What the account can do on whatever it plays.
    pub account: f64,
    /// What it can do on this hero beyond that.
    pub personal: f64,
    /// The standard deviation of both together.
    pub sd: f64,
}

/// The Personal Advantage Score, in points of win rate above even, in a neutral draft.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PersonalScore {
    /// What is to be expected: the sum of the parts.
    pub pp: f64,
    /// The interval's lower end.
    pub lo: f64,
    /// The interval's upper end.
    pub hi: f64,
    /// What the hero is worth to everybody.
    pub hero_pp: f64,
    /// What the account adds on whatever it plays.
    pub account_pp: f64,
    /// What it adds on this hero beyond that.
    pub personal_pp: f64,
}

impl Account {
    /// Looks at all heroes of an account: the mean of its skill is that of its heroes,
    /// each as far as it is sure.
    #[must_use]
    pub fn of(heroes: &[Played], spread: SkillSpread) -> Self {
        let (mut precision, mut sum) = (1.0 / spread.account.max(VARIANCE_MIN), 0.0);
        for played in heroes {
            let (seen, noise) = played.seen(spread.slope);
            let weight = 1.0 / (spread.hero + noise);
            precision += weight;
            sum += weight * seen;
        }
        Self {
            spread,
            mean: sum / precision,
            variance: 1.0 / precision,
        }
    }

    /// Its skill on a hero that it has played.
    #[must_use]
    pub fn skill_on(&self, played: &Played) -> PersonalSkill {
        let (seen, noise) = played.seen(self.spread.slope);
        let t = self.spread.hero;
        let trust = t / (t + noise);
        let beyond = trust * (seen - self.mean);
        let left = 1.0 - trust;
        PersonalSkill {
            account: self.mean,
            personal: beyond + self.spread.slope * played.practice(),
            sd: (left * left * self.variance + t * noise / (t + noise)).sqrt(),
        }
    }

    /// Its skill on a hero that it has not played.
    #[must_use]
    pub fn skill_on_unplayed(&self) -> PersonalSkill {
        PersonalSkill {
            account: self.mean,
            personal: 0.0,
            sd: (self.variance + self.spread.hero).sqrt(),
        }
    }
}

impl PersonalSkill {
    /// The score on a hero of that strength, with an interval of that level, such as 0.90.
    #[must_use]
    pub fn score(self, strength: Estimate, level: f64) -> PersonalScore {
        let with_account = strength.value + self.account;
        let all = with_account + self.personal;
        let reach = z_of(level) * (self.sd * self.sd + strength.sd * strength.sd).sqrt();
        PersonalScore {
            pp: points(all),
            lo: points(all - reach),
            hi: points(all + reach),
            hero_pp: points(strength.value),
            account_pp: points(with_account) - points(strength.value),
            personal_pp: points(all) - points(with_account),
        }
    }
}
