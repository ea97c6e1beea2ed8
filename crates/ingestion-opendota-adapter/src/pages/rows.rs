//! From the rows of a page to frames.

use ingestion_application::{FoundMatch, ports::InvalidFrame};
use opendota_client::{PageList, PageRow};

use crate::stream::parse_text_frame;

/// What becomes of a row.
pub(crate) type Frame = Result<FoundMatch, Box<InvalidFrame>>;

/// The frame that a row makes: what it says of its match, or its id alone where
/// that cannot be told on. Its id is judged as that of every frame.
///
/// # Errors
/// It names no match.
pub fn frame(list: PageList, row: PageRow) -> Result<FoundMatch, Box<InvalidFrame>> {
    let id = parse_text_frame(&row.text)?;
    // Rows of this list have nothing else.
    if list == PageList::Parsed {
        return Ok(id.into());
    }
    match row.summary {
        Ok(summary) => Ok(summary.into()),
        Err(fault) => {
            tracing::warn!(
                match.id = id.get(),
                list = list.as_str(),
                "only the id of the match goes on: {fault}"
            );
            Ok(id.into())
        }
    }
}
