//! A member of a group against the broker inside the process and against a real one.

mod embedded_broker;
mod real_kafka;
mod support;
