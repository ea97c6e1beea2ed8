//! How far backfills are.

use etl_application::backfill::{Backfill, BackfillId, BackfillState};

use super::Target;

/// The `nth` that began.
fn begun(nth: u128) -> Backfill {
    // The ends of the bytes are not alike, so that no two of them can be mixed up.
    const FIRST: u128 = 0x019a_d1f2_6c00_7123_8456_789a_bcde_f001;
    Backfill {
        id: BackfillId::from_u128(FIRST + (nth << 80) - nth),
        origin: "--topic --from 2025-11-01T00:00:00Z".to_owned(),
        state: BackfillState::Running,
        position: "{\"3\":7}".to_owned(),
        records: 0,
        version: 1,
    }
}

async fn set_down(target: &dyn Target, backfill: &Backfill) {
    let set_down = target.backfills().set_down(backfill).await;
    set_down.expect("the warehouse takes positions");
}

async fn found(target: &dyn Target, id: BackfillId) -> Option<Backfill> {
    let found = target.backfills().backfill(id).await;
    found.expect("the warehouse answers")
}

async fn newest(target: &dyn Target, count_max: usize) -> Vec<Backfill> {
    let newest = target.backfills().backfills(count_max).await;
    newest.expect("the warehouse answers")
}

async fn running(target: &dyn Target, count_max: usize) -> Vec<Backfill> {
    let running = target.backfills().running_backfills(count_max).await;
    running.expect("the warehouse answers")
}

pub(super) async fn a_row_is_read_as_it_was_set_down(target: &dyn Target) {
    for (nth, state) in (1..).zip(BackfillState::ALL) {
        let backfill = Backfill {
            state,
            origin: "--file /a \"b\"\\c;\n--'d'".to_owned(),
            position: "owner=command done=0.5 at={\"line\":7}'\\\n".to_owned(),
            records: u64::try_from(i64::MAX).unwrap_or(0),
            version: (1 << 62) + 7,
            ..begun(nth)
        };
        set_down(target, &backfill).await;
        assert_eq!(found(target, backfill.id).await, Some(backfill));
    }
    assert_eq!(found(target, begun(9).id).await, None);
}

/// Whatever comes when: so a position of somebody who has been told nothing
/// yet does not undo that the backfill was cancelled.
pub(super) async fn the_higher_version_stays(target: &dyn Target) {
    let first = begun(1);
    let second = Backfill {
        position: "{\"3\":9}".to_owned(),
        records: 2,
        ..first.clone().in_state(BackfillState::Running)
    };
    for one in [&second, &first, &second] {
        set_down(target, one).await;
    }
    assert_eq!(found(target, first.id).await, Some(second.clone()));
    let cancelled = first.in_state(BackfillState::Cancelled);
    let third = second.in_state(BackfillState::Running);
    for one in [&cancelled, &third] {
        set_down(target, one).await;
    }
    assert_eq!(found(target, third.id).await, Some(cancelled));
    assert_eq!(running(target, 10).await, []);
}

pub(super) async fn the_newest_come_first_and_bounded(target: &dyn Target) {
    assert_eq!(newest(target, 10).await, []);
    for nth in [2, 4, 1, 3] {
        set_down(target, &begun(nth)).await;
    }
    let ended = begun(3).in_state(BackfillState::Finished);
    set_down(target, &ended).await;
    let all = [begun(4), ended, begun(2), begun(1)];
    assert_eq!(newest(target, 10).await, all);
    assert_eq!(newest(target, 2).await, all[..2]);
    let [last, _, second, first] = all;
    assert_eq!(
        running(target, 10).await,
        [last.clone(), second.clone(), first]
    );
    assert_eq!(running(target, 2).await, [last, second]);
}
