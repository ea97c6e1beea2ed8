//! Rows that come compressed: blocks of checksum, method, two lengths, data.
//!
//! LZ4 and zstd, which is what our client sends.

use super::exception::{
    Exception,
    codes::{
        CANNOT_DECOMPRESS, CANNOT_READ_ALL_DATA, CHECKSUM_DOESNT_MATCH, UNKNOWN_COMPRESSION_METHOD,
    },
};

/// A checksum of 16 bytes is before what it is of.
const CHECKSUM_BYTES: usize = 16;
/// Method and lengths; they count as part of the compressed length.
const HEAD_BYTES: usize = 9;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
/// ClickHouse itself stops at a gigabyte; clients cut at a megabyte or less.
const BLOCK_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Puts blocks together from pieces of any size, and unpacks them.
#[derive(Default)]
pub struct CompressedBlocks {
    waiting: Vec<u8>,
}

impl CompressedBlocks {
    /// Takes a piece; what is whole by now is appended to `rows`.
    ///
    /// # Errors
    /// When a block is not what it says, or of another method.
    pub fn push(&mut self, piece: &[u8], rows: &mut Vec<u8>) -> Result<(), Exception> {
        self.waiting.extend_from_slice(piece);
        let mut done = 0;
        while let Some(length) = unpack(&self.waiting[done..], rows)? {
            done += length;
        }
        self.waiting.drain(..done);
        Ok(())
    }

    /// Says that no more comes.
    ///
    /// # Errors
    /// When the last block is not whole.
    pub fn finish(&self) -> Result<(), Exception> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let problem = format!("{} bytes of an incomplete block", self.waiting.len());
        Err(Exception::of(CANNOT_READ_ALL_DATA, problem))
    }
}

/// Unpacks the first block and says how long it is; none if it is not whole.
fn unpack(from: &[u8], rows: &mut Vec<u8>) -> Result<Option<usize>, Exception> {
    let Some((checksum, rest)) = from.split_first_chunk::<CHECKSUM_BYTES>() else {
        return Ok(None);
    };
    let Some(([method, c0, c1, c2, c3, u0, u1, u2, u3], _)) = rest.split_first_chunk() else {
        return Ok(None);
    };
    let compressed = length([*c0, *c1, *c2, *c3])?;
    let uncompressed = length([*u0, *u1, *u2, *u3])?;
    if ![LZ4, ZSTD].contains(method) {
        let problem = format!("unknown compression method {method:#x}: only LZ4 and zstd here");
        return Err(Exception::of(UNKNOWN_COMPRESSION_METHOD, problem));
    }
    if compressed < HEAD_BYTES {
        return Err(Exception::of(CANNOT_DECOMPRESS, "a block without data"));
    }
    let Some(block) = rest.get(..compressed) else {
        return Ok(None);
    };
    // ClickHouse writes the two halves the other way round.
    let found = cityhash_rs::cityhash_102_128(block).rotate_right(64);
    if found != u128::from_le_bytes(*checksum) {
        return Err(Exception::of(
            CHECKSUM_DOESNT_MATCH,
            "checksum doesn't match",
        ));
    }
    let start = rows.len();
    rows.resize(start + uncompressed, 0);
    let (data, room) = (&block[HEAD_BYTES..], &mut rows[start..]);
    let unpacked = if *method == ZSTD {
        zstd::bulk::decompress_to_buffer(data, room).map_err(|error| error.to_string())
    } else {
        lz4_flex::block::decompress_into(data, room).map_err(|error| error.to_string())
    };
    match unpacked {
        Ok(length) if length == uncompressed => Ok(Some(CHECKSUM_BYTES + compressed)),
        Ok(_) => Err(Exception::of(
            CANNOT_DECOMPRESS,
            "a block that is too short",
        )),
        Err(error) => Err(Exception::of(CANNOT_DECOMPRESS, error)),
    }
}

fn length(bytes: [u8; 4]) -> Result<usize, Exception> {
    let length = usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX);
    if length > BLOCK_BYTES_MAX {
        let problem = format!("a block of {length} bytes");
        return Err(Exception::of(CANNOT_DECOMPRESS, problem));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(rows: &[u8]) -> Vec<u8> {
        block_of(LZ4, &lz4_flex::block::compress(rows), rows.len())
    }

    fn zstd_block(rows: &[u8]) -> Vec<u8> {
        let data = zstd::bulk::compress(rows, 1).expect("it compresses anything");
        block_of(ZSTD, &data, rows.len())
    }

    fn block_of(method: u8, data: &[u8], rows_bytes: usize) -> Vec<u8> {
        let length = |length: usize| u32::try_from(length).expect("it is short").to_le_bytes();
        let mut block = vec![method];
        block.extend(length(HEAD_BYTES + data.len()));
        block.extend(length(rows_bytes));
        block.extend(data);
        let checksum = cityhash_rs::cityhash_102_128(&block).rotate_right(64);
        [&checksum.to_le_bytes(), &block[..]].concat()
    }

    #[test]
    fn blocks_are_unpacked_however_they_were_cut() {
        let (first, second) = (vec![7; 1000], b"and something else".to_vec());
        let whole = [block(&first), zstd_block(&second)].concat();
        for size in [1, 3, 24, 25, 26, 100, whole.len()] {
            let (mut blocks, mut rows) = (CompressedBlocks::default(), Vec::new());
            for piece in whole.chunks(size) {
                blocks.push(piece, &mut rows).expect("it is a good block");
            }
            assert_eq!(blocks.finish(), Ok(()));
            assert_eq!(
                rows,
                [first.clone(), second.clone()].concat(),
                "cut at {size}"
            );
        }
    }

    #[test]
    fn a_block_that_is_wrong_is_refused() {
        let good = block(&[7; 1000]);
        let check = |change: &dyn Fn(&mut Vec<u8>), code| {
            let (mut blocks, mut changed) = (CompressedBlocks::default(), good.clone());
            change(&mut changed);
            let pushed = blocks.push(&changed, &mut Vec::new());
            let error = pushed
                .and_then(|()| blocks.finish())
                .expect_err("it is wrong");
            assert_eq!(error.code, code, "{error:?}");
        };
        check(&|block| block[0] ^= 1, CHECKSUM_DOESNT_MATCH);
        check(&|block| block[16] = 0x91, UNKNOWN_COMPRESSION_METHOD);
        check(&|block| block[17] = 1, CANNOT_DECOMPRESS);
        check(&|block| block[20] = 0xff, CANNOT_DECOMPRESS);
        check(&|block| block[21] ^= 1, CHECKSUM_DOESNT_MATCH);
        check(
            &|block| block.truncate(block.len() - 1),
            CANNOT_READ_ALL_DATA,
        );
        check(&|block| block.truncate(10), CANNOT_READ_ALL_DATA);
    }
}
