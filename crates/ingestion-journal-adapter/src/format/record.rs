//! One record: a head that is checked by itself, so that lengths can be
//! trusted, then the content with a check of its own.

use super::{Bytes, NUMBER_MAX, checksum};

/// The largest content. The message behind a dead letter may be larger where
/// an operator allows that; of such a one the beginning is kept.
pub(crate) const CONTENT_SIZE_MAX: usize = 64 * 1024 * 1024;
/// The smallest record: one without content.
pub(crate) const RECORD_SIZE_MIN: usize = HEAD_SIZE + CHECK_SIZE;
/// How every record begins; what is searched for behind damage.
pub(crate) const MARKER: [u8; 2] = [0xD7, 0x4A];

const HEAD_SIZE: usize = 2 + 1 + 4 + 4 + 8 + CHECK_SIZE;
const CHECK_SIZE: usize = 4;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A match has been received.
    Match,
    /// A dead letter has been received.
    DeadLetter,
    /// A summary has been received. Programs that do not know this kind take
    /// such an entry for damage, and report it.
    Summary,
    /// Entries have been let go. Written after every synced write, with
    /// nothing in it if need be: whatever stands before a whole record is no
    /// write that was cut short, so if it cannot be read it is damaged.
    Acknowledged,
    /// Stands where damage was, so that it is reported once. Its ordinal is
    /// that of the record behind, its sequence that of the first entry it
    /// stands for, counted like an ordinal.
    Filler,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Match,
        Self::DeadLetter,
        Self::Acknowledged,
        Self::Filler,
        Self::Summary,
    ];

    pub(crate) fn is_entry(self) -> bool {
        matches!(self, Self::Match | Self::DeadLetter | Self::Summary)
    }

    fn code(self) -> u8 {
        match self {
            Self::Match => 1,
            Self::DeadLetter => 2,
            Self::Acknowledged => 3,
            Self::Filler => 4,
            Self::Summary => 5,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The head of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// How many entries stand before it in its segment; a gap counts the damaged ones.
    pub(crate) ordinal: u32,
    /// Of the entry; for acknowledgements, above every sequence given so far.
    pub(crate) sequence: u64,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole record; its content is the part before the last four of `size` bytes.
    Record {
        /// Its head.
        head: Head,
        /// All of it, in bytes.
        size: usize,
    },
    /// Nothing that contradicts a record of this size, and fewer bytes than that.
    Short(usize),
    /// No record.
    Nothing,
}

/// The content of a record of `size` bytes at the beginning of `bytes`.
pub(crate) fn content(bytes: &[u8], size: usize) -> &[u8] {
    &bytes[HEAD_SIZE..size - CHECK_SIZE]
}

/// Appends a record to `buffer`, whose beginning stands at `buffer_offset` of
/// a segment with `salt`; `write_content` appends its content.
pub(crate) fn encode(
    buffer: &mut Vec<u8>,
    salt: u64,
    buffer_offset: u64,
    head: Head,
    write_content: impl FnOnce(&mut Vec<u8>),
) {
    let start = buffer.len();
    let offset = buffer_offset + start as u64;
    buffer.extend(MARKER);
    buffer.push(head.kind.code());
    let length_at = buffer.len();
    buffer.extend([0; 4]);
    buffer.extend(head.ordinal.to_le_bytes());
    buffer.extend(head.sequence.to_le_bytes());
    let check_at = buffer.len();
    buffer.extend([0; CHECK_SIZE]);

    let content_at = buffer.len();
    write_content(buffer);
    let length = u32::try_from(buffer.len() - content_at).expect("contents are cut to their limit");
    buffer[length_at..][..4].copy_from_slice(&length.to_le_bytes());
    let check = checksum(salt, offset, &buffer[start..check_at]);
    buffer[check_at..content_at].copy_from_slice(&check.to_le_bytes());
    let check = checksum(salt, offset, &buffer[check_at..]);
    buffer.extend(check.to_le_bytes());
}

/// Looks at `bytes`, which stand at `offset` of a segment with `salt`.
pub(crate) fn find(salt: u64, offset: u64, bytes: &[u8]) -> Found {
    let present = bytes.len().min(MARKER.len());
    if bytes[..present] != MARKER[..present] {
        return Found::Nothing;
    }
    if bytes.len() < HEAD_SIZE {
        return Found::Short(HEAD_SIZE);
    }
    let Some((head, length)) = decode_head(salt, offset, &bytes[..HEAD_SIZE]) else {
        return Found::Nothing;
    };
    let size = RECORD_SIZE_MIN + length;
    if bytes.len() < size {
        return Found::Short(size);
    }
    let (checked, check) = bytes[HEAD_SIZE - CHECK_SIZE..size].split_at(CHECK_SIZE + length);
    if check == checksum(salt, offset, checked).to_le_bytes() {
        Found::Record { head, size }
    } else {
        Found::Nothing
    }
}

fn decode_head(salt: u64, offset: u64, bytes: &[u8]) -> Option<(Head, usize)> {
    let mut fields = Bytes(bytes);
    fields.array::<2>()?;
    let kind = Kind::from_code(fields.u8()?);
    let length = usize::try_from(fields.u32()?).ok()?;
    let (ordinal, sequence) = (fields.u32()?, fields.u64()?);
    let is_whole = fields.u32()? == checksum(salt, offset, &bytes[..HEAD_SIZE - CHECK_SIZE]);
    let head = Head {
        kind: kind?,
        ordinal,
        sequence,
    };
    let is_possible = length <= CONTENT_SIZE_MAX && sequence <= NUMBER_MAX;
    (is_whole && is_possible).then_some((head, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_that_nobody_gave_is_no_record() {
        let found = |sequence| {
            let head = Head {
                kind: Kind::Match,
                ordinal: 0,
                sequence,
            };
            let mut bytes = Vec::new();
            encode(&mut bytes, 1, 2, head, |_| {});
            find(1, 2, &bytes)
        };
        assert!(matches!(found(NUMBER_MAX), Found::Record { .. }));
        assert_eq!(found(NUMBER_MAX + 1), Found::Nothing);
    }
}
