//! `backfill`: loads a past range, and says how those that were begun are.
//!
//! The command loads in its own process, beside a service that may run: two who
//! load the same change nothing, and whoever asks sees how far it is. A range
//! that the service is to load, and to go on with, is given to its HTTP interface.

mod file;
mod load;
mod origins;
mod shown;

use std::path::PathBuf;

use clap::ValueEnum;
use command_kit::{Given, Moment, listen_first, stoppable};
use domain::Timestamp;
use etl_application::backfill::{BackfillId, BackfillRange, STANDARD_INPUT, SequencePart, Span};
use health_kit::{Clock as _, SystemClock};
use service_kit::exit_code::ExitCode;

pub(crate) use load::backfiller;
pub(crate) use origins::Origins;

use crate::settings::Settings;

/// Flags of `backfill`.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BackfillArguments {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    origin: OriginArguments,
}

/// What else can be asked of backfills.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
enum Action {
    /// Show the newest ones: what became of each, and how far it is
    List,
    /// Show one of them
    Show {
        /// As `list` shows it
        id: BackfillId,
    },
    /// Have one stop after its batch, wherever it runs; what it has loaded stays
    Cancel {
        /// As `list` shows it
        id: BackfillId,
    },
}

/// Where records come from.
#[derive(Debug, Clone, clap::Args)]
struct OriginArguments {
    /// File with a summary a line, as the value of a `match_summary/1` record; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["topic", "source", "from", "to"])]
    file: Option<PathBuf>,

    /// Read the topic of summaries again
    #[arg(long, conflicts_with = "source")]
    topic: bool,

    /// Ask an upstream: opendota for public matches that started in a time, steam
    /// for a part of its sequence, by number or by when matches ended
    #[arg(long, value_name = "NAME")]
    source: Option<Upstream>,

    /// From then on: 2026-01-31T12:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Option<Moment>,

    /// Up to then, not included; now, if it is not given
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    to: Option<Moment>,

    /// From this `match_seq_num` on, with --source steam
    #[arg(long, value_name = "N", requires = "to_seq", conflicts_with_all = ["file", "topic", "from", "to"])]
    from_seq: Option<u64>,

    /// Up to this `match_seq_num`, not included
    #[arg(long, value_name = "M", requires = "from_seq")]
    to_seq: Option<u64>,
}

/// Who can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Upstream {
    #[value(name = "opendota")]
    OpenDota,
    Steam,
}

impl OriginArguments {
    /// The range that is meant, at this moment.
    ///
    /// # Errors
    /// What is missing, or cannot be meant.
    fn range(&self, now: Timestamp) -> Result<BackfillRange, String> {
        if let Some(file) = &self.file {
            return file_range(file);
        }
        if let (Some(from), Some(to)) = (self.from_seq, self.to_seq) {
            return self.numbers(from, to);
        }
        let new = match (self.topic, self.source) {
            (true, _) => BackfillRange::Topic,
            (_, Some(Upstream::OpenDota)) => BackfillRange::OpenDota,
            (_, Some(Upstream::Steam)) => |span| BackfillRange::Steam(SequencePart::Times(span)),
            (false, None) => {
                return Err(
                    "nothing says what to load; give --file FILE, --topic --from TIME or --source \
                     opendota|steam --from TIME, or one of list, show and cancel"
                        .to_owned(),
                );
            }
        };
        let missing = match self.source {
            Some(Upstream::Steam) => "--from or --from-seq says where the range begins",
            _ => "--from says where the range begins",
        };
        let from = self.from.ok_or(missing)?;
        let at = |moment: Moment| Timestamp::from_unix_ms(moment.resolve(now.as_unix_ms()));
        let span = Span {
            from: at(from),
            to: self.to.map_or(now, at),
        };
        if span.from >= span.to {
            return Err("--from is not before --to: there is nothing between them".to_owned());
        }
        Ok(new(span))
    }

    fn numbers(&self, from: u64, to: u64) -> Result<BackfillRange, String> {
        if self.source != Some(Upstream::Steam) {
            return Err("--from-seq and --to-seq are of --source steam".to_owned());
        }
        let part = SequencePart::of_numbers(from, to);
        let part = part.ok_or_else(|| {
            format!(
                "--from-seq {from} is not before --to-seq {to}, or that is above {}",
                i64::MAX
            )
        })?;
        Ok(BackfillRange::Steam(part))
    }
}

/// By its whole path, so that it is the same from wherever it is asked for.
fn file_range(file: &std::path::Path) -> Result<BackfillRange, String> {
    let file = match file.to_str() {
        Some(STANDARD_INPUT) => file.to_owned(),
        _ => std::path::absolute(file).map_err(|error| format!("{}: {error}", file.display()))?,
    };
    let path = file.into_os_string().into_string();
    path.map(BackfillRange::File)
        .map_err(|path| format!("the name {} is not UTF-8", path.display()))
}

/// Does what is asked for.
pub(crate) async fn run(given: Given, arguments: BackfillArguments) -> ExitCode {
    let BackfillArguments { action, origin } = arguments;
    match action {
        Some(action) => match given.load_for_command::<Settings>() {
            Ok(settings) => shown::run(&settings, action).await,
            Err(code) => code,
        },
        None => {
            listen_first(
                move || load::prepare(&given, &origin),
                async |prepared, signals| {
                    stoppable(signals, async |stop| load::run(prepared, stop).await).await
                },
            )
            .await
        }
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_762_626_600_000);

    fn range(arguments: &[&str]) -> Result<String, String> {
        let command = BackfillArguments::augment_args(clap::Command::new("backfill"));
        let line = ["backfill"].iter().chain(arguments);
        let matches = command.try_get_matches_from(line);
        let matches = matches.map_err(|error| error.to_string())?;
        let parsed = BackfillArguments::from_arg_matches(&matches);
        let parsed = parsed.map_err(|error| error.to_string())?;
        parsed.origin.range(NOW).map(|range| range.to_string())
    }

    #[test]
    fn a_range_is_what_the_flags_say() {
        let check = |arguments: &[&str], expected: &str| {
            assert_eq!(range(arguments).as_deref(), Ok(expected), "{arguments:?}");
        };
        check(&["--file", "/a b"], "--file /a b");
        check(&["--file=-"], "--file -");
        check(
            &["--topic", "--from", "2h", "--to", "2025-11-08T18:00:00Z"],
            "--topic --from 2025-11-08T16:30:00.000Z --to 2025-11-08T18:00:00.000Z",
        );
        check(
            &["--topic", "--from=1h"],
            "--topic --from 2025-11-08T17:30:00.000Z --to 2025-11-08T18:30:00.000Z",
        );
        check(
            &["--source", "opendota", "--from", "2h", "--to", "1h"],
            "--source opendota --from 2025-11-08T16:30:00.000Z --to 2025-11-08T17:30:00.000Z",
        );
        check(
            &["--source", "steam", "--from", "2h", "--to", "1h"],
            "--source steam --from 2025-11-08T16:30:00.000Z --to 2025-11-08T17:30:00.000Z",
        );
        check(
            &[
                "--source",
                "steam",
                "--from-seq",
                "7",
                "--to-seq",
                "6912775440",
            ],
            "--source steam --from-seq 7 --to-seq 6912775440",
        );
        let relative = range(&["--file", "a"]).expect("it is a file");
        assert!(
            relative.ends_with("/a") && relative.starts_with("--file /"),
            "{relative}"
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_reason() {
        for (arguments, reason) in [
            (&[][..], "nothing says what to load"),
            (&["--topic"], "--from says"),
            (
                &["--topic", "--from", "1h", "--to", "2h"],
                "is not before --to",
            ),
            (&["--topic", "--from", "yesterday"], "neither a time"),
            (&["--topic", "--file", "a"], "cannot be used with"),
            (&["--file", "a", "--from", "1h"], "cannot be used with"),
            (&["--source", "steam"], "--from or --from-seq says"),
            (&["--source", "steam", "--from-seq", "7"], "--to-seq"),
            (
                &["--source", "steam", "--from-seq", "7", "--to-seq", "7"],
                "is not before",
            ),
            (
                &["--source", "steam", "--from-seq", "-7", "--to-seq", "7"],
                "-7",
            ),
            (
                &["--source", "opendota", "--from-seq", "7", "--to-seq", "8"],
                "are of --source steam",
            ),
            (
                &[
                    "--source",
                    "steam",
                    "--from-seq",
                    "7",
                    "--to-seq",
                    "8",
                    "--from",
                    "1h",
                ],
                "cannot be used with",
            ),
            (&["--source", "opendota"], "--from says"),
            (&["--source", "opendota", "--topic"], "cannot be used with"),
            (
                &["--source", "dotabuff"],
                "possible values: opendota, steam",
            ),
            (&["show", "7"], "not an id"),
        ] {
            let refused = range(arguments).expect_err("it cannot be meant");
            assert!(refused.contains(reason), "{arguments:?}: {refused}");
        }
    }
}
