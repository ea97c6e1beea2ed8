//! Why TLS could not be agreed on, in words that say what to do.

use std::io;

use jiff::Timestamp;
use tokio_rustls::rustls::{CertificateError, Error, InvalidMessage, pki_types::UnixTime};

use crate::ending::quote;

/// What `error` means, of a handshake that failed.
pub(super) fn describe(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(Error::InvalidCertificate(problem)) => describe_certificate(problem),
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "it does not answer in TLS; a feed without TLS has a URL with ws://".to_owned()
        }
        // The peer's names stand in some of these.
        _ => quote(&error.to_string()),
    }
}

fn describe_certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "its certificate has expired at {}, and this machine's clock says {}: renew the \
             certificate, or set the clock",
            shown(*not_after),
            shown(*time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "its certificate is not valid yet, only from {} on, and this machine's clock says \
             {}: set the clock",
            shown(*not_before),
            shown(*time)
        ),
        CertificateError::UnknownIssuer => "its certificate is not of a trusted authority \
             (UnknownIssuer): neither of a public one nor of one in the file of authorities"
            .to_owned(),
        // The library has no name of its own for it.
        CertificateError::Other(cause) if cause.to_string() == "CaUsedAsEndEntity" => {
            "its certificate is that of an authority (CA:TRUE), which may vouch for servers but not \
             be one's own: make one with CA:FALSE, as `openssl req -x509` does only when told \
             `-addext basicConstraints=critical,CA:FALSE`"
                .to_owned()
        }
        other => quote(&Error::InvalidCertificate(other.clone()).to_string()),
    }
}

/// As RFC 3339 writes it.
fn shown(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(
        |_| format!("second {seconds} of 1970"),
        |time| time.to_string(),
    )
}
