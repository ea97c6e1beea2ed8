//! A sign-in against a Steam with every fault that it could have.

mod checks;
mod people;
mod section;
mod world;
