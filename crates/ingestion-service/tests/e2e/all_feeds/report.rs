//! The topic against the truth, and what each feed has brought.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use contracts::MatchIdRecord;
use domain::MatchId;

use super::{gaps::Gaps, upstreams::Upstreams};
use crate::support::Topics;

/// Asserts that all is there once, and nothing else.
pub(super) async fn judge(upstreams: &Upstreams, topics: &Topics, gaps: &Gaps) -> Result<()> {
    let calls = upstreams.pages.calls();
    let steam = upstreams.steam.calls();
    let all = topics.published(500).await?;
    println!(
        "{} records; {:?}; pages {calls:?}; Steam {steam:?}",
        all.len(),
        gaps.counts()
    );
    let mut found = BTreeSet::new();
    let mut by_source: BTreeMap<String, usize> = BTreeMap::new();
    for record in &all {
        let id = MatchIdRecord::decode_id(&record.value)?;
        ensure!(found.insert(id.get()), "{id} is there twice");
        let source = record.headers.iter().find(|(name, _)| name == "source");
        let (_, source) = source.context("each says whose it is")?;
        let source = String::from_utf8_lossy(source).into_owned();
        *by_source.entry(source).or_default() += 1;
    }
    println!("first to bring: {by_source:?}");
    let told: BTreeSet<i64> = upstreams
        .logs
        .told()
        .into_iter()
        .map(MatchId::get)
        .collect();
    let said: BTreeSet<i64> = upstreams.stream.ids_sent().into_iter().collect();
    println!(
        "told of: stream {}, logs {}, Steam {}, lists {}",
        said.len(),
        told.len(),
        upstreams.steam.told_count(),
        upstreams.listed().len()
    );
    let listed = upstreams.listed();
    let is_invented = |id: &&i64| !listed.contains(id) && !told.contains(id) && !said.contains(id);
    let invented: Vec<_> = found.iter().filter(is_invented).collect();
    assert!(invented.is_empty(), "nobody has told of {invented:?}");
    let not_listed = gaps.not_listed();
    assert!(not_listed.is_empty(), "without a gap: {not_listed:?}");
    assert!(gaps.expected_count() > 2);
    // Never above.
    assert_eq!(
        (calls.minute_limited, calls.day_limited),
        (0, 0),
        "{calls:?}"
    );
    let refused_max = 50 + steam.answered / 50;
    assert!(steam.limited <= refused_max, "{steam:?}");
    for source in [
        "opendota_stream",
        "opendota_logs",
        "opendota_pages",
        "steam_sequence",
    ] {
        assert!(
            by_source.get(source) > Some(&0),
            "{source} was never the first"
        );
    }
    Ok(())
}
