//! Log lines on standard output, as JSON or as text.
//!
//! Third parties log from `warn` on: their `info` is noise beside our own
//! story, and a client's finer lines show the requests it sends, and these
//! carry tokens. For the same reason the older
//! `log` facade is not bridged; nothing of what speaks through it is missed.
//! librdkafka speaks through `tracing` and needs no bridge.
//!
//! Nobody waits for whoever reads the log: lines go through a bounded queue
//! to a thread of their own. Where it is full they are dropped, counted in
//! [`dropped_lines`], and told in the log once it is read again.

mod queue;
mod section;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::fs::File;
use std::io::{self, Write, stderr, stdout};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use tracing::{Event, Subscriber, error, level_filters::LevelFilter};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use queue::LogQueue;

pub use section::LogSection;

/// The crates of this workspace, separated by commas. A name that begins like
/// one of them counts as one.
const OWN_CRATES: &str = env!("WORKSPACE_CRATES");

/// Third parties that may log below `warn`: librdkafka keeps its secrets.
const DISCREET_THIRD_PARTIES: [&str; 1] = ["librdkafka"];

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// One line of text for a human.
    Text,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// The least severe level that is logged.
    pub level: LevelFilter,
    /// How lines look.
    pub format: LogFormat,
    /// Name of the service, in every JSON line.
    pub service_name: String,
}

/// Logging cannot begin.
#[derive(Debug, thiserror::Error)]
#[error("cannot start logging: {0}")]
pub enum StartError {
    /// No descriptor or no thread for the log.
    Io(#[from] io::Error),
    /// Someone else has already been made to log.
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// So long the end of the process waits for a reader.
const LAST_LINES_TIME_MAX: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Logs to standard output from here on, panics included.
///
/// # Errors
/// There is no thread for it, or someone else has already been made to log.
pub fn init(settings: &LogSettings) -> Result<(), StartError> {
    start(settings, stdout())
}

/// Logs to standard error from here on, as text and from `warn` on: for
/// commands that say what they have to say themselves.
///
/// # Errors
/// There is no thread for it, or someone else has already been made to log.
pub fn init_for_command(settings: &LogSettings) -> Result<(), StartError> {
    let settings = LogSettings {
        level: settings.level.min(LevelFilter::WARN),
        format: LogFormat::Text,
        ..settings.clone()
    };
    start(&settings, stderr())
}

/// How many log lines were dropped since the process began, because nobody
/// read them or could.
#[must_use]
pub fn dropped_lines() -> u64 {
    QUEUE.get().map_or(0, LogQueue::dropped)
}

/// Waits until the log is written, for at most a second: the last thing a
/// process does.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(LAST_LINES_TIME_MAX);
    }
}

/// Says why the process ends, on standard error, where there is no log to say
/// it in. Waits for whoever reads that for at most a second.
pub fn say_last(text: impl fmt::Display) {
    let text = format!("{text}\n");
    let (done, written) = mpsc::channel();
    let writer = thread::Builder::new().spawn(move || {
        // Whoever has closed it does not want to know.
        let _ = stderr().write_all(text.as_bytes());
        let _ = done.send(());
    });
    if writer.is_ok() {
        let _ = written.recv_timeout(LAST_LINES_TIME_MAX);
    }
}

fn start(settings: &LogSettings, out: impl AsFd) -> Result<(), StartError> {
    // The handle of the standard library has a lock and a buffer, for which
    // the end of the process would wait.
    let out = File::from(out.as_fd().try_clone_to_owned()?);
    let queue = LogQueue::start(out, |count| {
        error!(
            log.dropped = count,
            "{count} log lines were dropped: they were not read in time"
        );
    })?;
    subscriber(settings, queue.clone()).try_init()?;
    // Nobody else has: there is one global subscriber.
    let _ = QUEUE.set(queue);
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// What [`init`] installs, writing where it is told: for tests.
pub fn subscriber<W>(settings: &LogSettings, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match settings.format {
        LogFormat::Json => layer
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine::new(&settings.service_name))
            .boxed(),
        LogFormat::Text => layer.with_ansi(false).boxed(),
    };
    Registry::default().with(lines.with_filter(filter(settings.level)))
}

/// Lets through what is at least as severe, and of third parties also at least a warning.
fn filter(level: LevelFilter) -> Targets {
    let fine = OWN_CRATES.split(',').chain(DISCREET_THIRD_PARTIES);
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(fine.map(|target| (target, level)))
}

/// The library's JSON line, with the service's name in front.
struct JsonLine {
    json: Format<Json>,
    /// The opening brace and the first field.
    beginning: String,
}

impl JsonLine {
    fn new(service_name: &str) -> Self {
        Self {
            json: Format::default().json().flatten_event(true),
            beginning: format!("{{\"service\":{},", serde_json::Value::from(service_name)),
        }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.json
            .format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&self.beginning)?;
        writer.write_str(line.strip_prefix('{').unwrap_or(&line))
    }
}

/// Logs a panic like any other error, instead of printing it raw.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        panic.message = panic.payload_as_str().unwrap_or("not a text"),
        panic.location = panic.location().map(tracing::field::display),
        panic.thread = std::thread::current().name(),
        panic.backtrace = backtrace,
        "a part of the process panicked"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing::{Level, debug, info, info_span, subscriber::with_default, warn};

    use super::*;

    /// What would have gone to standard output.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("no test panics while writing")
                .write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, format: LogFormat, speak: impl FnOnce()) -> String {
        let settings = LogSettings {
            level,
            format,
            service_name: "a \"quoted\" name".to_owned(),
        };
        let lines = Lines::default();
        let writer = lines.clone();
        with_default(subscriber(&settings, move || writer.clone()), speak);
        let bytes = lines
            .0
            .lock()
            .expect("no test panics while writing")
            .clone();
        String::from_utf8(bytes).expect("log lines are UTF-8")
    }

    fn json_lines(text: &str) -> Vec<Value> {
        let parsed = |line| serde_json::from_str(line).expect("every line is one JSON object");
        text.lines().map(parsed).collect()
    }

    #[test]
    fn a_json_line_is_one_flat_object() {
        let text = logged(LevelFilter::INFO, LogFormat::Json, || {
            info_span!("start", attempt = 2).in_scope(|| {
                info!(match.id = 7, reason = "new\nline", "a match was published");
            });
            error!(target: "librdkafka", "librdkafka: FAIL a broker is down");
        });
        let mut lines = json_lines(&text);
        let time = lines[0]["timestamp"].take();
        assert!(
            time.as_str().is_some_and(|time| time.ends_with('Z')),
            "{time}"
        );
        assert_eq!(
            lines[0],
            json!({
                "service": "a \"quoted\" name", "timestamp": null, "level": "INFO",
                "message": "a match was published", "match.id": 7, "reason": "new\nline",
                "target": "service_kit::telemetry::tests",
                "span": {"attempt": 2, "name": "start"}, "spans": [{"attempt": 2, "name": "start"}],
            })
        );
        assert_eq!(lines[1]["message"], "librdkafka: FAIL a broker is down");
        assert_eq!(lines[1]["target"], "librdkafka");
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn text_lines_are_for_humans() {
        let text = logged(
            LevelFilter::INFO,
            LogFormat::Text,
            || info!(match.id = 7, "published"),
        );
        assert!(
            text.ends_with(" INFO service_kit::telemetry::tests: published match.id=7\n"),
            "{text:?}"
        );
    }

    #[test]
    fn third_parties_log_from_warn_on() {
        let speak = || {
            debug!("ours at debug");
            debug!(target: "librdkafka", "librdkafka at debug");
            debug!(target: "hyper", "theirs at debug");
            info!("ours at info");
            info!(target: "actix_server", "theirs at info");
            warn!(target: "actix_server", "theirs at warn");
            error!(target: "hyper", "theirs at error");
        };
        let check = |level, expected: &[&str]| {
            let messages: Vec<Value> = json_lines(&logged(level, LogFormat::Json, speak))
                .iter()
                .map(|line| line["message"].clone())
                .collect();
            assert_eq!(messages, expected, "{level}");
        };
        check(LevelFilter::OFF, &[]);
        check(LevelFilter::ERROR, &["theirs at error"]);
        check(LevelFilter::WARN, &["theirs at warn", "theirs at error"]);
        check(
            LevelFilter::INFO,
            &["ours at info", "theirs at warn", "theirs at error"],
        );
        check(
            LevelFilter::TRACE,
            &[
                "ours at debug",
                "librdkafka at debug",
                "ours at info",
                "theirs at warn",
                "theirs at error",
            ],
        );
    }

    #[test]
    fn every_crate_of_the_workspace_logs_at_the_level_asked_for() {
        let metadata = std::process::Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
            .output()
            .expect("cargo runs these tests");
        let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo writes JSON");
        let packages = metadata["packages"].as_array().expect("there are packages");
        let filter = filter(LevelFilter::DEBUG);
        for package in packages {
            let name = package["name"].as_str().expect("packages have names");
            let target = format!("{}::module", name.replace('-', "_"));
            assert!(filter.would_enable(&target, &Level::DEBUG), "{target}");
        }
        assert!(packages.len() > 10, "{} packages", packages.len());
        assert!(!filter.would_enable("hyper::client", &Level::INFO));
    }

    #[test]
    fn a_panic_is_one_json_line() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        let text = logged(LevelFilter::INFO, LogFormat::Json, || {
            let result = std::panic::catch_unwind(|| panic!("a planted\n{}", "panic"));
            assert!(result.is_err(), "a panic unwinds");
        });
        std::panic::set_hook(before);
        let lines = json_lines(&text);
        assert_eq!(lines.len(), 1, "{text}");
        assert_eq!(lines[0]["level"], "ERROR");
        assert_eq!(lines[0]["panic.message"], "a planted\npanic");
        let location = lines[0]["panic.location"].as_str().unwrap_or_default();
        assert!(location.contains(file!()), "{location}");
    }
}
