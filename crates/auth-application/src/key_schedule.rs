//! When keys are used.
//!
//! A key is published before it is used, and until the last token that it has signed is over: whoever verifies
//! knows it in time, and never needs to ask us for more.

use std::time::Duration;

use domain::Timestamp;
use identity::{ACCESS_LIFE_MAX, Algorithm};
use thiserror::Error;

use crate::keys::{MadeKey, SigningKey};

/// How long a key stays published once another one signs. No token lives longer than an hour; the rest is for
/// instances that hear of the new key late, or whose clocks differ.
pub const KEY_KEPT: Duration = ACCESS_LIFE_MAX.saturating_add(Duration::from_mins(10));

/// When keys follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySchedule {
    algorithm: Algorithm,
    rotation: Duration,
    publish_ahead: Duration,
}

/// What is wrong with a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a key that signs for {rotation:?} cannot be published {publish_ahead:?} ahead")]
pub struct KeyScheduleFault {
    rotation: Duration,
    publish_ahead: Duration,
}

impl KeySchedule {
    /// Keys for this algorithm, each of which signs for `rotation` and is published at least `publish_ahead`
    /// before it does.
    ///
    /// # Errors
    /// [`KeyScheduleFault`] if a key would have to be published before the one before it signs.
    pub fn try_new(
        algorithm: Algorithm,
        rotation: Duration,
        publish_ahead: Duration,
    ) -> Result<Self, KeyScheduleFault> {
        let schedule = Self {
            algorithm,
            rotation,
            publish_ahead,
        };
        let is_possible = publish_ahead < rotation;
        is_possible.then_some(schedule).ok_or(KeyScheduleFault {
            rotation,
            publish_ahead,
        })
    }

    /// How the next key signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// From when a key would sign that is published now; `None` if these keys do for now.
    ///
    /// The very first key signs at once: there is nobody yet who knows another one. A key of another algorithm
    /// than the settings want is followed as soon as it may be, and never by two at a time.
    #[must_use]
    pub fn next_active_from(&self, keys: &[SigningKey], now: Timestamp) -> Option<Timestamp> {
        let Some(newest) = keys.iter().map(|key| key.active_from).max() else {
            return Some(now);
        };
        if newest > now {
            return None;
        }
        let soonest = now.saturating_add(self.publish_ahead);
        let active = SigningKey::active(keys, now)?;
        if active.public.algorithm() != self.algorithm {
            return Some(soonest);
        }
        let due = newest.saturating_add(self.rotation);
        (due <= soonest).then_some(soonest)
    }

    /// Lets a key follow these, if one is needed: how it is then, while each of these retires by itself
    /// [`KEY_KEPT`] later, unless it was to retire before.
    ///
    /// To be asked while nobody else can add a key.
    #[must_use]
    pub fn follow(
        &self,
        keys: &mut [SigningKey],
        made: &MadeKey,
        now: Timestamp,
    ) -> Option<SigningKey> {
        let active_from = self.next_active_from(keys, now)?;
        for key in keys {
            key.retire_at
                .get_or_insert(active_from.saturating_add(KEY_KEPT));
        }
        Some(SigningKey {
            id: made.id.clone(),
            sealed: made.sealed.clone(),
            public: made.public.clone(),
            publish_at: now,
            active_from,
            retire_at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeyId, PublicKey, SealedKey};

    const DAY: Duration = Duration::from_hours(24);
    const HOUR: Duration = Duration::from_hours(1);
    const BEGIN: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);

    fn schedule(algorithm: Algorithm) -> KeySchedule {
        KeySchedule::try_new(algorithm, 30 * DAY, HOUR).expect("a schedule")
    }

    fn made(name: &str, algorithm: Algorithm) -> MadeKey {
        let part = || "AQAB".to_owned();
        let public = match algorithm {
            Algorithm::Es256 => PublicKey::P256 {
                x: part(),
                y: part(),
            },
            Algorithm::EdDsa => PublicKey::Ed25519 { x: part() },
            Algorithm::Rs256 => PublicKey::Rsa {
                n: part(),
                e: part(),
            },
        };
        MadeKey {
            id: KeyId::new(name).expect("a name"),
            sealed: SealedKey::new(vec![1]),
            public,
        }
    }

    #[test]
    fn the_first_key_signs_at_once_and_every_other_one_is_known_before() {
        let schedule = schedule(Algorithm::Es256);
        let (mut keys, mut now, mut next) = (Vec::new(), BEGIN, 0);
        let mut signed_by: Vec<(Timestamp, KeyId)> = Vec::new();
        while now < BEGIN.saturating_add(200 * DAY) {
            let made = made(&format!("key-{next}"), Algorithm::Es256);
            if let Some(key) = schedule.follow(&mut keys, &made, now) {
                keys.push(key);
                next += 1;
            }
            keys.retain(|key| !key.is_retired(now));
            let active = SigningKey::active(&keys, now).expect("there is always one that signs");
            assert!(active.is_published(now));
            let is_first = active.id.as_str() == "key-0";
            assert!(is_first || now >= active.publish_at.saturating_add(HOUR));
            signed_by.push((now, active.id.clone()));
            // Whatever was signed within the last hour can be verified.
            let recent = signed_by
                .iter()
                .rev()
                .take_while(|(at, _)| now < at.saturating_add(HOUR));
            for (_, id) in recent {
                assert!(
                    keys.iter()
                        .any(|key| key.id == *id && key.is_published(now))
                );
            }
            now = now.saturating_add(Duration::from_mins(20));
        }
        assert_eq!(next, 7, "one each thirty days");
        assert!(keys.len() <= 2);
    }

    #[test]
    fn a_key_that_should_long_have_been_followed_signs_until_it_is() {
        let schedule = schedule(Algorithm::Es256);
        let mut keys = Vec::new();
        let first = schedule.follow(&mut keys, &made("a", Algorithm::Es256), BEGIN);
        keys.extend(first);
        let late = BEGIN.saturating_add(400 * DAY);
        assert!(SigningKey::active(&keys, late).is_some_and(|key| key.is_published(late)));
        let second = schedule.follow(&mut keys, &made("b", Algorithm::Es256), late);
        let active_from = second.as_ref().map(|key| key.active_from);
        assert_eq!(active_from, Some(late.saturating_add(HOUR)));
        keys.extend(second);
        assert_eq!(schedule.next_active_from(&keys, late), None);
        assert_eq!(
            SigningKey::active(&keys, late).map(|key| key.id.as_str()),
            Some("a")
        );
    }

    #[test]
    fn another_algorithm_does_not_wait_for_the_month_to_end() {
        let (old, new) = (schedule(Algorithm::Es256), schedule(Algorithm::EdDsa));
        let mut keys = Vec::new();
        let first = old.follow(&mut keys, &made("a", Algorithm::Es256), BEGIN);
        keys.extend(first);
        let soon = BEGIN.saturating_add(HOUR);
        assert_eq!(new.next_active_from(&keys, BEGIN), Some(soon));
        let second = new.follow(&mut keys, &made("b", Algorithm::EdDsa), BEGIN);
        keys.extend(second);
        // Two programs that disagree take turns, at most once in the time that a key is known ahead.
        assert_eq!(old.next_active_from(&keys, BEGIN), None);
        assert_eq!(new.next_active_from(&keys, soon), None);
        assert!(old.next_active_from(&keys, soon).is_some());
    }

    #[test]
    fn a_key_is_known_before_the_one_before_it_ends() {
        assert!(KeySchedule::try_new(Algorithm::Es256, HOUR, HOUR).is_err());
        assert!(KeySchedule::try_new(Algorithm::Es256, 2 * HOUR, HOUR).is_ok());
    }
}
