//! The journal on real files, on a simulated disk, and on damaged ones.

mod contract;
mod corruption;
mod faults;
mod files;
mod model;
mod support;
