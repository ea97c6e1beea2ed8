//! The records in the topics are as promised, down to the byte.

use anyhow::Result;
use feed_simulator::Config;
use kafka_test_kit::java_client_partitions;

use crate::support::{PARTITIONS, Service, Topics, assert_all_delivered_once, feed};

#[tokio::test(flavor = "multi_thread")]
async fn each_match_is_one_record_with_key_value_and_headers() -> Result<()> {
    let topics = Topics::create().await?;
    let feed = feed(Config {
        count: Some(500),
        ..Config::default()
    })
    .await?;
    let service = Service::start(&feed.websocket_url(), &topics, &[]).await?;
    service.wait_for_figure("published", 500).await;

    let records = topics.published(500).await?;
    let keys: Vec<String> = records
        .iter()
        .map(|record| {
            String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned()
        })
        .collect();
    let partitions = java_client_partitions(&keys, PARTITIONS)?;
    for ((record, key), partition) in records.iter().zip(&keys).zip(partitions) {
        assert_eq!(record.value, format!(r#"{{"match_id":{key}}}"#));
        assert_eq!(
            record.partition, partition,
            "as the Java client partitions {key}"
        );
        let names: Vec<&str> = record
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["schema", "source", "received_at"]);
        assert_eq!(record.headers[0].1, "match_ids_raw/1");
        assert_eq!(record.headers[1].1, "opendota_stream");
        let received_at = std::str::from_utf8(&record.headers[2].1)?;
        received_at.parse::<jiff::Timestamp>()?;
        assert!(received_at.ends_with('Z'), "{received_at} is in UTC");
    }
    assert_all_delivered_once(&feed, &topics).await?;
    service.stop().await
}
