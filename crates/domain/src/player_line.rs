//! What is known of one player of a match.

use crate::{AccountId, HeroId, Position, Slot};

/// From this `leaver_status` on, a player has left the match for good; 1 had
/// disconnected and was safe to leave.
const LEAVER_STATUS_LEFT: u8 = 2;

/// One player's line of the score board. `None` is what nobody said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the fields are the words of the game's own score board"
)]
pub struct PlayerLine {
    /// The player's place, and so the side.
    pub slot: Slot,
    /// Whose account it is; `None` also when the player does not show it.
    pub account_id: Option<AccountId>,
    /// `None` also when the player never chose one.
    pub hero_id: Option<HeroId>,
    pub kills: Option<u16>,
    pub deaths: Option<u16>,
    pub assists: Option<u16>,
    pub last_hits: Option<u16>,
    pub denies: Option<u16>,
    pub gold_per_min: Option<u16>,
    pub xp_per_min: Option<u16>,
    pub level: Option<u8>,
    pub net_worth: Option<u32>,
    pub hero_damage: Option<u32>,
    pub tower_damage: Option<u32>,
    pub hero_healing: Option<u32>,
    /// How the player left, as the game numbers it.
    pub leaver_status: Option<u8>,
    /// What the player carried at the end, in the order of its places, 0 for an
    /// empty one; none when nobody said.
    pub items: Vec<u16>,
    /// Where the player began, as upstreams number lanes; only of a read replay.
    pub lane: Option<u8>,
    /// What the player did there; only of a read replay.
    pub position: Option<Position>,
}

impl PlayerLine {
    /// A line of which only the place is known.
    #[must_use]
    pub const fn new(slot: Slot) -> Self {
        Self {
            slot,
            account_id: None,
            hero_id: None,
            kills: None,
            deaths: None,
            assists: None,
            last_hits: None,
            denies: None,
            gold_per_min: None,
            xp_per_min: None,
            level: None,
            net_worth: None,
            hero_damage: None,
            tower_damage: None,
            hero_healing: None,
            leaver_status: None,
            items: Vec::new(),
            lane: None,
            position: None,
        }
    }

    /// Whether the player is known to have left the match before its end.
    #[must_use]
    pub fn is_leaver(&self) -> bool {
        self.leaver_status
            .is_some_and(|status| status >= LEAVER_STATUS_LEFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_disconnected_safely_is_no_leaver() {
        let slot = Slot::try_new(0).expect("a slot");
        for (leaver_status, is_leaver) in [
            (None, false),
            (Some(0), false),
            (Some(1), false),
            (Some(2), true),
            (Some(u8::MAX), true),
        ] {
            let line = PlayerLine {
                leaver_status,
                ..PlayerLine::new(slot)
            };
            assert_eq!(line.is_leaver(), is_leaver, "{leaver_status:?}");
        }
    }
}
