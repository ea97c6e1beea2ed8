//! What was received, compared with what is in the topics.
//!
//! A frame is received at the latest when the feed reads the pong that proves
//! it. A process killed with SIGKILL may lose what it received within the last
//! second; everything else that is proved must be there, and nothing twice.
//! What was sent and never proved may be there or not.

use std::collections::BTreeMap;

use feed_simulator::{Proof, ProvedFrame};

use crate::{topics::Found, world::World};

/// What was received so long before a kill is on disk.
const JOURNALLED_AFTER_MS: u64 = 1_000;

/// All that is known about a run.
pub(crate) struct Evidence {
    /// Distinct matches sent.
    pub(crate) sent: Vec<i64>,
    pub(crate) proofs: Vec<Proof>,
    /// The process behind each connection.
    pub(crate) process_of: Vec<Option<u32>>,
    /// Processes that were killed with SIGKILL, and when.
    pub(crate) kills_ms: BTreeMap<u32, u64>,
    pub(crate) found: Found,
}

/// What became of the matches.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) sent: usize,
    /// Distinct matches proved to have been read.
    pub(crate) received: usize,
    /// Distinct matches in the topic.
    pub(crate) published: usize,
    /// Received, to be there, and not there.
    pub(crate) lost: Vec<Lost>,
    /// Received within the second before a kill, and not there.
    pub(crate) lost_within_the_second: usize,
    /// The oldest of these was proved so long before the kill.
    pub(crate) oldest_of_the_second_ms: u64,
    /// Matches that are there more than once, with how often.
    pub(crate) twice: Vec<(i64, usize)>,
    /// Ids in the topic that were never sent.
    pub(crate) unknown: Vec<i64>,
    /// Dead letters that must be there and that are there, by reason.
    pub(crate) dead_letters: BTreeMap<&'static str, (u64, u64)>,
}

/// A match that is not where it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) id: i64,
    pub(crate) proved_ms: u64,
    pub(crate) process: Option<u32>,
    /// When that process was killed, if it was.
    pub(crate) killed_ms: Option<u64>,
}

impl Evidence {
    /// Collects it after the end of a run.
    pub(crate) fn collect(world: &World, found: Found) -> Self {
        Self {
            sent: world.feed.ids_sent(),
            proofs: world.feed.proofs(),
            process_of: world.process_of_connections(),
            kills_ms: world.kills_ms(),
            found,
        }
    }

    /// Compares.
    pub(crate) fn judge(mut self) -> Verdict {
        self.sent.sort_unstable();
        let mut verdict = Verdict {
            sent: self.sent.len(),
            ..Verdict::default()
        };
        self.judge_proved(&mut verdict);
        self.judge_dead_letters(&mut verdict);
        for same in self.found.ids.chunk_by(|a, b| a == b) {
            let id = same[0];
            verdict.published += 1;
            if same.len() > 1 {
                verdict.twice.push((id, same.len()));
            }
            if self.sent.binary_search(&id).is_err() {
                verdict.unknown.push(id);
            }
        }
        verdict
    }

    fn judge_proved(&self, verdict: &mut Verdict) {
        let mut copies: Vec<(i64, &Proof)> = self
            .proofs
            .iter()
            .filter_map(|proof| match proof.frame {
                ProvedFrame::Genuine(id) | ProvedFrame::Duplicate(id) => Some((id, proof)),
                ProvedFrame::Invalid(_) => None,
            })
            .collect();
        // By id, and each one's in their order.
        copies.sort_by_key(|(id, _)| *id);
        for same in copies.chunk_by(|a, b| a.0 == b.0) {
            let id = same[0].0;
            verdict.received += 1;
            if self.found.ids.binary_search(&id).is_ok() {
                continue;
            }
            let due = same.iter().find(|(_, proof)| self.must_be_there(proof));
            if let Some((_, proof)) = due {
                verdict.lost.push(self.lost(id, proof));
            } else {
                let lost = self.lost(id, same[0].1);
                let killed_ms = lost.killed_ms.unwrap_or_default();
                let age_ms = killed_ms.saturating_sub(lost.proved_ms);
                verdict.lost_within_the_second += 1;
                verdict.oldest_of_the_second_ms = verdict.oldest_of_the_second_ms.max(age_ms);
            }
        }
    }

    fn judge_dead_letters(&self, verdict: &mut Verdict) {
        for proof in &self.proofs {
            if let ProvedFrame::Invalid(reason) = proof.frame {
                let found = self.found.dead_letters.get(reason.as_str());
                let entry = verdict.dead_letters.entry(reason.as_str());
                let (expected, _) = entry.or_insert((0, found.copied().unwrap_or_default()));
                *expected += u64::from(self.must_be_there(proof));
            }
        }
    }

    /// Whether the process that read it had a second to write it to disk.
    fn must_be_there(&self, proof: &Proof) -> bool {
        let killed_ms = self.killed_ms(self.process(proof));
        killed_ms.is_none_or(|killed| u64::from(proof.proved_ms) + JOURNALLED_AFTER_MS <= killed)
    }

    fn lost(&self, id: i64, proof: &Proof) -> Lost {
        let process = self.process(proof);
        Lost {
            id,
            proved_ms: proof.proved_ms.into(),
            process,
            killed_ms: self.killed_ms(process),
        }
    }

    fn process(&self, proof: &Proof) -> Option<u32> {
        let index = usize::try_from(proof.connection).ok()?;
        *self.process_of.get(index)?
    }

    fn killed_ms(&self, process: Option<u32>) -> Option<u64> {
        self.kills_ms.get(&process?).copied()
    }
}

#[cfg(test)]
mod tests {
    use feed_simulator::InvalidReason;

    use super::*;

    fn proof(frame: ProvedFrame, connection: u32, proved_ms: u32) -> Proof {
        Proof {
            frame,
            connection,
            proved_ms,
        }
    }

    /// Two processes with a connection each; the first was killed after ten seconds.
    fn evidence(sent: &[i64], proofs: Vec<Proof>, found: &[i64]) -> Evidence {
        Evidence {
            sent: sent.to_vec(),
            proofs,
            process_of: vec![Some(1), Some(2)],
            kills_ms: BTreeMap::from([(1, 10_000)]),
            found: Found {
                ids: found.to_vec(),
                ..Found::default()
            },
        }
    }

    #[test]
    fn a_match_is_lost_when_it_was_read_a_second_before_the_kill() {
        let genuine = |id, at| proof(ProvedFrame::Genuine(id), 0, at);
        let proofs = vec![genuine(2, 8_000), genuine(1, 9_000), genuine(3, 9_001)];
        let verdict = evidence(&[2, 1, 3], proofs, &[2]).judge();
        let lost = Lost {
            id: 1,
            proved_ms: 9_000,
            process: Some(1),
            killed_ms: Some(10_000),
        };
        assert_eq!(verdict.lost, [lost]);
        assert_eq!(verdict.lost_within_the_second, 1);
        assert_eq!(verdict.oldest_of_the_second_ms, 999);
        assert_eq!((verdict.received, verdict.published), (3, 1));
    }

    #[test]
    fn a_match_proved_late_was_read_before_the_kill_all_the_same() {
        let late = proof(ProvedFrame::Genuine(1), 0, 12_000);
        let verdict = evidence(&[1], vec![late], &[]).judge();
        assert_eq!((verdict.lost.len(), verdict.lost_within_the_second), (0, 1));
    }

    #[test]
    fn nothing_excuses_a_loss_of_a_process_that_was_not_killed() {
        let other = proof(ProvedFrame::Genuine(1), 1, 9_900);
        assert_eq!(evidence(&[1], vec![other], &[]).judge().lost.len(), 1);
    }

    #[test]
    fn a_repeated_match_is_lost_when_any_copy_must_be_there() {
        let proofs = vec![
            proof(ProvedFrame::Genuine(1), 0, 9_900),
            proof(ProvedFrame::Duplicate(1), 1, 11_000),
        ];
        assert_eq!(evidence(&[1], proofs, &[]).judge().lost.len(), 1);
    }

    #[test]
    fn a_match_is_never_there_twice_and_never_made_up() {
        let verdict = evidence(&[1, 2, 3], Vec::new(), &[1, 2, 2, 4]).judge();
        assert_eq!(verdict.twice, [(2, 2)]);
        assert_eq!(verdict.unknown, [4]);
        assert_eq!(verdict.published, 3);
        assert!(verdict.lost.is_empty(), "3 was sent and never proved");
    }

    #[test]
    fn dead_letters_are_asked_for_by_reason() {
        let invalid = |at| proof(ProvedFrame::Invalid(InvalidReason::NotJson), 0, at);
        let mut evidence = evidence(&[], vec![invalid(100), invalid(200), invalid(9_500)], &[]);
        evidence.found.dead_letters.insert("not_json".to_owned(), 1);
        assert_eq!(evidence.judge().dead_letters["not_json"], (2, 1));
    }
}
