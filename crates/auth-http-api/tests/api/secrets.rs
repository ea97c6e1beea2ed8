//! No log line and no metric shows what only one may know.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::Method;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::support::{
    ADMIN, ANA, Api, Fields, Planted, VERIFIER, location, redemption, refreshing, sent, wish,
};

/// Everything that our crates say; what the client of these tests says of itself is no service's log.
const OURS: [&str; 8] = [
    "auth_application",
    "auth_http_api",
    "auth_kit",
    "auth_memory_adapter",
    "auth_steam_adapter",
    "auth_token_adapter",
    "client_kit",
    "http_kit",
];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn planted_secrets_show_nowhere() {
    let log = Log::default();
    let targets = Targets::new()
        .with_targets(OURS.map(|it| (it, tracing_subscriber::filter::LevelFilter::TRACE)));
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(log.clone());
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(targets));
    // It hears the other tests of this program, too: what they plant is another word.
    subscriber.try_init().expect("no other test has one");

    let api = Api::start().await;
    let planted = Planted::default();
    let wish = wish()
        .with("state", "vWv-planted-state")
        .with("scope", "profile:read admin");
    planted.plant("vWv-planted");
    planted.plant(VERIFIER);
    let (back, cookie) = api.at_steam(&wish, ADMIN).await;
    planted.plant(back.get("state").expect("the attempt"));
    planted.plant(cookie.trim_start_matches("__Host-attempt="));
    planted.plant(back.get("openid.sig").expect("a signature"));
    let came = api.callback(&back, Some(&cookie)).await;
    let given = Fields::of_answer(&came);
    let code = given.get("code").expect("there is a code").to_owned();
    planted.plant(&code);
    assert!(location(&came).contains(&code));
    let (_, document) = api.form("/token", &redemption(&code)).await;
    let tokens = crate::support::Tokens::of(&document);
    planted.plant(&tokens.access);
    planted.plant(&tokens.refresh);

    // Everything that is refused is told somewhere.
    api.callback(&back, Some(&cookie)).await;
    api.callback(&back.with("openid.mode", "vWv-planted"), None)
        .await;
    api.authorize(&wish.with("client_id", "vWv-planted"), None)
        .await;
    api.form("/token", &redemption(&code)).await;
    api.form("/token", &refreshing(&tokens.refresh)).await;
    api.form("/token", &refreshing("vWv-planted")).await;
    api.form("/revoke", &Fields::of(&[("token", "vWv-planted")]))
        .await;
    let spoilt = format!("{}vWv-planted", tokens.access);
    sent(api.bearer(Method::GET, "/api/v1/sessions", &spoilt)).await;
    sent(api.bearer(Method::GET, "/api/v1/sessions", &tokens.access)).await;
    sent(api.bearer(
        Method::GET,
        "/api/v1/admin/users?steam_id=vWv-planted",
        &tokens.access,
    ))
    .await;
    let (other, others_cookie) = api.at_steam(&wish, ANA).await;
    api.steam.set_mode(steam_simulator::Mode::Refuse(503));
    api.callback(&other, Some(&others_cookie)).await;

    let text = log.text();
    assert!(text.contains("a token was refused"), "{text}");
    assert!(text.contains("a code was not redeemed"), "{text}");
    for line in text.lines() {
        planted.assert_not_in("the log", line);
    }
    planted.assert_not_in("/metrics", &api.text("/metrics").await);
    planted.assert_not_in("/api/v1/health", &api.text("/api/v1/health").await);
    let audit = format!("{:?}", api.store.memory().audit());
    planted.assert_not_in("the audit log", &audit);
    api.stop().await;
}
