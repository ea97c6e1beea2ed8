//! Tells the log filter which crates are the workspace's own.

use std::io;

fn main() -> io::Result<()> {
    // Changes whenever a crate comes, goes or is renamed. The folder itself
    // would not do: cargo looks for changes in everything below it.
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    let mut names = Vec::new();
    for entry in std::fs::read_dir("..")? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().replace('-', "_"));
        }
    }
    names.sort();
    println!("cargo::rustc-env=WORKSPACE_CRATES={}", names.join(","));
    Ok(())
}
