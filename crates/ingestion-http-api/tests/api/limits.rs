//! Ports that cannot be had, and clients that behave badly.

use std::time::Duration;

use http_kit::listen;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::support::{Api, DEADLINE};

/// As many as the server holds at once.
const CONNECTIONS_MAX: usize = 256;

/// Sends `request` and returns everything until the server ends the connection.
async fn talk(api: &Api, request: &str) -> String {
    let mut client = connect(api).await;
    // The server may have hung up before it has read everything.
    let _ = client.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let end = timeout(DEADLINE, client.read_to_end(&mut answer)).await;
    let end = end.expect("the server ends the connection in time");
    assert!(
        end.is_ok() || !answer.is_empty(),
        "{end:?} without an answer"
    );
    String::from_utf8(answer).expect("it is text")
}

#[test]
fn a_taken_port_names_the_setting_and_the_remedy() {
    let taken = listen("127.0.0.1", 0).expect("any free port will do");
    let port = taken.local_addr().expect("it is bound").port();
    let message = listen("127.0.0.1", port)
        .expect_err("it is taken")
        .to_string();
    let beginning = format!("cannot listen on API_HOST=127.0.0.1 with API_PORT={port}: ");
    assert!(message.starts_with(&beginning), "{message}");
    let remedy = "another process has this port: stop it, or set API_PORT to a free one";
    assert!(message.ends_with(remedy), "{message}");
}

#[test]
fn a_foreign_address_names_the_setting_and_the_remedy() {
    // Reserved for documentation, so no machine has it.
    let message = listen("192.0.2.1", 0)
        .expect_err("it is not ours")
        .to_string();
    assert!(message.contains("API_HOST=192.0.2.1"), "{message}");
    assert!(
        message.contains("set API_HOST to an address of this machine"),
        "{message}"
    );
}

/// Sends what is no whole request and gets told so; `before` is what is answered first.
async fn check_refusal(api: &Api, request: &str, before: &str, status: u16) {
    let answer = talk(api, request).await;
    let sent: String = request.chars().take(60).collect();
    let refusal = answer.find(&format!("HTTP/1.1 {status} "));
    let refusal = refusal.unwrap_or_else(|| panic!("{sent:?}: {answer}"));
    assert!(answer[..refusal].ends_with(before), "{sent:?}: {answer}");
    let (head, body) = answer[refusal..].split_once("\r\n\r\n").expect("a head");
    for header in [
        "connection: close",
        "content-type: application/problem+json",
        &format!("content-length: {}", body.len()),
    ] {
        assert!(head.lines().any(|it| it == header), "{sent:?}: {head}");
    }
    let problem: serde_json::Value = serde_json::from_str(body).expect("a problem is JSON");
    assert_eq!(problem["status"], status, "{sent:?}: {body}");
    let detail = problem["detail"].as_str().expect("it is text");
    assert!(detail.contains("request"), "{sent:?}: {body}");
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_a_problem_document() {
    let api = Api::start();
    let headers = |count: usize| "x: y\r\n".repeat(count);
    let host = "host: odd\r\n";
    check_refusal(&api, "GET / HTTP/1.1\r\n\r\n", "", 400).await;
    check_refusal(&api, "\u{16}\u{3}\u{1}\0\u{5}hello, TLS", "", 400).await;
    let many = format!("GET / HTTP/1.1\r\n{host}{}\r\n", headers(100));
    check_refusal(&api, &many, "", 431).await;
    let long = format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(70_000));
    check_refusal(&api, &long, "", 400).await;
    let odd = format!("GET / HTTP/1.1\r\n{host}content-length: some\r\n\r\n");
    check_refusal(&api, &odd, "", 400).await;
    let after = format!("GET /livez HTTP/1.1\r\n{host}\r\nGET / HTTP/1.1\r\n\r\n");
    check_refusal(&api, &after, r#"{"status":"alive"}"#, 400).await;
    api.stop().await;
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let api = Api::start();
    check_refusal(&api, "GET / HTTP/1.1\r\nhost: slow\r\n", "", 408).await;
    api.stop().await;
}

#[tokio::test]
async fn a_request_head_without_measure_is_cut_off() {
    let api = Api::start();
    // Far more than the server reads: it still gets to hear why.
    let request = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(1_000_000));
    check_refusal(&api, &request, "", 431).await;
    api.stop().await;
}

#[tokio::test]
async fn connections_that_say_nothing_make_room_for_others() {
    let api = Api::start();
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(connect(&api).await);
    }
    assert_eq!(api.get("/livez").await.status(), 200);
    for mut client in silent {
        let mut answer = Vec::new();
        let end = timeout(DEADLINE, client.read_to_end(&mut answer)).await;
        end.expect("the server has hung up")
            .expect("in an orderly way");
    }
    api.stop().await;
}

#[tokio::test]
async fn clients_that_take_or_send_too_slowly_are_cut_off() {
    let api = Api::start();
    let page = "/docs/swagger-ui-bundle.js";
    let request = format!("GET {page} HTTP/1.1\r\nhost: deaf\r\n\r\n");
    let mut deaf = connect(&api).await;
    // More than all buffers on the way hold.
    let requests = request.repeat(50);
    deaf.write_all(requests.as_bytes()).await.expect("room");

    let mut trickling = connect(&api).await;
    let request = "POST /livez HTTP/1.1\r\nhost: slow\r\ncontent-length: 60000\r\n\r\n";
    let sent = trickling.write_all(request.as_bytes()).await;
    sent.expect("the server reads");

    let mut listener = api.get("/api/v1/ingestion/events").await;
    let both_end = async { tokio::join!(until_cut_off(&mut deaf), until_cut_off(&mut trickling)) };
    let mut both_end = std::pin::pin!(timeout(DEADLINE, both_end));
    let both = loop {
        tokio::select! {
            both = &mut both_end => break both,
            event = listener.chunk() => {
                assert!(event.expect("it is not cut off").is_some(), "it reads what comes");
            }
        }
    };
    both.expect("the server cuts both off");
    // Longer than the slow ones were given.
    for _ in 0..3 {
        let event = listener.chunk().await.expect("it is not cut off");
        assert!(event.is_some(), "it reads what comes");
    }
    api.stop().await;
}

/// Sends a byte now and then and reads nothing, until the server has hung up.
async fn until_cut_off(client: &mut TcpStream) {
    while client.write_all(b"x").await.is_ok() {
        sleep(Duration::from_millis(200)).await;
    }
}

async fn connect(api: &Api) -> TcpStream {
    let connected = TcpStream::connect(api.address).await;
    connected.expect("the server listens")
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_a_shutdown() {
    let api = Api::start();
    let mut client = TcpStream::connect(api.address)
        .await
        .expect("the server listens");
    let request = b"GET /livez HTTP/1.1\r\nhost: idle\r\n\r\n";
    client.write_all(request).await.expect("the server reads");
    assert_ne!(client.read_u8().await.expect("the server answers"), 0);
    let stopped = timeout(Duration::from_secs(5), api.stop()).await;
    stopped.expect("the server stops although a connection is open");
}
