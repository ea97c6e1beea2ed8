//! What the front and the [`Liar`](crate::Liar) both know of ClickHouse's HTTP:
//! errors with their numbers, and bodies in compressed blocks.

mod compressed_blocks;
mod exception;

pub use compressed_blocks::CompressedBlocks;
pub use exception::{Exception, codes};
