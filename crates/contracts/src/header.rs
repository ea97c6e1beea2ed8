//! Headers, and what can be wrong with a record.

use std::str;

use thiserror::Error;

use crate::{rejected_record::RejectedRecord, shown};

pub(crate) const SCHEMA: &str = "schema";
pub(crate) const SOURCE: &str = "source";
pub(crate) const RECEIVED_AT: &str = "received_at";
pub(crate) const REASON: &str = "reason";
pub(crate) const DETAIL: &str = "detail";
pub(crate) const SIZE: &str = "size";

/// One header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value; every header written here is UTF-8 text.
    pub value: &'a [u8],
}

/// Why a record could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A header every record of this schema has is not there.
    #[error("the record has no header {0}")]
    HeaderMissing(&'static str),
    /// A header does not hold what it must.
    #[error("the header {name} holds {value:?}, which is not {expected}")]
    HeaderInvalid {
        /// Which header.
        name: &'static str,
        /// What it holds, with anything unreadable replaced.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A schema, or a version of it, that this reader does not know.
    #[error("the record has the schema {found:?}, this reader knows {known}")]
    SchemaUnknown {
        /// The schema of the record.
        found: String,
        /// The schema of the reader.
        known: &'static str,
    },
    /// The value does not hold what the schema says.
    #[error("the value is not a {schema}: {detail}")]
    ValueInvalid {
        /// The schema of the record.
        schema: &'static str,
        /// What is wrong with the value.
        detail: String,
    },
}

/// The headers of one record, looked up by name; the last of a name counts.
pub(crate) struct Headers<'a>(Vec<Header<'a>>);

impl<'a> Headers<'a> {
    /// Takes the headers of a record and checks that its schema is `schema`.
    pub(crate) fn try_new(
        headers: impl IntoIterator<Item = Header<'a>>,
        schema: &'static str,
    ) -> Result<Self, DecodeError> {
        let headers = Self(headers.into_iter().collect());
        let found = headers.text(SCHEMA)?;
        if found == schema {
            Ok(headers)
        } else {
            Err(DecodeError::SchemaUnknown {
                found: found.to_owned(),
                known: schema,
            })
        }
    }

    /// As [`try_new`](Self::try_new), in the words of a consumer.
    pub(crate) fn judge(
        headers: impl IntoIterator<Item = Header<'a>>,
        schema: &'static str,
    ) -> Result<Self, RejectedRecord> {
        let headers = Self(headers.into_iter().collect());
        match headers.find(SCHEMA) {
            None => Err(RejectedRecord::SchemaMissing),
            Some(found) if found == schema.as_bytes() => Ok(headers),
            Some(found) => Err(RejectedRecord::SchemaUnknown {
                found: shown::bytes(found),
                known: schema,
            }),
        }
    }

    /// A header that must be there, in the words of a consumer.
    pub(crate) fn needed(&self, name: &'static str) -> Result<&'a [u8], RejectedRecord> {
        self.find(name).ok_or_else(|| RejectedRecord::FieldInvalid {
            field: name.to_owned(),
            detail: "is not given".to_owned(),
        })
    }

    pub(crate) fn find(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.0.iter().rev().find(|header| header.name == name);
        found.map(|header| header.value)
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, DecodeError> {
        let value = self.find(name).ok_or(DecodeError::HeaderMissing(name))?;
        str::from_utf8(value).map_err(|_| invalid(name, value, "UTF-8 text"))
    }
}

pub(crate) fn invalid(name: &'static str, value: &[u8], expected: &'static str) -> DecodeError {
    DecodeError::HeaderInvalid {
        name,
        value: String::from_utf8_lossy(value).into_owned(),
        expected,
    }
}
