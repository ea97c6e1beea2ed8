//! What the upstream sees of the client, and what it may answer.

use std::{sync::Arc, time::Duration};

use ingestion_application::ports::{DisconnectReason, Disconnection};
use ingestion_opendota_adapter::stream::{MatchStream, StreamSettings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::common::{CLOCK, default_settings, disconnected};

/// Answers the first request to a URL made from a template with `{address}`;
/// the request, and how the attempt ended.
async fn answer(
    url: &str,
    headers: &[(&str, &str)],
    answer: &str,
    reason: DisconnectReason,
) -> (String, Disconnection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()));
    let settings = StreamSettings {
        headers: headers.collect(),
        ..default_settings(url.replace("{address}", &address))
    };
    let mut stream = MatchStream::try_new(&settings, Arc::new(CLOCK), 1).expect("valid settings");
    let server = async {
        let (mut tcp, _) = listener.accept().await.expect("a client comes");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(tcp.read_u8().await.expect("the request goes on"));
        }
        tcp.write_all(answer.as_bytes())
            .await
            .expect("the client listens");
        String::from_utf8(request)
            .expect("requests are text")
            .replace(&address, "ADDRESS")
    };
    let (request, end) = tokio::join!(server, disconnected(&mut stream, reason));
    (request, end)
}

/// Whether the request for these settings holds these lines.
async fn check_request(url: &str, headers: &[(&str, &str)], expected: &[&str]) {
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let (request, end) = answer(url, headers, refusal, DisconnectReason::UpgradeRefused).await;
    for line in expected {
        let count = request.split("\r\n").filter(|found| found == line).count();
        assert_eq!(count, 1, "{line} in {request}");
    }
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_lowercase();
    for line in expected.iter().filter(|line| line.contains(':')) {
        let count = request
            .split("\r\n")
            .filter(|found| name(found) == name(line))
            .count();
        let wanted = expected
            .iter()
            .filter(|other| name(other) == name(line))
            .count();
        assert_eq!(count, wanted, "{line} in {request}");
    }
    assert!(
        end.detail
            .ends_with("refused the upgrade with 403 Forbidden"),
        "{}",
        end.detail
    );
}

#[tokio::test]
async fn the_request_says_who_is_calling_and_what_for() {
    let user_agent = concat!("user-agent: ingestion-service/", env!("CARGO_PKG_VERSION"));
    check_request(
        "ws://{address}/matches?since=1&api_key=s3cret",
        &[],
        &[
            "GET /matches?since=1&api_key=s3cret HTTP/1.1",
            "Host: ADDRESS",
            user_agent,
        ],
    )
    .await;
    check_request("ws://{address}", &[], &["GET / HTTP/1.1"]).await;
    check_request(
        "ws://{address}/",
        &[
            ("User-Agent", "mine/1"),
            ("X-Feed", "a"),
            ("X-Feed", "b"),
            ("Sec-WebSocket-Protocol", "json"),
            ("sec-websocket-protocol", "xml ,CBOR"),
        ],
        &[
            "user-agent: mine/1",
            "x-feed: a",
            "x-feed: b",
            "Sec-WebSocket-Protocol: json, xml, CBOR",
        ],
    )
    .await;
}

#[tokio::test]
async fn user_information_becomes_basic_authentication() {
    // user:pa:ss and ü:@/ in base64
    let check = |user_information: &'static str, expected: &'static str| async move {
        let url = format!("ws://{user_information}@{{address}}/");
        check_request(&url, &[], &["Host: ADDRESS", expected]).await;
    };
    check("user:pa:ss", "authorization: Basic dXNlcjpwYTpzcw==").await;
    check("%C3%BC:%40%2F", "authorization: Basic w7w6QC8=").await;
    check("user", "authorization: Basic dXNlcjo=").await;
    check_request(
        "ws://user:password@{address}/",
        &[("Authorization", "Bearer mine")],
        &["authorization: Bearer mine"],
    )
    .await;
}

#[tokio::test]
async fn a_refusal_is_waited_for_as_long_as_it_asks() {
    let check = |head: &'static str, expected: Option<u64>| async move {
        let reply = format!("HTTP/1.1 {head}\r\nContent-Length: 4\r\n\r\nnope");
        let (_, end) = answer(
            "ws://{address}/",
            &[],
            &reply,
            DisconnectReason::UpgradeRefused,
        )
        .await;
        match expected.map(Duration::from_secs) {
            Some(expected) => assert_eq!(end.retry_in, expected, "{head}"),
            None => assert!(
                end.retry_in <= Duration::from_secs(1),
                "{head}: {:?}",
                end.retry_in
            ),
        }
    };
    check("429 Too Many Requests\r\nRetry-After: 120", Some(120)).await;
    check("503 Service Unavailable\r\nRetry-After: 86400", Some(3600)).await;
    check(
        "503 Unavailable\r\nRetry-After: Sun, 06 Nov 1994 08:59:37 GMT",
        Some(600),
    )
    .await;
    check("429 Too Many Requests\r\nRetry-After: 0", None).await;
    check("200 OK", None).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_host_is_named() {
    let check = |head: &'static str, expected: Option<&'static str>| async move {
        let reply = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
        let refused = DisconnectReason::UpgradeRefused;
        let (_, end) = answer("ws://{address}/", &[], &reply, refused).await;
        match expected {
            Some(target) => {
                let expected = format!("; it redirects to {target}, which is not followed");
                assert!(end.detail.contains(&expected), "{head}: {}", end.detail);
            }
            None => assert!(!end.detail.contains("redirects"), "{head}: {}", end.detail),
        }
        assert!(!end.detail.contains("s3cret"), "{}", end.detail);
        assert!(end.detail.len() < 600, "{}", end.detail);
    };
    for (location, target) in [
        (
            "wss://user:s3cret@elsewhere:8443/s3cret?key=s3cret",
            "wss://elsewhere:8443",
        ),
        ("https://feed.example/", "https://feed.example"),
        ("//feed.example/s3cret", "feed.example"),
        ("http://[::1]:80/s3cret", "http://[::1]:80"),
        ("/s3cret?key=s3cret", "another path of the same host"),
        ("http://s3 cret/", "an address that cannot be read"),
    ] {
        let head = format!("302 Found\r\nLocation: {location}").leak();
        check(head, Some(target)).await;
    }
    check("308 Permanent Redirect\r\nlocation: ws://a", Some("ws://a")).await;
    check("307 Temporary Redirect", None).await;
    check("404 Not Found\r\nLocation: ws://a/", None).await;
    let long = format!("301 Moved\r\nLocation: ws://{}/", "a".repeat(8000)).leak();
    check(long, Some(format!("ws://{}", "a".repeat(235)).leak())).await;
}

#[tokio::test]
async fn an_answer_that_is_no_websocket_is_told_apart() {
    let check = |reply: &'static str, reason: DisconnectReason| async move {
        let (_, end) = answer("ws://u:pw@{address}/?token=pw", &[], reply, reason).await;
        assert!(end.detail.contains("127.0.0.1:"), "{}", end.detail);
        assert!(!end.detail.contains("pw"), "{}", end.detail);
    };
    check("", DisconnectReason::ConnectFailed).await;
    check("HTTP/1.1 101", DisconnectReason::ConnectFailed).await;
    check(
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        DisconnectReason::ProtocolError,
    )
    .await;
    check(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: bm9uZQ==\r\n\r\n",
        DisconnectReason::ProtocolError,
    )
    .await;
}

#[test]
fn every_wrong_setting_is_named_at_once_and_no_secret_is() {
    let mut settings = default_settings("https://user:hunter2@host/?token=hunter2");
    settings.headers = vec![("X Y".to_owned(), "hunter2".into())];
    settings.ca_file = Some("no/such/file.pem".into());
    settings.heartbeat = Duration::ZERO;
    settings.backoff_min = Duration::from_secs(31);
    settings.message_size_max = 0;
    let shown = format!("{settings:?}");
    let error = MatchStream::try_new(&settings, Arc::new(CLOCK), 1)
        .err()
        .expect("nothing of it is right");
    let named: Vec<_> = error
        .problems
        .iter()
        .map(|problem| problem.variable.trim_start_matches("OPENDOTA_STREAM_"))
        .collect();
    assert_eq!(
        named,
        [
            "HEARTBEAT",
            "BACKOFF_MIN",
            "MESSAGE_SIZE_MAX",
            "URL",
            "HEADERS",
            "CA_FILE"
        ]
    );
    for text in [shown, error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn wrong_addresses_and_headers_are_refused() {
    let refused = |url: &str, headers: &[(&str, &str)], expected: &str| {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let settings = StreamSettings {
            headers: headers.collect(),
            ..default_settings(url)
        };
        let error = MatchStream::try_new(&settings, Arc::new(CLOCK), 1).err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            error.contains(expected),
            "{url}: {error:?} instead of {expected:?}"
        );
    };
    refused("", &[], "URL: is not a URL");
    refused("localhost:1", &[], "URL: must start with ws:// or wss://");
    refused(
        "http://localhost/",
        &[],
        "URL: must start with ws:// or wss://",
    );
    refused("ws:///matches", &[], "URL: ");
    refused("ws://a b/", &[], "URL: is not a URL");
    refused(
        "wss://a_b..c/",
        &[],
        "URL: no certificate can prove the name a_b..c",
    );
    refused(
        "ws://h/",
        &[("Upgrade", "h2c")],
        "HEADERS: upgrade belongs to the handshake",
    );
    for name in [
        "Host",
        "Content-Length",
        "Sec-WebSocket-Key",
        "sec-websocket-extensions",
    ] {
        refused("ws://h/", &[(name, "x")], "belongs to the handshake");
    }
    for subprotocol in ["", "a b", "json,", "json/2", "json;q=1", "\"json\""] {
        let headers = [("Sec-WebSocket-Protocol", subprotocol)];
        refused("ws://h/", &headers, "no name of a subprotocol");
    }
    refused(
        "ws://h/",
        &[
            ("Sec-WebSocket-Protocol", "a, b"),
            ("Sec-WebSocket-Protocol", "a"),
        ],
        "names a subprotocol twice",
    );
    refused(
        "ws://h/",
        &[("a", "b\r\nc: d")],
        "HEADERS: the value of a holds",
    );
}
