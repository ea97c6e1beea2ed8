//! Wishes for details, and what is remembered of calls.

use domain::Timestamp;
use etl_application::WishReason::{self, Incomplete, Missing, Overflow, Pro, Sample};
use etl_application::ports::{NewWish, Wish, WishState};

use super::{Target, day, load};
use crate::answers::{DAY, NOON, bare, match_id, said_by, whole};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

async fn wish(target: &dyn Target, reason: WishReason, first_try: i64, ids: &[i64]) {
    let wishes = ids.iter().map(|id| NewWish {
        match_id: match_id(*id),
        reason,
        first_try: at(first_try),
    });
    let wishes: Vec<_> = wishes.collect();
    let made = target.wishes().wish(&wishes).await;
    made.expect("it takes wishes");
}

async fn due(target: &dyn Target, now: i64) -> Vec<Wish> {
    let due = target.wish_queue().due(at(now), 100).await;
    due.expect("the warehouse answers")
}

async fn due_ids(target: &dyn Target, now: i64) -> Vec<i64> {
    let due = due(target, now).await.into_iter();
    due.map(|wish| wish.match_id.get()).collect()
}

async fn settle(target: &dyn Target, wish: Wish) {
    let settled = target.wish_queue().settle(&[wish]).await;
    settled.expect("the warehouse takes it");
}

async fn wish_of(target: &dyn Target, id: i64) -> Option<Wish> {
    let wish = target.reader().wish_of(match_id(id)).await;
    wish.expect("the warehouse answers")
}

async fn counted(target: &dyn Target) -> [u64; 4] {
    let counts = target.wish_queue().counts().await;
    let counts = counts.expect("the warehouse answers");
    let [waiting, fetched, given_up] = WishState::ALL.map(|state| counts.of_state(state));
    [counts.wanted(), fetched, given_up, waiting]
}

pub(super) async fn wishes_are_made_once(target: &dyn Target) {
    let known = [
        said_by("a", 1, whole(1, NOON)),
        said_by("a", 1, bare(2, NOON)),
    ];
    load(target, &known).await;
    // What is known whole is not wished for; what is known in part is.
    wish(target, Missing, NOON, &[1, 2, 3, 3, i64::MAX]).await;
    assert_eq!(due_ids(target, NOON).await, [2, 3, i64::MAX]);
    let before = due(target, NOON).await;
    wish(target, Missing, NOON + 60, &[3, 2]).await;
    wish(target, Incomplete, NOON, &[3, 2]).await;
    assert_eq!(due(target, NOON).await, before, "the first wish stays");
    // Nor is what has ended wished for again.
    settle(
        target,
        Wish {
            state: WishState::GivenUp,
            ..before[1]
        },
    )
    .await;
    wish(target, Missing, NOON, &[3]).await;
    assert_eq!(due_ids(target, NOON).await, [2, i64::MAX]);
    assert_eq!(wish_of(target, 1).await, None);
    assert_eq!(counted(target).await, [3, 0, 1, 2]);
}

pub(super) async fn a_wish_for_a_replay_takes_the_place_of_one_for_the_match(target: &dyn Target) {
    load(target, &[said_by("a", 1, whole(1, NOON))]).await;
    wish(target, Missing, NOON, &[2]).await;
    let missing = due(target, NOON).await;
    let ended = Wish {
        state: WishState::Fetched,
        attempts: 3,
        ..missing[0]
    };
    settle(target, ended).await;
    wish(target, Pro, NOON + 60, &[1, 2]).await;
    assert_eq!(due_ids(target, NOON).await, [0; 0]);
    let replays = due(target, NOON + 60).await;
    assert_eq!(replays.len(), 2, "whole or not, a match is wished for");
    for (wish, id) in replays.iter().zip([1, 2]) {
        let expected = Wish {
            match_id: match_id(id),
            reason: Pro,
            priority: Pro.priority(),
            attempts: 0,
            state: WishState::Waiting,
            next_try: at(NOON + 60),
            version: wish.version,
        };
        assert_eq!(*wish, expected);
    }
    // Whoever was busy with the former wish does not end this one.
    settle(target, missing[0]).await;
    settle(target, ended).await;
    for other in [Missing, Sample] {
        wish(target, other, NOON, &[1, 2]).await;
    }
    assert_eq!(due(target, NOON + 60).await, replays);
    assert_eq!(counted(target).await, [2, 0, 0, 2]);
}

pub(super) async fn wishes_come_by_priority_and_time(target: &dyn Target) {
    wish(target, Sample, NOON, &[1]).await;
    wish(target, Missing, NOON + 10, &[2]).await;
    wish(target, Missing, NOON + 5, &[9]).await;
    wish(target, Pro, NOON + 20, &[3]).await;
    assert_eq!(due_ids(target, NOON - 1).await, [0; 0]);
    assert_eq!(due_ids(target, NOON + 19).await, [9, 2, 1]);
    assert_eq!(due_ids(target, NOON + 20).await, [3, 9, 2, 1]);
    let two = target.wish_queue().due(at(NOON + 20), 2).await;
    let two = two.expect("the warehouse answers").into_iter();
    let two: Vec<_> = two.map(|wish| wish.match_id.get()).collect();
    assert_eq!(two, [3, 9]);
    // Half a second more is not due before it is over.
    let half = NewWish {
        match_id: match_id(4),
        reason: Pro,
        first_try: Timestamp::from_unix_ms(NOON * 1000 + 500),
    };
    let made = target.wishes().wish(&[half]).await;
    made.expect("it takes wishes");
    assert_eq!(due_ids(target, NOON).await, [1]);
    assert_eq!(due_ids(target, NOON + 1).await, [4, 1]);
}

pub(super) async fn a_wish_is_settled(target: &dyn Target) {
    wish(target, Missing, NOON, &[1, 2, 3]).await;
    let wishes = due(target, NOON).await;
    let later = Wish {
        attempts: 1,
        next_try: at(NOON + 600),
        ..wishes[0]
    };
    let ended = |wish, state| Wish { state, ..wish };
    let settled = [
        later,
        ended(wishes[1], WishState::Fetched),
        ended(wishes[2], WishState::GivenUp),
    ];
    let done = target.wish_queue().settle(&settled).await;
    done.expect("the warehouse takes it");
    assert_eq!(due_ids(target, NOON + 599).await, [0; 0]);
    let due = due(target, NOON + 600).await;
    assert_eq!((due.len(), due[0].attempts), (1, 1));
    assert!(due[0].version > wishes[0].version);
    for (id, settled) in [1, 2, 3].into_iter().zip(settled) {
        let found = wish_of(target, id).await.expect("there is one");
        let expected = Wish {
            version: found.version,
            ..settled
        };
        assert_eq!(found, expected);
    }
    assert_eq!(counted(target).await, [3, 1, 1, 1]);
    let settled = target.wish_queue().settle(&[]).await;
    assert_eq!(settled, Ok(()));
}

/// Two who are busy with the same wish, and one who wishes and was slow, leave
/// what has ended as it is, in whatever order they come.
pub(super) async fn what_has_ended_stays_so_whoever_comes_late(target: &dyn Target) {
    let late = async |reason, id| {
        let first_try = at(NOON);
        let match_id = match_id(id);
        let new = NewWish {
            match_id,
            reason,
            first_try,
        };
        target.wish_late(new).await;
    };
    wish(target, Missing, NOON, &[1, 2, 3]).await;
    wish(target, Pro, NOON, &[4, 5]).await;
    let read = due(target, NOON).await;
    for wish in &read {
        let new = NewWish {
            match_id: wish.match_id,
            reason: wish.reason,
            first_try: wish.next_try,
        };
        assert_eq!(wish.version, new.version(), "whoever makes it, and when");
    }
    let of = |id| {
        *read
            .iter()
            .find(|wish| wish.match_id == match_id(id))
            .expect("it waits")
    };
    let in_vain = |wish| Wish {
        attempts: 1,
        next_try: at(NOON + 600),
        ..wish
    };
    let ended = |wish, state| Wish { state, ..wish };
    // The end comes first, or last, or is told in two ways.
    settle(target, ended(of(1), WishState::Fetched)).await;
    settle(target, in_vain(of(1))).await;
    settle(target, in_vain(of(2))).await;
    settle(target, ended(of(2), WishState::GivenUp)).await;
    settle(target, ended(of(4), WishState::Fetched)).await;
    settle(target, ended(of(4), WishState::GivenUp)).await;
    settle(target, ended(of(5), WishState::GivenUp)).await;
    for id in [1, 2, 4, 5] {
        late(Missing, id).await;
    }
    for id in [4, 5] {
        late(Sample, id).await;
    }
    let found = async |id| {
        let found = wish_of(target, id).await.expect("there is one");
        (found.reason, found.state)
    };
    assert_eq!(found(1).await, (Missing, WishState::Fetched));
    assert_eq!(found(2).await, (Missing, WishState::GivenUp));
    assert_eq!(found(4).await, (Pro, WishState::Fetched));
    assert_eq!(found(5).await, (Pro, WishState::GivenUp));
    // A wish for the replay takes its place, whoever else still sees the former one.
    wish(target, Pro, NOON, &[3]).await;
    late(Incomplete, 3).await;
    settle(target, ended(of(3), WishState::Fetched)).await;
    assert_eq!(found(3).await, (Pro, WishState::Waiting));
    assert_eq!(due_ids(target, NOON + 600).await, [3]);
    assert_eq!(counted(target).await, [5, 2, 2, 1]);
}

pub(super) async fn what_became_known_ends_without_a_call(target: &dyn Target) {
    wish(target, Missing, NOON, &[1, 2, 3]).await;
    wish(target, Incomplete, NOON + 60, &[4]).await;
    wish(target, Pro, NOON, &[5]).await;
    let whole = [1, 3, 4, 5].map(|id| said_by("a", 1, whole(id, NOON)));
    load(target, &whole).await;
    load(target, &[said_by("a", 1, bare(2, NOON))]).await;
    let end = async |now, count_max| {
        let ended = target.wish_queue().end_known(at(now), count_max).await;
        ended.expect("the warehouse takes it")
    };
    assert_eq!(end(NOON - 1, 10).await, 0, "it is not their time yet");
    assert_eq!(end(NOON, 1).await, 1);
    assert_eq!(end(NOON, 10).await, 1);
    assert_eq!(end(NOON, 10).await, 0);
    assert_eq!(due_ids(target, NOON + 60).await, [5, 2, 4]);
    assert_eq!(end(NOON + 60, 10).await, 1);
    assert_eq!(counted(target).await, [5, 3, 0, 2]);
    let ended = wish_of(target, 1).await.expect("there is one");
    assert_eq!((ended.state, ended.attempts), (WishState::Fetched, 0));
}

pub(super) async fn there_is_no_room_for_more_than_so_many(target: &dyn Target) {
    wish(target, Sample, NOON, &[1, 2]).await;
    wish(target, Missing, NOON, &[3]).await;
    wish(target, Missing, NOON + 60, &[4]).await;
    let end = async |waiting_max, count_max| {
        let queue = target.wish_queue();
        let ended = queue.end_surplus(waiting_max, count_max).await;
        ended.expect("the warehouse takes it")
    };
    assert_eq!(end(4, 10).await, 0);
    assert_eq!(end(2, 1).await, 1);
    assert_eq!(end(1, 10).await, 2);
    assert_eq!(end(1, 10).await, 0);
    assert_eq!(due_ids(target, NOON + 60).await, [3]);
    for id in [1, 2, 4] {
        let ended = wish_of(target, id).await.expect("there is one");
        assert_eq!((ended.reason, ended.state), (Overflow, WishState::GivenUp));
    }
    // Read again, it is not revived.
    wish(target, Missing, NOON, &[4]).await;
    wish(target, Pro, NOON, &[1]).await;
    assert_eq!(due_ids(target, NOON).await, [3]);
    let counts = target.wish_queue().counts().await;
    let counts = counts.expect("the warehouse answers");
    assert_eq!(counts.of(Overflow, WishState::GivenUp), 3);
    assert_eq!(counts.of(Missing, WishState::Waiting), 1);
    assert_eq!(counts.reasons(), [Overflow, Missing]);
}

pub(super) async fn calls_are_remembered_by_day(target: &dyn Target) {
    let (today, tomorrow) = (day(NOON), day(NOON + DAY));
    let memory = target.calls();
    let calls = async |upstream, day| {
        let calls = memory.calls(upstream, day).await;
        calls.expect("the warehouse answers")
    };
    assert_eq!(calls("opendota", today).await, 0);
    for so_many in [100, 300, 200, 300] {
        let set_down = memory.set_down("opendota", today, so_many).await;
        set_down.expect("the warehouse takes it");
    }
    let set_down = memory.set_down("steam", today, 1).await;
    set_down.expect("the warehouse takes it");
    assert_eq!(calls("opendota", today).await, 300, "never fewer");
    assert_eq!(calls("opendota", tomorrow).await, 0);
    assert_eq!(calls("steam", today).await, 1);
}
