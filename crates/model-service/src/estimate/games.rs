//! A file of games: how good accounts are, beyond what their drafts let expect.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use domain::{AccountId, HeroId};
use model_application::{Account, Played, SkillSpread, Weight};
use serde::Serialize;

use super::table::Table;

/// The columns, in the order in which they are looked for.
const COLUMNS: [&str; 4] = ["account", "hero", "expected", "won"];
/// Of each account and each of its heroes something is held in memory: some 500 MB.
const HEROES_MAX: usize = 5_000_000;

/// What there is of each account, by its heroes.
pub(crate) struct Games(BTreeMap<AccountId, Vec<Played>>);

/// What is written, in log-odds.
#[derive(Debug, Serialize)]
pub(crate) struct Skills {
    prior_sd: PriorDeviations,
    /// How much better a hero is by the logarithm of its games.
    slope: f64,
    pub(crate) accounts: Vec<OfAccount>,
}

#[derive(Debug, Serialize)]
struct PriorDeviations {
    account: f64,
    hero: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct OfAccount {
    account: u32,
    heroes: Vec<OfHero>,
}

#[derive(Debug, Serialize)]
struct OfHero {
    hero: u16,
    games: u64,
    wins: u64,
    expected_wins: f64,
    /// What the account can do on whatever it plays.
    account: f64,
    /// What it can do on this hero beyond that.
    personal: f64,
    /// Of both together.
    sd: f64,
}

/// Reads the file once; lines may stand in any order.
pub(crate) fn read(file: &Path) -> Result<Games> {
    let mut heroes: BTreeMap<(AccountId, HeroId), Played> = BTreeMap::new();
    let mut table = Table::open(file, COLUMNS, "account, hero, expected, won")?;
    super::with_progress("games", "read", || {
        let line = table.next_line(|line| {
            let (account, hero, expected, won) = parse(line)?;
            let played = heroes.entry((account, hero));
            let played = played.or_insert_with(|| Played::new(hero));
            played.add(expected, won, Weight::FULL);
            Ok(())
        })?;
        ensure!(
            heroes.len() <= HEROES_MAX,
            "{} has more than {HEROES_MAX} heroes of accounts: take a part of the accounts",
            file.display()
        );
        Ok(line.is_some())
    })?;
    let mut accounts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ((account, _), played) in heroes {
        accounts.entry(account).or_default().push(played);
    }
    Ok(Games(accounts))
}

fn parse(line: &Table<4>) -> Result<(AccountId, HeroId, f64, bool)> {
    let account = AccountId::try_new(line.number(0)?).context("column account")?;
    let hero = HeroId::try_new(line.number(1)?).context("column hero")?;
    let expected: f64 = line.number(2)?;
    ensure!(
        expected > 0.0 && expected < 1.0,
        "expected is {expected}, but a chance between 0 and 1 is expected"
    );
    let won = match line.number::<u8>(3)? {
        0 => false,
        1 => true,
        other => bail!("won is {other}, but 0 or 1 is expected"),
    };
    Ok((account, hero, expected, won))
}

impl Games {
    /// What is to be expected of each account on each hero that it has played.
    pub(crate) fn estimated(&self) -> Skills {
        let spread = if self.0.len() < SkillSpread::ACCOUNTS_MIN {
            SkillSpread::default()
        } else {
            SkillSpread::learn(|add| self.0.values().for_each(|heroes| add(heroes)))
        };
        let accounts = self.0.iter().map(|(account, heroes)| OfAccount {
            account: account.get(),
            heroes: of_heroes(heroes, spread),
        });
        Skills {
            prior_sd: PriorDeviations {
                account: spread.account.sqrt(),
                hero: spread.hero.sqrt(),
            },
            slope: spread.slope,
            accounts: accounts.collect(),
        }
    }
}

fn of_heroes(heroes: &[Played], spread: SkillSpread) -> Vec<OfHero> {
    let account = Account::of(heroes, spread);
    let each = heroes.iter().map(|played| {
        let skill = account.skill_on(played);
        OfHero {
            hero: played.hero.get(),
            games: played.games,
            wins: played.wins,
            expected_wins: played.expected_wins,
            account: skill.account,
            personal: skill.personal,
            sd: skill.sd,
        }
    });
    each.collect()
}

impl Skills {
    /// How many games these are of.
    pub(crate) fn games(&self) -> u64 {
        let heroes = self.accounts.iter().flat_map(|account| &account.heroes);
        heroes.map(|hero| hero.games).sum()
    }
}
