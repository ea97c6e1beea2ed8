//! What operators decide.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::SteamId;
use identity::{Client, ClientId, SessionLife, TokenTerms, openid::Provider};
use thiserror::Error;

/// What operators decide, in the words of the rules.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// What access tokens have in common.
    pub terms: TokenTerms,
    /// Who knows who people are.
    pub provider: Provider,
    /// Who may have users sign in.
    pub clients: Clients,
    /// How long a code is worth something.
    pub code_life: Duration,
    /// How long sessions last, and what is forgiven.
    pub session_life: SessionLife,
    /// Who may have the scope `admin`.
    pub admins: BTreeSet<SteamId>,
}

/// The applications that may have users sign in, by id.
#[derive(Debug, Clone, Default)]
pub struct Clients(BTreeMap<ClientId, Client>);

/// Two clients have the same id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there are two clients {0}")]
pub struct ClientTwice(pub ClientId);

impl Clients {
    /// Takes clients.
    ///
    /// # Errors
    /// [`ClientTwice`].
    pub fn try_new(clients: impl IntoIterator<Item = Client>) -> Result<Self, ClientTwice> {
        let mut by_id = BTreeMap::new();
        for client in clients {
            let id = client.id().clone();
            if by_id.insert(id.clone(), client).is_some() {
                return Err(ClientTwice(id));
            }
        }
        Ok(Self(by_id))
    }

    /// The client of this id.
    #[must_use]
    pub fn get(&self, id: &ClientId) -> Option<&Client> {
        self.0.get(id)
    }

    /// The client that says it has this id.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<&Client> {
        self.0.get(&ClientId::try_new(id).ok()?)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.0.values()
    }
}
