//! A run as a page of Markdown.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    monitor::Watched,
    options::Options,
    schedule::ServiceFault,
    verdict::{Lost, Verdict},
    world::{Incident, seconds},
};

/// Losses and duplicates that are shown; their number is always there.
const SHOWN_MAX: usize = 10;

/// Everything a report tells.
pub(crate) struct Report<'a> {
    pub(crate) options: &'a Options,
    pub(crate) elapsed_ms: u64,
    pub(crate) incidents: &'a [Incident],
    pub(crate) kills: usize,
    pub(crate) skipped: &'a [ServiceFault],
    pub(crate) watched: Watched,
    pub(crate) verdict: &'a Verdict,
    pub(crate) findings: &'a [String],
}

/// One line of the table of faults.
#[derive(Default)]
struct Kind {
    count: u64,
    longest_ms: Option<u64>,
    /// Where no other fault was about.
    longest_alone_ms: Option<u64>,
}

impl Report<'_> {
    /// The whole page.
    pub(crate) fn markdown(&self) -> String {
        let mut page = String::new();
        self.write_run(&mut page);
        self.write_faults(&mut page);
        self.write_matches(&mut page);
        self.write_findings(&mut page);
        page
    }

    fn write_run(&self, page: &mut String) {
        let Options {
            seed,
            duration,
            expected,
            ..
        } = self.options;
        let outcome = if self.findings.is_empty() {
            "passed"
        } else {
            "FAILED"
        };
        lines(
            page,
            &[
                format!("# Chaos on three brokers: {outcome}"),
                String::new(),
                format!("- seed: {seed}"),
                format!("- minutes of faults: {:.1}", duration.as_secs_f64() / 60.0),
                format!("- the whole run: {}", seconds(self.elapsed_ms)),
                format!("- kill -9 of the service: {}", self.kills),
                format!(
                    "- peak memory of the service: {} KiB",
                    self.watched.peak_kib
                ),
                format!("- ledgers looked at: {}", self.watched.answers),
                format!(
                    "- expected of the service: journal {}, exactly once {}",
                    yes(expected.journal),
                    yes(expected.exactly_once)
                ),
            ],
        );
        for fault in self.skipped {
            lines(page, &[format!("- this machine cannot make: {fault}")]);
        }
    }

    fn write_faults(&self, page: &mut String) {
        lines(
            page,
            &[
                String::new(),
                "## Faults, and how soon matches were published again after their healing"
                    .to_owned(),
                String::new(),
                "| fault | times | longest recovery | longest with no other fault about |"
                    .to_owned(),
                "|---|---|---|---|".to_owned(),
            ],
        );
        let shown = |millis: Option<u64>| millis.map_or_else(|| "–".to_owned(), seconds);
        for (name, kind) in self.kinds() {
            let (longest, alone) = (shown(kind.longest_ms), shown(kind.longest_alone_ms));
            let count = kind.count;
            lines(
                page,
                &[format!("| {name} | {count} | {longest} | {alone} |")],
            );
        }
    }

    fn kinds(&self) -> BTreeMap<&str, Kind> {
        let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
        for (index, incident) in self.incidents.iter().enumerate() {
            let kind = kinds.entry(&incident.kind).or_default();
            kind.count += 1;
            let recovery = incident.recovered_ms.zip(incident.healed_ms);
            let Some(took) = recovery.map(|(recovered, healed)| recovered - healed) else {
                continue;
            };
            kind.longest_ms = kind.longest_ms.max(Some(took));
            if self.is_alone(index) {
                kind.longest_alone_ms = kind.longest_alone_ms.max(Some(took));
            }
        }
        kinds
    }

    /// Whether nothing else was wrong from its healing to its recovery.
    fn is_alone(&self, index: usize) -> bool {
        let incident = &self.incidents[index];
        let from = incident.healed_ms.unwrap_or_default();
        let to = incident.recovered_ms.unwrap_or(u64::MAX);
        self.incidents.iter().enumerate().all(|(other, it)| {
            let is_over = it.recovered_ms.is_some_and(|recovered| recovered <= from);
            other == index || is_over || it.begun_ms >= to
        })
    }

    fn write_matches(&self, page: &mut String) {
        let verdict = self.verdict;
        lines(
            page,
            &[
                String::new(),
                "## Matches".to_owned(),
                String::new(),
                format!("- sent: {}", verdict.sent),
                format!("- received, which is proved by pongs: {}", verdict.received),
                format!("- in the topic for `read_committed`: {}", verdict.published),
                format!("- lost: {}", verdict.lost.len()),
                format!(
                    "- lost within the second before a kill -9, as the contract allows: {}, \
                    the oldest {} before its kill",
                    verdict.lost_within_the_second,
                    seconds(verdict.oldest_of_the_second_ms)
                ),
                format!("- more than once in the topic: {}", verdict.twice.len()),
                format!("- in the topic and never sent: {}", verdict.unknown.len()),
            ],
        );
        for (reason, (expected, found)) in &verdict.dead_letters {
            lines(
                page,
                &[format!(
                    "- dead letters, {reason}: at least {expected} expected, {found} found"
                )],
            );
        }
        for lost in verdict.lost.iter().take(SHOWN_MAX) {
            lines(page, &[format!("- lost: {}", self.circumstances(lost))]);
        }
        for (id, times) in verdict.twice.iter().take(SHOWN_MAX) {
            lines(page, &[format!("- more than once: {id}, {times} times")]);
        }
    }

    fn circumstances(&self, lost: &Lost) -> String {
        let process = lost.process.map_or_else(String::new, |it| it.to_string());
        let end = lost.killed_ms.map_or_else(
            || "which was not killed".to_owned(),
            |killed| {
                format!(
                    "which was killed {} later",
                    seconds(killed - lost.proved_ms)
                )
            },
        );
        let about: Vec<_> = self
            .incidents
            .iter()
            .filter(|it| {
                let is_over = it
                    .recovered_ms
                    .is_some_and(|recovered| recovered < lost.proved_ms);
                it.begun_ms <= lost.proved_ms && !is_over
            })
            .map(|it| format!("{} since {}", it.kind, seconds(it.begun_ms)))
            .collect();
        format!(
            "{} was proved at {} by process {process}, {end}; about then: {}",
            lost.id,
            seconds(lost.proved_ms),
            about.join(", ")
        )
    }

    fn write_findings(&self, page: &mut String) {
        lines(
            page,
            &[String::new(), "## Findings".to_owned(), String::new()],
        );
        if self.findings.is_empty() {
            lines(page, &["None.".to_owned()]);
        }
        for finding in self.findings {
            lines(page, &[format!("- {finding}")]);
        }
    }
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

fn lines(page: &mut String, lines: &[String]) {
    for line in lines {
        writeln!(page, "{line}").expect("a String takes everything");
    }
}
