//! The topic of summaries, filled from the world.
//!
//! [`Summaries`] makes the records and keeps account of them; [`SummaryProducer`] sends them.
//! What a consumer must make of them follows from [`SentSummaries`] alone.

mod config;
mod follow;
mod knowledge;
mod plan;
mod producer;
mod record;

pub use self::{
    config::SummariesConfig,
    follow::follow_feed,
    knowledge::Knowledge,
    plan::{DayCounts, SentSummaries, Summaries},
    producer::{ProduceError, SummaryProducer},
    record::SummaryRecord,
};
