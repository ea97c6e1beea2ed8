//! The journal on real files, on a simulated disk, and on damaged ones.

mod any_files;
mod contract;
mod corruption;
mod every_file;
mod faults;
mod files;
mod model;
mod support;
