//! What it costs to find the match id of a frame, beside a typed `serde_json`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ingestion_opendota_adapter::stream::{parse_frame, parse_text_envelope, parse_text_frame};
use serde::Deserialize;

/// The library used as most would use it; it accepts more and less than the
/// rules of the feed.
#[derive(Deserialize)]
struct Row {
    match_id: i64,
}

const FRAMES: [(&str, &str); 2] = [
    ("bare_id", r#"{"match_id":8943267925}"#),
    (
        "row",
        r#"{"match_id":8943267925,"match_seq_num":7512345678,"radiant_win":true,"start_time":1776000000,"duration":1830,"lobby_type":7,"game_mode":22,"avg_rank_tier":54,"num_rank_tier":8,"cluster":155,"radiant_team":[64,30,114,53,42],"dire_team":[1,8,74,86,101]}"#,
    ),
];

fn parse(criterion: &mut Criterion) {
    for (name, frame) in FRAMES {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function("text", |bencher| {
            bencher.iter(|| parse_text_frame(black_box(frame)).is_ok());
        });
        group.bench_function("binary", |bencher| {
            bencher.iter(|| parse_frame(black_box(frame.as_bytes())).is_ok());
        });
        let envelope = format!(r#"{{"type":"MATCH","message":{{"match":{frame}}}}}"#);
        group.bench_function("envelope", |bencher| {
            bencher.iter(|| parse_text_envelope(black_box(&envelope)).is_ok());
        });
        group.bench_function("serde_json", |bencher| {
            bencher.iter(|| {
                serde_json::from_slice::<Row>(black_box(frame.as_bytes())).map(|row| row.match_id)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, parse);
criterion_main!(benches);
