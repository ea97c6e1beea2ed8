//! What the settings of a client mean to each other, to librdkafka and to files.

use std::{fs, path::Path};

use kafka_kit::settings::{ClientSection, ClientSettings, SaslMechanism};
use secrecy::ExposeSecret;
use service_kit::config::{Section, SettingsReader, Sources, WrongSettings};
use tempfile::TempDir;
use test_kit::certificates::Authority;

const RESERVED: &[(&str, &str)] = &[("acks", "it is promised")];
static SECTION: ClientSection = ClientSection::DEFAULT.with_reserved(RESERVED);

fn load_in(folder: &Path, environment: &[(&str, &str)]) -> Result<ClientSettings, WrongSettings> {
    let sources = Sources::variables(environment, folder);
    let mut reader = SettingsReader::new(SECTION.declarations(), &sources);
    let settings = SECTION.read(&mut reader, "service");
    reader.finish().map(|_| settings)
}

fn load(environment: &[(&str, &str)]) -> Result<ClientSettings, WrongSettings> {
    let folder = TempDir::new().expect("a temporary folder can be made");
    load_in(folder.path(), environment)
}

#[track_caller]
fn check_wrong(environment: &[(&str, &str)], expected: &str) {
    let wrong = load(environment).expect_err("the settings are wrong");
    assert_eq!(wrong.to_string(), format!("wrong settings:\n  {expected}"));
}

#[test]
fn properties_that_are_not_open_are_refused_by_name() {
    check_wrong(
        &[(
            "KAFKA_PROPERTIES",
            "acks=1,batch.size=1,test.mock.num.brokers=3",
        )],
        "KAFKA_PROPERTIES is \"acks=1,batch.size=1,test.mock.num.brokers=3\" (environment): \
         acks cannot be set here (it is promised); \
         test.mock.num.brokers cannot be set here (it would replace the brokers); \
         allowed: name=value, several separated by commas",
    );
    for name in [
        "bootstrap.servers",
        "metadata.broker.list",
        "security.protocol",
        "sasl.password",
        "ssl.key.location",
        "allow.auto.create.topics",
        "client.id",
    ] {
        let text = format!("socket.timeout.ms=1000,{name}=1");
        let wrong = load(&[("KAFKA_PROPERTIES", &text)]).expect_err(name);
        let expected = format!(": {name} cannot be set here (");
        assert!(wrong.to_string().contains(&expected), "{wrong}");
    }
}

#[test]
fn properties_librdkafka_does_not_take_are_refused_by_name() {
    check_wrong(
        &[(
            "KAFKA_PROPERTIES",
            "no.such=1,socket.timeout.ms=soon,my.password=zQz",
        )],
        "KAFKA_PROPERTIES is \"no.such=1,socket.timeout.ms=soon,my.password=***\" (environment): \
         the property no.such is refused: No such configuration property: \"no.such\"; \
         the property socket.timeout.ms is refused: Invalid value for configuration property \"socket.timeout.ms\"; \
         the property my.password is refused: there is no such property; \
         allowed: name=value, several separated by commas",
    );
}

const CA: &str = "KAFKA_SSL_CA_LOCATION";
const CERTIFICATE: &str = "KAFKA_SSL_CERTIFICATE_LOCATION";
const KEY: &str = "KAFKA_SSL_KEY_LOCATION";

/// Loads with TLS and these files; `expected` is the one setting that is wrong, and why.
#[track_caller]
fn check_tls(files: &[(&str, &str)], expected: Option<(&str, &str)>) {
    let key = |kind: &str, content: &str| {
        format!("-----BEGIN {kind}PRIVATE KEY-----\n{content}\n-----END {kind}PRIVATE KEY-----\n")
    };
    let with_password = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA";
    let authority = Authority::new("authority").expect("it can be made").pem();
    let folder = TempDir::new().expect("a temporary folder can be made");
    for (name, content) in [
        ("ca.pem", authority.clone()),
        ("cut.pem", authority.replace("END CERTIFICATE", "")),
        ("key.pem", key("", "AAAA")),
        ("rsa.pem", key("RSA ", "AAAA")),
        ("locked.pem", key("ENCRYPTED ", "AAAA")),
        ("old.pem", key("RSA ", with_password)),
        ("broken.pem", key("", "A-A")),
        ("junk", "root:x:0:0:root".to_owned()),
    ] {
        fs::write(folder.path().join(name), content).expect("a file can be written there");
    }
    let environment = [&[("KAFKA_SECURITY_PROTOCOL", "ssl")], files].concat();
    let message = load_in(folder.path(), &environment)
        .err()
        .map(|wrong| wrong.to_string());
    let expected = expected.map(|(setting, reason)| {
        format!("wrong settings:\n  {setting}: {reason}; allowed: a path")
    });
    assert_eq!(message, expected, "{files:?}");
}

#[test]
fn files_for_tls_are_looked_into() {
    for right in ["ca.pem", "."] {
        check_tls(&[(CA, right)], None);
    }
    for right in ["key.pem", "rsa.pem", "locked.pem", "old.pem"] {
        check_tls(&[(CERTIFICATE, "ca.pem"), (KEY, right)], None);
    }
    for (wrong, reason) in [
        ("absent", "No such file or directory (os error 2)"),
        ("junk", "holds no PEM certificate"),
        ("key.pem", "holds no PEM certificate"),
        ("cut.pem", "holds a certificate without its end"),
    ] {
        let shown = |setting: &str| format!("{setting} is \"{wrong}\" (environment)");
        check_tls(&[(CA, wrong)], Some((&shown(CA), reason)));
        let pair = [(CERTIFICATE, wrong), (KEY, "key.pem")];
        check_tls(&pair, Some((&shown(CERTIFICATE), reason)));
    }
    for (wrong, reason) in [
        ("junk", "holds no PEM private key"),
        ("ca.pem", "holds no PEM private key"),
        ("broken.pem", "holds a private key that is broken"),
        (".", "Is a directory (os error 21)"),
    ] {
        let shown = format!("{KEY} is \"{wrong}\" (environment)");
        let pair = [(CERTIFICATE, "ca.pem"), (KEY, wrong)];
        check_tls(&pair, Some((&shown, reason)));
    }
}

#[test]
fn certificate_and_key_need_each_other() {
    let not_given = |setting: &str| format!("{setting} is not given (default)");
    check_tls(
        &[(CERTIFICATE, "ca.pem")],
        Some((&not_given(KEY), "needed with a certificate")),
    );
    check_tls(
        &[(KEY, "key.pem")],
        Some((&not_given(CERTIFICATE), "needed with a key")),
    );
}

#[test]
fn sasl_needs_all_its_settings() {
    for (protocol, mechanism, password) in [
        ("sasl_plaintext", "PLAIN", "123"),
        ("sasl_ssl", "SCRAM-SHA-256", "true"),
        ("SASL_SSL", "scram-sha-512", " ü "),
    ] {
        let loaded = load(&[
            ("KAFKA_SECURITY_PROTOCOL", protocol),
            ("KAFKA_SASL_MECHANISM", mechanism),
            ("KAFKA_SASL_USERNAME", "me"),
            ("KAFKA_SASL_PASSWORD", password),
        ]);
        let settings = loaded.expect("the settings are right");
        let read = settings.sasl_mechanism.map(SaslMechanism::as_str);
        assert_eq!(read, Some(&*mechanism.to_uppercase()));
        let read = settings.sasl_password.expect("it is given");
        assert_eq!(read.expose_secret(), password);
    }
}

#[test]
fn what_the_protocol_does_not_use_is_not_looked_at() {
    let loaded = load(&[
        ("KAFKA_SASL_PASSWORD", "s3cret"),
        (CA, "absent.pem"),
        (CERTIFICATE, "absent.pem"),
    ]);
    loaded.expect("plaintext needs none of them");
}
