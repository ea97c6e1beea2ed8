//! What the topics hold: read as consumers see it, and changed by nobody.

pub(crate) mod dead_letters;
pub(crate) mod end_offsets;
pub(crate) mod follower;
pub(crate) mod kept_place;
pub(crate) mod published_tail;
pub(crate) mod readable;
pub(crate) mod undecided;
