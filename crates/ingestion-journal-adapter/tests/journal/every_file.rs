//! The rules for every folder of files, on bytes by chance and on what a
//! fuzzer has found.

use ingestion_application::ports::Journal as _;
use ingestion_test_support::{
    journal::journal_contract::{a_dead_letter, a_match},
    simulated_disk::SimulatedDisk,
};
use proptest::prelude::*;
use test_kit::fuzz_corpus;

use crate::{any_files::check, support::over};

/// A file as [`check`] takes it.
fn framed(number: u8, mending: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("files are small here");
    let mut bytes = vec![number, mending];
    bytes.extend(length.to_le_bytes());
    bytes.extend(content);
    bytes
}

/// The files of a journal of two segments with entries of every kind.
fn written() -> Vec<Vec<u8>> {
    let disk = SimulatedDisk::new(1);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime can be made");
    runtime.block_on(async {
        // The second segment begins where the first is at an eighth of this.
        let journal = over(&disk, 8 * 512);
        journal.recover().await.expect("it is empty");
        for first in [1, 10, 20] {
            let batch = [
                a_match(first),
                a_match(first + 1),
                a_dead_letter(first + 4, 30),
            ];
            journal.append(&batch).await.expect("there is room");
        }
        journal.acknowledge(&[2, 11]).await.expect("it is there");
    });
    disk.names().iter().map(|name| disk.file(name)).collect()
}

/// Bytes by chance, or real files with some bytes changed.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let written = written();
    assert!(written.len() >= 2, "there are several segments");
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changed = (
        prop::collection::vec(change, 0..6),
        prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => 1..4_u8], 8),
    )
        .prop_map(move |(changes, mending)| {
            let mut bytes = Vec::new();
            for (number, (file, mending)) in (1..).zip(written.iter().zip(&mending)) {
                bytes.extend(framed(number, *mending, file));
            }
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        });
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..300),
        3 => changed,
    ]
}

proptest! {
    #[test]
    fn no_files_break_the_journal(bytes in input()) {
        check(&bytes);
    }
}

#[test]
fn files_of_the_fuzzer_do_not_either() {
    for input in fuzz_corpus::inputs("journal") {
        check(&input);
    }
}
