//! Runs: who asks for one, what is done step by step and told while it goes, and how
//! runs are on the whole.
//!
//! A run reads counts, checks that they add up, estimates, is judged by matches that
//! it has not seen, and publishes: of each patch everything in one step, or nothing.

mod estimating;
mod events;
mod fingerprint;
mod found;
mod handle;
mod jointly;
mod judging;
mod leading;
mod publishing;
mod recorder;
mod remembering;
mod request;
mod runner;
mod scoring;
mod settings;
mod status;
mod steps;
mod timetable;
mod turn;
mod watching;
mod window;

pub use self::{
    events::{RunEvent, RunEventKind, RunEvents},
    fingerprint::fingerprint,
    handle::{
        CancelRefused, HandleParts, Order, PublishRefused, RunOrders, RunRefused, Runs,
        RunsDescription, Task,
    },
    leading::Leading,
    recorder::Blame,
    request::RunRequest,
    runner::{RunOutcome, Runner, RunnerParts},
    settings::{PatchChoice, RunSettings},
    status::{
        AgesMax, DataAge, PublishedPatch, RunCounts, RunsSnapshot, RunsStatus, ScheduleFigures,
        Standing, Verdict,
    },
    timetable::{RunOnStart, Timetable},
    turn::Turn,
    watching::Watch,
};
