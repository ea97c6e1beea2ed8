//! What those who test a sign-in rely on, judged by the rules of the sign-in itself.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use domain::{SteamId, Timestamp};
use identity::{
    AttemptSecret, Issuer,
    openid::{Assertion, Callback, Provider, Refusal, judge_answer},
};
use reqwest::{Client, Response, redirect::Policy};
use steam_simulator::{Mode, Person, SteamSimulator};
use test_kit::clock::StoppedClock;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
const PERSON: &str = "76561198046967340";

struct World {
    steam: SteamSimulator,
    client: Client,
    provider: Provider,
    issuer: Issuer,
}

impl World {
    async fn new(mode: Mode) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let steam = SteamSimulator::start(address, [5; 32], Arc::new(StoppedClock(NOW))).await?;
        steam.set_mode(mode);
        steam.log_in(Some(PERSON.parse()?));
        let provider = Provider::try_simulated(&steam.endpoint(), &steam.claimed_id_prefix())?;
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self {
            steam,
            client,
            provider,
            issuer: Issuer::try_new("https://login.example")?,
        })
    }

    /// A browser goes there and comes back.
    async fn sign_in(&self) -> Result<Result<Assertion, Refusal>> {
        let question = self
            .provider
            .question(&self.issuer, &AttemptSecret::new([7; 32]));
        let answer = self.client.get(question).send().await?;
        ensure!(answer.status() == 302);
        let location = location(&answer)?;
        let (_, query) = location.split_once('?').context("it has a query")?;
        Ok(Callback::read(query).judge(&self.provider, &self.issuer, NOW))
    }

    async fn check(&self, question: String) -> Result<Response> {
        let form = "application/x-www-form-urlencoded";
        let request = self
            .client
            .post(self.steam.endpoint())
            .header("Content-Type", form);
        Ok(request.body(question).send().await?)
    }
}

fn location(answer: &Response) -> Result<String> {
    let location = answer
        .headers()
        .get("Location")
        .context("it leads somewhere")?;
    Ok(location.to_str()?.to_owned())
}

#[tokio::test]
async fn whoever_signs_in_is_whom_one_says() -> Result<()> {
    let world = World::new(Mode::Honest).await?;
    let assertion = world.sign_in().await??;
    ensure!(assertion.person() == PERSON.parse::<SteamId>()?);
    let answer = world.check(assertion.question()).await?;
    let status = answer.status().as_u16();
    judge_answer(status, &answer.bytes().await?)?;
    // Somebody else's name under the same signature.
    let forged = assertion.question().replace(PERSON, "76561197960287930");
    let answer = world.check(forged).await?.bytes().await?;
    ensure!(judge_answer(200, &answer).is_err());
    let counts = world.steam.counts();
    ensure!(
        (
            counts.logins,
            counts.checks,
            counts.confirmed,
            counts.others
        ) == (1, 2, 1, 0),
        "{counts:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_a_browser_brings_back_is_wrong_as_one_says() -> Result<()> {
    for (mode, expected) in [
        (Mode::Cancel, Refusal::Cancelled),
        (Mode::HttpIds, Refusal::ClaimedId),
        (Mode::StaleNonces, Refusal::NonceTime),
    ] {
        let world = World::new(mode).await?;
        ensure!(world.sign_in().await? == Err(expected), "{mode}");
    }
    Ok(())
}

#[tokio::test]
async fn what_it_says_when_asked_is_wrong_as_one_says() -> Result<()> {
    for mode in [
        Mode::No,
        Mode::Html,
        Mode::Refuse(403),
        Mode::Refuse(429),
        Mode::Huge,
        Mode::Redirect,
        Mode::TwoAnswers,
        Mode::WrongNamespace,
    ] {
        let world = World::new(mode).await?;
        let question = world.sign_in().await??.question();
        let answer = world.check(question).await?;
        let status = answer.status().as_u16();
        let judged = judge_answer(status, &answer.bytes().await?);
        ensure!(judged.is_err(), "{mode}");
        ensure!(world.steam.counts().confirmed == 0, "{mode}");
    }
    let world = World::new(Mode::Close).await?;
    ensure!(world.check("a=b".to_owned()).await.is_err(), "it answers");
    // It says the right thing, at its leisure.
    for mode in [
        Mode::Slow(Duration::from_millis(5)),
        Mode::Dribble(Duration::from_millis(1)),
    ] {
        let world = World::new(mode).await?;
        let question = world.sign_in().await??.question();
        let answer = world.check(question).await?.bytes().await?;
        judge_answer(200, &answer)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_page_asks_who_it_is_if_nobody_has_said_it() -> Result<()> {
    let world = World::new(Mode::Honest).await?;
    world.steam.log_in(None);
    let question = world
        .provider
        .question(&world.issuer, &AttemptSecret::new([7; 32]));
    let page = world.client.get(question).send().await?.text().await?;
    ensure!(page.contains("This is not Steam"), "{page}");
    let chosen = format!(
        "{}/as?return_to=https%3A%2F%2Fa.example%2F&steam_id={PERSON}",
        world.steam.endpoint()
    );
    let answer = world.client.get(chosen).send().await?;
    ensure!(location(&answer)?.starts_with("https://a.example/?openid."));
    Ok(())
}

#[tokio::test]
async fn people_are_called_as_one_says() -> Result<()> {
    let world = World::new(Mode::Honest).await?;
    let person = Person {
        name: "Puppey \"<\u{1f600}".to_owned(),
        picture: "https://avatars.example/a.jpg".to_owned(),
    };
    world.steam.call(PERSON.parse()?, person);
    let path = "ISteamUser/GetPlayerSummaries/v0002";
    let url = format!(
        "{}/{path}?key=k&steamids={PERSON},76561197960287930",
        world.steam.origin()
    );
    let answer: serde_json::Value =
        serde_json::from_str(&world.client.get(url).send().await?.text().await?)?;
    let players = &answer["response"]["players"];
    ensure!(
        players.as_array().is_some_and(|players| players.len() == 1),
        "{answer}"
    );
    ensure!(players[0]["personaname"] == "Puppey \"<\u{1f600}" && players[0]["steamid"] == PERSON);
    let url = format!("{}/{path}?steamids={PERSON}", world.steam.origin());
    ensure!(world.client.get(url).send().await?.status() == 403);
    ensure!(world.steam.counts().summaries == 2);
    Ok(())
}
