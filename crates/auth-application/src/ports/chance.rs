//! What nobody can guess.

/// Bits that nobody can guess, also not whoever knows all that came before.
///
/// MUST come from the system's generator for keys, or from one that is as good. A machine that has none is no
/// place for secrets: the implementation then ends the process.
pub trait Chance: Send + Sync {
    /// Fills bytes.
    fn fill(&self, bytes: &mut [u8]);
}
