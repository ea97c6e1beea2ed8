//! Keys that are made, sealed and opened, and what they sign.

mod seals;
mod section;
mod tokens;
mod world;
