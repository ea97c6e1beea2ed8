//! Whom to trust: the public certificate authorities, and those of a file.

use std::{path::Path, sync::Arc};

use service_kit::config::pem::certificates;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// TLS that verifies every certificate, by the public authorities and those in
/// the file, if there is one.
///
/// The provider is named here, not installed for the process: whoever else
/// uses TLS is free to choose another.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
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
    Ok(config)
}

fn trust(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    certificates(path)?
        .into_iter()
        .try_for_each(|certificate| roots.add(certificate))
        .map_err(|error| format!("holds a certificate that cannot be used: {error}"))
}
