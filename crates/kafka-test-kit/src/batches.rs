//! Who wrote what, as a broker has it on its disk: which producer, which of its
//! epochs, and how its transactions ended.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::KafkaCluster;

/// What comes before the records of a batch, in its second and present form.
const HEADER_BYTES: usize = 61;
/// Offset and length come before what the length counts.
const BEFORE_LENGTH_BYTES: usize = 12;
const FORM: u8 = 2;
/// In the low byte of the attributes: the batch is a marker.
const CONTROL: u8 = 0x20;
/// Where the low byte of a marker's type is: of its only record come length,
/// attributes, time, offset and the length of the key before, a byte each, and
/// three bytes of the key.
const MARKER_TYPE_AT: usize = HEADER_BYTES + 8;

/// A batch of records, or a marker that ends a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The offset of its first record.
    pub offset: i64,
    /// Given by the brokers to each transactional id, and for good.
    pub producer: i64,
    /// Higher with each producer that was opened under the id.
    pub epoch: i16,
    /// Whether it ends a transaction that was given up.
    pub is_abort: bool,
}

impl KafkaCluster {
    /// All batches of a partition that the first broker has, in their order.
    ///
    /// # Errors
    /// When the cluster is not ours, or its files cannot be read.
    pub fn batches(&self, topic: &str, partition: usize) -> Result<Vec<Batch>> {
        let folder = self.supervisor(0)?.folder().join("data");
        let folder = folder.join(format!("{topic}-{partition}"));
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let mut segments = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "log") {
                segments.push(path);
            }
        }
        // Their names are their first offsets.
        segments.sort();
        let mut batches = Vec::new();
        for segment in segments {
            batches.extend(read(&fs::read(segment)?)?);
        }
        Ok(batches)
    }
}

fn read(mut bytes: &[u8]) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    // The end of a file that is written to may not be whole.
    while let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() {
        let length = i32::from_be_bytes(part(header, 8));
        if length <= 0 {
            break;
        }
        ensure!(header[16] == FORM, "a batch of form {}", header[16]);
        let length = BEFORE_LENGTH_BYTES + usize::try_from(length)?;
        let Some((batch, rest)) = bytes.split_at_checked(length) else {
            break;
        };
        let is_marker = header[22] & CONTROL != 0;
        batches.push(Batch {
            offset: i64::from_be_bytes(part(header, 0)),
            producer: i64::from_be_bytes(part(header, 43)),
            epoch: i16::from_be_bytes(part(header, 51)),
            // 0 gives up, 1 commits.
            is_abort: is_marker && batch.get(MARKER_TYPE_AT) == Some(&0),
        });
        bytes = rest;
    }
    Ok(batches)
}

fn part<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    header[at..at + N]
        .try_into()
        .expect("it is within the header")
}
