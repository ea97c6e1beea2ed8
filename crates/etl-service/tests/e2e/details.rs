//! Ids of which nobody tells more, and the upstream that is asked.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use contracts::MatchIdRecord;
use domain::{MatchId, Timestamp};
use feed_simulator::{
    World,
    upstream::{Upstream, UpstreamConfig, UpstreamServer},
};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
};
use tempfile::TempDir;
use test_kit::waiting::wait_until;

use crate::support::{DEADLINE, Service, Topics};

/// Less than a minute's limit, whenever in the minute the service begins.
const MATCHES: i64 = 20;

/// Tells ids, as ingestion does.
fn write_ids(topics: &Topics, ids: &[MatchId]) -> Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &topics.bootstrap_servers)
        .create()?;
    for id in ids {
        let record = MatchIdRecord {
            id: *id,
            source: "opendota_stream",
            received_at: Timestamp::from_unix_ms(1_762_626_600_000),
        };
        let record = record.encode();
        let headers = record
            .headers()
            .iter()
            .fold(OwnedHeaders::new(), |all, one| {
                all.insert(Header {
                    key: one.name,
                    value: Some(one.value),
                })
            });
        let sent = BaseRecord::to(&topics.ids)
            .key(record.key())
            .payload(record.value())
            .headers(headers);
        producer.send(sent).map_err(|(error, _)| error)?;
    }
    Ok(producer.flush(Duration::from_secs(30))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_without_summaries_end_as_loaded_matches() -> Result<()> {
    let (_broker, topics) = Topics::create_embedded()?;
    let world = World::new(3);
    let first = world.first_id_at(world.begin()).get();
    let ids: Result<Vec<_>, _> = (first..first + MATCHES).map(MatchId::try_new).collect();
    let ids = ids?;
    // One more begins when all of these are over.
    let now = ids.iter().map(|id| world.at(*id).end_time()).max();
    let now = now.context("there are some")?;
    let never = MatchId::try_new(world.first_id_at(now).get() + 1_000)?;
    let upstream = Upstream::new(UpstreamConfig::new(world, now));
    let server = UpstreamServer::start(upstream.clone(), (Ipv4Addr::LOCALHOST, 0).into()).await?;
    write_ids(&topics, &[ids.as_slice(), &[never]].concat())?;

    let folder = Arc::new(TempDir::new()?);
    let url = server.url();
    let settings = [
        ("DETAILS_FOR", "missing"),
        ("DETAILS_GRACE", "0s"),
        ("OPENDOTA_API_URL", url.as_str()),
    ];
    let service = Service::start(&topics, &folder, &settings).await?;
    wait_until(DEADLINE, "every match is fetched but one", async || {
        let etl = service.json("/api/v1/etl").await;
        etl.is_ok_and(|etl| etl["wishes"]["fetched"] == MATCHES && etl["wishes"]["waiting"] == 1)
    })
    .await?;
    for id in &ids {
        let known = service.json(&format!("/api/v1/matches/{id}")).await?;
        let facts = known["facts"].as_array().context("it has facts")?;
        let is_core = |fact: &serde_json::Value| fact["table"] == "matches";
        assert!(facts.iter().any(is_core), "{known}");
        assert_eq!(known["wish"]["state"], "fetched", "{known}");
    }
    let wish = service.json(&format!("/api/v1/matches/{never}")).await?["wish"].take();
    assert_eq!(
        (&wish["state"], &wish["attempts"]),
        (&"waiting".into(), &1.into())
    );

    let calls = upstream.calls();
    assert_eq!(calls.minute_limited + calls.day_limited, 0, "{calls:?}");
    let etl = service.json("/api/v1/etl").await?;
    assert_eq!(
        etl["budget"]["day"]["used"], calls.calls,
        "{}",
        etl["budget"]
    );
    let left = format!(
        r#"etl_budget_left{{upstream="opendota",window="day"}} {}"#,
        3_000 - calls.calls
    );
    let metrics = service.text("/metrics").await;
    for line in [
        r#"etl_calls_total{upstream="opendota",outcome="fetched"} 20"#,
        r#"etl_calls_total{upstream="opendota",outcome="not_found"} 1"#,
        r#"etl_wishes{state="fetched"} 20"#,
        &left,
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    let health = service.text("/api/v1/health").await;
    assert!(health.contains("the upstream answers"), "{health}");
    service.stop().await
}
