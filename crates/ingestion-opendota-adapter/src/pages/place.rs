//! How far everything was seen, and how that is written down.

use domain::{MatchId, Timestamp};
use opendota_client::PageList;
use thiserror::Error;

/// The first word of a place. Another one is for another way of writing it.
const VERSION: &str = "v1";

/// A moment of a list: the highest id that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: i64,
    pub(crate) at: Timestamp,
}

/// How far one list was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ListPlace {
    /// What was there at this moment was handed over.
    pub(crate) until: Option<Head>,
    /// The same of a later moment, as far down as to this id.
    pub(crate) round: Option<(Head, MatchId)>,
}

/// A place that this version did not write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no place of this feed as version {VERSION} writes it")]
pub(crate) struct NoPlace(String);

/// Writes places down, in less than 300 bytes.
pub(crate) fn encode(places: impl IntoIterator<Item = (PageList, ListPlace)>) -> String {
    let mut parts = vec![VERSION.to_owned()];
    for (list, place) in places {
        let head = |head: Head| format!("{}@{}", head.id, head.at.unix_seconds());
        let until = place.until.map(head).unwrap_or_default();
        let round = place
            .round
            .map(|(it, below)| format!("{},{below}", head(it)));
        let round = round.unwrap_or_default();
        parts.push(format!("{}={until},{round}", list.as_str()));
    }
    parts.join(";")
}

/// Reads what [`encode`] has written. No moment is later than `now`, whatever
/// the clock was when it was written.
pub(crate) fn decode(text: &str, now: Timestamp) -> Result<Vec<(PageList, ListPlace)>, NoPlace> {
    let read = || {
        let mut parts = text.split(';');
        if parts.next()? != VERSION {
            return None;
        }
        parts.map(|part| list_place(part, now)).collect()
    };
    read().ok_or_else(|| NoPlace(text.chars().take(100).collect()))
}

fn list_place(text: &str, now: Timestamp) -> Option<(PageList, ListPlace)> {
    let (name, place) = text.split_once('=')?;
    let list = PageList::ALL.into_iter().find(|it| it.as_str() == name)?;
    let head = |text: &str| {
        let (id, seconds) = text.split_once('@')?;
        let id = MatchId::try_new(id.parse().ok()?).ok()?;
        let at = Timestamp::from_unix_seconds(seconds.parse().ok()?);
        Some(Head {
            id: id.get(),
            at: at.min(now),
        })
    };
    let (until, round) = place.split_once(',')?;
    let until = match until {
        "" => None,
        until => Some(head(until)?),
    };
    let round = match round {
        "" => None,
        round => {
            let (begun, below) = round.split_once(',')?;
            let below = MatchId::try_new(below.parse().ok()?).ok()?;
            Some((head(begun)?, below))
        }
    };
    Some((list, ListPlace { until, round }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(1_786_620_000)
    }

    fn head(id: i64) -> Head {
        Head { id, at: now() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let below = MatchId::try_new(i64::MAX).expect("an id");
        let whole = ListPlace {
            until: Some(head(i64::MAX)),
            round: Some((head(i64::MAX), below)),
        };
        let places = [
            (PageList::Public, whole),
            (PageList::Pro, whole),
            (PageList::Parsed, whole),
        ];
        let text = encode(places);
        assert!(text.len() < 300, "{text}");
        assert_eq!(decode(&text, now()), Ok(places.to_vec()));
        let begun = ListPlace {
            until: None,
            ..whole
        };
        let done = ListPlace {
            round: None,
            ..whole
        };
        for place in [begun, done, ListPlace::default()] {
            let text = encode([(PageList::Pro, place)]);
            assert_eq!(decode(&text, now()), Ok(vec![(PageList::Pro, place)]));
        }
    }

    #[test]
    fn what_another_version_wrote_is_no_place() {
        for text in [
            "",
            "v2",
            "v1;",
            "v1;live=,",
            "v1;public",
            "v1;public=7@1",
            "v1;public=0@1,",
            "v1;public=7,",
            "v1;public=7@1,7@1",
            "v1;public=7@1,7@1,0",
        ] {
            assert!(decode(text, now()).is_err(), "{text}");
        }
        let future = decode("v1;public=7@9999999999,", now()).expect("a place");
        assert_eq!(future[0].1.until, Some(head(7)));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(v1;(public|pro)=)?[0-9;:,@-]{0,60}") {
            if let Ok(places) = decode(&text, now()) {
                prop_assert_eq!(decode(&encode(places.clone()), now()), Ok(places));
            }
        }
    }
}
