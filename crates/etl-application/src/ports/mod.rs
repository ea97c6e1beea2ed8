//! What the use cases need of the world.

mod backfill_origin;
mod backfill_store;
mod call_memory;
mod consumer_status;
mod counter_store;
mod dead_letter_sink;
mod fact_store;
mod match_details;
mod patch_store;
mod record_consumer;
mod warehouse_reader;
mod warehouse_schema;
mod wish_store;

pub use backfill_origin::{BackfillOrigin, BackfillOrigins, BackfillPiece, OriginError, Place};
pub use backfill_store::BackfillStore;
pub use call_memory::CallMemory;
pub use consumer_status::{ConsumerStatus, PartitionLag};
pub use counter_store::{
    BuildError, CounterStore, DayBuild, DayState, Difference, DirtyDay, WarehouseError,
};
pub use dead_letter_sink::DeadLetterSink;
pub use fact_store::{FactStore, STORE_PAUSE_MAX, STORE_PAUSE_MIN, StoreError};
pub use match_details::{CallBudget, CallWindow, Details, DetailsError, MatchDetails};
pub use patch_store::PatchStore;
pub use record_consumer::{
    CommitFailed, ConsumerEvent, Positions, RELEASE_SECONDS_MAX, RecordConsumer, TopicPartition,
};
pub use warehouse_reader::{
    CounterFilter, HeroGames, KnownMatch, PairGames, Relation, WarehouseReader,
};
pub use warehouse_schema::{SchemaFault, WarehouseSchema};
pub use wish_store::{NewWish, Wish, WishCounts, WishQueue, WishState, WishStore};
