//! The feed as the application sees it: one connection after another, and to
//! whichever of its upstreams works.
//!
//! The upstreams stand by preference. When the one in use fails or is silent,
//! the first that may be tried steps in at once. As long as a less preferred one
//! is in use, a *probe* goes to those before it: a second connection, beside the
//! first. It has proved itself when it has given data for a while, not when it
//! is connected, since a silent upstream can be connected to as well. Meanwhile
//! both are read, so nothing is missed in between; what both tell of is a
//! duplicate.

use std::{
    future::{pending, poll_fn},
    mem,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use client_kit::Backoff;
use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt as _},
};
use health_kit::Clock;
use ingestion_application::{
    SourceName,
    ports::{DisconnectReason, Disconnection, FeedEvent, FeedReader, ReceivedBatch, UpstreamInUse},
};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{
    SOURCE,
    candidate::Candidate,
    connector::{Connector, TcpConnector},
    link::{Link, LinkEvent, Manners},
    settings::{StreamSettings, StreamSettingsError},
    upstream::Upstream,
};
use crate::{
    ending::ConnectionEnd,
    heard::{Gathered, Heard},
};

/// A probe has proved itself with data that comes so long after its first: this
/// part of the time after which a feed is silent.
const PROOF_PART: u32 = 10;

/// A WebSocket feed of matches that never gives up.
///
/// It owns no task: all it does happens within [`next`](FeedReader::next)
/// and [`close`](FeedReader::close), and stops when they are dropped.
/// Whatever a dropped call was waiting for goes on with the next one.
pub struct MatchStream {
    /// By preference, never none.
    candidates: Vec<Candidate>,
    manners: Arc<Manners>,
    clock: Arc<dyn Clock>,
    /// The one in use, or on its way; none before the next attempt.
    current: Option<Active>,
    /// One that is preferred to it.
    probe: Option<Probe>,
    step: Step,
    /// Upstreams are being told why we leave.
    goodbyes: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Whose turn it is, if both have something.
    is_probes_turn: bool,
    /// Since when nobody is listening.
    unheard_since: Instant,
}

struct Active {
    /// Its place among the candidates.
    place: usize,
    link: Link,
}

struct Probe {
    place: usize,
    link: Link,
    first_data: Option<Instant>,
}

/// What has to be said before anything else happens.
enum Step {
    Listen,
    /// The one in use stands, and that was not said yet.
    SayConnected,
    /// The probe has proved itself: what was read from the one in use goes first.
    HandOver,
}

enum Happening {
    OfCurrent(LinkEvent),
    OfProbe(LinkEvent),
    /// A candidate may be tried.
    Due,
}

impl MatchStream {
    /// A feed over TCP; nothing is connected before it is asked for events.
    ///
    /// The same `jitter_seed` repeats the same waits between attempts.
    ///
    /// # Errors
    /// Every setting that cannot work, the file of authorities included.
    pub fn try_new(
        settings: &StreamSettings,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Result<Self, StreamSettingsError> {
        Self::try_over(settings, Arc::new(TcpConnector), clock, jitter_seed)
    }

    /// The same feed over any network.
    ///
    /// # Errors
    /// As [`try_new`](Self::try_new).
    pub fn try_over(
        settings: &StreamSettings,
        connector: Arc<dyn Connector>,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Result<Self, StreamSettingsError> {
        let upstreams = Upstream::try_each(settings, connector, Arc::clone(&clock))?;
        let candidates = (0..).zip(upstreams).map(|(place, upstream)| {
            let seed = jitter_seed.wrapping_add(place);
            let backoff = Backoff::new(settings.backoff_min, settings.backoff_max, seed);
            Candidate::new(upstream, backoff)
        });
        Ok(Self {
            candidates: candidates.collect(),
            manners: Arc::new(Manners::of(settings)),
            clock,
            current: None,
            probe: None,
            step: Step::Listen,
            goodbyes: FuturesUnordered::new(),
            is_probes_turn: false,
            unheard_since: Instant::now(),
        })
    }

    async fn advance(&mut self) -> FeedEvent {
        loop {
            match mem::replace(&mut self.step, Step::Listen) {
                Step::Listen => {}
                Step::SayConnected => return FeedEvent::Connected,
                Step::HandOver => return self.hand_over().await,
            }
            self.try_what_is_due();
            let event = match self.happening().await {
                Happening::OfCurrent(event) => self.of_current(event),
                Happening::OfProbe(event) => self.of_probe(event),
                Happening::Due => None,
            };
            if let Some(event) = event {
                return event;
            }
        }
    }

    /// Starts what may be started: the most preferred one, if none is in use, and
    /// a probe to one that is preferred to the one in use.
    fn try_what_is_due(&mut self) {
        let probed = self.probe.as_ref().map(|probe| probe.place);
        let now = Instant::now();
        if self.current.is_none() {
            self.current = (0..self.candidates.len())
                .filter(|place| Some(*place) != probed)
                .find(|place| self.candidates[*place].not_before() <= now)
                .map(|place| Active {
                    place,
                    link: self.candidates[place].connect(&self.manners),
                });
        }
        if self.probe.is_none()
            && let Some(Active { place: in_use, .. }) = self.current
        {
            self.probe = (0..in_use)
                .find(|place| self.candidates[*place].not_before() <= now)
                .map(|place| Probe {
                    place,
                    link: self.candidates[place].connect(&self.manners),
                    first_data: None,
                });
        }
    }

    /// When there is something to start, if nothing else happens before.
    fn next_due(&self) -> Option<Instant> {
        let probed = self.probe.as_ref().map(|probe| probe.place);
        let tried = match &self.current {
            None => 0..self.candidates.len(),
            Some(_) if probed.is_some() => 0..0,
            Some(Active { place, .. }) => 0..*place,
        };
        let others = tried.filter(|place| Some(*place) != probed);
        others
            .map(|place| self.candidates[place].not_before())
            .min()
    }

    /// Waits for whatever happens first. Cancel safe.
    async fn happening(&mut self) -> Happening {
        let due = self.next_due();
        let is_probes_turn = self.is_probes_turn;
        let current = async {
            match &mut self.current {
                Some(active) => active.link.next().await,
                None => pending().await,
            }
        };
        let probe = async {
            match &mut self.probe {
                Some(probe) => probe.link.next().await,
                None => pending().await,
            }
        };
        let goodbyes = async {
            while self.goodbyes.next().await.is_some() {}
            pending::<()>().await;
        };
        let (mut current, mut probe) = (pin!(current), pin!(probe));
        let links = poll_fn(|context| {
            for of_probe in [is_probes_turn, !is_probes_turn] {
                if of_probe {
                    if let Poll::Ready(event) = probe.as_mut().poll(context) {
                        return Poll::Ready(Happening::OfProbe(event));
                    }
                } else if let Poll::Ready(event) = current.as_mut().poll(context) {
                    return Poll::Ready(Happening::OfCurrent(event));
                }
            }
            Poll::Pending
        });
        let due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            happening = links => happening,
            () = due => Happening::Due,
            () = goodbyes => Happening::Due,
        }
    }

    fn of_current(&mut self, event: LinkEvent) -> Option<FeedEvent> {
        self.is_probes_turn = true;
        let heard = match event {
            LinkEvent::Connected => return Some(FeedEvent::Connected),
            LinkEvent::Heard(heard) => heard,
        };
        let Active { place, link } = self.current.take()?;
        match heard {
            Heard::Data(gathered) => {
                self.current = Some(Active { place, link });
                if !gathered.frames.is_empty() {
                    self.candidates[place].proved();
                }
                Some(self.received(gathered))
            }
            Heard::End(ending) => {
                let now = Instant::now();
                self.leave(place, link, &ending, now);
                Some(self.replace(ending, now))
            }
        }
    }

    fn of_probe(&mut self, event: LinkEvent) -> Option<FeedEvent> {
        self.is_probes_turn = false;
        let mut probe = self.probe.take()?;
        match event {
            LinkEvent::Connected => {
                let is_in_use = |active: &Active| active.link.is_open();
                if self.current.as_ref().is_some_and(is_in_use) {
                    self.probe = Some(probe);
                    return None;
                }
                // It was faster than the attempt that was made in its place.
                self.promote(probe);
                Some(FeedEvent::Connected)
            }
            LinkEvent::Heard(Heard::Data(gathered)) => {
                if !gathered.frames.is_empty() {
                    let now = Instant::now();
                    let first_data = *probe.first_data.get_or_insert(now);
                    self.candidates[probe.place].proved();
                    if now - first_data >= self.manners.idle_timeout / PROOF_PART {
                        self.step = Step::HandOver;
                    }
                }
                self.probe = Some(probe);
                Some(self.received(gathered))
            }
            LinkEvent::Heard(Heard::End(ending)) => {
                let Probe { place, link, .. } = probe;
                let now = Instant::now();
                self.leave(place, link, &ending, now);
                let candidate = &mut self.candidates[place];
                let retry_in = candidate.not_before() - now;
                candidate.tell_failure(&ending, retry_in);
                None
            }
        }
    }

    fn received(&self, gathered: Gathered) -> FeedEvent {
        FeedEvent::Received(gathered.into_batch(self.clock.now()))
    }

    /// A link is over: its upstream is left alone for a while, and told why if
    /// there is somebody to hear it.
    fn leave(&mut self, place: usize, link: Link, ending: &ConnectionEnd, now: Instant) {
        self.candidates[place].failed(ending, now);
        let goodbye = ending.close_code.and_then(|code| link.say_goodbye(code));
        self.goodbyes.extend(goodbye);
    }

    /// The one in use is over: the probe takes its place, if it stands, and else
    /// whichever may be tried.
    fn replace(&mut self, ending: ConnectionEnd, now: Instant) -> FeedEvent {
        if let Some(probe) = self.probe.take_if(|probe| probe.link.is_open()) {
            self.promote(probe);
            self.step = Step::SayConnected;
        }
        self.try_what_is_due();
        let mut detail = ending.detail;
        let retry_in = match &self.current {
            Some(Active { place, .. }) => {
                let name = self.candidates[*place].name();
                detail = format!("{detail}; going on with {name}");
                Duration::ZERO
            }
            None => self.next_due().map_or(Duration::ZERO, |due| due - now),
        };
        FeedEvent::Disconnected(Disconnection {
            reason: ending.reason,
            detail,
            retry_in,
        })
    }

    /// What was read from the one in use, batch by batch; then the probe takes its place.
    async fn hand_over(&mut self) -> FeedEvent {
        if let Some(active) = &mut self.current
            && let Some(gathered) = active.link.take_read().await
        {
            self.step = Step::HandOver;
            return self.received(gathered);
        }
        let before = self.current.take();
        if let Some(probe) = self.probe.take() {
            self.promote(probe);
        }
        self.step = Step::SayConnected;
        let names = [&before, &self.current].map(|active| {
            let place = active.as_ref().map_or(0, |active| active.place);
            self.candidates[place].name().to_owned()
        });
        let [before_name, name] = names;
        let goodbye = before.and_then(|active| active.link.say_goodbye(CloseCode::Normal));
        self.goodbyes.extend(goodbye);
        FeedEvent::Disconnected(Disconnection {
            reason: DisconnectReason::PreferredAgain,
            detail: format!("{name} gives data again, {before_name} is left"),
            retry_in: Duration::ZERO,
        })
    }

    fn promote(&mut self, probe: Probe) {
        let Probe { place, link, .. } = probe;
        self.current = Some(Active { place, link });
    }

    /// Nobody has listened since the last call: no deadline came closer.
    fn forgive_pause(&mut self) {
        let pause = self.unheard_since.elapsed();
        let current = self.current.as_mut().map(|active| &mut active.link);
        let probe = self.probe.as_mut().map(|probe| &mut probe.link);
        for link in current.into_iter().chain(probe) {
            link.forgive(pause);
        }
    }
}

#[async_trait]
impl FeedReader for MatchStream {
    fn source(&self) -> SourceName {
        SOURCE
    }

    fn disconnect_reasons(&self) -> &'static [DisconnectReason] {
        &DisconnectReason::OF_WEBSOCKETS
    }

    fn upstream(&self) -> Option<UpstreamInUse> {
        let active = self.current.as_ref().filter(|it| it.link.is_open())?;
        Some(UpstreamInUse {
            name: self.candidates[active.place].name().to_owned(),
            preference: active.place + 1,
            of: self.candidates.len(),
        })
    }

    async fn next(&mut self) -> FeedEvent {
        self.forgive_pause();
        Listening(self).0.advance().await
    }

    async fn close(&mut self) -> Option<ReceivedBatch> {
        let current = self.current.as_mut().map(|active| &mut active.link);
        let probe = self.probe.as_mut().map(|probe| &mut probe.link);
        for link in current.into_iter().chain(probe) {
            if let Some(gathered) = link.take_read().await {
                return Some(gathered.into_batch(self.clock.now()));
            }
        }
        let current = self.current.take().map(|active| active.link);
        let probe = self.probe.take().map(|probe| probe.link);
        let links = current.into_iter().chain(probe);
        let goodbyes = links.filter_map(|link| link.say_goodbye(CloseCode::Away));
        self.goodbyes.extend(goodbyes);
        while self.goodbyes.next().await.is_some() {}
        None
    }
}

/// Notes when listening ended, also if it was cancelled.
struct Listening<'a>(&'a mut MatchStream);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.unheard_since = Instant::now();
    }
}
