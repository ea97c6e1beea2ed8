//! What the use cases need of the world.

mod leadership;
mod publishing;

pub use leadership::{LeaderLock, Leadership};
pub use publishing::{Document, ModelPublisher, Publication, PublishError, Renewal, RunId};
