//! The ten lines of the score board.

use domain::{AccountId, HeroId, PlayerLine, Slot};

use super::{World, WorldMatch, dice::Dice};

const PURPOSE_PLAYERS: u64 = 2;

/// Players who do not show their account, in thousandths.
const ANONYMOUS_PER_MILLE: u32 = 450;

/// The lowest account id that is given out.
const FIRST_ACCOUNT: u32 = 86_000_000;

/// Ids of items run up to about so many.
const ITEM_ID_MAX: u32 = 1_900;

impl World {
    /// The players of a match, in the order of their slots. They follow from the match too, but
    /// are made only when asked for.
    #[must_use]
    pub fn players(&self, of: &WorldMatch) -> Vec<PlayerLine> {
        let mut dice = self.dice(PURPOSE_PLAYERS, of.played.id);
        let heroes = of.played.radiant.iter().chain(&of.played.dire);
        let mut lines: Vec<PlayerLine> = Vec::with_capacity(10);
        for (slot, hero) in (0..).zip(heroes) {
            let slot = Slot::try_new(slot).expect("ten places");
            let mut line = line(&mut dice, self.shared.accounts.get(), of, slot, *hero);
            // Nobody plays twice in one match.
            if lines
                .iter()
                .any(|other| other.account_id == line.account_id)
            {
                line.account_id = None;
            }
            lines.push(line);
        }
        lines
    }
}

fn line(
    dice: &mut Dice,
    accounts: u32,
    of: &WorldMatch,
    slot: Slot,
    hero_id: Option<HeroId>,
) -> PlayerLine {
    let minutes = of.played.duration_seconds / 60;
    let has_won = slot.side().has_won(of.played.radiant_win);
    let is_core = slot.get() % 5 < 3;
    let is_turbo = of.played.game_mode == 23;
    // Whoever wins kills more and dies less; turbo does everything twice as fast.
    let pace = minutes * if is_turbo { 2 } else { 1 };
    let gold_per_min = dice.between(180, 420)
        + if is_core { 180 } else { 0 }
        + if has_won { 90 } else { 0 }
        + if is_turbo { 300 } else { 0 };
    let last_hits = minutes * dice.between(1, 3) * if is_core { 3 } else { 1 };
    PlayerLine {
        account_id: account(dice, accounts),
        hero_id,
        kills: small(dice.below(pace / if has_won { 3 } else { 5 } + 1)),
        deaths: small(dice.below(pace / if has_won { 6 } else { 3 } + 1)),
        assists: small(dice.below(pace / 2 + 1)),
        last_hits: small(last_hits),
        denies: small(dice.below(minutes / 3 + 1)),
        gold_per_min: small(gold_per_min),
        xp_per_min: small(gold_per_min + dice.below(200)),
        level: u8::try_from((1 + pace / 2).min(30)).ok(),
        net_worth: Some(gold_per_min * minutes * 9 / 10),
        hero_damage: Some(pace * dice.between(250, 900)),
        tower_damage: Some(minutes * dice.below(if has_won { 300 } else { 80 })),
        hero_healing: Some(if is_core {
            0
        } else {
            minutes * dice.below(200)
        }),
        leaver_status: Some(match of.leaver {
            Some((who, status)) if who == slot => status,
            _ => 0,
        }),
        items: items(dice, minutes),
        ..PlayerLine::new(slot)
    }
}

fn account(dice: &mut Dice, accounts: u32) -> Option<AccountId> {
    let is_anonymous = dice.per_mille(ANONYMOUS_PER_MILLE);
    let account = AccountId::try_new(FIRST_ACCOUNT + dice.below(accounts));
    account.ok().filter(|_| !is_anonymous)
}

/// Six places, the later ones empty in a short match.
fn items(dice: &mut Dice, minutes: u32) -> Vec<u16> {
    (0..6)
        .map(|place| {
            let item = dice.between(1, ITEM_ID_MAX);
            u16::try_from(if place * 5 < minutes { item } else { 0 }).expect("a small number")
        })
        .collect()
}

fn small(figure: u32) -> Option<u16> {
    u16::try_from(figure).ok()
}
