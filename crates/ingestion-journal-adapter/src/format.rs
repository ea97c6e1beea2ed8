//! The bytes of a segment: a header, then records.
//!
//! Everything here is a function of bytes: it reads no file, allocates nothing
//! by a length it has not checked, and never panics, whatever it is given.

pub(crate) mod header;
pub(crate) mod message;
pub(crate) mod ranges;
pub(crate) mod record;

use crc32fast::Hasher;

/// No sequence, ordinal or number of a file that was ever given is above this:
/// what says so is damaged, so that one can be added to whatever was read.
pub(crate) const NUMBER_MAX: u64 = u64::MAX / 2;

/// The sum over `bytes` at `offset` of a segment with `salt`.
///
/// Salt and place are mixed in, so that what a feed has sent, or what stood
/// elsewhere, is no record even where it looks like one.
fn checksum(salt: u64, offset: u64, bytes: &[u8]) -> u32 {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&salt.to_le_bytes());
    place[8..].copy_from_slice(&offset.to_le_bytes());
    let mut hasher = Hasher::new();
    hasher.update(&place);
    hasher.update(bytes);
    hasher.finalize()
}

/// Takes values off the front of bytes; none when there are too few.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// A text behind its length in one byte.
    fn short_text(&mut self) -> Option<&'a str> {
        let length = self.u8()?;
        std::str::from_utf8(self.take(length.into())?).ok()
    }
}
