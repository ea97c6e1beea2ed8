//! What Steam says, and whether it is a yes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use auth_application::ports::{AssertionChecker as _, CheckFault};
use auth_steam_adapter::SteamChecker;
use identity::openid::{ANSWER_BYTES_MAX, AnswerFault, Provider, Refusal};
use secrecy::SecretString;
use steam_simulator::Mode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::world::{World, checker};

/// Shorter than what it is waited for in earnest, and longer than an answer takes.
const SOON: Duration = Duration::from_millis(500);

#[tokio::test]
async fn an_honest_yes_is_a_yes_and_it_is_asked_once() -> Result<()> {
    let world = World::new(Mode::Honest).await?;
    let assertion = world.sign_in().await??;
    world.checker()?.check(&assertion).await?;
    let counts = world.steam.counts();
    ensure!(
        (counts.checks, counts.confirmed, counts.others) == (1, 1, 0),
        "{counts:?}"
    );
    Ok(())
}

#[tokio::test]
async fn everything_else_is_none_and_it_is_asked_once_and_nobody_else_is() -> Result<()> {
    use AnswerFault::{Form, Namespace, No, RepeatedKey, Status, TooLong, Unavailable};
    for (mode, expected) in [
        (Mode::No, No),
        (Mode::Html, Form),
        (Mode::Huge, TooLong),
        (Mode::Redirect, Status(302)),
        (Mode::TwoAnswers, RepeatedKey),
        (Mode::WrongNamespace, Namespace),
        (Mode::Refuse(403), Unavailable(403)),
        (Mode::Refuse(429), Unavailable(429)),
        (Mode::Refuse(500), Unavailable(500)),
        (Mode::Refuse(503), Unavailable(503)),
        (Mode::Refuse(201), Status(201)),
        (Mode::Refuse(404), Status(404)),
    ] {
        let world = World::new(mode).await?;
        let assertion = world.sign_in().await??;
        let checked = world.checker()?.check(&assertion).await;
        ensure!(
            checked == Err(CheckFault::Answer(expected)),
            "{mode}: {checked:?}"
        );
        let counts = world.steam.counts();
        ensure!(
            (counts.checks, counts.confirmed, counts.others) == (1, 0, 0),
            "{mode}: {counts:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_none_and_may_come_another_time() -> Result<()> {
    for mode in [
        Mode::Slow(Duration::from_mins(1)),
        Mode::Dribble(Duration::from_millis(50)),
        Mode::Close,
    ] {
        let world = World::new(mode).await?;
        let assertion = world.sign_in().await??;
        let checker = world.checker()?.with_time_max(SOON);
        let fault = checker
            .check(&assertion)
            .await
            .err()
            .context("it is no yes")?;
        ensure!(
            matches!(fault, CheckFault::Unreachable(_)) && fault.is_passing(),
            "{mode}: {fault:?}"
        );
        ensure!(world.steam.counts().checks == 1, "{mode}");
        // The same one is a yes once Steam can say so.
        world.steam.set_mode(Mode::Honest);
        checker.check(&assertion).await?;
    }
    let world = World::new(Mode::Slow(Duration::from_millis(5))).await?;
    let assertion = world.sign_in().await??;
    world.checker()?.check(&assertion).await?;
    Ok(())
}

#[tokio::test]
async fn what_a_browser_brings_back_wrong_is_never_asked_about() -> Result<()> {
    for (mode, expected) in [
        (Mode::Cancel, Refusal::Cancelled),
        (Mode::HttpIds, Refusal::ClaimedId),
        (Mode::StaleNonces, Refusal::NonceTime),
    ] {
        let world = World::new(mode).await?;
        ensure!(world.sign_in().await?.err() == Some(expected), "{mode}");
        ensure!(world.steam.counts().checks == 0, "{mode}");
    }
    Ok(())
}

#[tokio::test]
async fn only_the_endpoint_of_the_settings_is_asked_whoever_made_the_assertion() -> Result<()> {
    let ours = World::new(Mode::Honest).await?;
    let theirs = World::with_key(Mode::Honest, [6; 32]).await?;
    // As if the rules had let it through: it says that the other one has made it.
    let assertion = theirs.sign_in().await??;
    let checked = ours.checker()?.check(&assertion).await;
    ensure!(
        checked == Err(CheckFault::Answer(AnswerFault::No)),
        "{checked:?}"
    );
    ensure!(ours.steam.counts().checks == 1 && theirs.steam.counts().checks == 0);
    Ok(())
}

#[tokio::test]
async fn a_steam_that_is_away_is_none_that_says_no() -> Result<()> {
    let world = World::new(Mode::Honest).await?;
    let assertion = world.sign_in().await??;
    let gone = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let provider = Provider::try_simulated(
        &format!("http://{gone}/openid/login"),
        world.provider.claimed_id_prefix(),
    )?;
    let fault = checker(provider)?
        .check(&assertion)
        .await
        .err()
        .context("it is no yes")?;
    ensure!(
        fault.is_passing() && fault.code() == "steam_unreachable",
        "{fault:?}"
    );
    Ok(())
}

/// Answers once, with whatever it is told; what it was asked.
async fn asked_and_answered(
    answer: String,
    headers: Vec<(String, SecretString)>,
) -> Result<(Result<(), CheckFault>, String)> {
    let world = World::new(Mode::Honest).await?;
    let assertion = world.sign_in().await??;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}/openid/login", listener.local_addr()?);
    let provider = Provider::try_simulated(&endpoint, world.provider.claimed_id_prefix())?;
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut asked = Vec::new();
        while !asked.windows(11).any(|it| it == b"openid.sig=") {
            stream.read_buf(&mut asked).await?;
        }
        // Whoever has read enough closes.
        _ = stream.write_all(answer.as_bytes()).await;
        anyhow::Ok((String::from_utf8(asked)?, stream))
    });
    let asking = SteamChecker::try_new("tests/1", provider, headers);
    let checked = asking.map_err(anyhow::Error::msg)?.check(&assertion).await;
    // Until here the connection is open, and whoever waits for more waits.
    let (asked, _open) = serving.await??;
    Ok((checked, asked))
}

#[tokio::test]
async fn a_question_is_a_form_with_the_headers_of_the_settings() -> Result<()> {
    let yes = "ns:http://specs.openid.net/auth/2.0\nis_valid:true\n";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{yes}",
        yes.len()
    );
    let headers = vec![("Origin".to_owned(), SecretString::from("https://a.example"))];
    let (checked, asked) = asked_and_answered(answer, headers).await?;
    ensure!(checked == Ok(()), "{checked:?}");
    ensure!(
        asked.starts_with("POST /openid/login HTTP/1.1\r\n"),
        "{asked}"
    );
    let (head, form) = asked.split_once("\r\n\r\n").context("it has a body")?;
    ensure!(
        head.contains("content-type: application/x-www-form-urlencoded"),
        "{head}"
    );
    ensure!(head.contains("origin: https://a.example"), "{head}");
    ensure!(form.contains("openid.mode=check_authentication"), "{form}");
    // What is ours in the query is none of Steam's business.
    ensure!(
        form.split('&').all(|field| field.starts_with("openid.")),
        "{form}"
    );
    Ok(())
}

#[tokio::test]
async fn a_busy_steam_says_so_by_its_status_whatever_follows() -> Result<()> {
    for status in [403, 429, 503] {
        // A page of which nearly all is still to come.
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 100000\r\n\r\n<html>");
        let (checked, _) = asked_and_answered(answer, Vec::new()).await?;
        let expected = AnswerFault::Unavailable(status);
        ensure!(checked == Err(CheckFault::Answer(expected)), "{checked:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_is_read_as_far_as_an_answer_goes() -> Result<()> {
    let yes = "ns:http://specs.openid.net/auth/2.0\nis_valid:true\nx:";
    let of_length = |length: usize| format!("{yes}{}", "x".repeat(length - yes.len()));
    let longest = of_length(ANSWER_BYTES_MAX);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n{longest}");
    let (checked, _) = asked_and_answered(answer, Vec::new()).await?;
    ensure!(checked == Ok(()), "{checked:?}");
    // It goes on, and nobody waits for it.
    let longer = of_length(ANSWER_BYTES_MAX + 1);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{longer}");
    let (checked, _) = asked_and_answered(answer, Vec::new()).await?;
    let expected = AnswerFault::TooLong;
    ensure!(checked == Err(CheckFault::Answer(expected)), "{checked:?}");
    Ok(())
}
