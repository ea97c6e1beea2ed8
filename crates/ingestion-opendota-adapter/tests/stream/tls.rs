//! `wss://`: whose certificates are believed.

use std::{io::Write as _, ops::Range, sync::Arc, time::Duration};

use health_kit::{Clock as _, SystemClock};
use ingestion_application::ports::{DisconnectReason, FeedReader as _};
use ingestion_opendota_adapter::stream::{MatchStream, StreamSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tempfile::NamedTempFile;
use tokio::{io::AsyncWriteExt as _, net::TcpListener};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};
use tokio_tungstenite::accept_async;

use crate::common::{
    CLOCK, connected, default_settings, disconnected, frame, received, send_then_listen,
};

/// When a good certificate is valid.
const IN_DATE: Range<i32> = 2001..2999;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).expect("no names are valid names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"))
        .expect("a certificate")
}

/// A feed with a certificate of `authority` for `name`; its port.
async fn serve(authority: &Authority, name: &str, years: Range<i32>) -> u16 {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a valid name");
    params.not_before = date_time_ymd(years.start, 1, 1);
    params.not_after = date_time_ymd(years.end, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    serve_with(certificate.der().clone(), &key).await
}

/// A feed with this certificate; its port.
async fn serve_with(certificate: CertificateDer<'static>, key: &KeyPair) -> u16 {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key as it is written");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key is the certificate's");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The client hangs up where it does not believe us.
            if let Ok(stream) = acceptor.accept(stream).await
                && let Ok(socket) = accept_async(stream).await
            {
                tokio::spawn(send_then_listen(socket, 1..=3));
            }
        }
    });
    port
}

fn pem_file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes())
        .expect("room for a certificate");
    file
}

fn stream(port: u16, ca_file: Option<&NamedTempFile>) -> MatchStream {
    let settings = StreamSettings {
        ca_file: ca_file.map(|file| file.path().to_owned()),
        ..default_settings(format!("wss://localhost:{port}/matches"))
    };
    MatchStream::try_new(&settings, Arc::new(CLOCK), 1).expect("valid settings")
}

/// The end of the first attempt, in words.
async fn refusal(port: u16, ca_file: Option<&NamedTempFile>) -> String {
    let mut stream = stream(port, ca_file);
    disconnected(&mut stream, DisconnectReason::ConnectFailed)
        .await
        .detail
}

#[tokio::test]
async fn a_certificate_of_the_extra_authority_is_believed() {
    let (other, ours) = (authority(), authority());
    let port = serve(&ours, "localhost", IN_DATE).await;
    let file = pem_file(&format!("{}\n{}", other.pem(), ours.pem()));
    let mut stream = stream(port, Some(&file));
    connected(&mut stream).await;
    assert_eq!(received(&mut stream, 3).await, [1, 2, 3]);
    assert_eq!(stream.close().await, None);
}

#[tokio::test]
async fn a_byte_order_mark_in_front_of_an_authority_is_not_part_of_it() {
    let ours = authority();
    let port = serve(&ours, "localhost", IN_DATE).await;
    let file = pem_file(&format!("\u{feff}{}", ours.pem()));
    connected(&mut stream(port, Some(&file))).await;
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let (ours, stranger) = (authority(), authority());
    let file = pem_file(&ours.pem());

    let port = serve(&ours, "localhost", IN_DATE).await;
    let detail = refusal(port, None).await;
    assert!(detail.contains("UnknownIssuer"), "{detail}");

    let port = serve(&stranger, "localhost", IN_DATE).await;
    let detail = refusal(port, Some(&file)).await;
    assert!(
        detail.contains("UnknownIssuer") || detail.contains("BadSignature"),
        "{detail}"
    );
    assert!(
        detail.starts_with(&format!("TLS with localhost:{port} failed")),
        "{detail}"
    );

    let port = serve(&ours, "feed.example", IN_DATE).await;
    let detail = refusal(port, Some(&file)).await;
    assert!(
        detail.contains("not valid for name \"localhost\""),
        "{detail}"
    );

    let port = serve(&ours, "localhost", 1999..2001).await;
    let detail = refusal(port, Some(&file)).await;
    assert_names_both_times(&detail, "expired at 2001-01-01T00:00:00Z");

    let port = serve(&ours, "localhost", 2998..2999).await;
    let detail = refusal(port, Some(&file)).await;
    assert_names_both_times(&detail, "only from 2998-01-01T00:00:00Z on");
}

/// It may be the clock that is wrong.
fn assert_names_both_times(detail: &str, theirs: &str) {
    assert!(detail.contains(theirs), "{detail}");
    let (_, ours) = detail
        .split_once("this machine's clock says ")
        .expect("the clock is named");
    let (ours, advice) = ours.split_once(": ").expect("advice follows");
    let ours: jiff::Timestamp = ours.parse().expect("a time in RFC 3339");
    let off = SystemClock.now().as_unix_ms() / 1000 - ours.as_second();
    assert!((0..600).contains(&off), "{off} seconds off: {detail}");
    assert!(advice.contains("set the clock"), "{detail}");
}

#[tokio::test]
async fn the_certificate_of_an_authority_is_told_from_that_of_a_server() {
    let self_signed = |is_ca| {
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a valid name");
        params.is_ca = is_ca;
        let key = KeyPair::generate().expect("a key");
        (params.self_signed(&key).expect("a certificate"), key)
    };
    // As `openssl req -x509` makes it …
    let (authority, key) = self_signed(IsCa::Ca(BasicConstraints::Unconstrained));
    let port = serve_with(authority.der().clone(), &key).await;
    let file = pem_file(&authority.pem());
    let detail = refusal(port, Some(&file)).await;
    assert!(detail.contains("CA:TRUE"), "{detail}");
    assert!(
        detail.contains("-addext basicConstraints=critical,CA:FALSE"),
        "{detail}"
    );
    // … and when told so.
    let (server, key) = self_signed(IsCa::ExplicitNoCa);
    let port = serve_with(server.der().clone(), &key).await;
    let file = pem_file(&server.pem());
    let mut stream = stream(port, Some(&file));
    connected(&mut stream).await;
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let settings = StreamSettings {
        connect_timeout: Duration::from_secs(1),
        ..default_settings(format!("wss://localhost:{port}/matches"))
    };
    let open = || MatchStream::try_new(&settings, Arc::new(CLOCK), 1);
    // The system takes the connection, and nobody says anything.
    let mut stream = open().expect("valid settings");
    let end = disconnected(&mut stream, DisconnectReason::ConnectTimeout).await;
    let expected = ": it did not finish the handshake of TLS";
    assert!(end.detail.ends_with(expected), "{}", end.detail);
    drop(stream);

    let mut stream = open().expect("valid settings");
    let plain_text = async {
        loop {
            let (mut socket, _) = listener.accept().await.expect("it listens");
            // The client hangs up in the middle of it.
            let _ = socket
                .write_all(b"HTTP/1.1 101 Switching Protocols\r\n")
                .await;
        }
    };
    let end = tokio::select! {
        end = disconnected(&mut stream, DisconnectReason::ConnectFailed) => end,
        () = plain_text => unreachable!("it serves for ever"),
    };
    let expected = format!("TLS with localhost:{port} failed: it does not answer in TLS");
    assert!(end.detail.starts_with(&expected), "{}", end.detail);
}

#[test]
fn a_file_without_authorities_is_a_wrong_setting() {
    let check = |file: NamedTempFile, expected: &str| {
        let settings = StreamSettings {
            ca_file: Some(file.path().to_owned()),
            ..default_settings("wss://localhost/")
        };
        // Missing, if the test has closed it.
        if expected.contains("No such file") {
            drop(file);
        }
        let problems = MatchStream::try_new(&settings, Arc::new(CLOCK), 1)
            .err()
            .expect("the file is wrong")
            .problems;
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].variable, "OPENDOTA_STREAM_CA_FILE");
        assert!(problems[0].reason.contains(expected), "{}", problems[0]);
    };
    check(pem_file(""), "holds no PEM certificate");
    check(pem_file(&frame(1)), "holds no PEM certificate");
    let garbage = "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n";
    check(pem_file(garbage), "cannot be used");
    // A device, or a file without end, is not read to its end.
    check(pem_file(&" ".repeat(2 << 20)), "larger than 1 MiB");
    check(pem_file(""), "No such file");
}
