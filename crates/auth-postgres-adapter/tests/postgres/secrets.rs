//! Whoever steals the database gets nothing to sign in with.

use std::sync::Arc;

use anyhow::{Result, ensure};
use auth_application::ports::{Redeemed, Refreshed};
use auth_test_support::store_contract::{BEGIN, Subject as _, World};
use domain::{AccountId, SteamId};
use identity::{AttemptSecret, BrowserSecret, Code, RefreshToken, Secret};
use secrecy::ExposeSecret as _;
use sql_test_kit::dump;

use crate::database::Shared;

/// Of the session that is begun.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[tokio::test]
async fn a_stolen_database_holds_no_secret() -> Result<()> {
    let shared = Arc::new(Shared::new("secrets").await?);
    let (url, stores) = (shared.url.clone(), shared.instance(0));
    let world = World::new(shared);
    let attempt = AttemptSecret::new([0xa1; 32]);
    let browser = BrowserSecret::new([0xb2; 32]);
    let code = Code::new([0xc3; 32]);
    let (first, next) = (RefreshToken::new([0xd4; 32]), RefreshToken::new([0xe5; 32]));

    let mut kept = world.attempt(BEGIN);
    kept.browser = browser.digest();
    stores.logins.begin(&attempt.digest(), &kept).await?;
    let person = SteamId::of(AccountId::try_new(1)?);
    let mut login = world.login(attempt.digest(), person, BEGIN);
    login.code = code.digest();
    stores.logins.complete(&login).await?;
    let mut redeeming = world.redeeming(code.digest(), BEGIN);
    redeeming.first = first.digest();
    let redeemed = stores.sessions.redeem(&redeeming).await?;
    ensure!(matches!(redeemed, Redeemed::Begun { .. }), "{redeemed:?}");
    let mut refreshing = world.refreshing(first.digest(), BEGIN);
    refreshing.next = next.digest();
    let refreshed = stores.sessions.refresh(&refreshing).await?;
    ensure!(
        matches!(refreshed, Refreshed::Given { .. }),
        "{refreshed:?}"
    );

    let dump = dump(&url, "auth").await?;
    ensure!(dump.contains("stats-site"), "the dump is one");
    ensure!(!dump.contains(VERIFIER));
    for (written, byte) in [
        written(&attempt, 0xa1),
        written(&browser, 0xb2),
        written(&code, 0xc3),
        written(&first, 0xd4),
        written(&next, 0xe5),
    ] {
        let hex = format!("{byte:02x}").repeat(8);
        ensure!(
            !dump.contains(&written) && !dump.contains(&hex),
            "{written} is there"
        );
    }
    Ok(())
}

fn written<K>(secret: &Secret<K>, byte: u8) -> (String, u8) {
    (secret.written().expose_secret().to_owned(), byte)
}
