//! The log: lines for whoever listens, and for nobody later.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use client_kit::{CallFailed, HttpAnswer, StreamedAnswer};
use ingestion_opendota_adapter::logs::EventStreams;
use tokio::{
    sync::mpsc::{Sender, channel},
    time::{MissedTickBehavior, interval, sleep},
};

use super::steam::html;
use crate::week::{diary::Trouble, interface::Interface, truth::Truth, world::id};

/// What is written within such a time is said in one go.
const TICK: Duration = Duration::from_millis(250);
/// How long it takes until an answer begins.
const ANSWER_TIME: Duration = Duration::from_millis(100);
/// Pieces that may be on the way.
const PIECES_ON_THE_WAY: usize = 64;

/// The upstream.
pub(crate) struct LogsUpstream(Arc<Saying>);

struct Saying {
    truth: Arc<Truth>,
    /// When each match is said, in that order.
    said: Vec<(u32, u32)>,
}

impl LogsUpstream {
    pub(crate) fn new(truth: Arc<Truth>) -> Self {
        let said = truth.said(Interface::Logs);
        Self(Arc::new(Saying { truth, said }))
    }
}

impl Saying {
    async fn serve(&self, listener: Sender<Result<Bytes, CallFailed>>) {
        let connected_ms = self.truth.now_ms();
        let mut next = self.said.partition_point(|(at, _)| *at <= connected_ms);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = listener.closed() => return,
            }
            if self.truth.is(Trouble::Down(Interface::Logs)) {
                let broken = CallFailed::Connection("the connection was reset".to_owned());
                // Whoever has gone need not be told.
                let _ = listener.send(Err(broken)).await;
                return;
            }
            let lines = self.lines(&mut next);
            if !lines.is_empty() && listener.send(Ok(lines.into())).await.is_err() {
                return;
            }
        }
    }

    /// What has been written since the last time.
    fn lines(&self, next: &mut usize) -> String {
        let now_ms = self.truth.now_ms();
        let mut lines = String::new();
        while let Some((at, nth)) = self.said.get(*next).filter(|(at, _)| *at <= now_ms) {
            *next += 1;
            if self.truth.diary.is_mute(Interface::Logs, *at) {
                continue;
            }
            let id = id(*nth);
            // Writing to a string cannot fail.
            let _ = write!(
                lines,
                "data: [inserter] [insert: api] [ended: 1 minutes ago] {id}\n\n"
            );
            if nth.is_multiple_of(4) {
                let _ = write!(lines, "data: [inserter] [insert: gcdata] {id}\n\n");
            }
        }
        lines
    }
}

#[async_trait]
impl EventStreams for LogsUpstream {
    async fn open(&self, _: &str, _: &'static str) -> Result<StreamedAnswer, CallFailed> {
        sleep(ANSWER_TIME).await;
        let (sender, pieces) = channel(PIECES_ON_THE_WAY);
        let truth = &self.0.truth;
        if truth.is(Trouble::Down(Interface::Logs)) {
            return Err(CallFailed::Connection("nobody is there".to_owned()));
        }
        if truth.is(Trouble::Storm(Interface::Logs)) {
            return Ok(StreamedAnswer::told(html(429), pieces));
        }
        let saying = Arc::clone(&self.0);
        // It ends when nobody listens any more.
        tokio::spawn(async move { saying.serve(sender).await });
        let head = HttpAnswer::new(200, &[("content-type", "text/event-stream")], "");
        Ok(StreamedAnswer::told(head, pieces))
    }
}
