//! The loader between a consumer and a warehouse that do as the test says.

mod batches;
mod order;
mod rebalances;
mod trouble;
mod world;
