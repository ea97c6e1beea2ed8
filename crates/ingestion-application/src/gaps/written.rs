//! What the next process has to know, in a kibibyte.
//!
//! `v1;<lost ever>;<feed>=<heard>,…;<feed>=<covered since>,…;<window>,…`, times in
//! seconds. A window is `<feed, by its place in the list>:<state>:<from>:<to>:
//! <cause>:<loss>:<interruptions>:<percent done>`. What is closed is not kept. Where there is no room, the two oldest windows in one state
//! become one: so none is forgotten.

use std::str::FromStr;

use domain::Timestamp;
use thiserror::Error;

use super::{
    gap::{GapCause, GapState, Loss},
    register::{Register, merge_oldest},
    window::{Fate, Window},
};
use crate::{Checkpoint, SourceName};

/// The first word. Another one is for another way of writing it.
const VERSION: &str = "v1";

/// What a register leaves to the next process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Written {
    pub(super) lost_total: u64,
    /// When feeds were heard last.
    pub(super) heard: Vec<(SourceName, Timestamp)>,
    /// From when on feeds have told of everything.
    pub(super) covered_since: Vec<(SourceName, Timestamp)>,
    pub(super) windows: Vec<Window>,
}

/// A text that this version did not write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no list of gaps as version {VERSION} writes it")]
pub(super) struct NoList(String);

impl Written {
    pub(super) fn of(register: &Register) -> Self {
        let heard = register.pushed.iter();
        let covered = register.followers.iter();
        let windows = register.windows.iter();
        Self {
            lost_total: register.lost_total,
            heard: heard
                .filter_map(|feed| Some((feed.source, feed.heard?)))
                .collect(),
            covered_since: covered
                .filter_map(|feed| Some((feed.source, feed.coverage?.since)))
                .collect(),
            windows: windows
                .filter(|window| window.state() != GapState::Closed)
                .cloned()
                .collect(),
        }
    }

    /// Written down, in no more than a checkpoint may have.
    pub(super) fn encode(mut self) -> String {
        loop {
            let text = self.text();
            // Lost ones are told alone; the others are to be closed as well.
            if text.len() <= Checkpoint::SIZE_MAX_BYTES
                || !(merge_oldest(&mut self.windows, GapState::Lost)
                    || merge_oldest(&mut self.windows, GapState::Repairing))
            {
                return text;
            }
        }
    }

    fn text(&self) -> String {
        let mut names: Vec<SourceName> = self.heard.iter().map(|(name, _)| *name).collect();
        for window in &self.windows {
            if !names.contains(&window.source) {
                names.push(window.source);
            }
        }
        let heard = names.iter().map(|name| {
            let heard = self.heard.iter().find(|(heard, _)| heard == name);
            format!("{name}={}", seconds(heard.map(|(_, at)| *at)))
        });
        let covered = self.covered_since.iter();
        let covered = covered.map(|(name, at)| format!("{name}={}", at.unix_seconds()));
        let windows = self.windows.iter().map(|window| {
            let place = names.iter().position(|name| *name == window.source);
            window_text(window, place.expect("each is in the list"))
        });
        let join = |parts: &mut dyn Iterator<Item = String>| parts.collect::<Vec<_>>().join(",");
        [
            VERSION.to_owned(),
            self.lost_total.to_string(),
            join(&mut { heard }),
            join(&mut { covered }),
            join(&mut { windows }),
        ]
        .join(";")
    }

    /// Reads what [`encode`](Self::encode) has written, of feeds that are `known`.
    /// Nothing is of later than `now`, whatever the clock was.
    pub(super) fn decode(text: &str, known: &[SourceName], now: Timestamp) -> Result<Self, NoList> {
        read(text, known, now).map_err(|Odd| NoList(text.chars().take(100).collect()))
    }
}

/// Something that is not as it is written.
struct Odd;

fn read(text: &str, known: &[SourceName], now: Timestamp) -> Result<Written, Odd> {
    let parts: Vec<&str> = text.split(';').collect();
    let [VERSION, lost_total, names, covered, windows] = parts[..] else {
        return Err(Odd);
    };
    let pairs = |text| {
        let pairs = listed(text).map(|pair| pair.split_once('='));
        pairs.collect::<Option<Vec<_>>>().ok_or(Odd)
    };
    let (names, covered) = (pairs(names)?, pairs(covered)?);
    let times = |pairs: &[(&str, &str)]| {
        let mut times = Vec::new();
        for (name, at) in pairs {
            times.extend(find(name, known).zip(read_time(at, now)?));
        }
        Ok(times)
    };
    let windows = listed(windows).map(|text| read_window(text, &names, known, now));
    let windows = windows.collect::<Result<Vec<_>, Odd>>()?;
    Ok(Written {
        lost_total: lost_total.parse().map_err(|_| Odd)?,
        heard: times(&names)?,
        covered_since: times(&covered)?,
        windows: windows.into_iter().flatten().collect(),
    })
}

fn window_text(window: &Window, place: usize) -> String {
    let (state, loss) = match window.fate {
        Fate::Lost(loss) => ('l', loss.letter().to_string()),
        _ => ('p', String::new()),
    };
    // No end is written before the thing itself.
    let to = window.to.map(|to| (to.as_unix_ms() + 999).div_euclid(1000));
    format!(
        "{place}:{state}:{}:{}:{}:{loss}:{}:{:.0}",
        window.from.unix_seconds(),
        to.map_or_else(String::new, |to| to.to_string()),
        window.cause.letter(),
        window.interruptions,
        (window.progress * 100.0).floor(),
    )
}

/// A window; none if it is of a feed that nobody knows any more.
fn read_window(
    text: &str,
    names: &[(&str, &str)],
    known: &[SourceName],
    now: Timestamp,
) -> Result<Option<Window>, Odd> {
    let parts: Vec<&str> = text.split(':').collect();
    let [place, state, from, to, cause, loss, interruptions, percent] = parts[..] else {
        return Err(Odd);
    };
    let (name, _) = names.get(number::<usize>(place)?).ok_or(Odd)?;
    let letter = |text: &str| text.chars().next();
    let fate = match (state, letter(loss)) {
        ("p", None) => Fate::Pending,
        ("l", Some(loss)) => Fate::Lost(Loss::of_letter(loss).ok_or(Odd)?),
        _ => return Err(Odd),
    };
    let cause = GapCause::of_letter(letter(cause).ok_or(Odd)?);
    let from = read_time(from, now)?.ok_or(Odd)?;
    let to = read_time(to, now)?;
    let (interruptions, percent) = (number(interruptions)?, number::<u8>(percent)?);
    let Some(source) = find(name, known) else {
        tracing::error!(
            source = name,
            "gaps of a feed that there is no more are let go"
        );
        return Ok(None);
    };
    let window = Window::new(0, source, from, cause);
    Ok(Some(Window {
        to: to.map(|to| to.max(from)),
        interruptions,
        progress: f64::from(percent.min(100)) / 100.0,
        fate,
        ..window
    }))
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|part| !part.is_empty())
}

fn find(name: &str, known: &[SourceName]) -> Option<SourceName> {
    known.iter().copied().find(|source| source.as_str() == name)
}

fn seconds(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| at.unix_seconds().to_string())
}

fn read_time(text: &str, now: Timestamp) -> Result<Option<Timestamp>, Odd> {
    let seconds = optional::<u32>(text)?.map(i64::from);
    Ok(seconds.map(|at| Timestamp::from_unix_seconds(at).min(now)))
}

fn optional<T: FromStr>(text: &str) -> Result<Option<T>, Odd> {
    if text.is_empty() {
        return Ok(None);
    }
    number(text).map(Some)
}

fn number<T: FromStr>(text: &str) -> Result<T, Odd> {
    text.parse().map_err(|_| Odd)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const FEEDS: [SourceName; 3] = [
        SourceName::new("opendota_stream"),
        SourceName::new("opendota_logs"),
        SourceName::new("steam_sequence"),
    ];

    fn window(place: usize, nth: i64, is_lost: bool) -> Window {
        let from = Timestamp::from_unix_seconds(1_786_620_000 + 1_000 * nth);
        let mut window = Window::new(0, FEEDS[place], from, GapCause::RESTART);
        window.to = Some(Timestamp::from_unix_seconds(from.unix_seconds() + 400));
        window.interruptions = u32::MAX;
        window.progress = 1.0;
        if is_lost {
            window.fate = Fate::Lost(Loss::NotCovered);
        }
        window
    }

    #[test]
    fn the_longest_list_is_kept_in_a_kibibyte_and_none_is_forgotten() {
        let windows = (0..200).map(|nth| window(usize::from(nth % 2 == 0), nth, nth % 3 == 0));
        let list = Written {
            lost_total: u64::MAX,
            heard: FEEDS.map(|feed| (feed, NOW)).to_vec(),
            covered_since: FEEDS.map(|feed| (feed, NOW)).to_vec(),
            windows: windows.collect(),
        };
        let text = list.clone().encode();
        assert!(text.len() <= Checkpoint::SIZE_MAX_BYTES, "{}", text.len());
        let read = Written::decode(&text, &FEEDS, NOW).expect("ours");
        assert_eq!(read.heard, list.heard);
        assert!(read.windows.len() > 8, "{}", read.windows.len());
        for before in &list.windows {
            let is_in = |after: &&Window| {
                after.source == before.source
                    && after.state() == before.state()
                    && after.from <= before.from
                    && after.to >= before.to
            };
            assert!(read.windows.iter().any(|it| is_in(&it)), "{before:?}");
        }
    }

    #[test]
    fn what_another_version_wrote_is_no_list() {
        for text in [
            "",
            "v1",
            "v1;0;;",
            "v2;0;;;",
            "v1;-1;;;",
            "v1;0;opendota_stream;;",
            "v1;0;;;0:p:1:2:r::1:0",
            "v1;0;opendota_stream=1;;0:p:1:2:r::1::0",
            "v1;0;opendota_stream=1;;0:l:1:2:r::1:0",
            "v1;0;;;;",
        ] {
            assert!(Written::decode(text, &FEEDS, NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_is_of_later_than_now() {
        let text = "v1;0;opendota_stream=1900000000;;0:p:1900000000:1900000001:r::1:0";
        let read = Written::decode(text, &FEEDS, NOW).expect("right");
        assert_eq!(read.heard, [(FEEDS[0], NOW)]);
        assert_eq!((read.windows[0].from, read.windows[0].to), (NOW, Some(NOW)));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(v1;)?[0-9;:,=plrn]{0,40}(opendota_stream=)?[0-9;:,=plrn]{0,60}") {
            if let Ok(list) = Written::decode(&text, &FEEDS, NOW) {
                let again = Written::decode(&list.clone().encode(), &FEEDS, NOW);
                prop_assert_eq!(again.map(|it| it.windows.len()), Ok(list.windows.len()));
            }
        }
    }
}
