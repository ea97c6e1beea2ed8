//! Upstreams over the truth, within their limits and with their troubles. They
//! outlive every process.

mod counted;
mod logs;
mod pages;
mod steam;
mod stream;

pub(crate) use self::{
    counted::{CallBooks, Limit},
    logs::LogsUpstream,
    pages::{PagesLimits, PagesUpstream},
    steam::{KEYS, SteamUpstream},
    stream::StreamUpstream,
};
