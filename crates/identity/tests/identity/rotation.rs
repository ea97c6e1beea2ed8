//! Refresh tokens, by hand and by every order of events that chance finds.

use std::time::Duration;

use domain::{SessionId, Timestamp, UserId};
use identity::{
    ClientId, CodeChallenge, CodeGrant, Digest, EndReason, Family, Refresh, RefreshRefusal,
    RefreshToken, Scope, Scopes, Session, SessionLife, kind,
};
use proptest::prelude::*;

type TokenDigest = Digest<kind::Refresh>;

const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
const LIFE: SessionLife = SessionLife {
    idle: Duration::from_hours(24),
    absolute: Duration::from_hours(72),
    grace: Duration::from_secs(10),
};

fn token(number: u8) -> TokenDigest {
    RefreshToken::new([number; 32]).digest()
}

fn client(id: &str) -> ClientId {
    ClientId::try_new(id).expect("an id")
}

fn session(life: SessionLife) -> Session {
    let grant = CodeGrant {
        user: UserId::new(BEGIN, [1; 10]),
        client: client("own"),
        redirect_uri: identity::RedirectUri::kept("https://a.example/".to_owned()),
        challenge: CodeChallenge::try_new(&"a".repeat(43), Some("S256")).expect("a challenge"),
        scopes: Scopes::from_iter([Scope::ProfileRead, Scope::DraftRead]),
        authenticated_at: BEGIN,
        expires_at: BEGIN.saturating_add(Duration::from_mins(1)),
        redeemed: None,
    };
    Session::begin(SessionId::new(BEGIN, [2; 10]), &grant, life, BEGIN)
}

/// A session whose clock a test moves; token 0 is its first.
struct Chain {
    family: Family,
    life: SessionLife,
    now: Timestamp,
}

impl Chain {
    fn new() -> Self {
        Self::living(LIFE)
    }

    fn living(life: SessionLife) -> Self {
        Self {
            family: Family::begin(session(life), token(0), life),
            life,
            now: BEGIN,
        }
    }

    fn wait(&mut self, time: Duration) -> &mut Self {
        self.now = self.now.saturating_add(time);
        self
    }

    /// Presents one, for another.
    fn refresh(&mut self, presented: u8, next: u8) -> Result<(), RefreshRefusal> {
        self.refresh_as("own", presented, next)
    }

    fn refresh_as(&mut self, id: &str, presented: u8, next: u8) -> Result<(), RefreshRefusal> {
        let asked = Refresh {
            client: &client(id),
            scopes: None,
        };
        let given = self
            .family
            .refresh(&token(presented), token(next), asked, self.life, self.now);
        given.map(drop)
    }

    fn tips(&self) -> Vec<TokenDigest> {
        self.family
            .tips(self.now)
            .map(|token| token.digest)
            .collect()
    }

    #[track_caller]
    fn has_ended(&self, reason: EndReason) {
        assert_eq!(
            self.family.session().ended.map(|ended| ended.reason),
            Some(reason)
        );
        assert_eq!(self.tips(), []);
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn each_token_gives_the_next_one() {
    let mut chain = Chain::new();
    for number in 0..100 {
        assert_eq!(chain.tips(), [token(number)]);
        chain.wait(Duration::from_mins(5));
        assert_eq!(chain.refresh(number, number + 1), Ok(()));
    }
    assert_eq!(chain.refresh(200, 201), Err(RefreshRefusal::Unknown));
    assert_eq!(chain.family.session().last_used_at, chain.now);
}

#[test]
fn a_lost_answer_logs_nobody_out() {
    let mut chain = Chain::new();
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(
        chain.wait(LIFE.grace.saturating_sub(MOMENT)).refresh(0, 2),
        Ok(())
    );
    assert_eq!(chain.tips(), [token(2)]);
    // The next answer is lost too, and the one after that.
    assert_eq!(chain.refresh(2, 3), Ok(()));
    assert_eq!(chain.wait(SECOND).refresh(2, 4), Ok(()));
    assert_eq!(chain.wait(SECOND).refresh(2, 5), Ok(()));
    assert_eq!(chain.tips(), [token(5)]);
    assert_eq!(chain.wait(Duration::from_hours(1)).refresh(5, 6), Ok(()));
}

#[test]
fn a_token_that_comes_again_later_ends_the_session() {
    let mut chain = Chain::new();
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(
        chain.wait(LIFE.grace).refresh(0, 2),
        Err(RefreshRefusal::Reused)
    );
    chain.has_ended(EndReason::Reuse);
    assert_eq!(chain.refresh(1, 3), Err(RefreshRefusal::Ended));
    assert_eq!(chain.refresh(0, 3), Err(RefreshRefusal::Ended));
}

#[test]
fn grace_is_counted_from_the_first_use() {
    let mut chain = Chain::new();
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(chain.wait(6 * SECOND).refresh(0, 2), Ok(()));
    assert_eq!(
        chain.wait(6 * SECOND).refresh(0, 3),
        Err(RefreshRefusal::Reused)
    );
    chain.has_ended(EndReason::Reuse);
}

#[test]
fn grace_is_for_the_token_before_the_tip_alone() {
    // To use what was given ends the grace of what it was given for.
    let mut chain = Chain::new();
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(chain.refresh(1, 2), Ok(()));
    assert_eq!(chain.refresh(0, 3), Err(RefreshRefusal::Reused));
    chain.has_ended(EndReason::Reuse);
    // Several generations back.
    let mut chain = Chain::new();
    for number in 0..4 {
        assert_eq!(chain.refresh(number, number + 1), Ok(()));
    }
    assert_eq!(chain.refresh(0, 9), Err(RefreshRefusal::Reused));
    // Also after another answer was lost in between.
    let mut chain = Chain::new();
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(chain.refresh(0, 2), Ok(()));
    assert_eq!(chain.refresh(2, 3), Ok(()));
    assert_eq!(chain.refresh(0, 4), Err(RefreshRefusal::Reused));
}

#[test]
fn what_was_given_in_vain_is_worth_nothing() {
    let mut chain = Chain::new();
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(chain.refresh(0, 2), Ok(()));
    // Whoever has it has it beside the one who got the other one.
    assert_eq!(chain.refresh(1, 3), Err(RefreshRefusal::Reused));
    chain.has_ended(EndReason::Reuse);
}

#[test]
fn another_client_gets_nothing() {
    let mut chain = Chain::new();
    assert_eq!(chain.refresh_as("other", 0, 1), Err(RefreshRefusal::Client));
    assert_eq!(chain.tips(), [token(0)], "whose it is can still use it");
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(chain.refresh_as("other", 0, 2), Err(RefreshRefusal::Reused));
    chain.has_ended(EndReason::Reuse);
}

#[test]
fn without_grace_every_repetition_ends_the_session() {
    let life = SessionLife {
        grace: Duration::ZERO,
        ..LIFE
    };
    let mut chain = Chain::living(life);
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(chain.refresh(0, 2), Err(RefreshRefusal::Reused));
}

#[test]
fn a_session_ends_by_itself() {
    // Not used.
    let mut chain = Chain::new();
    assert_eq!(
        chain.wait(LIFE.idle.saturating_sub(MOMENT)).refresh(0, 1),
        Ok(())
    );
    assert!(chain.family.session().is_live(LIFE, chain.now));
    assert_eq!(
        chain.wait(LIFE.idle).refresh(1, 2),
        Err(RefreshRefusal::Expired)
    );
    assert!(!chain.family.session().is_live(LIFE, chain.now));
    assert_eq!(chain.tips(), []);
    // Used all the time.
    let mut chain = Chain::new();
    for number in 0..71 {
        assert_eq!(
            chain
                .wait(Duration::from_hours(1))
                .refresh(number, number + 1),
            Ok(())
        );
    }
    let expires_at = chain
        .family
        .tips(chain.now)
        .next()
        .map(|tip| tip.expires_at);
    assert_eq!(
        expires_at,
        Some(BEGIN.saturating_add(LIFE.absolute)),
        "no token outlives its session"
    );
    assert_eq!(
        chain.wait(Duration::from_hours(1)).refresh(71, 72),
        Err(RefreshRefusal::Expired)
    );
    assert!(!chain.family.session().is_live(LIFE, chain.now));
    // What is over by itself was not ended by whoever comes late with an old token.
    assert_eq!(chain.refresh(0, 73), Err(RefreshRefusal::Expired));
    assert_eq!(chain.family.session().ended, None);
    // With the last moment's grace.
    let mut chain = Chain::new();
    chain.wait(LIFE.idle.saturating_sub(MOMENT));
    assert_eq!(chain.refresh(0, 1), Ok(()));
    assert_eq!(chain.wait(SECOND).refresh(0, 2), Ok(()));
}

#[test]
fn a_wish_that_cannot_be_granted_changes_nothing() {
    let mut chain = Chain::new();
    let own = client("own");
    let wider = Refresh {
        client: &own,
        scopes: Some(Scopes::from_iter([Scope::Admin])),
    };
    for _ in 0..2 {
        let refused = chain
            .family
            .refresh(&token(0), token(1), wider, LIFE, chain.now);
        assert!(matches!(refused, Err(RefreshRefusal::Scope(_))));
        assert_eq!(chain.tips(), [token(0)]);
    }
    let narrower = Refresh {
        client: &own,
        scopes: Some(Scopes::from_iter([Scope::DraftRead])),
    };
    let given = chain
        .family
        .refresh(&token(0), token(1), narrower, LIFE, chain.now);
    assert_eq!(
        given.map(|given| given.scopes.to_string()),
        Ok("draft:read".to_owned())
    );
    let refused = chain
        .family
        .refresh(&token(0), token(2), wider, LIFE, chain.now);
    assert!(
        matches!(refused, Err(RefreshRefusal::Scope(_))),
        "the answer was lost"
    );
    assert_eq!(chain.tips(), [token(1)]);
    // A copied token ends the session whatever is asked for with it.
    chain.wait(LIFE.grace);
    let refused = chain
        .family
        .refresh(&token(0), token(2), wider, LIFE, chain.now);
    assert_eq!(refused, Err(RefreshRefusal::Reused));
}

#[test]
fn an_end_stays_as_it_was() {
    let mut chain = Chain::new();
    chain.family.end(EndReason::LoggedOut, chain.now);
    let ended = chain.family.session().ended;
    let later = chain.wait(SECOND).now;
    chain.family.end(EndReason::Admin, later);
    assert_eq!(chain.family.session().ended, ended);
    assert_eq!(chain.refresh(0, 1), Err(RefreshRefusal::Ended));
    chain.has_ended(EndReason::LoggedOut);
}

/// Something that happens to a session.
#[derive(Debug, Clone)]
enum Event {
    /// The honest client refreshes; its answer may get lost.
    Refresh { is_lost: bool },
    /// Somebody presents the token that was given as the nth from the end, copied some time ago.
    Replay { back: usize, by_other_client: bool },
    /// Time passes, in milliseconds.
    Wait(u64),
    /// The session is ended.
    End(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let time = prop_oneof![0..=12_000_u64, 0..=90_000_000_u64];
    prop_oneof![
        6 => any::<bool>().prop_map(|is_lost| Event::Refresh { is_lost }),
        3 => (0..6_usize, prop::bool::weighted(0.1)).prop_map(|(back, by_other_client)| Event::Replay { back, by_other_client }),
        4 => time.prop_map(Event::Wait),
        1 => (0..EndReason::ALL.len()).prop_map(Event::End),
    ]
}

/// What the client of these tests holds, and what an onlooker knows of the session.
struct World {
    chain: Chain,
    given: Vec<TokenDigest>,
    held: TokenDigest,
    /// When the held one was presented first without an answer.
    lost_since: Option<Timestamp>,
    was_replayed: bool,
}

impl World {
    fn new() -> Self {
        Self {
            chain: Chain::new(),
            given: vec![token(0)],
            held: token(0),
            lost_since: None,
            was_replayed: false,
        }
    }

    fn present(&mut self, presented: TokenDigest, id: &str) -> Result<TokenDigest, RefreshRefusal> {
        let mut chance = [0xaa; 32];
        chance[..8].copy_from_slice(&self.given.len().to_be_bytes());
        let next = RefreshToken::new(chance).digest();
        let asked = Refresh {
            client: &client(id),
            scopes: None,
        };
        let chain = &mut self.chain;
        chain
            .family
            .refresh(&presented, next, asked, LIFE, chain.now)?;
        self.given.push(next);
        Ok(next)
    }

    fn live(&mut self, event: &Event) {
        match event {
            Event::Refresh { is_lost } => {
                let now = self.chain.now;
                let was_live = !self.chain.tips().is_empty();
                let in_grace = self
                    .lost_since
                    .is_none_or(|since| now.saturating_since(since) < LIFE.grace);
                let answer = self.present(self.held, "own");
                // Promise: a lost answer does not log anyone out, as long as nobody else had a hand in it.
                if was_live && in_grace && !self.was_replayed {
                    assert!(answer.is_ok(), "{answer:?}");
                }
                match answer {
                    Ok(next) if !is_lost => {
                        self.held = next;
                        self.lost_since = None;
                    }
                    _ => {
                        self.lost_since.get_or_insert(now);
                    }
                }
            }
            Event::Replay {
                back,
                by_other_client,
            } => {
                let back = self.given.len().saturating_sub(1 + back);
                let presented = self.given[back];
                let was_tip = self.chain.tips().contains(&presented);
                let was_live = !self.chain.tips().is_empty();
                let id = if *by_other_client { "other" } else { "own" };
                let answer = self.present(presented, id);
                assert!(
                    answer.is_err() || !by_other_client,
                    "another client got something"
                );
                // Promise: every token works once, or ends the session; but for the grace.
                if was_live && !was_tip && answer.is_err() {
                    assert_eq!(answer, Err(RefreshRefusal::Reused));
                    assert!(self.chain.family.session().ended.is_some());
                }
                self.was_replayed = true;
            }
            Event::Wait(ms) => {
                self.chain.wait(Duration::from_millis(*ms));
            }
            Event::End(reason) => {
                let now = self.chain.now;
                self.chain.family.end(EndReason::ALL[*reason], now);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// No order of refreshes, losses, replays, ends and time gives two live tokens, or brings an ended session
    /// back.
    #[test]
    fn there_is_one_tip_until_the_end_and_none_after_it(
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut world = World::new();
        for event in &events {
            let ended = world.chain.family.session().ended;
            let was_dead = world.chain.tips().is_empty();
            let given = world.given.len();
            world.live(event);
            let tips = world.chain.tips();
            prop_assert!(tips.len() <= 1, "{} live tokens", tips.len());
            if was_dead {
                prop_assert!(tips.is_empty(), "it came back");
                prop_assert_eq!(world.given.len(), given, "the dead gave something");
            }
            if ended.is_some() {
                prop_assert_eq!(world.chain.family.session().ended, ended);
            }
            let is_live = world.chain.family.session().is_live(LIFE, world.chain.now);
            prop_assert_eq!(is_live, !tips.is_empty());
            // Whatever was given can be presented only as what it is: the tip, or a repetition.
            for token in &world.given {
                prop_assert!(world.chain.family.has(token));
            }
        }
    }

    /// Of any number that come with one token at about the same time, one is left with something that works.
    #[test]
    fn of_a_crowd_with_one_token_one_tip_is_left(count in 1..50_u8, before in 0..5_u8) {
        let mut chain = Chain::new();
        for number in 0..before {
            prop_assert_eq!(chain.refresh(number, number + 1), Ok(()));
        }
        for number in 0..count {
            prop_assert_eq!(chain.wait(MOMENT * 100).refresh(before, before + 1 + number), Ok(()));
        }
        prop_assert_eq!(chain.tips(), [token(before + count)]);
    }
}
