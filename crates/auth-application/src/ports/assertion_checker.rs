//! Whether Steam has said something.

use async_trait::async_trait;
use identity::openid::{AnswerFault, Assertion};
use thiserror::Error;

/// Steam, asked whether it has said something.
#[async_trait]
pub trait AssertionChecker: Send + Sync {
    /// Asks once, with the assertion's own [question](Assertion::question), and judges the answer by
    /// [`judge_answer`](identity::openid::judge_answer).
    ///
    /// MUST send it to the endpoint of the settings and nowhere else, follow no redirect, and end within six
    /// seconds. MUST NOT ask again by itself. Given up, it may have been asked all the same.
    ///
    /// # Errors
    /// Why it is no yes.
    async fn check(&self, assertion: &Assertion) -> Result<(), CheckFault>;
}

/// Why Steam's answer is no yes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckFault {
    /// It has answered something else.
    #[error(transparent)]
    Answer(#[from] AnswerFault),
    /// It was not reached, or did not answer in time.
    #[error("{0}")]
    Unreachable(String),
}

impl CheckFault {
    /// Whether asking once more may help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Answer(fault) => fault.is_passing(),
            Self::Unreachable(_) => true,
        }
    }

    /// The word for it in metrics and in the audit log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Answer(fault) => fault.code(),
            Self::Unreachable(_) => "steam_unreachable",
        }
    }
}
