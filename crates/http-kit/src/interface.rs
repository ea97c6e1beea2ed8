//! What a service says about itself, and what it adds to what all have.

use std::sync::Arc;

use health_kit::{Health, Readiness};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    client_address::TrustedProxies, figures::Metrics, settings::ApiSettings,
    time_limit::RequestTimeout,
};

/// The HTTP interface of one service.
#[derive(Clone)]
pub struct Interface {
    /// What its description and its pages call it.
    pub title: &'static str,
    /// What there is to see and do, in a sentence or two.
    pub description: &'static str,
    /// Whose interface it is, and how it answers.
    pub service: ServiceParts,
    /// Its figures.
    pub metrics: Arc<dyn Metrics>,
    /// Whether there is an `API_TOKEN`: without one there are no [`WritePath`]s of operators.
    pub has_token: bool,
    /// Groups of its own paths in the description, and what each is for.
    pub tags: &'static [(&'static str, &'static str)],
    /// Those of its own paths that take something.
    pub write_paths: &'static [WritePath],
    /// Adds its own handlers and what they share; called once a thread of the server.
    pub routes: Arc<dyn Fn(&mut ServiceConfig<'_>) + Send + Sync>,
}

/// What the interface of every service is made from.
#[derive(Clone)]
pub struct ServiceParts {
    /// `SERVICE_NAME`, as it is told in health.
    pub name: String,
    /// The version of the program.
    pub version: &'static str,
    /// The commit it was built from.
    pub commit: &'static str,
    /// How its parts are.
    pub health: Arc<Health>,
    /// Whether it can do its main work, or drains.
    pub readiness: Arc<Readiness>,
    /// Origins whose pages may read the answers; `*` is every origin.
    pub cors_allowed_origins: Vec<String>,
    /// How long a request may take.
    pub request_timeout: RequestTimeout,
    /// Who is believed when it names the client.
    pub trusted_proxies: TrustedProxies,
}

/// A path that takes something.
#[derive(Debug, Clone, Copy)]
pub struct WritePath {
    /// Such as `/api/v1/replay`, or `/api/v1/days/{day}/rebuild`.
    pub path: &'static str,
    /// A body that announces more is refused unread.
    pub body_bytes_max: usize,
    /// Who may write there.
    pub writer: PathWriter,
}

/// Who may write at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathWriter {
    /// Whoever has the service's `API_TOKEN`; where none is set there is no such path.
    Operator,
    /// Whoever comes, as far as the handler lets them: users, whose access tokens are not ours to know.
    User,
}

impl ServiceParts {
    /// A service that answers as its settings say; `version` and `commit` are those of the program.
    #[must_use]
    pub fn new(
        name: String,
        (version, commit): (&'static str, &'static str),
        api: &ApiSettings,
        health: Health,
        readiness: Readiness,
    ) -> Self {
        Self {
            name,
            version,
            commit,
            health: Arc::new(health),
            readiness: Arc::new(readiness),
            cors_allowed_origins: api.cors_allowed_origins.clone(),
            request_timeout: api.request_timeout,
            trusted_proxies: api.trusted_proxies.clone(),
        }
    }
}

impl Interface {
    /// The write path that `path` is, if it is one.
    pub(crate) fn write_path(&self, path: &str) -> Option<&WritePath> {
        self.write_paths.iter().find(|it| is_at(it.path, path))
    }

    /// Whether somebody may write there.
    pub(crate) fn is_open(&self, path: &WritePath) -> bool {
        self.has_token || path.writer == PathWriter::User
    }

    /// Whether there is a path of this writer's.
    pub(crate) fn is_written_by(&self, writer: PathWriter) -> bool {
        self.write_paths.iter().any(|path| path.writer == writer)
    }
}

/// Whether `path` is one of those that `template` stands for: a part in braces
/// is any one part.
pub(crate) fn is_at(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let all_fit = template.split('/').all(|expected| {
        let is_any = expected.starts_with('{');
        parts.next().is_some_and(|part| {
            if is_any {
                !part.is_empty()
            } else {
                part == expected
            }
        })
    });
    all_fit && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_in_braces_is_any_one_part() {
        let check = |template, path, expected| {
            assert_eq!(is_at(template, path), expected, "{path} at {template}");
        };
        check("/dive", "/dive", true);
        check("/dive", "/dive/", false);
        check("/dive", "/div", false);
        check("/dives/{id}/end", "/dives/7/end", true);
        check("/dives/{id}/end", "/dives//end", false);
        check("/dives/{id}/end", "/dives/7/8/end", false);
        check("/dives/{id}/end", "/dives/7", false);
        check("/dives/{id}", "/dives/7/end", false);
    }
}
