//! `top`: a running service in the terminal, as its events tell.
//!
//! The screen is plain text with a few escapes, and every line is cut to the
//! width of the terminal. What is shown is the service's.

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use reqwest::{Client, Response};
use serde_json::Value;
use service_kit::{exit_code::ExitCode, lifecycle::EndSignals};
use tokio::time::{sleep, timeout};

use crate::complain;

/// For a connection, and for an answer that comes at once.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);
/// Events come every second; a service that sends none for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Before a lost connection is made again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// An event is some kilobytes long.
const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Where the terminal does not say how wide and high it is.
const COLUMNS_DEFAULT: usize = 100;
const LINES_DEFAULT: usize = 40;

/// Flags of `top`.
#[derive(Debug, Clone, clap::Args)]
pub struct TopArguments {
    /// Where the service answers, such as `http://etl:8001`; without it, where its settings say
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// What is shown of a service.
pub struct Screen {
    /// Its name.
    pub service: &'static str,
    /// Where it answers, if the user names nothing else.
    pub url: String,
    /// The path of its figures; its events are at `<path>/events`.
    pub path: &'static str,
    /// The lines that show an answer.
    pub draw: fn(&Value) -> Vec<String>,
}

/// Shows the service until a signal ends it; one snapshot alone where standard
/// output is no terminal.
pub async fn top(screen: Screen, arguments: TopArguments) -> ExitCode {
    let url = arguments.url.unwrap_or_else(|| screen.url.clone());
    let url = url.trim_end_matches('/').to_owned();
    let shown = if stdout().is_terminal() {
        watch(&screen, &url).await
    } else {
        once(&screen, &url).await
    };
    match shown {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::Unavailable
        }
    }
}

async fn once(screen: &Screen, url: &str) -> anyhow::Result<()> {
    let answer = ask(&format!("{url}{}", screen.path)).await?;
    let text = timeout(ANSWER_TIME_MAX, answer.text()).await??;
    let figures = serde_json::from_str(&text).context("the answer is no JSON")?;
    let mut lines = heading(screen, url, None);
    lines.extend((screen.draw)(&figures));
    // Whoever closes the pipe has read enough.
    let _ = writeln!(stdout(), "{}", lines.join("\n"));
    Ok(())
}

async fn watch(screen: &Screen, url: &str) -> anyhow::Result<()> {
    let mut signals = EndSignals::try_new().context("cannot listen for signals")?;
    let events = format!("{url}{}/events", screen.path);
    // A service that is not there at first is somebody's mistake.
    let mut answer = Some(ask(&events).await?);
    let _terminal = Terminal::take();
    let mut lines = Vec::new();
    let work = async {
        loop {
            let lost = match answer.take() {
                Some(answer) => {
                    let shown = |figures: &Value| {
                        lines = (screen.draw)(figures);
                        show(&heading(screen, url, None), &lines);
                    };
                    follow(answer, shown).await
                }
                None => "it does not answer".to_owned(),
            };
            show(&heading(screen, url, Some(&lost)), &lines);
            sleep(TRY_AGAIN_AFTER).await;
            answer = ask(&events).await.ok();
        }
    };
    tokio::select! {
        () = work => {}
        _ = signals.next() => {}
    }
    Ok(())
}

async fn ask(url: &str) -> anyhow::Result<Response> {
    // No proxy: it would be asked about a machine that only we can reach.
    let client = Client::builder()
        .connect_timeout(ANSWER_TIME_MAX)
        .no_proxy()
        .build()?;
    let asked = timeout(ANSWER_TIME_MAX, client.get(url).send()).await;
    let answer = asked
        .map_err(anyhow::Error::from)
        .and_then(|answer| Ok(answer?))
        .with_context(|| format!("no answer from {url}: is the service running there?"))?;
    let status = answer.status();
    ensure!(status.is_success(), "{url} answered {status}");
    Ok(answer)
}

/// Hands over what each event holds, until the connection ends; why it did.
async fn follow(mut answer: Response, mut shown: impl FnMut(&Value)) -> String {
    let mut waiting = Vec::new();
    loop {
        match timeout(SILENCE_MAX, answer.chunk()).await {
            Err(_) => return "it says nothing".to_owned(),
            Ok(Err(error)) => return error.to_string(),
            Ok(Ok(None)) => return "it has ended the connection".to_owned(),
            Ok(Ok(Some(piece))) => waiting.extend_from_slice(&piece),
        }
        while let Some(event) = next_event(&mut waiting) {
            if let Some(figures) = data_of(&event) {
                shown(&figures);
            }
        }
        if waiting.len() > EVENT_BYTES_MAX {
            return "it sends no events".to_owned();
        }
    }
}

/// Takes the first whole event out of what has come; an empty line ends it.
fn next_event(waiting: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = waiting.windows(2).position(|pair| pair == b"\n\n")?;
    let rest = waiting.split_off(end + 2);
    Some(std::mem::replace(waiting, rest))
}

fn data_of(event: &[u8]) -> Option<Value> {
    let text = str::from_utf8(event).ok()?;
    let data = text.lines().find_map(|line| line.strip_prefix("data:"))?;
    serde_json::from_str(data).ok()
}

fn heading(screen: &Screen, url: &str, lost: Option<&str>) -> Vec<String> {
    let state = match lost {
        None => String::new(),
        Some(why) => format!("   NO ANSWER: {why}; what follows is the last that was told"),
    };
    vec![format!("{} at {url}{state}", screen.service), String::new()]
}

/// Writes the screen from its beginning, and leaves nothing of what was there.
fn show(heading: &[String], lines: &[String]) {
    let (columns, rows) = (
        size("COLUMNS", COLUMNS_DEFAULT),
        size("LINES", LINES_DEFAULT),
    );
    let mut text = "\x1b[H".to_owned();
    for line in heading.iter().chain(lines).take(rows.saturating_sub(1)) {
        text.extend(line.chars().take(columns));
        text.push_str("\x1b[K\r\n");
    }
    text.push_str("\x1b[J");
    let mut out = stdout().lock();
    // Nobody may be looking any more.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn size(variable: &str, default: usize) -> usize {
    let given = std::env::var(variable).ok();
    given
        .and_then(|text| text.parse().ok())
        .filter(|size| *size > 0)
        .unwrap_or(default)
}

/// The screen is ours for as long as this lives; then it is as it was.
struct Terminal;

impl Terminal {
    fn take() -> Self {
        // Another screen, without a cursor.
        let _ = write!(stdout(), "\x1b[?1049h\x1b[?25l");
        Self
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let mut out = stdout();
        let _ = write!(out, "\x1b[?25h\x1b[?1049l").and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_they_were_cut() {
        let stream = b"event: etl\ndata: {\"a\":1}\n\nevent: etl\ndata: {\"a\":2}\n\nevent:";
        for size in [1, 2, 7, stream.len()] {
            let (mut waiting, mut found) = (Vec::new(), Vec::new());
            for piece in stream.chunks(size) {
                waiting.extend_from_slice(piece);
                while let Some(event) = next_event(&mut waiting) {
                    found.push(data_of(&event).expect("it holds JSON")["a"].clone());
                }
            }
            assert_eq!(found, [1, 2], "cut at {size}");
            assert_eq!(waiting, b"event:");
        }
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        for event in [&b": hello\n\n"[..], b"data: no\n\n", b"\xff\n\n", b"\n\n"] {
            assert_eq!(data_of(event), None);
        }
    }
}
