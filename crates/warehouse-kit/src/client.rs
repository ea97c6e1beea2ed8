//! A client of the warehouse on a server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::{Client as HttpClient, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::ExposeSecret as _;
use service_kit::config::pem;
use thiserror::Error;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::{WarehousePlace, WarehouseSettings};

/// For a server that is there, on any network.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_mins(1);
/// Servers close an idle connection after three seconds; a request on its way
/// would meet the end of it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections that wait for their next request.
const IDLE_MAX: usize = 16;

/// Why there is no client.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The warehouse is a file.
    #[error("the embedded warehouse has no server")]
    Embedded,
    /// Nobody would vouch for the server.
    #[error("{}: {reason}", .path.display())]
    CaFile {
        /// The file that was named.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A client of the server that the settings name, in their database. It
/// connects when it is asked something.
///
/// A connection is made in a few seconds or not at all. How long an answer may
/// take is for whoever asks to say.
///
/// # Errors
/// [`ClientError`]: there is no server, or nobody to vouch for it.
pub fn client(settings: &WarehouseSettings) -> Result<Client, ClientError> {
    let WarehousePlace::Server(url) = &settings.place else {
        return Err(ClientError::Embedded);
    };
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEPALIVE_INTERVAL));
    tcp.set_nodelay(true);
    // Of addresses that begin with https, TLS takes care.
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(settings.ca_file.as_deref())?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let http = HttpClient::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_MAX)
        .build(connector);
    let client = Client::with_http_client(http)
        .with_url(url)
        .with_database(&settings.database)
        .with_user(&settings.user);
    Ok(match &settings.password {
        Some(password) => client.with_password(password.expose_secret()),
        None => client,
    })
}

/// TLS that trusts those in the file, or else the public authorities.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let refused = |reason: String| ClientError::CaFile {
            path: path.to_owned(),
            reason,
        };
        for certificate in pem::certificates(path).map_err(refused)? {
            let added = roots.add(certificate);
            added.map_err(|error| refused(error.to_string()))?;
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions that are on by default")
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(place: WarehousePlace, ca_file: Option<PathBuf>) -> WarehouseSettings {
        WarehouseSettings {
            place,
            dir: PathBuf::new(),
            database: "dota".to_owned(),
            user: "default".to_owned(),
            password: None,
            ca_file,
        }
    }

    #[test]
    fn a_file_has_no_client() {
        let refused = client(&settings(WarehousePlace::Embedded, None));
        assert_eq!(refused.err(), Some(ClientError::Embedded));
    }

    #[test]
    fn whoever_vouches_for_a_server_must_be_there() {
        let server = || WarehousePlace::Server("https://localhost:8443".to_owned());
        let known = client(&settings(server(), None)).expect("the public ones are compiled in");
        assert_eq!(known.database(), Some("dota"));
        let missing = client(&settings(server(), Some("no/such.pem".into())));
        let error = missing.expect_err("there is no such file").to_string();
        assert!(error.starts_with("no/such.pem: "), "{error}");
    }
}
