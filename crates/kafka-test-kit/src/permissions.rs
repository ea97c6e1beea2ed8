//! Gives and takes permissions while a broker runs.

use anyhow::{Result, ensure};
use tokio::io::AsyncReadExt as _;

use super::{
    SecuredBroker,
    requests::{ask, push_text},
};

/// What a permission is for.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// The topic of this name.
    Topic(&'a str),
    /// The transactional id of this name.
    TransactionalId(&'a str),
}

/// What is allowed.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// To read records.
    Read,
    /// To write records; it includes Describe.
    Write,
    /// To see that it is there.
    Describe,
}

/// The numbers Kafka's protocol has for these requests, and for what they hold.
const CREATE_ACLS: i16 = 30;
const DELETE_ACLS: i16 = 31;
const VERSION: i16 = 1;
const LITERAL: u8 = 3;
const ALLOW: u8 = 3;
const FROM_ANYWHERE: &str = "*";

impl SecuredBroker {
    /// Lets `principal`, such as `User:name`, do something.
    ///
    /// # Errors
    /// When the broker cannot be asked, or refuses.
    pub async fn allow(
        &self,
        principal: &str,
        resource: Resource<'_>,
        operation: Operation,
    ) -> Result<()> {
        self.change(CREATE_ACLS, principal, resource, operation)
            .await
    }

    /// Takes back what was allowed in these words.
    ///
    /// # Errors
    /// When the broker cannot be asked, refuses, or knows of no such permission.
    pub async fn withdraw(
        &self,
        principal: &str,
        resource: Resource<'_>,
        operation: Operation,
    ) -> Result<()> {
        self.change(DELETE_ACLS, principal, resource, operation)
            .await
    }

    async fn change(
        &self,
        request: i16,
        principal: &str,
        resource: Resource<'_>,
        operation: Operation,
    ) -> Result<()> {
        let (kind, name) = match resource {
            Resource::Topic(name) => (2, name),
            Resource::TransactionalId(name) => (5, name),
        };
        let operation_code = match operation {
            Operation::Read => 3,
            Operation::Write => 4,
            Operation::Describe => 8,
        };
        let mut body = Vec::new();
        // One entry, in which creation and deletion look the same.
        body.extend(1_i32.to_be_bytes());
        body.push(kind);
        push_text(&mut body, name)?;
        body.push(LITERAL);
        push_text(&mut body, principal)?;
        push_text(&mut body, FROM_ANYWHERE)?;
        body.extend([operation_code, ALLOW]);

        let answer = ask(self.bootstrap_servers(), request, VERSION, &body).await?;
        let mut answer = answer.as_slice();
        // Throttle time, number of entries.
        answer.read_i64().await?;
        let code = answer.read_i16().await?;
        ensure!(
            code == 0,
            "the broker does not change {operation:?} on {resource:?} for {principal}: error {code}"
        );
        if request == DELETE_ACLS {
            // After the length of no text follows how many there were.
            ensure!(answer.read_i16().await? <= 0, "no error has no text");
            ensure!(answer.read_i32().await? > 0, "there was no such permission");
        }
        Ok(())
    }
}
