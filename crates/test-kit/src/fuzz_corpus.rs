//! What fuzzers have found worth keeping.

use std::{fs, path::Path};

/// Every input in the corpus of a fuzz target, such as `frame`.
///
/// # Panics
/// When there is none: a corpus is committed.
#[must_use]
pub fn inputs(target: &str) -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let files = fs::read_dir(corpus.join(target)).expect("it is committed");
    let inputs: Vec<_> = files
        .map(|file| {
            let path = file.expect("the folder can be read").path();
            fs::read(path).expect("it is a file")
        })
        .collect();
    assert!(!inputs.is_empty(), "the corpus of {target} is empty");
    inputs
}
