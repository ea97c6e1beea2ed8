//! The beginning of a segment, written twice: no single damage spoils it.

use super::{Bytes, NUMBER_MAX, checksum};

/// The version of everything in this module's folder.
pub(crate) const VERSION: u32 = 1;
/// Both copies.
pub(crate) const HEADER_SIZE: usize = 2 * COPY_SIZE;
/// Where records begin.
pub(crate) const RECORDS_AT: u64 = HEADER_SIZE as u64;

const MAGIC: [u8; 8] = *b"mjournal";
const COPY_SIZE: usize = 40;

/// What the records of a segment are read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Random, mixed into every checksum.
    pub(crate) salt: u64,
    /// How many entries the journal had had when the segment began.
    pub(crate) first_ordinal: u64,
    /// Above every sequence that had been given then.
    pub(crate) next_sequence: u64,
}

/// Why there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHeader {
    /// Neither copy is whole.
    Damaged,
    /// It was written by another version.
    UnknownVersion(u32),
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 * COPY_SIZE);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.salt.to_le_bytes());
        bytes.extend(self.first_ordinal.to_le_bytes());
        bytes.extend(self.next_sequence.to_le_bytes());
        bytes.extend(checksum(0, 0, &bytes).to_le_bytes());
        bytes.extend_from_within(..);
        bytes
    }

    /// The header, and whether both copies are whole.
    ///
    /// # Errors
    /// [`NoHeader`] when neither is.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, bool), NoHeader> {
        let mut copies = bytes.chunks(COPY_SIZE).map(decode_copy);
        let first = copies.next().unwrap_or(Err(NoHeader::Damaged));
        let second = copies.next().unwrap_or(Err(NoHeader::Damaged));
        match (first, second) {
            (Ok(header), second) => Ok((header, second == Ok(header))),
            (Err(_), Ok(header)) => Ok((header, false)),
            (Err(reason), Err(_)) => Err(reason),
        }
    }
}

fn decode_copy(copy: &[u8]) -> Result<Header, NoHeader> {
    decode_checked(copy).ok_or_else(|| match unknown_version(copy) {
        Some(version) => NoHeader::UnknownVersion(version),
        None => NoHeader::Damaged,
    })
}

fn decode_checked(copy: &[u8]) -> Option<Header> {
    let mut bytes = Bytes(copy);
    let is_ours = bytes.array()? == MAGIC && bytes.u32()? == VERSION;
    let header = Header {
        salt: bytes.u64()?,
        first_ordinal: bytes.u64()?,
        next_sequence: bytes.u64()?,
    };
    let body = copy.get(..COPY_SIZE - 4)?;
    let is_whole = bytes.u32()? == checksum(0, 0, body);
    let is_possible = header.first_ordinal.max(header.next_sequence) <= NUMBER_MAX;
    (is_ours && is_whole && is_possible).then_some(header)
}

/// The version, where the rest makes no sense because of it: magic and version
/// are where they are in every version.
fn unknown_version(copy: &[u8]) -> Option<u32> {
    let mut bytes = Bytes(copy);
    let is_ours = bytes.array()? == MAGIC;
    bytes
        .u32()
        .filter(|version| is_ours && *version != VERSION && *version != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        salt: 0x0123_4567_89ab_cdef,
        first_ordinal: 7,
        next_sequence: 9,
    };

    #[test]
    fn one_damaged_byte_anywhere_spoils_no_header() {
        let whole = HEADER.encode();
        assert_eq!(Header::decode(&whole), Ok((HEADER, true)));
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            assert_eq!(Header::decode(&damaged), Ok((HEADER, false)), "byte {at}");
        }
    }

    #[test]
    fn a_header_cut_short_is_none_unless_a_copy_is_whole() {
        let whole = HEADER.encode();
        for length in 0..whole.len() {
            let decoded = Header::decode(&whole[..length]);
            if length < COPY_SIZE {
                assert_eq!(decoded, Err(NoHeader::Damaged), "{length} bytes");
            } else {
                assert_eq!(decoded, Ok((HEADER, false)), "{length} bytes");
            }
        }
    }

    #[test]
    fn a_header_with_numbers_that_nobody_gave_is_none() {
        let last = Header {
            first_ordinal: NUMBER_MAX,
            next_sequence: NUMBER_MAX,
            ..HEADER
        };
        assert_eq!(Header::decode(&last.encode()), Ok((last, true)));
        for (first_ordinal, next_sequence) in [(NUMBER_MAX + 1, 1), (1, u64::MAX)] {
            let beyond = Header {
                first_ordinal,
                next_sequence,
                ..HEADER
            };
            assert_eq!(Header::decode(&beyond.encode()), Err(NoHeader::Damaged));
        }
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let mut bytes = HEADER.encode();
        for copy in bytes.chunks_mut(COPY_SIZE) {
            copy[8] = 2;
        }
        assert_eq!(Header::decode(&bytes), Err(NoHeader::UnknownVersion(2)));
    }
}
