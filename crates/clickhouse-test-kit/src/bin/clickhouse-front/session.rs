//! A request's time with the engine, in a thread that may be blocked.

use std::sync::Arc;

use bytes::Bytes;
use clickhouse_test_kit::protocol::{CompressedBlocks, Exception, codes::CANNOT_READ_ALL_DATA};
use tokio::sync::mpsc::Receiver;

use super::{
    library::{Connection, Library},
    request::{Request, quoted},
};

/// A part of a body. One that ends without [`End`](Self::End) was cut off.
pub(crate) enum Piece {
    Rows(Bytes),
    End,
}

/// Runs a query; the bytes of its answer.
pub(crate) fn query(library: &Arc<Library>, request: &Request) -> Result<Vec<u8>, Exception> {
    let format = request.default_format.as_deref();
    open(library, request)?.query(
        &request.query,
        format.unwrap_or("TabSeparated"),
        &request.parameters,
    )
}

/// Feeds an insert as its body arrives, and stores nothing of one that is cut off.
pub(crate) fn insert(
    library: &Arc<Library>,
    request: &Request,
    (query, format): (&str, &str),
    mut body: Receiver<Piece>,
) -> Result<(), Exception> {
    let connection = open(library, request)?;
    let mut insert = connection.insert(query, format)?;
    let mut blocks = CompressedBlocks::default();
    let mut rows = Vec::new();
    loop {
        match body.blocking_recv() {
            Some(Piece::Rows(piece)) if request.is_compressed => {
                rows.clear();
                blocks.push(&piece, &mut rows)?;
                insert.append(&rows)?;
            }
            Some(Piece::Rows(piece)) => insert.append(&piece)?,
            Some(Piece::End) => {
                blocks.finish()?;
                return insert.finish();
            }
            None => return Err(Exception::of(CANNOT_READ_ALL_DATA, "the body was cut off")),
        }
    }
}

/// A connection with the settings and the database of a request.
fn open(library: &Arc<Library>, request: &Request) -> Result<Connection, Exception> {
    let connection = library.connect()?;
    // The library is meant for a prompt; a server knows no query without SELECT.
    run(&connection, "SET implicit_select = 0")?;
    // As options of a connection, unknown ones would be taken in silence.
    for (name, value) in &request.settings {
        run(
            &connection,
            &format!("SET {name} = {}", quoted(value, '\'')),
        )?;
    }
    if let Some(database) = &request.database {
        run(&connection, &format!("USE {}", quoted(database, '`')))?;
    }
    Ok(connection)
}

fn run(connection: &Connection, statement: &str) -> Result<(), Exception> {
    connection.query(statement, "Null", &[]).map(drop)
}
