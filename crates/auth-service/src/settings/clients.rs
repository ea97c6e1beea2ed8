//! The applications that may have users sign in, as the file of `AUTH_CLIENTS_FILE` lists them.

use std::path::Path;

use auth_application::Clients;
use identity::{Client, ClientKind, ClientParts, Scope};
use serde::Deserialize;
use service_kit::config::read_toml;

/// More applications than anybody signs in to.
const CLIENTS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientsFile {
    #[serde(default)]
    clients: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    kind: Kind,
    redirect_uris: Vec<String>,
    scopes: Vec<String>,
    #[serde(default)]
    origins: Vec<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Web,
    Native,
}

/// Reads them.
///
/// # Errors
/// What is wrong with the file or with one of them, and where.
pub(super) fn read_clients(file: &Path) -> Result<Clients, String> {
    let ClientsFile { clients } = read_toml(file)?;
    if clients.is_empty() {
        return Err("names no client, so nobody could sign in: begin one with [[clients]]".into());
    }
    if clients.len() > CLIENTS_MAX {
        return Err(format!("names more than {CLIENTS_MAX} clients"));
    }
    let clients = clients.iter().enumerate().map(|(index, entry)| {
        let client = entry.client();
        client.map_err(|fault| format!("client {} ({:?}): {fault}", index + 1, entry.id))
    });
    let clients = clients.collect::<Result<Vec<_>, _>>()?;
    Clients::try_new(clients).map_err(|twice| twice.to_string())
}

impl Entry {
    fn client(&self) -> Result<Client, String> {
        let scope = |name: &String| {
            let scope = Scope::named(name);
            scope.ok_or_else(|| {
                let names = Scope::ALL.map(Scope::name).join(", ");
                format!("scope {name:?} is none of {names}")
            })
        };
        let scopes = self.scopes.iter().map(scope).collect::<Result<_, _>>()?;
        let parts = ClientParts {
            id: &self.id,
            name: &self.name,
            kind: match self.kind {
                Kind::Web => ClientKind::Web,
                Kind::Native => ClientKind::Native,
            },
            redirect_uris: &borrowed(&self.redirect_uris),
            scopes,
            origins: &borrowed(&self.origins),
        };
        Client::try_new(parts).map_err(|fault| fault.to_string())
    }
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}
