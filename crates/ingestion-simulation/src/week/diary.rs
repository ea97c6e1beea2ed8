//! What goes wrong, and when: a pure function of the seed.

use std::ops::Range;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::week::interface::Interface;

/// Something that goes on for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nobody answers, or somebody says 503.
    Down(Interface),
    /// Every call is one too many.
    Storm(Interface),
    /// It answers, and tells of nothing new; if it is asked, later it does.
    Silent(Interface),
    /// The first key is not accepted.
    KeyRefused,
    /// No broker answers.
    KafkaAway,
}

/// How a process ends. Another one follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// At whatever it waits for; the disk keeps what was synced.
    Killed,
    /// As it was asked to.
    Asked,
}

const ALL: [Trouble; 13] = [
    Trouble::Down(Interface::Steam),
    Trouble::Storm(Interface::Steam),
    Trouble::Silent(Interface::Steam),
    Trouble::KeyRefused,
    Trouble::KafkaAway,
    Trouble::Down(Interface::Pages),
    Trouble::Storm(Interface::Pages),
    Trouble::Silent(Interface::Pages),
    Trouble::Down(Interface::Logs),
    Trouble::Storm(Interface::Logs),
    Trouble::Silent(Interface::Logs),
    Trouble::Down(Interface::Stream),
    Trouble::Silent(Interface::Stream),
];

/// So many hours have each trouble once.
const HOURS_OF_A_ROUND: u32 = 12;
/// So often a process ends in a round.
const ENDS: u32 = 12;

/// All of it.
pub(crate) struct Diary {
    troubles: Vec<(Trouble, Range<u32>)>,
    ends: Vec<(u32, End)>,
}

impl Diary {
    /// For so many hours, of these interfaces; troubles are shorter where there are
    /// few hours.
    pub(crate) fn new(seed: u64, hours: u32, of: &[Interface]) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0xD1A);
        let (mut troubles, mut ends) = (Vec::new(), Vec::new());
        let round_ms = hours.min(HOURS_OF_A_ROUND) * 3_600_000;
        let rounds = hours.div_ceil(HOURS_OF_A_ROUND);
        for round in 0..rounds {
            let begin = round * round_ms;
            for trouble in ALL {
                let longest = round_ms / trouble.part_of_a_round();
                let from = begin + rng.random_range(0..round_ms - longest);
                let lasts = rng.random_range(longest / 3..longest);
                if trouble.interface().is_none_or(|it| of.contains(&it)) {
                    troubles.push((trouble, from..from + lasts));
                }
            }
            for nth in 0..ENDS {
                let end = if nth % 3 == 2 {
                    End::Asked
                } else {
                    End::Killed
                };
                ends.push((begin + rng.random_range(0..round_ms), end));
            }
        }
        ends.sort_unstable_by_key(|(at, _)| *at);
        Self { troubles, ends }
    }

    /// Whether it is so at this time.
    pub(crate) fn is(&self, trouble: Trouble, now_ms: u32) -> bool {
        self.during(trouble, now_ms).is_some()
    }

    /// When that began which is so at this time, and when it ends.
    pub(crate) fn during(&self, trouble: Trouble, now_ms: u32) -> Option<&Range<u32>> {
        let mut of_kind = self.troubles.iter().filter(|(kind, _)| *kind == trouble);
        let found = of_kind.find(|(_, time)| time.contains(&now_ms));
        found.map(|(_, time)| time)
    }

    /// Whether an interface tells of nothing at this time, whoever listens.
    pub(crate) fn is_mute(&self, of: Interface, now_ms: u32) -> bool {
        let troubles = [Trouble::Down(of), Trouble::Storm(of), Trouble::Silent(of)];
        troubles.into_iter().any(|it| self.is(it, now_ms))
    }

    /// When processes end, and how.
    pub(crate) fn ends(&self) -> &[(u32, End)] {
        &self.ends
    }

    /// A line for each trouble, in the order of time.
    pub(crate) fn describe(&self) -> String {
        let mut lines: Vec<(u32, String)> = Vec::new();
        for (trouble, time) in &self.troubles {
            let minutes = (time.end - time.start) / 60_000;
            lines.push((time.start, format!("{trouble:?} for {minutes} min")));
        }
        lines.extend(self.ends.iter().map(|(at, end)| (*at, format!("{end:?}"))));
        lines.sort();
        let written = lines.iter().map(|(at, what)| {
            let minutes = at / 60_000;
            let (hours, minutes) = (minutes / 60, minutes % 60);
            format!("{hours:>4}:{minutes:02}  {what}\n")
        });
        written.collect()
    }
}

impl Trouble {
    /// How long it lasts at most.
    const fn part_of_a_round(self) -> u32 {
        match self {
            Self::Down(_) => 5,
            Self::Storm(_) => 20,
            Self::Silent(_) | Self::KeyRefused => 12,
            Self::KafkaAway => 8,
        }
    }

    const fn interface(self) -> Option<Interface> {
        match self {
            Self::Down(of) | Self::Storm(of) | Self::Silent(of) => Some(of),
            Self::KeyRefused => Some(Interface::Steam),
            Self::KafkaAway => None,
        }
    }
}
