//! Runs: who asks for one, what is told of it while it goes, and how runs are on
//! the whole.

mod events;
mod handle;
mod request;
mod status;
mod turn;

pub use self::{
    events::{RunEvent, RunEventKind, RunEvents},
    handle::{
        CancelRefused, HandleParts, Order, PublishRefused, RunOrders, RunRefused, Runs,
        RunsDescription, Task,
    },
    request::RunRequest,
    status::{
        AgesMax, DataAge, PublishedPatch, RunCounts, RunsSnapshot, RunsStatus, ScheduleFigures,
        Standing,
    },
    turn::Turn,
};
