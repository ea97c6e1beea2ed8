//! Reading and setting aside, against the broker inside the process and a real one.

mod dead_letters;
mod members;
mod records;
mod support;
mod topic_range;
