//! What operators do to a cluster that runs.

use anyhow::{Result, ensure};
use tokio::io::AsyncReadExt as _;

use super::{
    KafkaCluster,
    requests::{ask, push_text},
};

const ELECT_LEADERS: i16 = 43;
const ALTER_CLIENT_QUOTAS: i16 = 49;
const VERSION: i16 = 0;
/// How long an election may take.
const ELECTION_MS_MAX: i32 = 10_000;
/// What the election answers for a partition that its preferred leader leads.
const ELECTION_NOT_NEEDED: i16 = 84;

impl KafkaCluster {
    /// Holds producers that call themselves `client_id` to so many bytes a
    /// second on each broker; `None` takes that back.
    ///
    /// # Errors
    /// When the cluster cannot be asked, or refuses.
    pub async fn limit_producer(
        &self,
        client_id: &str,
        bytes_per_second: Option<f64>,
    ) -> Result<()> {
        let mut body = Vec::new();
        // One entry, for one part of a name.
        body.extend(1_i32.to_be_bytes());
        body.extend(1_i32.to_be_bytes());
        push_text(&mut body, "client-id")?;
        push_text(&mut body, client_id)?;
        // One change: to set it, or to remove it.
        body.extend(1_i32.to_be_bytes());
        push_text(&mut body, "producer_byte_rate")?;
        body.extend(bytes_per_second.unwrap_or_default().to_be_bytes());
        body.push(u8::from(bytes_per_second.is_none()));
        // It is meant, not only checked.
        body.push(0);
        let answer = ask(
            self.bootstrap_servers(),
            ALTER_CLIENT_QUOTAS,
            VERSION,
            &body,
        );
        let answer = answer.await?;
        let mut answer = answer.as_slice();
        // Throttle time, number of entries.
        answer.read_i64().await?;
        let code = answer.read_i16().await?;
        ensure!(
            code == 0,
            "no limit can be set for {client_id}: error {code}"
        );
        Ok(())
    }

    /// Gives every partition back to the broker that is to lead it when all run.
    ///
    /// # Errors
    /// When the cluster cannot be asked, or a partition cannot be given back.
    pub async fn elect_preferred_leaders(&self) -> Result<()> {
        let mut body = Vec::new();
        // For all partitions.
        body.extend((-1_i32).to_be_bytes());
        body.extend(ELECTION_MS_MAX.to_be_bytes());
        let answer = ask(self.bootstrap_servers(), ELECT_LEADERS, VERSION, &body);
        let answer = answer.await?;
        let mut answer = answer.as_slice();
        // Throttle time.
        answer.read_i32().await?;
        for _ in 0..answer.read_i32().await? {
            let topic = read_text(&mut answer).await?;
            for _ in 0..answer.read_i32().await? {
                let partition = answer.read_i32().await?;
                let code = answer.read_i16().await?;
                let reason = read_text(&mut answer).await?;
                ensure!(
                    code == 0 || code == ELECTION_NOT_NEEDED,
                    "partition {partition} of {topic} keeps its leader: error {code}, {reason}"
                );
            }
        }
        Ok(())
    }
}

/// A text with its length, which is negative for none.
async fn read_text(answer: &mut &[u8]) -> Result<String> {
    let length = answer.read_i16().await?.max(0);
    let mut text = vec![0; usize::try_from(length)?];
    answer.read_exact(&mut text).await?;
    Ok(String::from_utf8(text)?)
}
