//! Whom to trust: the public certificate authorities, and those of a file.

use std::{path::Path, sync::Arc};

use service_kit::config::pem::certificates;
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};

/// Makes a connector that verifies every certificate.
///
/// The provider is named here, not installed for the process: whoever else
/// uses TLS is free to choose another.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca_file {
        trust(&mut roots, path)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn trust(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    certificates(path)?
        .into_iter()
        .try_for_each(|certificate| roots.add(certificate))
        .map_err(|error| format!("holds a certificate that cannot be used: {error}"))
}
