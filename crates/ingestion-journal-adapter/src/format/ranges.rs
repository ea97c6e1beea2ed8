//! Ascending ranges of sequences, in few bytes: each distance in groups of seven bits.

use std::ops::RangeInclusive;

use super::Bytes;

/// As many as one record holds: some ten bytes each at most.
pub(crate) const RANGES_MAX: usize = 10_000;

/// Appends a range behind one that ended at `previous_end`.
pub(crate) fn encode(buffer: &mut Vec<u8>, previous_end: u64, range: &RangeInclusive<u64>) {
    encode_number(buffer, range.start() - previous_end);
    encode_number(buffer, range.end() - range.start());
}

/// The ranges in `bytes`; none where they are not what [`encode`] writes.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<RangeInclusive<u64>>> {
    let mut bytes = Bytes(bytes);
    let mut ranges = Vec::new();
    let mut end = 0_u64;
    while !bytes.0.is_empty() {
        let start = end.checked_add(decode_number(&mut bytes)?)?;
        end = start.checked_add(decode_number(&mut bytes)?)?;
        if ranges.len() == RANGES_MAX {
            return None;
        }
        ranges.push(start..=end);
    }
    Some(ranges)
}

fn encode_number(buffer: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        buffer.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    buffer.push(number.to_le_bytes()[0]);
}

fn decode_number(bytes: &mut Bytes) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = bytes.u8()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_read_as_they_were_written(mut borders: Vec<u64>) {
            borders.sort_unstable();
            let ranges: Vec<_> = borders.chunks_exact(2).map(|pair| pair[0]..=pair[1]).collect();
            let mut bytes = Vec::new();
            let mut end = 0;
            for range in &ranges {
                encode(&mut bytes, end, range);
                end = *range.end();
            }
            prop_assert_eq!(decode(&bytes), Some(ranges));
        }

        #[test]
        fn no_more_are_read_than_are_written(count in RANGES_MAX - 2..RANGES_MAX + 2) {
            let decoded = decode(&vec![1; 2 * count]);
            prop_assert_eq!(decoded.is_some(), count <= RANGES_MAX);
        }

        #[test]
        fn whatever_the_bytes_reading_them_ends(bytes: Vec<u8>) {
            decode(&bytes);
        }
    }
}
