//! A proxy before a ClickHouse that does not always pass on what it is given.
//!
//! It tells one lie a request, which the test has asked for, and is honest
//! otherwise. It waits for signals of the test, never for a time.

mod passing;
mod script;

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use self::{
    passing::{Target, accept},
    script::Script,
};

const WAIT_DEADLINE: Duration = Duration::from_secs(30);

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// The connection ends without an answer, and ClickHouse never hears of the request.
    DropBefore,
    /// ClickHouse has answered, and the connection ends without the answer.
    DropAfter,
    /// ClickHouse has answered, and something that is no HTTP comes instead.
    Garbage,
    /// ClickHouse has answered, and its answer waits for [`Liar::let_go`].
    Hold,
    /// An exception of this number comes, and ClickHouse never hears of the request.
    Refuse(u32),
    /// The same, but only for a request with these bytes in its body, as they
    /// are before compression; other requests pass.
    RefuseRecord(Vec<u8>, u32),
}

/// Which requests are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// All of them.
    Anything,
    /// Those that begin with INSERT; not the DESCRIBE by which a client first
    /// learns of a table's columns.
    Inserts,
}

/// The proxy; it ends, with all its connections, when it is dropped.
pub struct Liar {
    url: String,
    script: Arc<Script>,
    _accepting: AbortOnDropHandle<()>,
}

impl Liar {
    /// Listens before the ClickHouse at `url`, `http://host:port`, and is honest so far.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn start(url: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own_url = format!("http://{}", listener.local_addr()?);
        let script = Arc::new(Script::default());
        let target = Target::new(url)?;
        let accepting = accept(listener, target, Arc::clone(&script));
        Ok(Self {
            url: own_url,
            script,
            _accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
        })
    }

    /// Where clients reach it: `http://host:port`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lies about the next such request, after those it was told of before.
    pub fn lie_once(&self, asked: Asked, lie: Lie) {
        self.script.push(asked, lie);
    }

    /// Lies about every such request from now on, but for those that a
    /// [`lie_once`](Self::lie_once) is about; a [record](Lie::RefuseRecord) is
    /// refused in any case.
    pub fn lie_always(&self, asked: Asked, lie: Lie) {
        self.script.set_always(Some((asked, lie)));
    }

    /// Forgets all lies that are not told yet; answers that are held stay held.
    pub fn be_honest(&self) {
        self.script.clear();
    }

    /// How many lies it has told; one is told as soon as it is decided on.
    #[must_use]
    pub fn lies_told(&self) -> usize {
        *self.script.told.borrow()
    }

    /// Waits until it has told so many lies.
    ///
    /// # Errors
    /// When there are fewer for half a minute.
    pub async fn wait_for_lies(&self, count: usize) -> Result<()> {
        reach(&self.script.told, count).await.context("lies told")
    }

    /// Waits until so many answers are [held](Lie::Hold): ClickHouse has done
    /// what was asked, and the clients do not know.
    ///
    /// # Errors
    /// When there are fewer for half a minute.
    pub async fn wait_for_held(&self, count: usize) -> Result<()> {
        reach(&self.script.held, count)
            .await
            .context("held answers")
    }

    /// Lets one held answer go, or the next one that would be held.
    pub fn let_go(&self) {
        self.script.going.add_permits(1);
    }
}

/// Waits until a count is reached.
async fn reach(counted: &watch::Sender<usize>, count: usize) -> Result<()> {
    let mut counted = counted.subscribe();
    let reached = timeout(WAIT_DEADLINE, counted.wait_for(|now| *now >= count)).await;
    reached.context("it takes too long")??;
    Ok(())
}
