//! Keeps `docs/model/CONFIG.md` what the declarations say.

use std::path::Path;

use service_kit::config::{Manual, ServiceSettings};

use super::Settings;

const MANUAL: Manual = Manual {
    program: "model-service",
    commands: env!("CARGO_PKG_NAME"),
    config_file_variable: Settings::CONFIG_FILE_VARIABLE,
    example: "MODEL_SCHEDULE",
};

#[test]
fn config_md_is_what_the_declarations_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/model/CONFIG.md");
    MANUAL
        .check(&file, &Settings::declarations())
        .unwrap_or_else(|why| panic!("{why}"));
}
