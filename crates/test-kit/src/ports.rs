//! Ports for processes that cannot say which one the system gave them, and
//! for those that must have the same one when they are started again.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Result, bail};

/// Ports nobody listens on, below those the system gives to outgoing
/// connections: a client that keeps trying the port of a dead process would
/// otherwise, once in a while, connect to itself.
///
/// # Errors
/// When there are not so many.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 15_000;
    const RANGE: u16 = 17_000;
    // Test processes start at different places.
    let start = (process::id() % u32::from(RANGE)) * 7;
    let mut free = HashSet::new();
    for _ in 0..RANGE {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = u16::try_from((start + step) % u32::from(RANGE))?;
        let port = FIRST + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            free.insert(port);
        }
        if free.len() == count {
            return Ok(free.into_iter().collect());
        }
    }
    bail!("there are no {count} free ports")
}
