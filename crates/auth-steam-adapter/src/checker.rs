//! Whether Steam has said something.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use auth_application::ports::{AssertionChecker, CheckFault};
use client_kit::{CallFailed, ClientLimits, HttpClient, StreamedAnswer};
use identity::openid::{ANSWER_BYTES_MAX, AnswerFault, Assertion, Provider, judge_answer};
use secrecy::SecretString;
use tokio::time::timeout;

/// From the connection to the last byte that is read.
pub const CHECK_TIME_MAX: Duration = Duration::from_secs(6);
/// For a host that is there.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

/// Asks the provider of the settings.
pub struct SteamChecker {
    http: HttpClient,
    provider: Provider,
    /// What a question has beside itself.
    headers: Vec<(String, SecretString)>,
    time_max: Duration,
}

impl SteamChecker {
    /// Calls itself `user_agent`, and sends these headers with each question.
    ///
    /// # Errors
    /// The name is none that a header can carry.
    pub fn try_new(
        user_agent: &str,
        provider: Provider,
        headers: Vec<(String, SecretString)>,
    ) -> Result<Self, String> {
        let limits = ClientLimits {
            connect_time_max: CONNECT_TIME_MAX,
            call_time_max: CHECK_TIME_MAX,
            // Of a longer answer, one byte more says that it is longer.
            body_bytes_max: ANSWER_BYTES_MAX + 1,
        };
        Ok(Self {
            http: HttpClient::try_new(user_agent, limits, None)?,
            provider,
            headers,
            time_max: CHECK_TIME_MAX,
        })
    }

    /// Waits no longer than this for an answer, if that is less than [`CHECK_TIME_MAX`].
    #[must_use]
    pub fn with_time_max(mut self, time_max: Duration) -> Self {
        self.time_max = time_max.min(CHECK_TIME_MAX);
        self
    }

    async fn ask(&self, assertion: &Assertion) -> Result<(), CheckFault> {
        let endpoint = self.provider.endpoint();
        let asked = self
            .http
            .post_form(endpoint, assertion.question(), &self.headers)
            .await;
        let mut answer = asked.map_err(unreachable)?;
        let status = answer.head.status;
        let body = if status == 200 {
            read(&mut answer).await.map_err(unreachable)?
        } else {
            // Whatever page comes with it, the status says it all.
            Vec::new()
        };
        Ok(judge_answer(status, &body)?)
    }
}

/// The body, or as much of it as tells that it is too long.
async fn read(answer: &mut StreamedAnswer) -> Result<Vec<u8>, CallFailed> {
    let mut body = Vec::new();
    while body.len() <= ANSWER_BYTES_MAX
        && let Some(piece) = answer.next_piece().await?
    {
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn unreachable(failed: CallFailed) -> CheckFault {
    match failed {
        CallFailed::TooLarge(_) => AnswerFault::TooLong.into(),
        failed => CheckFault::Unreachable(failed.to_string()),
    }
}

#[async_trait]
impl AssertionChecker for SteamChecker {
    async fn check(&self, assertion: &Assertion) -> Result<(), CheckFault> {
        let asked = timeout(self.time_max, self.ask(assertion)).await;
        asked.unwrap_or_else(|_| {
            let detail = format!("no whole answer within {:?}", self.time_max);
            Err(CheckFault::Unreachable(detail))
        })
    }
}

impl fmt::Debug for SteamChecker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteamChecker")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
