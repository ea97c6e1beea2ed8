//! What the settings of the warehouse mean, and what is refused.

use std::{fs, path::Path};

use secrecy::ExposeSecret;
use service_kit::config::{Section, SettingsReader, Sources, WrongSettings};
use tempfile::TempDir;
use test_kit::certificates::Authority;
use warehouse_kit::{WarehousePlace, WarehouseSection, WarehouseSettings};

static SECTION: WarehouseSection = WarehouseSection::DEFAULT;

fn load_in(
    folder: &Path,
    environment: &[(&str, &str)],
) -> Result<WarehouseSettings, WrongSettings> {
    let sources = Sources::variables(environment, folder);
    let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
    let settings = SECTION.read(&mut reader);
    reader.finish().map(|_| settings)
}

#[test]
fn without_anything_given_it_is_a_file_beside_the_process() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let settings = load_in(folder.path(), &[]).expect("the defaults are right");
    let file = folder.path().join("data/warehouse/dota.db");
    assert_eq!(settings.embedded_file(), Some(file));
    assert!(settings.password.is_none());
}

#[test]
fn a_server_has_an_address_a_user_and_an_authority() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let authority = Authority::new("warehouse").expect("certificates can be made");
    fs::write(folder.path().join("ca.pem"), authority.pem()).expect("it is written");
    let settings = load_in(
        folder.path(),
        &[
            ("WAREHOUSE_URL", "https://warehouse.example:8443"),
            ("WAREHOUSE_DATABASE", "matches_2"),
            ("WAREHOUSE_USER", "etl"),
            ("WAREHOUSE_PASSWORD", "zQz"),
            ("WAREHOUSE_CA_FILE", "ca.pem"),
        ],
    );
    let settings = settings.expect("they are right");
    let place = WarehousePlace::Server("https://warehouse.example:8443/".to_owned());
    assert_eq!(settings.place, place);
    assert_eq!(settings.embedded_file(), None);
    assert_eq!(
        (settings.database.as_str(), settings.user.as_str()),
        ("matches_2", "etl")
    );
    assert_eq!(settings.ca_file, Some(folder.path().join("ca.pem")));
    assert!(!format!("{settings:?}").contains("zQz"));
    let password = settings.password.expect("it was given");
    assert_eq!(password.expose_secret(), "zQz");
}

#[test]
fn what_is_wrong_is_refused_by_its_name() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    fs::write(folder.path().join("empty.pem"), "").expect("it is written");
    let check = |environment: &[(&str, &str)], variable: &str, reason: &str| {
        let wrong = load_in(folder.path(), environment).expect_err(reason);
        let wrong = wrong.to_string();
        let names = wrong.contains(variable) && wrong.contains(reason);
        assert!(names && !wrong.contains("zQz"), "{wrong}");
    };
    let check_one = |variable: &str, text: &str, reason: &str| {
        check(&[(variable, text)], variable, reason);
    };
    check_one("WAREHOUSE_URL", "tcp://localhost:9000", "another scheme");
    check_one("WAREHOUSE_URL", "embedded?", "allowed: embedded, or");
    check_one(
        "WAREHOUSE_URL",
        "http://me:zQz@localhost:8123",
        "holds a user",
    );
    check_one(
        "WAREHOUSE_URL",
        "http://localhost:8123/?password=zQz",
        "holds a query",
    );
    for name in ["", "../dota", "2024", "a-b", "a b", &"a".repeat(65)] {
        check_one("WAREHOUSE_DATABASE", name, "no name of a database");
    }
    check_one("WAREHOUSE_USER", "", "no name of a user");
    check_one("WAREHOUSE_CA_FILE", "empty.pem", "https://");
    check(
        &[
            ("WAREHOUSE_URL", "https://localhost:8443"),
            ("WAREHOUSE_CA_FILE", "empty.pem"),
        ],
        "WAREHOUSE_CA_FILE",
        "holds no PEM certificate",
    );
}
