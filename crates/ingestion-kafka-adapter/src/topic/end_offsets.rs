//! Where records end, by partition.

use kafka_kit::undecided::EndOffsets;

/// Whether records lie before older ones, as they do in a topic made anew; not
/// to be seen in a partition that held no more before than it has got now.
pub(crate) fn lies_before(new: &EndOffsets, old: &EndOffsets) -> bool {
    new.iter()
        .any(|(partition, end)| old.get(partition).is_some_and(|old| end <= old))
}
