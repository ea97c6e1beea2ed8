//! How often each hero is picked, and how often it then wins.

use domain::HeroId;

/// Heroes that are picked in the simulated world.
pub(crate) const HERO_COUNT: usize = STATISTICS.len();

/// Places of the table from which heroes are drawn: the rarest hero has a dozen of them.
const DRAWS: usize = 1 << 14;

/// Which of the heroes, counted from 0 in the order of their ids.
pub(crate) type HeroIndex = u8;

/// Heroes, to be drawn as often as people pick them.
#[derive(Clone)]
pub(crate) struct Heroes {
    ids: [HeroId; HERO_COUNT],
    /// The log-odds of a win in the statistics.
    strengths: [f64; HERO_COUNT],
    /// Each hero as many times as it is to be drawn.
    draws: Box<[HeroIndex]>,
}

impl Heroes {
    pub(crate) fn new() -> Self {
        let ids = STATISTICS.map(|(id, _, _)| HeroId::try_new(id).expect("no id listed is 0"));
        let strengths =
            STATISTICS.map(|(_, picks, wins)| (f64::from(wins) / f64::from(picks - wins)).ln());
        let total: u64 = STATISTICS
            .iter()
            .map(|(_, picks, _)| u64::from(*picks))
            .sum();
        let mut draws = Vec::with_capacity(DRAWS);
        let mut picks_so_far = 0;
        for (index, (_, picks, _)) in (0..).zip(STATISTICS) {
            picks_so_far += u64::from(picks);
            let end = picks_so_far * DRAWS as u64 / total;
            draws.resize(usize::try_from(end).expect("at most all places"), index);
        }
        Self {
            ids,
            strengths,
            draws: draws.into(),
        }
    }

    /// The hero that a number of at least 14 random bits stands for.
    pub(crate) fn draw(&self, bits: u64) -> HeroIndex {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the remainder is a place of the table"
        )]
        let place = bits as usize % DRAWS;
        self.draws[place]
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = HeroId> + '_ {
        self.ids.iter().copied()
    }

    pub(crate) fn id(&self, index: HeroIndex) -> HeroId {
        self.ids[usize::from(index)]
    }

    pub(crate) fn strength(&self, index: HeroIndex) -> f64 {
        self.strengths[usize::from(index)]
    }

    /// `None` for a hero that is not picked in the simulated world.
    pub(crate) fn index(&self, hero: HeroId) -> Option<HeroIndex> {
        let place = self.ids.binary_search(&hero).ok()?;
        HeroIndex::try_from(place).ok()
    }
}

/// Hero id, picks and wins of a week of public matches: the figures that `OpenDota`'s
/// `/api/heroStats` gave as `pub_pick` and `pub_win` on 2026-04-20.
#[rustfmt::skip]
const STATISTICS: [(u16, u32, u32); 127] = [
    (1, 392_544, 192_093), (2, 554_631, 292_415), (3, 95_365, 47_004), (4, 186_485, 96_948),
    (5, 420_952, 219_826), (6, 396_746, 195_728), (7, 438_090, 218_811), (8, 470_870, 238_673),
    (9, 236_923, 119_298), (10, 155_174, 73_176), (11, 455_899, 217_035), (12, 263_903, 139_682),
    (13, 159_092, 74_665), (14, 916_367, 460_926), (15, 240_579, 119_382), (16, 242_513, 120_608),
    (17, 240_509, 113_365), (18, 169_068, 84_356), (19, 253_488, 115_275), (20, 256_534, 133_784),
    (21, 392_335, 188_018), (22, 518_540, 264_047), (23, 163_824, 80_831), (25, 446_734, 215_204),
    (26, 889_747, 438_165), (27, 565_698, 294_477), (28, 309_707, 159_144), (29, 483_666, 255_523),
    (30, 572_840, 293_949), (31, 414_059, 213_420), (32, 201_607, 106_268), (33, 112_690, 55_811),
    (34, 147_210, 67_020), (35, 701_917, 351_543), (36, 489_057, 256_606), (37, 286_800, 142_837),
    (38, 277_179, 131_993), (39, 477_346, 233_456), (40, 501_163, 241_369), (41, 370_361, 186_501),
    (42, 453_971, 244_687), (43, 180_678, 86_850), (44, 464_501, 230_711), (45, 143_594, 71_723),
    (46, 198_900, 90_946), (47, 303_665, 148_860), (48, 275_657, 139_358), (49, 186_542, 90_585),
    (50, 165_013, 83_179), (51, 105_201, 51_621), (52, 123_807, 59_998), (53, 269_491, 118_396),
    (54, 467_890, 245_528), (55, 65_059, 32_386), (56, 213_956, 108_142), (57, 101_604, 49_398),
    (58, 95_424, 47_262), (59, 242_832, 117_959), (60, 248_375, 129_732), (61, 128_553, 63_299),
    (62, 170_862, 84_858), (63, 351_188, 164_651), (64, 357_527, 167_719), (65, 128_857, 63_833),
    (66, 26_932, 12_902), (67, 340_490, 186_914), (68, 240_498, 119_679), (69, 298_697, 141_547),
    (70, 273_915, 129_466), (71, 665_657, 339_892), (72, 133_916, 60_065), (73, 445_900, 226_545),
    (74, 608_057, 306_966), (75, 388_622, 199_347), (76, 167_955, 81_975), (77, 47_019, 23_097),
    (78, 59_672, 29_422), (79, 96_233, 44_462), (80, 90_818, 47_740), (81, 158_133, 79_409),
    (82, 131_997, 68_936), (83, 97_702, 47_696), (84, 569_560, 292_736), (85, 308_824, 159_978),
    (86, 690_519, 348_822), (87, 252_730, 125_975), (88, 224_302, 115_974), (89, 95_684, 49_506),
    (90, 191_963, 97_196), (91, 123_465, 62_948), (92, 67_512, 34_490), (93, 539_316, 274_970),
    (94, 157_542, 80_238), (95, 107_512, 54_589), (96, 180_286, 87_716), (97, 329_417, 160_485),
    (98, 115_958, 50_237), (99, 329_040, 168_108), (100, 214_566, 103_050), (101, 429_786, 211_755),
    (102, 125_537, 62_483), (103, 45_084, 21_611), (104, 551_864, 288_705), (105, 383_347, 200_642),
    (106, 244_607, 121_661), (107, 111_303, 55_602), (108, 178_444, 90_548), (109, 114_373, 54_356),
    (110, 248_026, 130_342), (111, 120_583, 60_494), (112, 144_796, 72_883), (113, 130_512, 63_854),
    (114, 315_513, 147_102), (119, 169_061, 81_336), (120, 240_334, 119_017),
    (121, 162_695, 84_087), (123, 322_257, 159_235), (126, 225_466, 112_597),
    (128, 190_852, 91_128), (129, 256_982, 115_506), (131, 119_969, 58_262),
    (135, 227_856, 121_257), (136, 166_877, 80_626), (137, 151_559, 76_724),
    (138, 205_679, 101_482), (145, 134_711, 64_938), (155, 74_063, 34_733),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heroes_are_drawn_as_often_as_they_are_picked() {
        let heroes = Heroes::new();
        assert_eq!(heroes.draws.len(), DRAWS);
        let draws = u32::try_from(DRAWS).expect("some thousand");
        let mut counts = [0_u32; HERO_COUNT];
        for bits in 0..DRAWS as u64 {
            counts[usize::from(heroes.draw(bits))] += 1;
        }
        let total: u32 = STATISTICS.iter().map(|(_, picks, _)| picks).sum();
        for (count, (id, picks, _)) in counts.into_iter().zip(STATISTICS) {
            let expected = f64::from(picks) * f64::from(draws) / f64::from(total);
            assert!(
                (f64::from(count) - expected).abs() <= 1.0,
                "hero {id}: {count} of {expected}"
            );
        }
    }

    #[test]
    fn every_hero_is_one_of_the_game_and_found_by_its_id() {
        let heroes = Heroes::new();
        assert!(heroes.ids.is_sorted());
        for (index, id) in (0..).zip(heroes.ids) {
            assert!(id.is_listed(), "{id}");
            assert_eq!(heroes.index(id), Some(index));
            assert!(heroes.strength(index).abs() < 0.4, "{id}");
        }
        assert_eq!(heroes.index(HeroId::try_new(24).expect("not 0")), None);
    }
}
