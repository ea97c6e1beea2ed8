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
To make it anew: `UPDATE_CONFIG_MD=1 cargo test -p ingestion-commands config_md`.

A setting can be given in five places; each wins over those before it:

1. its default,
2. a TOML file, named by `--config` or `INGESTION_CONFIG`,
3. `.env` in the working directory,
4. the environment,
5. the command line.

The first underscore of a variable parts section and key.
`KAFKA_PUBLISH_TOPIC` is `publish_topic` in `[kafka]` of the TOML file, and `--kafka-publish-topic` on the command line.

- An empty value is a value, not an absent one.
- Variables of the environment that are not listed here are ignored; keys of the TOML file that are not listed here are an error.
- In the TOML file a list can be an array of strings, and a number or text can stand with or without quotes where TOML allows it.
- In `.env` double-quoted and bare values have `$NAME` replaced; single quotes keep a value as it is.
- A byte order mark in front of a file is not part of its text; other encodings than UTF-8 are refused.
- A Kubernetes Service named `api` gives every pod beside it `API_PORT=tcp://…`: set `enableServiceLinks: false` in the pod, or give the Service another name.
- Where `_FILE` is offered, the variable with that ending names a file with the text; the line end at its end does not count. Both at once in one place is an error.

Wrong settings end the process with code 78, and standard error names all of them, each with its value unless it is secret, its origin and what is allowed.
`ingestion-service validate` shows what is in force and where each value comes from, with secrets masked.
";
