//! The service that reads the upstreams, and an hour that passes for it.
//!
//! A match that Steam tells of late is found by a second pass that reads an hour later what the
//! first one had read by then, over restarts too: the service keeps with its place when it had
//! come how far. Those times are made an hour older while the service is down. So what it does
//! when it is up again is what it does after an outage of an hour.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
};
use tempfile::TempDir;
use test_kit::{
    secrets::assert_no_secret_was_said, service_process::ServiceProcess, workspace_program,
};
use tokio::task::block_in_place;

use super::upstreams::{STEAM_KEY, Sources, Upstreams};
use crate::support::Topics;

const PROGRAM: &str = "ingestion-service";
const OPENDOTA_KEY: &str = "zQzOpenDotaKey";
/// How long brokers have for one answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
const HOUR_SECONDS: i64 = 60 * 60;

pub(super) struct Ingestion {
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
    /// With the journal.
    folder: Arc<TempDir>,
    /// Who keeps the place of the feed over the sequence, if there is one.
    place: Option<KeptPlace>,
    running: Option<ServiceProcess>,
}

impl Ingestion {
    /// Between these; what it sets aside goes to a topic of its own.
    pub(super) fn of(upstreams: &Upstreams, topics: &Topics, set_aside: &str) -> Result<Self> {
        let group = format!("{PROGRAM}.{}", topics.ids);
        let sources = match upstreams.sources {
            Sources::Pages => "opendota-pages",
            Sources::Steam => "steam-sequence",
            Sources::Both => "opendota-pages,steam-sequence",
        };
        let place = upstreams.has_steam().then(|| KeptPlace::of(topics, &group));
        let settings = [
            ("INGESTION_SOURCES", sources),
            ("OPENDOTA_API_URL", &upstreams.pages_url()),
            ("OPENDOTA_API_KEY", OPENDOTA_KEY),
            ("STEAM_API_URL", &upstreams.steam_url()),
            ("STEAM_API_KEYS", STEAM_KEY),
            ("STEAM_START", "0"),
            ("KAFKA_BOOTSTRAP_SERVERS", &topics.bootstrap_servers),
            ("KAFKA_PUBLISH_TOPIC", &topics.ids),
            ("KAFKA_MATCH_SUMMARY_TOPIC", &topics.summaries),
            ("KAFKA_DEAD_LETTER_TOPIC", set_aside),
            ("KAFKA_GROUP_ID", &group),
            ("API_HOST", "127.0.0.1"),
            ("API_PORT", "0"),
        ];
        Ok(Self {
            program: workspace_program(PROGRAM, PROGRAM)?,
            settings: settings
                .map(|(name, value)| (name, value.to_owned()))
                .into(),
            folder: Arc::new(TempDir::new()?),
            place: place.transpose()?,
            running: None,
        })
    }

    pub(super) async fn start(&mut self) -> Result<()> {
        let settings = self.settings.iter();
        let settings: Vec<_> = settings
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let program = Command::new(&self.program);
        let process = ServiceProcess::start(program, &settings, Arc::clone(&self.folder));
        self.running = Some(process.await?);
        Ok(())
    }

    /// Asks it to end, which it does with exit code 0, nothing pending and nothing set aside.
    pub(super) async fn stop(&mut self) -> Result<()> {
        let mut process = self.running.take().context("it runs")?;
        process.signal("TERM")?;
        let (code, last) = process.ended().await?;
        ensure!(code == 0, "it ends with {code}: {:#?}", process.log());
        let set_aside = &last["ledger.dead_lettered"];
        ensure!(last["ledger.pending"] == 0 && set_aside == 0, "{last}");
        assert_no_secret_was_said(&process.log(), &process.errors())
    }

    /// An hour passes while it is down. How far the second pass can come then, if there is one.
    pub(super) fn an_hour_passes(&self) -> Result<Option<u64>> {
        let place = self.place.as_ref();
        place.map(KeptPlace::grow_an_hour_older).transpose()
    }

    /// How far the second pass has come, as far as brokers know.
    pub(super) fn second_pass(&self) -> Option<u64> {
        Some(self.place.as_ref()?.kept().ok()?.second)
    }
}

/// Where the feed over the sequence is kept: beside an offset in a group without members.
struct KeptPlace {
    consumer: BaseConsumer,
    topic: String,
}

/// `v1;<first>;<second>;<time>:<number>,…`: where both passes are, and by when the first one
/// had come how far.
struct Place {
    first: u64,
    second: u64,
    marks: Vec<(i64, u64)>,
}

impl KeptPlace {
    fn of(topics: &Topics, group: &str) -> Result<Self> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", &topics.bootstrap_servers)
            .set("group.id", format!("{group}.steam"))
            .set("enable.auto.commit", "false")
            .create()?;
        Ok(Self {
            consumer,
            topic: topics.ids.clone(),
        })
    }

    fn kept(&self) -> Result<Place> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&self.topic, 0);
        let kept = block_in_place(|| self.consumer.committed_offsets(asked, ANSWER_TIME_MAX))?;
        let elements = kept.elements();
        let element = elements.first().context("it was asked for")?;
        element.error()?;
        Place::read(element.metadata()).with_context(|| format!("{:?}", element.metadata()))
    }

    /// How far the second pass may come then.
    fn grow_an_hour_older(&self) -> Result<u64> {
        let mut place = self.kept()?;
        for (seconds, _) in &mut place.marks {
            *seconds -= HOUR_SECONDS;
        }
        let target = place.marks.iter().map(|(_, number)| *number).max();
        let mut offsets = TopicPartitionList::new();
        let mut element = offsets.add_partition(&self.topic, 0);
        element.set_offset(Offset::Offset(0))?;
        element.set_metadata(place.written());
        block_in_place(|| self.consumer.commit(&offsets, CommitMode::Sync))?;
        target.context("the first pass has read something")
    }
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let (first, rest) = text.strip_prefix("v1;")?.split_once(';')?;
        let (second, marks) = rest.split_once(';')?;
        let marks = marks.split(',').filter(|mark| !mark.is_empty());
        let mark = |mark: &str| {
            let (seconds, number) = mark.split_once(':')?;
            Some((seconds.parse().ok()?, number.parse().ok()?))
        };
        Some(Self {
            first: first.parse().ok()?,
            second: second.parse().ok()?,
            marks: marks.map(mark).collect::<Option<_>>()?,
        })
    }

    fn written(&self) -> String {
        let marks = self.marks.iter();
        let marks: Vec<_> = marks
            .map(|(seconds, number)| format!("{seconds}:{number}"))
            .collect();
        format!("v1;{};{};{}", self.first, self.second, marks.join(","))
    }
}
