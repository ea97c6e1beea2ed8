//! The pipeline with scripted feeds, a publisher and a journal in memory.

mod gaps;
mod one_feed;
mod several_feeds;
mod standby;
mod summaries;
mod support;
