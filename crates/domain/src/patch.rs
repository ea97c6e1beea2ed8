//! Versions of the game.

use std::collections::HashSet;

use crate::{InvalidData, Timestamp};

const NAME_SIZE_MAX_BYTES: usize = 32;

/// A version of the game and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// What it is called, such as `7.41`.
    pub name: String,
    /// The first moment at which the game had it.
    pub since: Timestamp,
}

/// The versions of the game, each until the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patches(Vec<Patch>);

impl Patches {
    /// Takes patches in any order.
    ///
    /// # Errors
    /// [`InvalidData::PatchNameInvalid`], and [`InvalidData::PatchRepeated`]
    /// when two have the same name or the same beginning.
    pub fn try_new(mut patches: Vec<Patch>) -> Result<Self, InvalidData> {
        patches.sort_by_key(|patch| patch.since);
        let mut names = HashSet::new();
        for (place, patch) in patches.iter().enumerate() {
            if !(1..=NAME_SIZE_MAX_BYTES).contains(&patch.name.len()) {
                let excerpt = &patch.name[..patch.name.floor_char_boundary(NAME_SIZE_MAX_BYTES)];
                return Err(InvalidData::PatchNameInvalid(excerpt.to_owned()));
            }
            let same_beginning = place > 0 && patches[place - 1].since == patch.since;
            if same_beginning || !names.insert(&patch.name) {
                return Err(InvalidData::PatchRepeated(patch.name.clone()));
            }
        }
        Ok(Self(patches))
    }

    /// The patches up to 7.41 of March 2026. Letter patches such as 7.41b are not
    /// told apart.
    #[must_use]
    pub fn built_in() -> Self {
        Self::try_new(
            BUILT_IN
                .map(|(name, since_ms)| Patch {
                    name: name.to_owned(),
                    since: Timestamp::from_unix_ms(since_ms),
                })
                .into(),
        )
        .expect("the tests read the built-in list")
    }

    /// What the game was at that moment; before the first patch nobody knows.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> Option<&Patch> {
        let later = self.0.partition_point(|patch| patch.since <= at);
        self.0[..later].last()
    }

    /// All of them, the earliest first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Patch> + DoubleEndedIterator {
        self.0.iter()
    }
}

/// Name and beginning, in milliseconds since the Unix epoch.
const BUILT_IN: [(&str, i64); 61] = [
    ("6.70", 1_293_148_800_000), // 2010-12-24T00:00:00Z
    ("6.71", 1_295_568_000_000), // 2011-01-21T00:00:00Z
    ("6.72", 1_303_862_400_000), // 2011-04-27T00:00:00Z
    ("6.73", 1_324_684_800_000), // 2011-12-24T00:00:00Z
    ("6.74", 1_331_337_600_000), // 2012-03-10T00:00:00Z
    ("6.75", 1_348_963_200_000), // 2012-09-30T00:00:00Z
    ("6.76", 1_350_777_600_000), // 2012-10-21T00:00:00Z
    ("6.77", 1_355_529_600_000), // 2012-12-15T00:00:00Z
    ("6.78", 1_369_872_000_000), // 2013-05-30T00:00:00Z
    ("6.79", 1_385_251_200_000), // 2013-11-24T00:00:00Z
    ("6.80", 1_390_780_800_000), // 2014-01-27T00:00:00Z
    ("6.81", 1_398_729_600_000), // 2014-04-29T00:00:00Z
    ("6.82", 1_411_516_800_000), // 2014-09-24T00:00:00Z
    ("6.83", 1_418_774_400_000), // 2014-12-17T00:00:00Z
    ("6.84", 1_430_427_600_000), // 2015-04-30T21:00:00Z
    ("6.85", 1_443_124_800_000), // 2015-09-24T20:00:00Z
    ("6.86", 1_450_296_000_000), // 2015-12-16T20:00:00Z
    ("6.87", 1_461_632_400_000), // 2016-04-26T01:00:00Z
    ("6.88", 1_465_718_400_000), // 2016-06-12T08:00:00Z
    ("7.00", 1_481_587_200_000), // 2016-12-13T00:00:00Z
    ("7.01", 1_482_289_200_000), // 2016-12-21T03:00:00Z
    ("7.02", 1_486_612_800_000), // 2017-02-09T04:00:00Z
    ("7.03", 1_489_622_400_000), // 2017-03-16T00:00:00Z
    ("7.04", 1_490_292_000_000), // 2017-03-23T18:00:00Z
    ("7.05", 1_491_775_200_000), // 2017-04-09T22:00:00Z
    ("7.06", 1_494_860_400_000), // 2017-05-15T15:00:00Z
    ("7.07", 1_509_490_800_000), // 2017-10-31T23:00:00Z
    ("7.08", 1_517_443_200_000), // 2018-02-01T00:00:00Z
    ("7.09", 1_518_652_800_000), // 2018-02-15T00:00:00.000Z
    ("7.10", 1_519_862_400_000), // 2018-03-01T00:00:00.000Z
    ("7.11", 1_521_072_000_000), // 2018-03-15T00:00:00.000Z
    ("7.12", 1_522_281_600_000), // 2018-03-29T00:00:00.000Z
    ("7.13", 1_523_491_200_000), // 2018-04-12T00:00:00.000Z
    ("7.14", 1_524_700_800_000), // 2018-04-26T00:00:00.000Z
    ("7.15", 1_525_910_400_000), // 2018-05-10T00:00:00.000Z
    ("7.16", 1_527_379_200_000), // 2018-05-27T00:00:00.000Z
    ("7.17", 1_528_588_800_000), // 2018-06-10T00:00:00.000Z
    ("7.18", 1_529_798_400_000), // 2018-06-24T00:00:00.000Z
    ("7.19", 1_532_908_800_000), // 2018-07-30T00:00:00.000Z
    ("7.20", 1_542_650_400_000), // 2018-11-19T18:00:00.000Z
    ("7.21", 1_548_784_800_000), // 2019-01-29T18:00:00.000Z
    ("7.22", 1_558_742_400_000), // 2019-05-25T00:00:00.000Z
    ("7.23", 1_574_791_200_000), // 2019-11-26T18:00:00.000Z
    ("7.24", 1_580_083_200_000), // 2020-01-27T00:00:00.000Z
    ("7.25", 1_584_468_000_000), // 2020-03-17T18:00:00.000Z
    ("7.26", 1_587_168_000_000), // 2020-04-18T00:00:00.000Z
    ("7.27", 1_593_388_800_000), // 2020-06-29T00:00:00.000Z
    ("7.28", 1_608_249_600_000), // 2020-12-18T00:00:00.000Z
    ("7.29", 1_618_012_800_000), // 2021-04-10T00:00:00.000Z
    ("7.30", 1_629_255_201_000), // 2021-08-18T02:53:21.000Z
    ("7.31", 1_645_659_974_907), // 2022-02-23T23:46:14.907Z
    ("7.32", 1_661_307_392_682), // 2022-08-24T02:16:32.682Z
    ("7.33", 1_682_040_176_804), // 2023-04-21T01:22:56.804Z
    ("7.34", 1_691_539_875_281), // 2023-08-09T00:11:15.281Z
    ("7.35", 1_702_570_063_429), // 2023-12-14T16:07:43.429Z
    ("7.36", 1_716_441_965_242), // 2024-05-23T05:26:05.242Z
    ("7.37", 1_722_497_427_355), // 2024-08-01T07:30:27.355Z
    ("7.38", 1_739_972_909_412), // 2025-02-19T13:48:29.412Z
    ("7.39", 1_747_956_961_602), // 2025-05-22T23:36:01.602Z
    ("7.40", 1_765_846_240_281), // 2025-12-16T00:50:40.281Z
    ("7.41", 1_774_313_459_580), // 2026-03-24T00:50:59.580Z
];

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(name: &str, since_ms: i64) -> Patch {
        Patch {
            name: name.to_owned(),
            since: Timestamp::from_unix_ms(since_ms),
        }
    }

    #[test]
    fn a_patch_lasts_until_the_next_one() {
        let patches = Patches::try_new(vec![patch("b", 20), patch("a", 10)]).expect("no doubles");
        for (at_ms, name) in [
            (i64::MIN, None),
            (9, None),
            (10, Some("a")),
            (19, Some("a")),
            (20, Some("b")),
            (i64::MAX, Some("b")),
        ] {
            let found = patches.at(Timestamp::from_unix_ms(at_ms));
            assert_eq!(found.map(|patch| &*patch.name), name, "{at_ms}");
        }
        let names: Vec<_> = patches.iter().map(|patch| &*patch.name).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn names_and_beginnings_are_there_once() {
        let repeated = |name: &str| Err(InvalidData::PatchRepeated(name.to_owned()));
        for (patches, expected) in [
            (vec![patch("a", 10), patch("b", 10)], repeated("b")),
            (
                vec![patch("a", 10), patch("b", 20), patch("a", 30)],
                repeated("a"),
            ),
            (
                vec![patch("", 10)],
                Err(InvalidData::PatchNameInvalid(String::new())),
            ),
        ] {
            assert_eq!(Patches::try_new(patches), expected);
        }
        assert!(Patches::try_new(vec![patch(&"n".repeat(33), 10)]).is_err());
        assert!(Patches::try_new(vec![]).is_ok());
    }

    #[test]
    fn the_built_in_list_is_read() {
        let patches = Patches::built_in();
        assert_eq!(patches.iter().len(), BUILT_IN.len());
        let at = Timestamp::from_unix_seconds(1_742_744_300);
        assert_eq!(patches.at(at).map(|patch| &*patch.name), Some("7.38"));
        for (patch, (name, _)) in patches.iter().zip(BUILT_IN) {
            assert_eq!(patch.name, name, "the list is in order of time");
        }
    }
}
