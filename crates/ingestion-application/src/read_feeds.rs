//! The use case: every match of every feed, once, into the backlog.

use futures_util::{
    future::join_all,
    stream::{FuturesUnordered, StreamExt as _},
};
use tokio_util::sync::CancellationToken;

use crate::{Backlog, Feed, Gaps, ports::FeedEvent};

/// Reads `feeds` into `backlog`, as long as there is room, until `drain` is
/// cancelled; what was read by then is in the backlog when this returns.
///
/// While there is no room no feed is read, so a full journal pushes back on
/// the upstreams' sockets. All feeds are read by one task, one event at a time:
/// - whoever has given something waits behind all others that have something,
///   so that a fast feed leaves a slow one its turn;
/// - room is asked for before each look at a feed and taken before the next, so
///   that all together exceed the backlog's limits by no more than one batch;
/// - a feed that is silent, or not connected, holds up nobody.
pub(crate) async fn read_feeds(
    feeds: &mut [Feed],
    backlog: &Backlog,
    gaps: Option<&Gaps>,
    drain: CancellationToken,
) {
    let mut asked: FuturesUnordered<_> = feeds.iter_mut().map(|feed| ask(feed, backlog)).collect();
    loop {
        // Without any feed there is only the end to wait for.
        let (feed, event) = tokio::select! {
            biased;
            () = drain.cancelled() => break,
            Some(answer) = asked.next() => answer,
        };
        feed.handle(event, backlog, gaps);
        asked.push(ask(feed, backlog));
    }
    drop(asked);
    join_all(feeds.iter_mut().map(|feed| feed.close(backlog))).await;
}

async fn ask<'a>(feed: &'a mut Feed, backlog: &Backlog) -> (&'a mut Feed, FeedEvent) {
    let event = feed.next(backlog).await;
    (feed, event)
}
