//! The HTTP API of `OpenDota`, called within its limits.
//!
//! [`OpenDota`] makes a call if there is room for it, and says what its answer
//! means to whoever asked. What is room is counted by [`Budget`], from what
//! the upstream's answers say and from what was set down in a [`CallMemory`]
//! before it was called; a share of it is kept for others on this address.
//!
//! Nothing here waits for room, tries again, or knows what is in a match: whoever
//! asks is told when to ask again, and gets the bytes of the answer.

mod answer;
mod budget;
mod call_memory;
mod client;
mod section;
mod settings;
mod transport;

pub use answer::{Answer, CallError};
pub use budget::{
    Begin, Budget, BudgetStatus, Ended, Limits, Outcome, Pause, RateHeaders, Ticket, WindowStatus,
};
pub use call_memory::{CallMemory, CallMemoryError};
pub use client::OpenDota;
pub use section::OpenDotaSection;
pub use settings::OpenDotaSettings;
pub use transport::Transport;
