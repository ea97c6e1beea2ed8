//! One attempt at a connection: DNS, TCP, TLS and the upgrade to a WebSocket.
//!
//! What is said about a failure names host and port only, since the rest of an
//! address may hold secrets.

use std::{fmt::Display, sync::Arc};

use health_kit::Clock;
use ingestion_application::ports::DisconnectReason;

use super::{
    connector::{ByteStream, Connector},
    dialing::connect_first,
    gate::Gate,
    handshake::{Socket, UpgradeError, upgrade},
    progress::Progress,
    refusal::refused,
    request::Address,
    route::Route,
    settings::{StreamSettings, StreamSettingsError},
    tls_failure,
};
use crate::ending::ConnectionEnd;

/// The other side, and the network it is reached over.
pub(super) struct Upstream {
    route: Route,
    connector: Arc<dyn Connector>,
    clock: Arc<dyn Clock>,
    /// What follows on a failure to reach the host; often empty.
    proxy_hint: String,
}

impl Upstream {
    /// Those of the settings, by preference. Checks every setting, and reads the
    /// file of authorities.
    pub(super) fn try_each(
        settings: &StreamSettings,
        connector: Arc<dyn Connector>,
        clock: Arc<dyn Clock>,
    ) -> Result<Vec<Self>, StreamSettingsError> {
        let routes = Route::try_each(settings)?;
        let upstream = move |route| Self {
            route,
            connector: Arc::clone(&connector),
            clock: Arc::clone(&clock),
            proxy_hint: proxy_hint(&settings.proxy_variables),
        };
        Ok(routes.into_iter().map(upstream).collect())
    }

    /// Tries once; the caller sets the time limit, and finds in `progress` what
    /// it was reached at.
    ///
    /// The gate stands at the far end of the socket, below any encryption.
    pub(super) async fn connect(
        &self,
        progress: &Progress,
    ) -> Result<(Socket, Gate), ConnectionEnd> {
        let Route {
            address,
            tls,
            config,
            ..
        } = &self.route;
        let stream = self.reach_host(progress).await?;
        let gate = Gate::default();
        let stream: Box<dyn ByteStream> = Box::new(gate.before(stream));
        let stream = match &address.tls_name {
            Some(name) => {
                progress.set(&"it did not finish the handshake of TLS");
                let encrypted = tls.connect(name.clone(), stream).await;
                let encrypted = encrypted
                    .map_err(|error| self.failed("TLS with", &tls_failure::describe(&error)))?;
                Box::new(encrypted)
            }
            None => stream,
        };
        let request = self
            .route
            .request()
            .map_err(|error| self.failed("the request to", &error))?;
        progress.set(&"it did not answer the upgrade");
        let socket = upgrade(stream, request, *config)
            .await
            .map_err(|error| self.not_upgraded(error))?;
        Ok((socket, gate))
    }

    async fn reach_host(&self, progress: &Progress) -> Result<Box<dyn ByteStream>, ConnectionEnd> {
        let failed = |error: &dyn Display| {
            let hint = &self.proxy_hint;
            self.failed("connecting to", &format_args!("{error}{hint}"))
        };
        let Address { host, port, .. } = &self.route.address;
        progress.set(&format_args!(
            "its name was not resolved{}",
            self.proxy_hint
        ));
        let addresses = self.connector.resolve(host, *port).await;
        let addresses = addresses.map_err(|error| failed(&error))?;
        connect_first(&*self.connector, &addresses, |report| {
            progress.set(&format_args!("{report}{}", self.proxy_hint));
        })
        .await
        .map_err(|report| failed(&report))
    }

    /// Host and port, for people.
    pub(super) fn name(&self) -> &str {
        &self.route.address.name
    }

    fn failed(&self, step: &str, error: &dyn Display) -> ConnectionEnd {
        let detail = format!("{step} {} failed: {error}", self.name());
        ConnectionEnd::new(DisconnectReason::ConnectFailed, detail)
    }

    fn not_upgraded(&self, error: UpgradeError) -> ConnectionEnd {
        match error {
            UpgradeError::Request(error) => self.failed("the request to", &error),
            UpgradeError::Io(error) => self.failed("the upgrade with", &error),
            UpgradeError::Refused(response) => refused(self.name(), &response, self.clock.now()),
            UpgradeError::Invalid(problem) => ConnectionEnd::new(
                DisconnectReason::ProtocolError,
                format!("{} does not answer as a WebSocket: {problem}", self.name()),
            ),
        }
    }
}

fn proxy_hint(variables: &[String]) -> String {
    if variables.is_empty() {
        return String::new();
    }
    let are_set = if variables.len() == 1 { "is" } else { "are" };
    format!(
        "; the feed is reached directly, without the proxy for which {} {are_set} set",
        variables.join(", ")
    )
}
