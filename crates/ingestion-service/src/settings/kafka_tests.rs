//! What the settings of Kafka mean to each other, to librdkafka and to files.

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::tests::{AUTHORITY, check_wrong, load, load_in};

#[test]
fn properties_the_promises_rest_on_are_refused_by_name() {
    check_wrong(
        &[(
            "KAFKA_PROPERTIES",
            "retries=0,batch.size=1,test.mock.num.brokers=3",
        )],
        "KAFKA_PROPERTIES is \"retries=0,batch.size=1,test.mock.num.brokers=3\" (environment): \
         retries cannot be set here (no match is given up because Kafka is away); \
         test.mock.num.brokers cannot be set here (it would replace the brokers); \
         allowed: name=value, several separated by commas",
    );
    let names = "acks request.required.acks enable.idempotence message.timeout.ms delivery.timeout.ms \
                 partitioner max.in.flight max.in.flight.requests.per.connection transactional.id \
                 bootstrap.servers metadata.broker.list queue.buffering.max.messages linger.ms \
                 queue.buffering.max.kbytes queue.buffering.max.ms compression.codec compression.type \
                 security.protocol sasl.password ssl.key.location allow.auto.create.topics retries \
                 message.send.max.retries client.id delivery.report.only.error";
    for name in names.split(' ') {
        let text = format!("socket.timeout.ms=1000,{name}=1");
        let wrong = load(&[("KAFKA_PROPERTIES", &text)])
            .expect_err(name)
            .to_string();
        assert!(
            wrong.contains(&format!(": {name} cannot be set here (")),
            "{wrong}"
        );
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
    let folder = TempDir::new().expect("a temporary folder can be made");
    for (name, content) in [
        ("ca.pem", AUTHORITY.to_owned()),
        ("cut.pem", AUTHORITY.replace("END CERTIFICATE", "")),
        ("key.pem", key("", "AAAA")),
        ("rsa.pem", key("RSA ", "AAAA")),
        ("locked.pem", key("ENCRYPTED ", "AAAA")),
        ("old.pem", key("RSA ", with_password)),
        ("broken.pem", key("", "A-A")),
        ("junk", "root:x:0:0:root".to_owned()),
    ] {
        std::fs::write(folder.path().join(name), content).expect("a file can be written there");
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
        let kafka = loaded.expect("the settings are right").settings.kafka;
        let mechanism = mechanism.to_uppercase();
        assert_eq!(kafka.sasl_mechanism, Some(mechanism));
        let read = kafka.sasl_password.expect("it is given");
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

#[test]
fn the_transactional_id_follows_from_other_settings() {
    let check = |environment: &[(&str, &str)], expected: &str| {
        let loaded = load(environment).expect("the settings are right");
        let report = loaded.report.to_string();
        assert!(report.lines().any(|line| line == expected), "{report}");
    };
    let others = [("SERVICE_NAME", "a"), ("KAFKA_PUBLISH_TOPIC", "b")];
    check(&others, "KAFKA_TRANSACTIONAL_ID=a.b (default)");
    let given = [("KAFKA_TRANSACTIONAL_ID", "c"), others[0]];
    check(&given, "KAFKA_TRANSACTIONAL_ID=c (environment)");
}
