//! Settings by which matches are counted, the same for whoever counts them and for
//! whoever reads the counters.

mod patches;
mod rules;

pub use self::{
    patches::{PatchesSection, PatchesSetting, read_patches},
    rules::CountingSection,
};
