//! Keys that are made, sealed and opened, and what they sign.

mod contract;
mod seals;
mod section;
mod tokens;
mod world;
