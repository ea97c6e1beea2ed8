//! A warehouse finds what is wrong in itself.

use std::collections::BTreeMap;

use domain::{CountingRules, Day, Patches};
use etl_application::counters::StoredDay;
use etl_application::ports::Difference;

use super::{Defect, Target, build_all, day, dirty, load, see};
use crate::answers::{DAY, NOON, bare, match_id, said_by, whole, with_positions};

pub(super) async fn verify(target: &dyn Target, day: Day) -> Vec<Difference> {
    let (rules, patches) = (CountingRules::default(), Patches::built_in());
    let found = target.counters().verify_day(day, &rules, &patches).await;
    found.expect("the warehouse answers")
}

pub(super) async fn planted_defects_are_found<T: Target>(fresh: &impl AsyncFn() -> T) {
    for defect in Defect::ALL {
        let target = fresh().await;
        let answers = [
            said_by("a", 1, with_positions(whole(1, NOON))),
            said_by("a", 1, whole(2, NOON + DAY)),
            said_by("a", 1, bare(3, NOON)),
        ];
        load(&target, &answers).await;
        assert!(
            !verify(&target, day(NOON)).await.is_empty(),
            "nothing is counted yet"
        );
        build_all(&target).await;
        for day in [day(NOON), day(NOON + DAY)] {
            assert_eq!(verify(&target, day).await, [], "all is as it should be");
        }
        if !target.tamper(day(NOON), defect).await {
            continue;
        }
        let before = see(&target, [1, 2, 3].map(match_id)).await;
        let found = verify(&target, day(NOON)).await;
        assert!(!found.is_empty(), "{defect:?} is found");
        assert!(found.len() <= 100, "what is found is bounded");
        assert!(found.iter().all(|one| one.day == day(NOON)));
        if defect == Defect::PositionsStale {
            // A table alone that is behind is enough.
            assert_eq!(dirty(&target).await, [day(NOON)]);
        }
        if defect == Defect::WrongDay {
            let found = verify(&target, day(NOON + DAY)).await;
            assert!(!found.is_empty(), "on the other day, too");
        }
        let after = see(&target, [1, 2, 3].map(match_id)).await;
        assert_eq!(before, after, "to verify changes nothing");
    }
}

/// How the defects are planted into the reference.
pub(super) fn tamper_with_memory(
    days: &mut BTreeMap<Day, StoredDay>,
    day: Day,
    defect: Defect,
) -> bool {
    const BUILT: &str = "defects are planted into a day that was built";
    let stored = days.get_mut(&day).expect(BUILT);
    match defect {
        Defect::HeroMissing => drop(stored.heroes.pop_first()),
        Defect::PositionMissing => drop(stored.positions.pop_first()),
        Defect::PairMissing => drop(stored.pairs.pop_first()),
        Defect::HeroDoubled => {
            let mut games = stored.heroes.first_entry().expect(BUILT);
            games.get_mut().games *= 2;
        }
        Defect::PairDoubled => {
            let mut games = stored.pairs.first_entry().expect(BUILT);
            games.get_mut().games *= 2;
        }
        Defect::WrongDay => {
            let (mut key, games) = stored.heroes.pop_first().expect(BUILT);
            // The day after has the hero already, in another mode not.
            key.cell.game_mode = 99;
            days.entry(day.next())
                .or_default()
                .heroes
                .insert(key, games);
        }
        Defect::WrongPatch => {
            let (mut key, games) = stored.heroes.pop_first().expect(BUILT);
            key.cell.patch = "6.66".into();
            stored.heroes.insert(key, games);
        }
        Defect::WinsWrong => {
            let won = stored.pairs.values_mut().find(|games| games.wins > 0);
            won.expect(BUILT).wins -= 1;
        }
        Defect::StaleBuild => {
            let noted = stored.noted.as_ref().expect(BUILT);
            stored.builds.insert(("hero_days", noted.mark - 1));
        }
        Defect::PositionsStale => {
            let mark = stored.noted.as_ref().expect(BUILT).mark;
            stored.builds.remove(&("position_days", mark));
            stored.builds.insert(("position_days", mark - 1));
        }
        Defect::NotesWrong => stored.noted.as_mut().expect(BUILT).matches += 1,
        Defect::NoteMissing => stored.noted = None,
        Defect::NoteAndPairsMissing => {
            stored.noted = None;
            stored.pairs.clear();
            stored.builds.retain(|(table, _)| *table != "pair_days");
        }
        Defect::EverythingMissing => drop(days.remove(&day)),
    }
    true
}
