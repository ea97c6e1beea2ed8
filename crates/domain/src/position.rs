//! What a player does in a match, by the order in which a side farms.

use crate::{InvalidData, Team};

/// A player's position, 1 to 5: whose farm comes first on a side, and whose last.
///
/// 1 carries from the safe lane, 2 is in the middle, 3 is in the off lane, 4
/// supports from there, and 5 supports the safe lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u8);

/// How a player began a match, as a read replay tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Laner {
    /// The role of the lane for the player's side: 1 safe lane, 2 middle, 3 off
    /// lane, 4 jungle.
    pub lane_role: u8,
    /// What the player owned at the end, in gold.
    pub net_worth: u32,
}

const SAFE_LANE: u8 = 1;
const MIDDLE: u8 = 2;
const OFF_LANE: u8 = 3;

impl Position {
    /// Takes a raw position.
    ///
    /// # Errors
    /// [`InvalidData::PositionOutOfRange`] for 0 and above 5.
    pub const fn try_new(raw: u8) -> Result<Self, InvalidData> {
        if 1 <= raw && raw <= 5 {
            Ok(Self(raw))
        } else {
            Err(InvalidData::PositionOutOfRange(raw))
        }
    }

    /// The raw position, 1 to 5.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The positions of a side, in the order of its slots.
    ///
    /// The rule is ours. In each of the three lanes the richest of its players is
    /// the one who farms it: 1, 2 and 3. Of the two who are left, the one of the
    /// safe lane is 5 and the one of the off lane 4; where that does not tell
    /// them apart, the richer one is 4. Of players who own the same, the one with
    /// the lower slot counts as richer.
    ///
    /// A side of which nobody was in one of the lanes did not play by positions,
    /// or was not read well: it has none.
    #[must_use]
    pub fn of_side(laners: [Laner; Team::SLOTS]) -> Option<[Self; Team::SLOTS]> {
        let richest = |role| {
            let of_lane = (0..Team::SLOTS).filter(|slot| laners[*slot].lane_role == role);
            // Of equal ones the last is taken, so the first comes last.
            of_lane.rev().max_by_key(|slot| laners[*slot].net_worth)
        };
        let cores = [richest(SAFE_LANE)?, richest(MIDDLE)?, richest(OFF_LANE)?];
        let mut positions = [Self(0); Team::SLOTS];
        for (slot, position) in cores.into_iter().zip(1..) {
            positions[slot] = Self(position);
        }
        let mut supports: Vec<usize> = (0..Team::SLOTS)
            .filter(|slot| !cores.contains(slot))
            .collect();
        // Stable: of equal ones the lower slot stays first.
        supports.sort_by_key(|slot| {
            let Laner {
                lane_role,
                net_worth,
            } = laners[*slot];
            let lane = match lane_role {
                OFF_LANE => 0,
                SAFE_LANE => 2,
                _ => 1,
            };
            (lane, u32::MAX - net_worth)
        });
        for (slot, position) in supports.into_iter().zip(4..) {
            positions[slot] = Self(position);
        }
        Some(positions)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(laners: [(u8, u32); 5], expected: Option<[u8; 5]>) {
        let side = laners.map(|(lane_role, net_worth)| Laner {
            lane_role,
            net_worth,
        });
        let found = Position::of_side(side);
        assert_eq!(
            found.map(|side| side.map(Position::get)),
            expected,
            "{laners:?}"
        );
    }

    #[test]
    fn lanes_and_farm_make_positions() {
        check(
            [(1, 14), (1, 31), (2, 24), (3, 29), (3, 15)],
            Some([5, 1, 2, 3, 4]),
        );
        // The support of the safe lane is 5, also with more than the other one.
        check(
            [(1, 43), (3, 23), (2, 20), (3, 10), (1, 12)],
            Some([1, 3, 2, 4, 5]),
        );
        // Three in a lane, and two in the middle.
        check(
            [(1, 30), (1, 9), (1, 11), (2, 20), (3, 15)],
            Some([1, 5, 4, 2, 3]),
        );
        check(
            [(1, 30), (1, 12), (2, 9), (2, 20), (3, 15)],
            Some([1, 5, 4, 2, 3]),
        );
        check(
            [(4, 30), (1, 9), (2, 20), (3, 15), (3, 5)],
            Some([5, 1, 2, 3, 4]),
        );
        // Who owns the same.
        check(
            [(1, 7), (1, 7), (2, 7), (3, 7), (3, 7)],
            Some([1, 5, 2, 3, 4]),
        );
    }

    #[test]
    fn a_lane_without_anybody_leaves_the_side_without_positions() {
        check([(1, 1), (1, 2), (1, 3), (3, 4), (3, 5)], None);
        check([(2, 1), (1, 2), (1, 3), (1, 4), (4, 5)], None);
        check([(0, 1), (0, 2), (2, 3), (3, 4), (3, 5)], None);
    }

    #[test]
    fn there_are_five_positions() {
        for raw in 0..=u8::MAX {
            let position = Position::try_new(raw).map(Position::get);
            match raw {
                1..=5 => assert_eq!(position, Ok(raw)),
                _ => assert_eq!(position, Err(InvalidData::PositionOutOfRange(raw))),
            }
        }
    }

    proptest! {
        #[test]
        fn each_position_is_there_once_or_none(
            side: [(u8, u32); 5],
            roles: [u8; 5],
        ) {
            let mut slot = 0;
            let side = side.map(|(_, net_worth)| {
                slot += 1;
                Laner { lane_role: roles[slot - 1] % 5, net_worth }
            });
            if let Some(positions) = Position::of_side(side) {
                let mut found = positions.map(Position::get);
                found.sort_unstable();
                prop_assert_eq!(found, [1, 2, 3, 4, 5]);
            }
        }
    }
}
