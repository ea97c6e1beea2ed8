//! A Steam, a browser, and whoever asks.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use auth_steam_adapter::SteamChecker;
use domain::Timestamp;
use identity::{
    AttemptSecret, Issuer,
    openid::{Assertion, Callback, Provider, Refusal},
};
use reqwest::{Client, redirect::Policy};
use steam_simulator::{Mode, SteamSimulator};
use test_kit::clock::StoppedClock;

pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
pub(super) const PERSON: &str = "76561198046967340";

pub(super) struct World {
    pub(super) steam: SteamSimulator,
    pub(super) provider: Provider,
    issuer: Issuer,
    browser: Client,
}

impl World {
    pub(super) async fn new(mode: Mode) -> Result<Self> {
        Self::with_key(mode, [5; 32]).await
    }

    /// One that signs with this.
    pub(super) async fn with_key(mode: Mode, key: [u8; 32]) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let steam = SteamSimulator::start(address, key, Arc::new(StoppedClock(NOW))).await?;
        steam.set_mode(mode);
        steam.log_in(Some(PERSON.parse()?));
        Ok(Self {
            provider: Provider::try_simulated(&steam.endpoint(), &steam.claimed_id_prefix())?,
            steam,
            issuer: Issuer::try_new("https://login.example")?,
            browser: Client::builder()
                .no_proxy()
                .redirect(Policy::none())
                .timeout(Duration::from_secs(20))
                .build()?,
        })
    }

    /// A browser goes there and comes back, and what it brings is judged.
    pub(super) async fn sign_in(&self) -> Result<Result<Assertion, Refusal>> {
        let question = self
            .provider
            .question(&self.issuer, &AttemptSecret::new([7; 32]));
        let answer = self.browser.get(question).send().await?;
        let location = answer.headers().get("Location").context("it leads back")?;
        let (_, query) = location.to_str()?.split_once('?').context("a query")?;
        Ok(Callback::read(query).judge(&self.provider, &self.issuer, NOW))
    }

    pub(super) fn checker(&self) -> Result<SteamChecker> {
        checker(self.provider.clone())
    }
}

pub(super) fn checker(provider: Provider) -> Result<SteamChecker> {
    SteamChecker::try_new("tests/1", provider, Vec::new()).map_err(anyhow::Error::msg)
}
