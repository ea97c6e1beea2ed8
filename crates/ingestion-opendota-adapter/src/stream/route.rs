//! Where the feed is and how it is spoken to: the settings, judged once and
//! made ready for every attempt.

use std::sync::Arc;

use client_kit::tls;
use secrecy::{ExposeSecret as _, SecretString};
use service_kit::config::Broken;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{
    Error,
    client::IntoClientRequest as _,
    handshake::client::Request,
    http::{HeaderMap, header::AUTHORIZATION},
    protocol::WebSocketConfig,
};

use super::{
    request::{Address, request_headers},
    settings::{StreamSettings, StreamSettingsError},
};

/// One read from the socket. It is zeroed for each, so more costs a quiet feed;
/// less costs a busy one.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Only pings, pongs, a close and a short text are ever written; an upstream that reads none
/// of them fills this and no more.
const WRITE_BUFFER_BYTES_MAX: usize = 16 * 1024;

pub(super) struct Route {
    pub(super) address: Address,
    pub(super) tls: TlsConnector,
    pub(super) config: WebSocketConfig,
    headers: HeaderMap,
}

impl Route {
    /// The way to each address of the settings. Checks every setting, and reads
    /// the file of authorities.
    pub(super) fn try_each(settings: &StreamSettings) -> Result<Vec<Self>, StreamSettingsError> {
        let mut problems = settings.check_limits();
        let addresses = addresses(&settings.urls)
            .map_err(|problem| problems.push(Broken::new("OPENDOTA_STREAM_URL", problem)));
        let headers = request_headers(&settings.headers)
            .map_err(|problem| problems.push(Broken::new("OPENDOTA_STREAM_HEADERS", problem)));
        let tls = tls::client_config(settings.ca_file.as_deref())
            .map(|config| TlsConnector::from(Arc::new(config)))
            .map_err(|problem| problems.push(Broken::new("OPENDOTA_STREAM_CA_FILE", problem)));
        let (Ok(addresses), Ok(headers), Ok(tls), true) =
            (addresses, headers, tls, problems.is_empty())
        else {
            return Err(StreamSettingsError { problems });
        };
        let route = |address| Self {
            address,
            tls: tls.clone(),
            headers: headers.clone(),
            config: WebSocketConfig::default()
                .read_buffer_size(READ_BUFFER_BYTES)
                .write_buffer_size(0)
                .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
                .max_message_size(Some(settings.message_size_max))
                .max_frame_size(Some(settings.message_size_max)),
        };
        Ok(addresses.into_iter().map(route).collect())
    }

    /// The request of one attempt, with a key of its own.
    pub(super) fn request(&self) -> Result<Request, Error> {
        // It brings a fresh key and the headers of the upgrade.
        let mut request = self.address.uri.clone().into_client_request()?;
        let headers = request.headers_mut();
        if let Some(authorization) = &self.address.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        for name in self.headers.keys() {
            headers.remove(name);
        }
        headers.extend(self.headers.clone());
        Ok(request)
    }
}

fn addresses(urls: &[SecretString]) -> Result<Vec<Address>, String> {
    if urls.is_empty() {
        return Err("names no address".to_owned());
    }
    let address = |(nth, url): (usize, &SecretString)| {
        let address = Address::try_new(url.expose_secret());
        address.map_err(|problem| match urls {
            [_] => problem,
            _ => format!("entry {}: {problem}", nth + 1),
        })
    };
    urls.iter().enumerate().map(address).collect()
}
