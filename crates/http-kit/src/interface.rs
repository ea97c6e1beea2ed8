//! What a service says about itself, and what it adds to what all have.

use std::sync::Arc;

use health_kit::{Health, Readiness};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::figures::Metrics;

/// The HTTP interface of one service.
#[derive(Clone)]
pub struct Interface {
    /// What its description and its pages call it.
    pub title: &'static str,
    /// What there is to see and do, in a sentence or two.
    pub description: &'static str,
    /// The version of the program.
    pub version: &'static str,
    /// `SERVICE_NAME`, as it is told in health.
    pub service_name: String,
    /// How its parts are.
    pub health: Arc<Health>,
    /// Whether it can do its main work.
    pub readiness: Arc<Readiness>,
    /// Its figures.
    pub metrics: Arc<dyn Metrics>,
    /// Whether there is an `API_TOKEN`: without one there are no [`WritePath`]s.
    pub has_token: bool,
    /// Origins whose pages may read the answers; `*` is every origin.
    pub cors_allowed_origins: Vec<String>,
    /// Groups of its own paths in the description, and what each is for.
    pub tags: &'static [(&'static str, &'static str)],
    /// Those of its own paths that take something.
    pub write_paths: &'static [WritePath],
    /// Adds its own handlers and what they share; called once a thread of the server.
    pub routes: Arc<dyn Fn(&mut ServiceConfig<'_>) + Send + Sync>,
}

/// A path that takes something from whoever has the token.
#[derive(Debug, Clone, Copy)]
pub struct WritePath {
    /// Such as `/api/v1/replay`.
    pub path: &'static str,
    /// A body that announces more is refused unread.
    pub body_bytes_max: usize,
}

impl Interface {
    /// The write path that `path` is, if it is one.
    pub(crate) fn write_path(&self, path: &str) -> Option<&WritePath> {
        self.write_paths.iter().find(|it| it.path == path)
    }
}
