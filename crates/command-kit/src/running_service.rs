//! Whether the service that the settings describe runs, for commands that hand over to
//! it what they were asked for.

use std::{error::Error as _, io, time::Duration};

use anyhow::{bail, ensure};
use reqwest::Client;
use serde::Deserialize;

use crate::url_to_ask;

/// A service on this machine answers in milliseconds.
const FIND_TIME_MAX: Duration = Duration::from_secs(3);

/// Looks for the service of this name where it is to be asked; its address, without a
/// slash at the end, or none where nothing listens.
///
/// Port 0 is any port, so none that could be known.
///
/// # Errors
/// Something else is there, or nobody can tell; with what to do about it.
pub async fn find_service(host: &str, port: u16, name: &str) -> anyhow::Result<Option<String>> {
    #[derive(Deserialize)]
    struct Health {
        service: String,
    }
    if port == 0 {
        return Ok(None);
    }
    let url = url_to_ask(host, port);
    let asked = client_of_service(FIND_TIME_MAX)?.get(format!("{url}/api/v1/health"));
    let answer = match asked.send().await {
        Ok(answer) => answer,
        Err(error) if is_refused(&error) => return Ok(None),
        Err(error) => {
            let context = format!("whether a service runs at {url} cannot be told");
            return Err(anyhow::Error::new(error).context(context));
        }
    };
    let Ok(health) = answer.json::<Health>().await else {
        bail!(
            "what answers at {url} is no {name}; set API_HOST and API_PORT to those of {name}, or \
             to where nothing answers"
        );
    };
    ensure!(
        health.service == name,
        "what answers at {url} is {}, not {name}; set API_HOST and API_PORT to those of {name}, \
         or to where nothing answers",
        health.service
    );
    Ok(Some(url))
}

/// A client of a service on this machine, or near: without a proxy.
///
/// # Errors
/// There can be no client at all.
pub fn client_of_service(timeout: Duration) -> reqwest::Result<Client> {
    Client::builder().timeout(timeout).no_proxy().build()
}

/// Nothing listens there.
fn is_refused(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::ConnectionRefused;
        }
        source = error.source();
    }
    false
}
