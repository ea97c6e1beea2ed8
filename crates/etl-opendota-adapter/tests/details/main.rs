//! Details by call: recorded answers, and an upstream over a real socket.

mod calls;
mod limits;
mod recorded;
mod support;
