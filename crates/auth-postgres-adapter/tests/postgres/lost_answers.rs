//! Answers that get lost, and servers that die.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use auth_application::ports::{Redeemed, SessionStore, StoreError};
use auth_test_support::store_contract::{BEGIN, Begun, Subject as _, World};
use domain::{AccountId, SteamId, Timestamp};
use identity::{Digest, kind};
use sql_test_kit::Postgres;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::database::{Shared, store};

/// Where the connection breaks when a transaction is to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// Before the server hears of it.
    Before,
    /// After the server has done it, before its answer arrives.
    After,
}

/// Stands between a client and the server, and breaks the connection once, at a commit.
struct Between {
    url: String,
    is_armed: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Between {
    async fn new(url: &str, how: Break) -> Result<Self> {
        let (before, rest) = url.rsplit_once('@').context("the address has a user")?;
        let (server, database) = rest.split_once('/').context("the address has a database")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("{before}@{}/{database}", listener.local_addr()?);
        let is_armed = Arc::new(AtomicBool::new(false));
        let (server, armed) = (server.to_owned(), is_armed.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, armed) = (server.clone(), armed.clone());
                connections.spawn(async move {
                    // However it ends, both sides are closed.
                    let _ = carry(client, &server, how, &armed).await;
                });
            }
        });
        Ok(Self {
            url,
            is_armed,
            _tasks: tasks,
        })
    }

    fn arm(&self) {
        self.is_armed.store(true, Ordering::SeqCst);
    }
}

async fn carry(mut client: TcpStream, server: &str, how: Break, armed: &AtomicBool) -> Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            length = client.read(&mut asked) => {
                let asked = &asked[..length?];
                let is_commit = asked.windows(6).any(|it| it == b"COMMIT");
                if asked.is_empty() {
                    return Ok(());
                }
                if is_commit && armed.swap(false, Ordering::SeqCst) {
                    if how == Break::After {
                        server.write_all(asked).await?;
                        // It answers when it has done it.
                        let length = server.read(&mut answered).await?;
                        ensure!(length > 0, "the server has closed instead");
                    }
                    return Ok(());
                }
                server.write_all(asked).await?;
            }
            length = server.read(&mut answered) => {
                let length = length?;
                if length == 0 {
                    return Ok(());
                }
                client.write_all(&answered[..length]).await?;
            }
        }
    }
}

fn person() -> SteamId {
    SteamId::of(AccountId::try_new(1).expect("an account"))
}

async fn begun(world: &World) -> Result<Begun> {
    world.begin_session(person(), BEGIN).await
}

fn after(seconds: u64) -> Timestamp {
    BEGIN.saturating_add(Duration::from_secs(seconds))
}

async fn tips(store: &dyn SessionStore, tokens: &[Digest<kind::Refresh>]) -> Result<usize> {
    let mut tips = 0;
    for token in tokens {
        let state = store.token(token).await?;
        tips += usize::from(
            state.is_some_and(|it| it.token.used_at.is_none() && it.token.revoked_at.is_none()),
        );
    }
    Ok(tips)
}

/// As a process that dies between changing a session and telling of it: its client comes again with the same token.
#[tokio::test]
async fn whoever_lost_the_answer_comes_again() -> Result<()> {
    for how in [Break::Before, Break::After] {
        let shared = Arc::new(Shared::new("lost").await?);
        let between = Between::new(&shared.url, how).await?;
        let direct = shared.instance(0).sessions;
        let world = World::new(shared);
        let begun = begun(&world).await?;
        let store = store(&between.url)?;
        let request = world.refreshing(begun.token, after(1));
        between.arm();
        match store.refresh(&request).await {
            Err(StoreError::Unavailable { .. }) => {}
            other => bail!("{how:?}: the answer was not lost: {other:?}"),
        }
        let lost = direct.token(&request.next).await?;
        ensure!(lost.is_some() == (how == Break::After), "{how:?}");
        let next = world.refresh(begun.token, after(2)).await?;
        let all = [begun.token, request.next, next];
        ensure!(tips(&*direct, &all).await? == 1, "{how:?}");
        // It goes on as if nothing had happened.
        world.refresh(next, after(300)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_code_whose_answer_was_lost_ends_what_it_gave() -> Result<()> {
    for how in [Break::Before, Break::After] {
        let shared = Arc::new(Shared::new("lost_code").await?);
        let between = Between::new(&shared.url, how).await?;
        let url = shared.url.clone();
        let world = World::new(shared);
        let (_, code) = world.sign_in(person(), BEGIN).await?;
        let request = world.redeeming(code, after(1));
        between.arm();
        let redeemed = store(&between.url)?.redeem(&request).await;
        ensure!(
            matches!(redeemed, Err(StoreError::Unavailable { .. })),
            "{redeemed:?}"
        );
        let again = world.redeeming(code, after(2));
        let again = store(&url)?.redeem(&again).await?;
        let is_begun = matches!(again, Redeemed::Begun { .. });
        ensure!(is_begun == (how == Break::Before), "{how:?}: {again:?}");
        let first = store(&url)?.session(request.session).await?;
        ensure!(first.is_none_or(|it| it.ended.is_some()), "{how:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_logs_nobody_out() -> Result<()> {
    let postgres = Arc::new(Postgres::start_with(&["fsync=on"]).await?);
    let url = postgres.fresh_database("killed").await?;
    let shared = Arc::new(Shared::at(url, Duration::from_secs(3)).await?);
    let world = Arc::new(World::new(shared));
    let begun = begun(&world).await?;
    let mut token = begun.token;
    for round in 0..3 {
        // Somebody refreshes on and on; the server dies at some instant of it.
        let (given, told) = tokio::sync::oneshot::channel();
        let refreshing = tokio::spawn({
            let (world, mut token) = (world.clone(), token);
            async move {
                let mut given = Some(given);
                for count in 0.. {
                    match world.refresh(token, after(round * 60)).await {
                        Ok(next) => token = next,
                        Err(_) => break,
                    }
                    if count == 20 {
                        let _ = given.take().map(|it| it.send(()));
                    }
                }
                token
            }
        });
        told.await.context("twenty were given")?;
        postgres.kill()?;
        token = refreshing.await?;
        postgres.restart().await?;
        // What was told is there, and what was not told may come again.
        token = come_again(&world, token, after(round * 60 + 1)).await?;
    }
    Ok(())
}

/// As a client does: as long as nobody answers, it comes again with the same token.
async fn come_again(
    world: &World,
    token: Digest<kind::Refresh>,
    at: Timestamp,
) -> Result<Digest<kind::Refresh>> {
    let is_passing = |error: &anyhow::Error| {
        let error = error.downcast_ref::<StoreError>();
        matches!(error, Some(StoreError::Unavailable { .. }))
    };
    for _ in 0..10 {
        match world.refresh(token, at).await {
            Err(error) if is_passing(&error) => {}
            refreshed => return refreshed,
        }
    }
    bail!("nobody answers")
}
