//! What nobody can guess.

use std::process;

use auth_application::ports::Chance;
use aws_lc_rs::rand;

/// The generator for keys, which the system seeds. Where it fails, the process ends: whatever went on would give
/// secrets that can be guessed.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        if rand::fill(bytes).is_err() {
            tracing::error!("the system has no randomness: nothing here may go on");
            process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_twice() {
        let drawn = || {
            let mut bytes = [0; 32];
            SystemChance.fill(&mut bytes);
            bytes
        };
        assert_ne!(drawn(), drawn());
        assert_ne!(drawn(), [0; 32]);
    }
}
