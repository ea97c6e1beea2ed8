//! Looks into the PEM files that settings name, so that a wrong one is named
//! with its setting. What is in a certificate or key is left to whoever uses it.

use std::path::Path;

use rustls_pki_types::pem::{Error, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::layers::read_text;

/// The certificates in the file: at least one.
///
/// # Errors
/// It cannot be read, holds no certificate, or a broken one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read_text(path).map_err(|error| error.to_string())?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| reason("certificate", &error))?;
    if certificates.is_empty() {
        return Err(reason("certificate", &Error::NoItemsFound));
    }
    Ok(certificates)
}

/// Looks for a private key in the file, which may be encrypted.
///
/// # Errors
/// It cannot be read, holds no private key, or a broken one.
pub fn check_key(path: &Path) -> Result<(), String> {
    let text = read_text(path).map_err(|error| error.to_string())?;
    match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
        // Only its user has the password: librdkafka opens both kinds of encrypted keys.
        Err(_) if is_encrypted_key(&text) => Ok(()),
        Err(error) => Err(reason("private key", &error)),
        Ok(_) => Ok(()),
    }
}

fn is_encrypted_key(text: &str) -> bool {
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains(" PRIVATE KEY-----") && text.contains("Proc-Type: 4,ENCRYPTED")
}

/// What is wrong, without a line of the file.
fn reason(item: &str, error: &Error) -> String {
    match error {
        Error::MissingSectionEnd { .. } => format!("holds a {item} without its end"),
        Error::Base64Decode(_) => format!("holds a {item} that is broken"),
        _ => format!("holds no PEM {item}"),
    }
}
