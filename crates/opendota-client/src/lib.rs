//! The HTTP API of `OpenDota`, called within its limits.
//!
//! [`OpenDota`] makes a call if there is room for it, and says what its answer
//! means to whoever asked. What is room is counted by [`Budget`], from what
//! the upstream's answers say and from what was set down in a [`CallMemory`]
//! before it was called; a share of it is kept for others on this address.
//!
//! Of one match whoever asks gets the bytes of the answer, and is told when to ask
//! again: the client itself waits for nothing. Pages of matches are decoded here,
//! row by row, for everybody who reads them; a [`RangeWalk`] finds those of a time
//! and goes down them, and waits wherever calls are not permitted.

mod answer;
mod budget;
mod call_memory;
mod client;
mod page;
mod section;
mod settings;
mod transport;
pub mod values;

pub use answer::{Answer, CallError};
pub use budget::{
    Begin, Budget, BudgetStatus, CallShare, Caller, Counted, Ended, Limits, Outcome, Pause,
    RateHeaders, Ticket, WindowStatus,
};
pub use call_memory::{CallMemory, CallMemoryError, ProcessMemory};
pub use client::OpenDota;
pub use client_kit::CallCounts;
pub use page::{
    MARGIN, Page, PageList, PageRow, RangePage, RangeWalk, RowFault, TimeRange, WalkWatcher,
};
pub use section::OpenDotaSection;
pub use settings::OpenDotaSettings;
pub use transport::Transport;
