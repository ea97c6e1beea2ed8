//! `top`: loading, in the terminal.

use command_kit::top::{Screen, TopArguments, top};
use serde_json::Value;
use service_kit::exit_code::ExitCode;

use crate::settings::Settings;

/// Days and reasons named in a line.
const NAMED_MAX: usize = 5;

/// Shows the service that these settings, or the arguments, name.
pub(crate) async fn run(settings: &Settings, arguments: TopArguments) -> ExitCode {
    let screen = Screen {
        service: "etl-service",
        url: command_kit::url_to_ask(&settings.api.host, settings.api.port),
        path: "/api/v1/etl",
        draw,
    };
    top(screen, arguments).await
}

fn draw(figures: &Value) -> Vec<String> {
    let (ledger, rates, fresh) = (&figures["ledger"], &figures["rates"], &figures["freshness"]);
    let (batch, days) = (&figures["batch"], &figures["days"]);
    let mut lines = vec![
        format!("at         {}", text(&figures["at"])),
        format!(
            "ledger     consumed {} = loaded {} + dead-lettered {} + pending {}",
            number(&ledger["consumed"]),
            number(&ledger["loaded"]),
            number(&ledger["dead_lettered"]),
            number(&ledger["pending"]),
        ),
        format!(
            "rates      {}/s consumed, {}/s loaded",
            decimal(&rates["consumed_per_second"]),
            decimal(&rates["loaded_per_second"]),
        ),
        format!(
            "freshness  p50 {} s, p95 {} s, p99 {} s",
            decimal(&fresh["p50_seconds"]),
            decimal(&fresh["p95_seconds"]),
            decimal(&fresh["p99_seconds"]),
        ),
        format!(
            "batch      {} records being filled, {} in flight",
            number(&batch["filling_records"]),
            number(&batch["in_flight"]),
        ),
        format!("retries    {}", counts(&figures["retries"])),
        format!("set aside  {}", counts(&figures["dead_letters"])),
        format!(
            "days       {} dirty{}, {} built, {} did not add up",
            number(&days["dirty"]),
            named(&days["dirty_days"]),
            number(&days["built"]),
            number(&days["mismatches"]),
        ),
    ];
    let wrong = days["wrong"].as_array().into_iter().flatten();
    lines.extend(
        wrong
            .take(NAMED_MAX)
            .map(|day| format!("           {}: {}", text(&day["day"]), text(&day["reason"]))),
    );
    lines.push(String::new());
    lines.push(format!(
        "{:<28} {:>10} {:>12} {:>12} {:>12} {:>10}",
        "TOPIC", "PARTITIONS", "LAG", "LOADED", "SET ASIDE", "BEHIND s"
    ));
    lines.extend(rows_of(&figures["topics"]).map(|topic| topic_line(topic, figures)));
    lines.push(String::new());
    lines.push(format!("{:<28} {:>12}", "TABLE", "ROWS"));
    let rows = figures["rows"].as_object().into_iter().flatten();
    lines.extend(rows.map(|(table, rows)| format!("{table:<28} {:>12}", number(rows))));
    lines
}

fn topic_line(topic: &Value, figures: &Value) -> String {
    let partitions: Vec<_> = rows_of(&figures["partitions"])
        .filter(|one| one["topic"] == topic["topic"])
        .collect();
    let lags: Option<Vec<u64>> = partitions.iter().map(|one| one["lag"].as_u64()).collect();
    let lag = lags.map_or(Value::Null, |lags| lags.iter().sum::<u64>().into());
    format!(
        "{:<28} {:>10} {:>12} {:>12} {:>12} {:>10}",
        text(&topic["topic"]),
        partitions.len(),
        number(&lag),
        number(&topic["loaded"]),
        number(&topic["dead_lettered"]),
        decimal(&topic["seconds_behind"]),
    )
}

fn rows_of(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// What is not known, or not told by an older service.
const UNKNOWN: &str = "-";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or(UNKNOWN)
}

/// A whole number, with spaces between thousands.
fn number(value: &Value) -> String {
    let Some(number) = value.as_u64() else {
        return UNKNOWN.to_owned();
    };
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

fn decimal(value: &Value) -> String {
    let found = value.as_f64();
    found.map_or_else(|| UNKNOWN.to_owned(), |number| format!("{number:.1}"))
}

/// Names with their counts, those without any left out.
fn counts(all: &Value) -> String {
    let all = all.as_object().into_iter().flatten();
    let counted = all.filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0));
    let counted: Vec<_> = counted
        .map(|(name, count)| format!("{name} {}", number(count)))
        .collect();
    if counted.is_empty() {
        return "none".to_owned();
    }
    counted.join(", ")
}

/// The first of some days, if there are any.
fn named(days: &Value) -> String {
    let days: Vec<_> = rows_of(days).map(text).collect();
    match days.len() {
        0 => String::new(),
        count => {
            let more = if count > NAMED_MAX { ", …" } else { "" };
            let first = &days[..count.min(NAMED_MAX)];
            format!(" ({}{more})", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_figures_are_lines_of_text() {
        let figures = json!({
            "at": "2026-11-08T18:30:00.000Z",
            "ledger": {"consumed": 1_234_567, "loaded": 1_234_000, "dead_lettered": 67, "pending": 500},
            "topics": [{"topic": "match_summaries", "consumed": 1, "loaded": 1000, "dead_lettered": 67,
                        "pending": 1, "seconds_behind": null}],
            "dead_letters": {"not_json": 67, "key_differs": 0},
            "partitions": [
                {"topic": "match_summaries", "partition": 0, "lag": 1000},
                {"topic": "match_summaries", "partition": 1, "lag": 20},
                {"topic": "other", "partition": 0, "lag": 7},
            ],
            "batch": {"filling_records": 12, "in_flight": 2},
            "rates": {"consumed_per_second": 99.96, "loaded_per_second": 0.0},
            "freshness": {"p50_seconds": 1.5, "p95_seconds": null, "p99_seconds": null},
            "rows": {"matches": 5000},
            "retries": {},
            "days": {"dirty": 6, "built": 3, "mismatches": 1,
                "dirty_days": ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06"],
                "wrong": [{"day": "2026-11-01", "reason": "sums differ"}]},
        });
        let expected = "\
at         2026-11-08T18:30:00.000Z
ledger     consumed 1 234 567 = loaded 1 234 000 + dead-lettered 67 + pending 500
rates      100.0/s consumed, 0.0/s loaded
freshness  p50 1.5 s, p95 - s, p99 - s
batch      12 records being filled, 2 in flight
retries    none
set aside  not_json 67
days       6 dirty (2026-11-01, 2026-11-02, 2026-11-03, 2026-11-04, 2026-11-05, …), 3 built, 1 did not add up
           2026-11-01: sums differ

TOPIC                        PARTITIONS          LAG       LOADED    SET ASIDE   BEHIND s
match_summaries                       2        1 020        1 000           67          -

TABLE                                ROWS
matches                             5 000";
        assert_eq!(draw(&figures).join("\n"), expected);
    }

    #[test]
    fn what_an_older_service_does_not_tell_is_left_open() {
        let lines = draw(&json!({}));
        assert!(lines[1].contains("consumed - = loaded -"), "{lines:?}");
    }
}
