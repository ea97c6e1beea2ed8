//! The service as a process, a simulated Steam, and a browser with a client behind it.

use std::{fs, ops::Deref, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use domain::SteamId;
use health_kit::SystemClock;
use http_test_kit::service::{RunningService, Said};
use reqwest::{Response, StatusCode, Url};
use serde_json::Value;
use steam_simulator::SteamSimulator;
use tempfile::TempDir;
use test_kit::service_process::{Finished, run_to_end};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-service");
/// Nothing takes longer, also on a machine that compiles at the same time.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
pub(crate) const ISSUER: &str = "https://login.example";
pub(crate) const ANA: u64 = 76_561_198_046_967_340;
/// Nobody listens there.
pub(crate) const NOWHERE: &str = "postgresql://u:p@127.0.0.1:1/auth";
/// Begins as every planted secret does.
pub(crate) const KEY: &str = "elF6AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=";
const BACK: &str = "http://127.0.0.1:7777/back";
const CLIENTS: &str = r#"
[[clients]]
id = "native-app"
name = "Native"
kind = "native"
redirect_uris = ["http://127.0.0.1/back"]
scopes = ["profile:read", "profile:write", "admin"]
"#;
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What a service needs of the world, and the settings that say where it is.
pub(crate) struct World {
    pub(crate) steam: SteamSimulator,
    folder: Arc<TempDir>,
    settings: Vec<(&'static str, String)>,
}

/// The service, running.
pub(crate) struct Service(RunningService);

/// Where a browser is on its way, and what it keeps.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) steam: String,
    pub(crate) cookie: String,
}

/// What a client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl World {
    /// With this database, or the place where it would be.
    pub(crate) async fn new(database: &str) -> Result<Self> {
        let anywhere = "127.0.0.1:0".parse()?;
        let steam = SteamSimulator::start(anywhere, [9; 32], Arc::new(SystemClock)).await?;
        let folder = Arc::new(TempDir::new()?);
        fs::write(folder.path().join("clients.toml"), CLIENTS)?;
        let settings = vec![
            ("DATABASE_URL", database.to_owned()),
            ("AUTH_ISSUER", ISSUER.to_owned()),
            ("AUTH_KEY_ENCRYPTION_KEY", KEY.to_owned()),
            ("STEAM_SIMULATED", "true".to_owned()),
            ("STEAM_OPENID_ENDPOINT", steam.endpoint()),
            ("STEAM_CLAIMED_ID_PREFIX", steam.claimed_id_prefix()),
            ("RATE_AUTHORIZE", "1000/s".to_owned()),
            ("RATE_TOKEN", "1000/s".to_owned()),
            ("RATE_FAILURES", "1000/s".to_owned()),
            ("API_HOST", "127.0.0.1".to_owned()),
            ("API_PORT", "0".to_owned()),
        ];
        Ok(Self {
            steam,
            folder,
            settings,
        })
    }

    /// The same with another setting, or without it.
    pub(crate) fn with(mut self, variable: &'static str, text: Option<&str>) -> Self {
        self.set(variable, text);
        self
    }

    pub(crate) fn set(&mut self, variable: &'static str, text: Option<&str>) {
        self.settings.retain(|(name, _)| *name != variable);
        let given = text.map(|text| (variable, text.to_owned()));
        self.settings.extend(given);
    }

    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        let settings = self.settings.iter();
        settings
            .map(|(name, text)| (*name, text.as_str()))
            .collect()
    }

    /// Runs a command to its end.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Result<Finished> {
        let folder = self.folder.path();
        run_to_end(Path::new(PROGRAM), arguments, &self.settings(), folder).await
    }

    /// Starts the service; whether it is ready is another question.
    pub(crate) async fn start(&self) -> Result<Service> {
        let running = RunningService::start(PROGRAM, &self.settings(), &self.folder).await?;
        Ok(Service(running))
    }

    /// The same, and waits until it is ready.
    pub(crate) async fn start_ready(&self) -> Result<Service> {
        let service = self.start().await?;
        service.wait_until_healthy().await?;
        Ok(service)
    }

    /// What Steam sends a browser back with, as `person`: the path to call at the service.
    pub(crate) async fn back_from_steam(
        &self,
        begun: &Begun,
        service: &Service,
        person: u64,
    ) -> Result<String> {
        self.steam.log_in(Some(SteamId::try_new(person)?));
        let answer = service.site.client.get(&begun.steam).send().await?;
        let back = location(&answer)?;
        let path = back
            .strip_prefix(ISSUER)
            .context("it comes back to the issuer")?;
        Ok(path.to_owned())
    }

    /// Signs somebody in at one instance, or on the way from one to the other; the code.
    pub(crate) async fn code(
        &self,
        begins: &Service,
        ends: &Service,
        person: u64,
    ) -> Result<String> {
        let begun = begins.begin().await?;
        let path = self.back_from_steam(&begun, begins, person).await?;
        ends.come_back(&path, &begun).await
    }

    /// Signs somebody in, and begins a session.
    pub(crate) async fn sign_in(&self, service: &Service, person: u64) -> Result<Tokens> {
        let code = self.code(service, service, person).await?;
        service.redeem(&code).await
    }
}

impl Deref for Service {
    type Target = RunningService;

    fn deref(&self) -> &RunningService {
        &self.0
    }
}

impl Service {
    /// A client sends a browser.
    pub(crate) async fn authorize(&self) -> Result<Response> {
        let mut address = Url::parse(&format!("{}/authorize", self.site.url))?;
        address.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", "native-app"),
            ("redirect_uri", BACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "a state & more"),
            ("scope", "profile:read profile:write admin"),
        ]);
        Ok(self.site.client.get(address).send().await?)
    }

    pub(crate) async fn begin(&self) -> Result<Begun> {
        let answer = self.authorize().await?;
        let steam = location(&answer)?.to_owned();
        let cookie = answer
            .headers()
            .get("set-cookie")
            .context("there is a cookie")?;
        let (cookie, _) = cookie.to_str()?.split_once(';').context("it has rules")?;
        let cookie = cookie.to_owned();
        Ok(Begun { steam, cookie })
    }

    /// The browser comes back; the code that it brings to the client.
    pub(crate) async fn come_back(&self, path: &str, begun: &Begun) -> Result<String> {
        let request = self.site.client.get(format!("{}{path}", self.site.url));
        let answer = request.header("cookie", &begun.cookie).send().await?;
        let given = Url::parse(location(&answer)?)?;
        ensure!(given.as_str().starts_with(BACK), "{given}");
        let field = |name: &str| {
            let found = given.query_pairs().find(|(known, _)| known == name);
            found.map(|(_, value)| value.into_owned())
        };
        ensure!(
            field("state").as_deref() == Some("a state & more"),
            "{given}"
        );
        ensure!(field("iss").as_deref() == Some(ISSUER), "{given}");
        field("code").with_context(|| format!("there is a code: {given}"))
    }

    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.site.client.post(format!("{}{path}", self.site.url));
        Ok(request.form(fields).send().await?)
    }

    pub(crate) async fn try_redeem(&self, code: &str) -> Result<Response> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("client_id", "native-app"),
            ("code_verifier", VERIFIER),
        ];
        self.form("/token", &fields).await
    }

    pub(crate) async fn redeem(&self, code: &str) -> Result<Tokens> {
        Tokens::of(self.try_redeem(code).await?).await
    }

    pub(crate) async fn try_refresh(&self, token: &str) -> Result<Response> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", "native-app"),
        ];
        self.form("/token", &fields).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Tokens> {
        Tokens::of(self.try_refresh(token).await?).await
    }

    /// Asks it to end; its exit code.
    pub(crate) async fn stop(self) -> Result<i32> {
        self.0.stop().await
    }

    /// The same, with all that it has said.
    pub(crate) async fn said(self) -> Result<Said> {
        self.0.said().await
    }

    /// Ends it as nothing can be kept from: in the middle of whatever it does.
    pub(crate) fn kill(self) -> Result<()> {
        self.process.signal("KILL")
    }
}

impl Tokens {
    pub(crate) async fn of(answer: Response) -> Result<Self> {
        let status = answer.status();
        let document: Value = answer.json().await?;
        ensure!(status == StatusCode::OK, "{status}: {document}");
        let text = |name: &str| {
            let text = document[name].as_str();
            text.map(str::to_owned).with_context(|| name.to_owned())
        };
        Ok(Self {
            access: text("access_token")?,
            refresh: text("refresh_token")?,
        })
    }
}

/// Where an answer sends a browser.
pub(crate) fn location(answer: &Response) -> Result<&str> {
    let status = answer.status();
    let location = answer.headers().get("location");
    let location = location.with_context(|| format!("{status} sends it on"))?;
    Ok(location.to_str()?)
}
