//! Handing frames in: who may, what is taken, and every limit.

use std::{sync::Arc, time::Duration};

use ingestion_application::{Backlog, LedgerFigures};
use ingestion_test_support::publisher::FakePublisher;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::support::{Api, DEADLINE, TOKEN};

const PATHS: [&str; 2] = ["/api/v1/replay", "/api/v1/redrive"];
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

struct Fixture {
    api: Api,
    backlog: Arc<Backlog>,
    publisher: Arc<FakePublisher>,
    running: JoinHandle<()>,
}

impl Fixture {
    fn start() -> Self {
        let publisher = Arc::new(FakePublisher::new(10));
        let (api, work) = Api::start_with_token(publisher.clone());
        let backlog = Arc::clone(work.backlog());
        let running = tokio::spawn(async move {
            let ended = work.run().await;
            panic!("it runs until it is dropped: {ended:?}");
        });
        Self {
            api,
            backlog,
            publisher,
            running,
        }
    }

    async fn stop(self) {
        self.running.abort();
        self.api.stop().await;
    }
}

async fn post(
    api: &Api,
    path: &str,
    token: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> Response {
    let request = api.client.post(format!("{}{path}", api.url)).body(body);
    let request = match token {
        Some(token) => request.header("authorization", token),
        None => request,
    };
    request.send().await.expect("the server answers")
}

async fn post_right(api: &Api, path: &str, body: impl Into<reqwest::Body>) -> Response {
    post(api, path, Some(&format!("Bearer {TOKEN}")), body).await
}

async fn json_of(answer: Response) -> Value {
    answer.json().await.expect("it is JSON")
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_write_to() {
    let api = Api::start();
    for path in PATHS {
        for method in [Method::POST, Method::GET, Method::PUT] {
            let nothing = api
                .client
                .request(method.clone(), format!("{}{path}", api.url));
            let nothing = nothing.bearer_auth(TOKEN).body("7").send().await;
            let nothing = nothing.expect("the server answers");
            assert_eq!(nothing.status(), StatusCode::NOT_FOUND, "{method} {path}");
            let expected = json!({
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "there is nothing here; /openapi.json lists every path",
                "instance": path,
            });
            assert_eq!(json_of(nothing).await, expected, "{method} {path}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn only_the_right_token_opens_them_and_no_answer_repeats_one() {
    let fixture = Fixture::start();
    let almost = format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]);
    let more = format!("Bearer {TOKEN}x");
    let other_scheme = format!("Basic {TOKEN}");
    for path in PATHS {
        for token in [None, Some(""), Some("Bearer"), Some("Bearer "), Some(TOKEN)]
            .into_iter()
            .chain([&almost, &more, &other_scheme].map(|it| Some(it.as_str())))
        {
            let refused = post(&fixture.api, path, token, "7").await;
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{token:?}");
            assert_eq!(refused.headers()["www-authenticate"], "Bearer");
            assert_eq!(
                refused.headers()["content-type"],
                "application/problem+json"
            );
            let text = refused.text().await.expect("it is text");
            assert!(!text.contains(&TOKEN[..5]), "{text}");
        }
        let taken = post(&fixture.api, path, Some(&format!("bearer {TOKEN}")), "").await;
        assert_eq!(taken.status(), StatusCode::OK, "{path}");
        let other = fixture.api.get(path).await;
        assert_eq!(other.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(other.headers()["allow"], "POST");
    }
    assert_eq!(fixture.api.ledger.figures(), LedgerFigures::default());
    fixture.stop().await;
}

#[tokio::test]
async fn lines_and_payloads_are_received_like_frames_of_a_feed() {
    let fixture = Fixture::start();
    let lines = post_right(&fixture.api, PATHS[0], "1\n2\r\nPING\n1").await;
    assert_eq!(lines.status(), StatusCode::OK);
    assert_eq!(json_of(lines).await, json!({ "taken": 4, "invalid": 1 }));
    let payloads = &b"\0\0\0\x013\0\0\0\x02\n\xff"[..];
    let payloads = post_right(&fixture.api, PATHS[1], payloads).await;
    assert_eq!(json_of(payloads).await, json!({ "taken": 2, "invalid": 1 }));
    let broken = post_right(&fixture.api, PATHS[1], &b"\0\0\0\x014\0"[..]).await;
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        json_of(broken).await["detail"],
        "the body ends within payload 2"
    );

    fixture.backlog.drained().await;
    let expected = LedgerFigures {
        received: 6,
        published: 3,
        duplicates: 1,
        dead_lettered: 2,
        pending: 0,
    };
    assert_eq!(fixture.api.ledger.figures(), expected);
    let arrived = fixture.publisher.arrived();
    let sources: Vec<_> = arrived
        .iter()
        .map(|message| message.source().as_str())
        .collect();
    assert_eq!(
        sources,
        ["replay", "replay", "replay", "redrive", "redrive"]
    );
    let ingestion = fixture.api.json("/api/v1/ingestion").await;
    let sources = ingestion["sources"].as_array().expect("an array");
    let states: Vec<_> = sources
        .iter()
        .map(|it| (&it["source"], &it["state"]))
        .collect();
    assert!(
        states.contains(&(&json!("replay"), &json!("on_request"))),
        "{states:?}"
    );
    fixture.stop().await;
}

#[tokio::test]
async fn a_body_has_a_size_whether_it_is_announced_or_not() {
    let fixture = Fixture::start();
    let just = format!("{}1", " ".repeat(BODY_BYTES_MAX - 1));
    let taken = post_right(&fixture.api, PATHS[0], just.clone()).await;
    assert_eq!(json_of(taken).await["taken"], 1);
    let announced = post_right(&fixture.api, PATHS[0], format!(" {just}")).await;
    assert_eq!(announced.status(), StatusCode::PAYLOAD_TOO_LARGE);

    let mut client = TcpStream::connect(fixture.api.address)
        .await
        .expect("it listens");
    let head = format!(
        "POST /api/v1/replay HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {TOKEN}\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n",
        BODY_BYTES_MAX + 1
    );
    // The server may have hung up before it has read everything.
    let _ = client.write_all(head.as_bytes()).await;
    let _ = client.write_all(&vec![b' '; BODY_BYTES_MAX + 1]).await;
    let mut status = [0; 12];
    let read = timeout(DEADLINE, client.read_exact(&mut status)).await;
    read.expect("it answers in time").expect("it answers");
    assert_eq!(&status, b"HTTP/1.1 413");
    fixture.stop().await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off_and_a_few_keep_nobody_out_for_long() {
    let fixture = Fixture::start();
    let head = format!(
        "POST /api/v1/replay HTTP/1.1\r\nhost: slow\r\nauthorization: Bearer {TOKEN}\r\n\
         content-length: 10\r\n\r\n1"
    );
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut client = TcpStream::connect(fixture.api.address)
            .await
            .expect("it listens");
        client.write_all(head.as_bytes()).await.expect("it reads");
        slow.push(client);
    }
    let refused = async {
        loop {
            let answer = post_right(&fixture.api, PATHS[0], "7").await;
            if answer.status() != StatusCode::OK {
                return answer;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    // Before the first of them is cut off.
    let refused = timeout(Duration::from_secs(8), refused).await;
    let refused = refused.expect("four are all that are taken at a time");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(json_of(refused).await["taken"], 0);
    assert_eq!(fixture.api.get("/livez").await.status(), StatusCode::OK);
    for client in &mut slow {
        let mut status = [0; 12];
        let read = timeout(DEADLINE, client.read_exact(&mut status)).await;
        read.expect("it is cut off in time").expect("it is told");
        assert_eq!(&status, b"HTTP/1.1 408");
    }
    let taken = post_right(&fixture.api, PATHS[0], "7").await;
    assert_eq!(taken.status(), StatusCode::OK);
    fixture.stop().await;
}

#[tokio::test]
async fn without_room_it_says_how_far_it_came_and_when_to_come_again() {
    // Nobody runs its backlog: it has not looked through its journal.
    let (api, work) = Api::start_with_token(Arc::new(FakePublisher::new(1)));
    let refused = post_right(&api, PATHS[0], "1\n2").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let problem = json_of(refused).await;
    assert_eq!(
        (&problem["taken"], &problem["invalid"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(problem["title"], "Service Unavailable");

    work.backlog().give_way();
    let standby = post_right(&api, PATHS[0], "1\n2").await;
    assert_eq!(standby.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!standby.headers().contains_key("retry-after"));
    let detail = json_of(standby).await["detail"].to_string();
    assert!(detail.contains("this instance is a standby"), "{detail}");

    work.backlog().drained().await;
    let draining = post_right(&api, PATHS[0], "1\n2").await;
    assert_eq!(draining.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!draining.headers().contains_key("retry-after"));
    let detail = json_of(draining).await["detail"].to_string();
    assert!(detail.contains("draining"), "{detail}");
    assert_eq!(api.ledger.figures(), LedgerFigures::default());
    api.stop().await;
}

#[tokio::test]
async fn payloads_of_an_unknown_feed_are_refused_and_those_of_a_known_one_are_not() {
    let fixture = Fixture::start();
    let body = b"\0\0\0\x017".to_vec();
    let path = "/api/v1/redrive?source=steam";
    let refused = post_right(&fixture.api, path, body.clone()).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let problem = json_of(refused).await;
    let expected = "no feed here is called \"steam\", so nobody can judge its frames; \
                    known are opendota_stream, replay, redrive";
    assert_eq!(problem["detail"], expected);
    let path = "/api/v1/redrive?source=opendota_stream";
    let taken = post_right(&fixture.api, path, body).await;
    assert_eq!(taken.status(), StatusCode::OK);
    fixture.backlog.drained().await;
    assert_eq!(fixture.publisher.arrived().len(), 1, "nothing of the first");
    fixture.stop().await;
}
