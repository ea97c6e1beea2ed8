//! Runs from beginning to end, between a warehouse and readers in memory.

mod accounts;
mod jointly;
mod leading;
mod many_accounts;
mod publishing;
mod timetable;
mod trouble;
mod watching;
mod world;
