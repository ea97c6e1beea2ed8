//! Which of two records of the same thing counts.

use domain::Timestamp;

const CHECKSUM_BITS: u32 = 16;
const MS_MAX: u64 = (1 << (u64::BITS - CHECKSUM_BITS)) - 1;

/// The version of whatever is stored from a record: the higher one counts.
///
/// It is the time at which the source's answer had been fetched, in
/// milliseconds × 65536, and in the 16 bits below it a checksum of the record's
/// value. So the same record has the same version wherever and whenever it is
/// loaded, and of two records of one millisecond the same one wins everywhere.
/// A time before 1970 counts as 1970.
#[must_use]
pub fn version(received_at: Timestamp, value: &[u8]) -> u64 {
    let ms = u64::try_from(received_at.as_unix_ms()).unwrap_or(0);
    ms.min(MS_MAX) << CHECKSUM_BITS | u64::from(checksum(value))
}

/// CRC-16/IBM-3740, as <https://reveng.sourceforge.io/crc-catalogue/16.htm>
/// describes it: polynomial 0x1021, begun with 0xffff, nothing reflected.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        let [high, low] = crc.to_be_bytes();
        STEPS[usize::from(high ^ byte)] ^ u16::from_be_bytes([low, 0])
    })
}

/// What the division by the polynomial leaves of each high byte.
const STEPS: [u16; 256] = {
    let mut steps = [0; 256];
    let mut high = 0_u16;
    while high < 256 {
        let mut rest = high << 8;
        let mut bit = 0;
        while bit < 8 {
            let carry = rest & 0x8000 != 0;
            rest <<= 1;
            if carry {
                rest ^= 0x1021;
            }
            bit += 1;
        }
        steps[high as usize] = rest;
        high += 1;
    }
    steps
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_catalogue() {
        assert_eq!(checksum(b"123456789"), 0x29b1);
        assert_eq!(checksum(b""), 0xffff);
    }

    #[test]
    fn the_time_decides_before_the_checksum() {
        let at = Timestamp::from_unix_ms;
        for (received_at, value, expected) in [
            (at(1), &b"123456789"[..], 0x1_29b1),
            (at(1_763_817_901_040), b"123456789", 0x19a_abbd_4bf0_29b1),
            (at(-1), b"", 0xffff),
            (at(i64::MAX), b"", u64::MAX),
        ] {
            assert_eq!(version(received_at, value), expected, "{received_at:?}");
        }
    }

    proptest! {
        #[test]
        fn the_later_record_has_the_higher_version(
            ms in 0..253_402_207_200_000_i64,
            later in 1..1_000_i64,
            one: Vec<u8>,
            other: Vec<u8>,
        ) {
            let at = Timestamp::from_unix_ms(ms);
            prop_assert_eq!(version(at, &one), version(at, &one.clone()));
            prop_assert!(version(Timestamp::from_unix_ms(ms + later), &one) > version(at, &other));
        }

        #[test]
        fn a_changed_byte_changes_the_version(
            value in prop::collection::vec(any::<u8>(), 1..500),
            at in any::<prop::sample::Index>(),
            change in 1..=u8::MAX,
        ) {
            let mut changed = value.clone();
            changed[at.index(value.len())] ^= change;
            let received_at = Timestamp::from_unix_ms(1_763_817_901_040);
            prop_assert_ne!(version(received_at, &value), version(received_at, &changed));
        }
    }
}
