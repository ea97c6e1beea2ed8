//! Both warehouses, filled by the schema of their tables.
//!
//! Deliberately absent: the way that facts go, which is measured elsewhere.

mod embedded;
mod on_server;
mod rows;

pub(crate) use self::{embedded::Embedded, on_server::OnServer};
