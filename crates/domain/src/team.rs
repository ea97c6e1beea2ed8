//! Who plays on one side.

use crate::{HeroId, InvalidData};

/// The heroes of one side, in the order of its slots, as far as there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Team {
    /// Beyond `len` all are `None`, so that equal teams are equal.
    heroes: [Option<HeroId>; Team::SLOTS],
    len: usize,
}

impl Team {
    /// How many slots a side has in a whole match.
    pub const SLOTS: usize = 5;

    /// Takes the heroes in the order of their slots, `None` for an unfilled one.
    ///
    /// # Errors
    /// [`InvalidData::TeamTooLarge`] above five slots.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "whoever read a team has it in a vector and no further use for it"
    )]
    pub fn try_new(heroes: Vec<Option<HeroId>>) -> Result<Self, InvalidData> {
        let len = heroes.len();
        let mut team = Self {
            len,
            ..Self::default()
        };
        let slots = team.heroes.get_mut(..len);
        slots
            .ok_or(InvalidData::TeamTooLarge(len))?
            .copy_from_slice(&heroes);
        Ok(team)
    }

    /// The heroes in the order of their slots, `None` for an unfilled one.
    #[must_use]
    pub fn heroes(&self) -> &[Option<HeroId>] {
        &self.heroes[..self.len]
    }

    /// All five slots, filled or not; nothing when fewer are known.
    #[must_use]
    pub fn whole(&self) -> Option<[Option<HeroId>; Self::SLOTS]> {
        (self.len == Self::SLOTS).then_some(self.heroes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_has_up_to_five_slots() {
        let hero = HeroId::try_new(1).ok();
        for len in 0..=7 {
            let heroes = vec![hero; len];
            match Team::try_new(heroes.clone()) {
                Ok(team) => {
                    assert!(len <= 5);
                    assert_eq!(team.heroes(), heroes);
                    assert_eq!(team.whole(), (len == 5).then_some([hero; 5]));
                }
                Err(e) => {
                    assert!(len > 5);
                    assert_eq!(e, InvalidData::TeamTooLarge(len));
                }
            }
        }
    }

    #[test]
    fn an_unfilled_slot_is_a_slot() {
        let four = Team::try_new(vec![None; 4]).expect("four slots");
        let five = Team::try_new(vec![None; 5]).expect("five slots");
        assert_ne!(four, five);
        assert_eq!(five.whole(), Some([None; 5]));
    }
}
