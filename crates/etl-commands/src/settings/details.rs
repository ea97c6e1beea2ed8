//! `[details]`: which matches are asked for one by one.

use std::time::Duration;

use etl_application::{DetailSettings, DetailsFor, WISHES_WAITING_MAX, WishRules};
use service_kit::config::{Declaration, DurationBetween, Integer, Parsed, Setting, SettingsReader};

/// Between two looks at the wishes.
const LOOK_EVERY: Duration = Duration::from_secs(2);

pub(super) const DECLARATIONS: &[&dyn Declaration] = &[&FOR, &GRACE, &ATTEMPTS, &PARALLEL];

const FOR: Setting<Parsed<DetailsFor>> = Setting {
    variable: "DETAILS_FOR",
    default: "missing",
    help: "Of which matches details are asked for: missing ones, of which nobody tells everything \
           that counts; pro ones, of a league; those with an average rank of at least N; a sample, \
           which the id decides",
    parser: Parsed {
        allowed: "none, or any of missing, pro, rank>=N and sample=P%, with commas between them",
        parse: wanted,
    },
};
const GRACE: Setting<DurationBetween> = Setting {
    variable: "DETAILS_GRACE",
    default: "10m",
    help: "How long a summary of a match is waited for before its details are asked for",
    parser: DurationBetween {
        min: Duration::ZERO,
        max: Duration::from_hours(24),
    },
};
const ATTEMPTS: Setting<Integer<u8>> = Setting {
    variable: "DETAILS_ATTEMPTS",
    default: "6",
    help: "How often a match is asked for before that is given up: at once, 10 minutes, 1 hour, 6 \
           hours, 1 day and 3 days after the first time, later ones 3 days apart; only answers count",
    parser: Integer { min: 1, max: 20 },
};
const PARALLEL: Setting<Integer<usize>> = Setting {
    variable: "DETAILS_PARALLEL",
    default: "8",
    help: "How many matches are asked for at a time",
    parser: Integer { min: 1, max: 64 },
};

fn wanted(text: &str) -> Result<DetailsFor, String> {
    let mut wanted = DetailsFor::default();
    if text.trim() == "none" {
        return Ok(wanted);
    }
    for word in text.split(',').map(str::trim) {
        if word == "missing" {
            wanted.missing = true;
        } else if word == "pro" {
            wanted.pro = true;
        } else if let Some(rank) = word.strip_prefix("rank>=") {
            wanted.rank_min = Some(rank_min(rank)?);
        } else if let Some(share) = word.strip_prefix("sample=") {
            wanted.sample_in_million = in_million(share)?;
        } else {
            return Err(format!("{word:?} is none of them"));
        }
    }
    Ok(wanted)
}

fn rank_min(text: &str) -> Result<u8, String> {
    let rank = text.parse().ok().filter(|rank| (1..=89).contains(rank));
    rank.ok_or_else(|| format!("{text:?} is no rank from 1 to 89; Immortal begins with 80"))
}

/// Of a share in per cent, which may have four places.
fn in_million(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is no share, such as 2.5%, above 0 and up to 100%");
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if part.len() > 4 || !are_digits(whole) || !are_digits(part) {
        return Err(wrong());
    }
    let share: u32 = format!("{whole}{part:0<4}").parse().map_err(|_| wrong())?;
    Some(share)
        .filter(|share| (1..=1_000_000).contains(share))
        .ok_or_else(wrong)
}

pub(super) fn wish_rules(reader: &mut SettingsReader) -> WishRules {
    WishRules {
        wanted: reader.get(&FOR),
        grace: reader.get(&GRACE),
    }
}

pub(super) fn read(reader: &mut SettingsReader) -> DetailSettings {
    DetailSettings {
        attempts_max: reader.get(&ATTEMPTS),
        parallel: reader.get(&PARALLEL),
        waiting_max: WISHES_WAITING_MAX,
        look_every: LOOK_EVERY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_a_list() {
        let check = |text: &str, expected: Option<DetailsFor>| {
            assert_eq!(wanted(text).ok(), expected, "{text}");
        };
        let none = DetailsFor::default();
        let all = DetailsFor {
            missing: true,
            pro: true,
            rank_min: Some(80),
            sample_in_million: 25_000,
        };
        check("none", Some(none));
        check("missing, pro,rank>=80 ,sample=2.5%", Some(all));
        let sample = |sample_in_million| DetailsFor {
            sample_in_million,
            ..none
        };
        check("sample=100%", Some(sample(1_000_000)));
        check("sample=0.0001%", Some(sample(1)));
        for wrong in [
            "",
            "missing,none",
            "rank>80",
            "rank>=0",
            "rank>=90",
            "sample=5",
            "sample=0%",
            "sample=101%",
            "sample=%",
            "sample=1.00001%",
            "sample=-1%",
            "sample=99999999999%",
        ] {
            check(wrong, None);
        }
    }
}
