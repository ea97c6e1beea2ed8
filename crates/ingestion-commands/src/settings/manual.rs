//! Keeps `docs/CONFIG.md` what the declarations say.

use std::path::Path;

use service_kit::config::tables;

use super::declarations;

#[test]
fn config_md_is_what_the_declarations_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CONFIG.md");
    if std::env::var_os("UPDATE_CONFIG_MD").is_some() {
        std::fs::write(&path, manual()).expect("the manual can be written");
    }
    let written = std::fs::read_to_string(&path).expect("the manual is there");
    assert!(
        written == manual(),
        "docs/CONFIG.md is out of date; UPDATE_CONFIG_MD=1 cargo test -p ingestion-commands config_md makes it anew"
    );
}

fn manual() -> String {
    format!("{MANUAL_BEGINNING}{}", tables(&declarations()))
}

const MANUAL_BEGINNING: &str = "\
# Settings

This file is made from the sections that `crates/ingestion-commands/src/settings` names.
To regenerate it: `UPDATE_CONFIG_MD=1 cargo test -p ingestion-commands config_md`.

A setting can be given in five places; each wins over those before it:

1. its default,
2. a TOML file, named by `--config` or `INGESTION_CONFIG`,
3. `.env` in the working directory,
4. the environment,
5. the command line.

The first underscore of a variable separates section and key.
`KAFKA_PUBLISH_TOPIC` is `publish_topic` in `[kafka]` of the TOML file, and `--kafka-publish-topic` on the command line.

- An empty value is a value, not an absent one.
- The service ignores environment variables that are not listed here; a key of the TOML file that is not listed here is an error.
- In the TOML file a list can be an array of strings, and numbers and texts can have quotes or not, where TOML allows it.
- In `.env`, `$NAME` is replaced in double-quoted and unquoted values; single quotes keep a value as it is.
- Files must be UTF-8; a byte order mark at the beginning is ignored.
- A Kubernetes Service named `api` gives every pod beside it `API_PORT=tcp://…`: set `enableServiceLinks: false` in the pod, or give the Service another name.
- Where `_FILE` is offered, the variable with that ending names a file that holds the text; a line end at the end of the file does not count. Giving both in one place is an error.

If settings are wrong, the process ends with code 78, and standard error names all of them, each with its value unless it is secret, its origin and what is allowed.
`ingestion-service validate` shows which values are in force and where each comes from, with secrets masked.
";
