//! Telling counts apart.

use crate::{
    counts::Counts,
    ports::{Part, PatchCounts},
    slices::MatchSums,
    tally::Tally,
};

/// A number that tells texts apart, the same on every machine; in hexadecimal.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    let mut all = Fingerprint::new();
    all.text(text);
    all.hex()
}

/// FNV-1a with 128 bits: the same counts, the same number, on every machine.
pub(super) struct Fingerprint(u128);

impl Fingerprint {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    pub(super) const fn new() -> Self {
        Self(Self::OFFSET)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }

    pub(super) fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// A text and its end.
    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    pub(super) fn counts(&mut self, counts: &PatchCounts) {
        for hero in counts.roster.heroes() {
            self.number(u64::from(hero.get()));
        }
        for (cell, counts) in &counts.cells {
            self.text(match cell.part {
                Part::Fit => "fit",
                Part::HeldOut => "held out",
            });
            self.text(cell.mode.as_str());
            self.number(u64::from(cell.bracket.get()));
            self.tallies(counts);
        }
        for ((part, bracket), matches) in &counts.other_modes {
            self.number(u64::from(*part == Part::Fit));
            self.number(u64::from(bracket.get()));
            self.number(*matches);
        }
    }

    pub(super) fn sums(&mut self, sums: &MatchSums) {
        self.number(sums.read);
        self.number(sums.used);
        for (reason, count) in &sums.excluded {
            self.text(reason);
            self.number(*count);
        }
    }

    fn tallies(&mut self, counts: &Counts) {
        self.tally(&counts.matches());
        let pairs = counts
            .against()
            .values()
            .iter()
            .chain(counts.with().values());
        for (place, tally) in counts.heroes().iter().chain(pairs).enumerate() {
            // Most pairs of a small slice have never met.
            if *tally != Tally::default() {
                self.number(place as u64);
                self.tally(tally);
            }
        }
    }

    fn tally(&mut self, tally: &Tally) {
        self.number(tally.games);
        self.number(tally.wins);
        self.number(tally.weighted_games);
        self.number(tally.weighted_wins);
    }

    pub(super) fn hex(&self) -> String {
        format!("{:032x}", self.0)
    }
}
