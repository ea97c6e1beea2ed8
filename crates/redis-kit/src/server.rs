//! One connection to the server, and calls over it that end in time.

use std::{sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, Pipeline,
    RedisConnectionInfo, RedisResult,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use crate::{Fault, RedisError, RedisPlace, place::Way};

/// A server, wherever it is at the moment; clones share its connection.
///
/// A connection is made by the first call that finds none. A call during which
/// it is lost fails: whether it had its effect is not known, so it is not made
/// again behind the back of whoever made it. The next call connects anew.
#[derive(Clone)]
pub struct RedisServer {
    place: RedisPlace,
    /// For all of a call: connecting, waiting for its turn, and the answer.
    deadline: Duration,
    open: Arc<Mutex<Slot>>,
}

/// The connection in use, and how many there have been.
#[derive(Default)]
struct Slot {
    current: Option<Open>,
    count: u64,
}

/// A connection, and which one it is.
#[derive(Clone)]
struct Open {
    number: u64,
    connection: MultiplexedConnection,
}

impl RedisServer {
    /// The server at this place; each call ends by `deadline`.
    #[must_use]
    pub fn new(place: RedisPlace, deadline: Duration) -> Self {
        Self {
            place,
            deadline,
            open: Arc::default(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &RedisPlace {
        &self.place
    }

    /// Listens to a channel over a connection that nobody shares.
    pub(crate) async fn listen(&self, channel: &str) -> Result<PubSub, RedisError> {
        let listening = async {
            let client = Client::open(self.find().await?)?;
            let mut messages = client.get_async_pubsub().await?;
            messages.subscribe(channel).await?;
            Ok(messages)
        };
        self.in_time(Instant::now(), listening).await
    }

    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        self.call(async |connection| command.query_async(connection).await)
            .await
    }

    /// Has the next call make a connection of its own: one keeps a buffer as large as the largest command that it
    /// ever took. Calls that are under way keep theirs.
    pub(crate) async fn renew_connection(&self) {
        self.open.lock().await.current = None;
    }

    pub(crate) async fn pipeline<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, RedisError> {
        self.call(async |connection| pipeline.query_async(connection).await)
            .await
    }

    async fn call<T>(
        &self,
        call: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, RedisError> {
        let begun = Instant::now();
        let mut open = self.in_time(begun, self.open()).await?;
        let answered = async { Ok(call(&mut open.connection).await?) };
        let answer = self.in_time(begun, answered).await;
        if answer.as_ref().is_err_and(RedisError::ends_connection) {
            self.forget(open.number).await;
        }
        answer
    }

    async fn in_time<T>(
        &self,
        begun: Instant,
        call: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisError> {
        let answer = timeout_at(begun + self.deadline, call).await;
        let answer = answer.unwrap_or_else(|_| {
            let detail = format!("no answer within {:?}", self.deadline);
            Err(RedisError::new(Fault::Slow, detail))
        });
        answer.map_err(|error| error.at(&self.place))
    }

    /// The connection there is, or a new one. One call makes it, the others wait.
    async fn open(&self) -> Result<Open, RedisError> {
        let mut slot = self.open.lock().await;
        if let Some(open) = &slot.current {
            return Ok(open.clone());
        }
        let connection = connect(self.find().await?).await?;
        slot.count += 1;
        let open = Open {
            number: slot.count,
            connection,
        };
        slot.current = Some(open.clone());
        Ok(open)
    }

    /// Lets go of a connection, unless there is another one by now.
    async fn forget(&self, number: u64) {
        let mut slot = self.open.lock().await;
        if slot.count == number {
            slot.current = None;
        }
    }

    /// Where the server is now.
    async fn find(&self) -> Result<ConnectionInfo, RedisError> {
        match &self.place.way {
            Way::Direct(info) => Ok(info.clone()),
            Way::Sentinels {
                sentinels,
                name,
                entry,
            } => self.ask_sentinels(sentinels, name, entry).await,
        }
    }

    /// The first sentinel that knows the master is believed; one that hangs has
    /// its share of the time.
    async fn ask_sentinels(
        &self,
        sentinels: &[ConnectionInfo],
        name: &str,
        entry: &RedisConnectionInfo,
    ) -> Result<ConnectionInfo, RedisError> {
        let share = self.deadline / u32::try_from(sentinels.len() + 1).unwrap_or(u32::MAX);
        let mut failed = None;
        for sentinel in sentinels {
            let by = Instant::now() + share;
            match timeout_at(by, master(sentinel.clone(), name)).await {
                Ok(Ok(Some(address))) => {
                    let info = sentinel.clone().set_addr(address);
                    return Ok(info.set_redis_settings(entry.clone()));
                }
                Ok(Ok(None)) => {
                    let detail = format!("sentinels do not know a master {name}");
                    failed = Some(RedisError::new(Fault::Away, detail));
                }
                Ok(Err(error)) => failed = Some(error),
                Err(_) => {
                    let detail = format!("sentinel {} does not answer", sentinel.addr());
                    failed = Some(RedisError::new(Fault::Slow, detail));
                }
            }
        }
        Err(failed.expect("an address names at least one sentinel"))
    }
}

async fn connect(info: ConnectionInfo) -> Result<MultiplexedConnection, RedisError> {
    // Deadlines are ours, for connecting and answer together.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let client = Client::open(info)?;
    let connected = client.get_multiplexed_async_connection_with_config(&config);
    let mut connection = connected.await?;
    // Only a cluster's member understands it. Whoever may not ask will be told by the first write.
    let cluster: RedisResult<redis::Value> = redis::cmd("CLUSTER")
        .arg("MYID")
        .query_async(&mut connection)
        .await;
    if cluster.is_ok() {
        let detail = "the server is a member of a Redis Cluster";
        return Err(RedisError::new(Fault::Cluster, detail));
    }
    Ok(connection)
}

async fn master(
    sentinel: ConnectionInfo,
    name: &str,
) -> Result<Option<ConnectionAddr>, RedisError> {
    let client = Client::open(sentinel)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let address: Option<(String, u16)> = redis::cmd("SENTINEL")
        .arg("get-master-addr-by-name")
        .arg(name)
        .query_async(&mut connection)
        .await?;
    Ok(address.map(|(host, port)| ConnectionAddr::Tcp(host, port)))
}
