//! Counting drafts one after another, as fast as memory allows.

use crate::{
    counts::Counts,
    draft::Draft,
    roster::{HeroNotListed, Roster},
    tally::Tally,
};

/// Counts drafts as they come.
///
/// A match adds to 45 cells, each of games and wins in one number; heroes are told
/// from their pairs at the end. More than five million matches a second are counted
/// by one core.
#[derive(Debug, Clone)]
pub struct Counter {
    roster: Roster,
    cells: Cells,
    /// What was counted before the cells were emptied.
    counts: Counts,
}

/// Games below, wins above: neither can run over while there are fewer than 2³² matches.
const WINS_FROM_BIT: u32 = 32;

#[derive(Debug, Clone)]
struct Cells {
    heroes: usize,
    matches: u32,
    radiant_wins: u32,
    /// By the Radiant's hero, then the Dire's; won by the Radiant.
    against: Vec<u64>,
    /// By the two heroes as they stand in the draft.
    with: Vec<u64>,
}

impl Counter {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(roster: Roster) -> Self {
        Self {
            cells: Cells::new(roster.len()),
            counts: Counts::new(roster.clone()),
            roster,
        }
    }

    /// Counts a match.
    ///
    /// # Errors
    /// [`HeroNotListed`]; then nothing of the match is counted.
    pub fn add(&mut self, draft: &Draft, radiant_won: bool) -> Result<(), HeroNotListed> {
        let radiant = self.roster.places(draft.radiant())?;
        let dire = self.roster.places(draft.dire())?;
        self.cells.add(radiant, dire, radiant_won);
        if self.cells.matches == u32::MAX {
            self.empty();
        }
        Ok(())
    }

    /// All that was counted.
    #[must_use]
    pub fn finish(mut self) -> Counts {
        self.empty();
        self.counts
    }

    fn empty(&mut self) {
        let full = std::mem::replace(&mut self.cells, Cells::new(self.roster.len()));
        full.add_to(&mut self.counts);
    }
}

impl Cells {
    fn new(heroes: usize) -> Self {
        Self {
            heroes,
            matches: 0,
            radiant_wins: 0,
            against: vec![0; heroes * heroes],
            with: vec![0; heroes * heroes],
        }
    }

    fn add(&mut self, radiant: [usize; 5], dire: [usize; 5], radiant_won: bool) {
        let won = 1 | u64::from(radiant_won) << WINS_FROM_BIT;
        let lost = 1 | u64::from(!radiant_won) << WINS_FROM_BIT;
        self.matches += 1;
        self.radiant_wins += u32::from(radiant_won);
        for ours in radiant {
            let row = &mut self.against[ours * self.heroes..][..self.heroes];
            for theirs in dire {
                row[theirs] += won;
            }
        }
        for (side, result) in [(radiant, won), (dire, lost)] {
            for (slot, &hero) in side.iter().enumerate() {
                let row = &mut self.with[hero * self.heroes..][..self.heroes];
                for &ally in &side[slot + 1..] {
                    row[ally] += result;
                }
            }
        }
    }

    fn add_to(&self, counts: &mut Counts) {
        let tally = |cell: u64| Tally::of(cell & u64::from(u32::MAX), cell >> WINS_FROM_BIT);
        let place = |one: usize, other: usize| one * self.heroes + other;
        counts.matches.merge(Tally::of(
            u64::from(self.matches),
            u64::from(self.radiant_wins),
        ));
        for ((i, j), pair) in counts.against.iter_mut() {
            pair.merge(tally(self.against[place(i, j)]));
            pair.merge(tally(self.against[place(j, i)]).of_opponent());
        }
        for ((i, j), pair) in counts.with.iter_mut() {
            pair.merge(tally(self.with[place(i, j)]));
            pair.merge(tally(self.with[place(j, i)]));
        }
        for (hero, total) in counts.heroes.iter_mut().enumerate() {
            // Each match of a hero is five pairs of enemies.
            let mut pairs = Tally::default();
            for other in 0..self.heroes {
                pairs.merge(tally(self.against[place(hero, other)]));
                pairs.merge(tally(self.against[place(other, hero)]).of_opponent());
            }
            total.merge(Tally::of(pairs.games / 5, pairs.wins / 5));
        }
    }
}
