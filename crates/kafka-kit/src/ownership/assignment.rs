//! What brokers say that a member of a group was given.
//!
//! The bytes are those that the members of a group write for each other
//! (`ConsumerProtocolAssignment`): a version, then topics with their partitions.

/// Whether a member that was given `assigned` has the first partition of `topic`.
/// What cannot be read is that of somebody else.
pub(super) fn holds_first_partition(assigned: &[u8], topic: &str) -> bool {
    read(assigned, topic).unwrap_or(false)
}

fn read(mut bytes: &[u8], topic: &str) -> Option<bool> {
    let _version = take::<2>(&mut bytes)?;
    for _ in 0..i32::from_be_bytes(take(&mut bytes)?) {
        let length = i16::from_be_bytes(take(&mut bytes)?);
        let (name, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
        bytes = rest;
        let mut is_first_there = false;
        for _ in 0..i32::from_be_bytes(take(&mut bytes)?) {
            is_first_there |= i32::from_be_bytes(take(&mut bytes)?) == 0;
        }
        if name == topic.as_bytes() {
            return Some(is_first_there);
        }
    }
    Some(false)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = vec![0, 3];
        let length = |count: usize| i32::try_from(count).expect("few").to_be_bytes();
        bytes.extend(length(topics.len()));
        for (name, partitions) in topics {
            bytes.extend(i16::try_from(name.len()).expect("short").to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend(length(partitions.len()));
            bytes.extend(partitions.iter().flat_map(|one| one.to_be_bytes()));
        }
        // What the members tell each other beside it: nothing.
        bytes.extend((-1_i32).to_be_bytes());
        bytes
    }

    #[test]
    fn the_first_partition_of_the_topic_counts() {
        let check = |topics: &[(&str, &[i32])], expected| {
            let bytes = assignment(topics);
            assert_eq!(holds_first_partition(&bytes, "b"), expected, "{topics:?}");
        };
        check(&[], false);
        check(&[("b", &[0])], true);
        check(&[("a", &[0]), ("b", &[1, 2])], false);
        check(&[("a", &[0]), ("b", &[1, 0])], true);
    }

    #[test]
    fn what_ends_too_early_or_is_something_else_is_nobodys() {
        let whole = assignment(&[("b", &[1, 0])]);
        for length in 0..whole.len() - 4 {
            assert!(!holds_first_partition(&whole[..length], "b"), "{length}");
        }
        assert!(!holds_first_partition(&[0xff; 40], "b"));
    }
}
