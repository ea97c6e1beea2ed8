//! Gives and takes permissions while a broker runs.
//!
//! The clients at hand have no words for it, and Kafka's own tool is a Java
//! program that starts for seconds; the two requests are short enough to be
//! written here by hand.

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::SecuredBroker;

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
/// The oldest version that Kafka 4 takes: of fixed form, without tagged fields.
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
        let mut message = Vec::new();
        message.extend(request.to_be_bytes());
        message.extend(VERSION.to_be_bytes());
        // A number to know the answer by; there is only one.
        message.extend(0_i32.to_be_bytes());
        push_text(&mut message, "test-support")?;
        // One entry, in which creation and deletion look the same.
        message.extend(1_i32.to_be_bytes());
        message.push(kind);
        push_text(&mut message, name)?;
        message.push(LITERAL);
        push_text(&mut message, principal)?;
        push_text(&mut message, FROM_ANYWHERE)?;
        message.extend([operation_code, ALLOW]);

        let mut stream = TcpStream::connect(self.bootstrap_servers()).await?;
        stream.write_i32(i32::try_from(message.len())?).await?;
        stream.write_all(&message).await?;
        // Length, number of the request, throttle time, number of entries.
        let mut head = [0; 16];
        let answered = stream.read_exact(&mut head).await;
        answered.context("the broker does not understand the request")?;
        let code = stream.read_i16().await?;
        ensure!(
            code == 0,
            "the broker does not change {operation:?} on {resource:?} for {principal}: error {code}"
        );
        if request == DELETE_ACLS {
            // After the length of no text follows how many there were.
            ensure!(stream.read_i16().await? <= 0, "no error has no text");
            ensure!(stream.read_i32().await? > 0, "there was no such permission");
        }
        Ok(())
    }
}

fn push_text(message: &mut Vec<u8>, text: &str) -> Result<()> {
    message.extend(i16::try_from(text.len())?.to_be_bytes());
    message.extend(text.as_bytes());
    Ok(())
}
