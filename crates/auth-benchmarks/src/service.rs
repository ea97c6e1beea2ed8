//! The services of accounts as processes, and clients that refresh.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use domain::{AccountId, SteamId};
use health_kit::SystemClock;
use reqwest::{Client, Url, redirect::Policy};
use serde_json::Value;
use steam_simulator::SteamSimulator;
use tempfile::TempDir;
use test_kit::{service_process::ServiceProcess, waiting::wait_until};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::open_loop::{Latencies, at_rate};

const ISSUER: &str = "https://login.example";
const BACK: &str = "http://127.0.0.1:7777/back";
const CLIENTS: &str = "[[clients]]\nid = \"bench\"\nname = \"Bench\"\nkind = \"native\"\n\
                       redirect_uris = [\"http://127.0.0.1/back\"]\nscopes = [\"profile:read\"]\n";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const READY_TIME_MAX: Duration = Duration::from_secs(30);
/// Started, and at rest.
const IDLE_AFTER: Duration = Duration::from_secs(8);

/// A service that has been started.
pub struct Started {
    process: ServiceProcess,
    client: Client,
    /// From its start until it answered.
    pub answers_after: Duration,
}

/// `auth-service` with people who have signed in.
pub struct Accounts {
    started: Started,
    families: Arc<Vec<Mutex<String>>>,
    steam: SteamSimulator,
}

impl Started {
    /// Starts a service in a folder of its own, with this database.
    ///
    /// # Errors
    /// It cannot be started, or does not answer.
    pub async fn start(program: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let folder = Arc::new(TempDir::new()?);
        fs::write(folder.path().join("clients.toml"), CLIENTS)?;
        let common = [
            ("AUTH_ISSUER", ISSUER),
            ("API_HOST", "127.0.0.1"),
            ("API_PORT", "0"),
        ];
        let settings = [&common, settings].concat();
        let begun = Instant::now();
        let process = ServiceProcess::start(Command::new(program), &settings, folder).await?;
        Ok(Self {
            process,
            answers_after: begun.elapsed(),
            client: Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .build()?,
        })
    }

    /// Waits until it is ready, and then until it is at rest; what is resident then, in MiB.
    ///
    /// # Errors
    /// It has ended, or is never ready.
    pub async fn resident_mib(&self) -> Result<f64> {
        self.wait_until_ready().await?;
        sleep(IDLE_AFTER).await;
        let kib = u32::try_from(self.process.memory_kib("VmRSS")?)?;
        Ok(f64::from(kib) / 1024.0)
    }

    async fn wait_until_ready(&self) -> Result<()> {
        wait_until(READY_TIME_MAX, "it is ready", async || {
            let asked = self.client.get(self.at("/readyz")).send().await;
            asked.is_ok_and(|answer| answer.status() == 200)
        })
        .await
    }

    fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.process.address())
    }
}

impl Accounts {
    /// Starts `auth-service` on this database, with a simulated Steam.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn start(program: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let anywhere = "127.0.0.1:0".parse()?;
        let steam = SteamSimulator::start(anywhere, [9; 32], Arc::new(SystemClock)).await?;
        let (endpoint, prefix) = (steam.endpoint(), steam.claimed_id_prefix());
        let own = [
            ("STEAM_SIMULATED", "true"),
            ("STEAM_OPENID_ENDPOINT", endpoint.as_str()),
            ("STEAM_CLAIMED_ID_PREFIX", prefix.as_str()),
            ("RATE_AUTHORIZE", "100000/s"),
            ("RATE_TOKEN", "100000/s"),
        ];
        let started = Started::start(program, &[settings, &own].concat()).await?;
        started.wait_until_ready().await?;
        Ok(Self {
            started,
            families: Arc::default(),
            steam,
        })
    }

    /// Signs so many people in.
    ///
    /// # Errors
    /// One does not come in.
    pub async fn sign_in(&mut self, people: u32) -> Result<()> {
        let mut families = Vec::new();
        for number in 1..=people {
            let person = SteamId::of(AccountId::try_new(number)?);
            families.push(Mutex::new(self.family(person).await?));
        }
        self.families = Arc::new(families);
        Ok(())
    }

    /// Refreshes so many sessions, at this rate.
    ///
    /// # Errors
    /// One is not refreshed.
    pub async fn refresh(&self, per_second: u32, count: usize) -> Result<Latencies> {
        let url = self.started.at("/token");
        at_rate(per_second, count, |index| {
            let (families, client) = (Arc::clone(&self.families), self.started.client.clone());
            let url = url.clone();
            async move {
                let mut token = families[index % families.len()].lock().await;
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token.as_str()),
                    ("client_id", "bench"),
                ];
                *token = refresh_token(client.post(url).form(&fields)).await?;
                Ok(())
            }
        })
        .await
    }

    async fn family(&self, person: SteamId) -> Result<String> {
        let client = &self.started.client;
        let mut address = Url::parse(&self.started.at("/authorize"))?;
        address.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", "bench"),
            ("redirect_uri", BACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "s"),
            ("scope", "profile:read"),
        ]);
        let begun = client.get(address).send().await?;
        let cookie = header(&begun, "set-cookie")?;
        let (cookie, _) = cookie.split_once(';').context("a cookie has rules")?;
        self.steam.log_in(Some(person));
        let sent = client.get(header(&begun, "location")?).send().await?;
        let back = header(&sent, "location")?.strip_prefix(ISSUER);
        let back = self.started.at(back.context("it goes back to the issuer")?);
        let came = client.get(back).header("cookie", cookie).send().await?;
        let given = Url::parse(header(&came, "location")?)?;
        let code = given.query_pairs().find(|(name, _)| name == "code");
        let (_, code) = code.context("there is a code")?;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", BACK),
            ("client_id", "bench"),
            ("code_verifier", VERIFIER),
        ];
        refresh_token(client.post(self.started.at("/token")).form(&fields)).await
    }
}

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> Result<&'a str> {
    let value = answer.headers().get(name);
    Ok(value
        .with_context(|| format!("{name} is there"))?
        .to_str()?)
}

async fn refresh_token(request: reqwest::RequestBuilder) -> Result<String> {
    let answer = request.send().await?;
    let status = answer.status();
    let document: Value = answer.json().await?;
    ensure!(status == 200, "{status}: {document}");
    let token = document["refresh_token"].as_str();
    Ok(token.context("a refresh token is given")?.to_owned())
}
