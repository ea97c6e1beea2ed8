//! Recorded pages, unchanged.

use std::{env, fs, path::PathBuf, time::Duration};

use opendota_client::PageList;

use crate::support::{Reading, SMALL, Script, answer};

/// A page of public matches, reduced by those who recorded it.
const RECORDED: &str = "opendota/public_matches_head_2026-04-12.json";

/// The same shape, where there are no recordings.
const SYNTHETIC: &str = r#"[
    {"match_id":8769000002,"start_time":1775940000,"source_stream":"public","recency_window":null},
    {"match_id":8769000001,"start_time":1775939990,"source_stream":"public","recency_window":{"of":[1e400]}}
]"#;

#[tokio::test(start_paused = true)]
async fn every_row_of_a_recorded_page_is_handed_over_as_it_is() {
    let recorded = env::var_os("RECORDED_DATA_DIR").map(PathBuf::from);
    let body = recorded.map_or_else(
        || SYNTHETIC.to_owned(),
        |folder| fs::read_to_string(folder.join(RECORDED)).expect("the recording can be read"),
    );
    let rows = body.matches("\"match_id\"").count();
    let script = Script::new([answer(200, body)]);
    let mut reading = Reading::begin(script, true, &[PageList::Public], SMALL);
    reading.pass(Duration::from_secs(10)).await;
    assert_eq!(reading.ids.len(), rows);
    assert_eq!(reading.odd, []);
}
