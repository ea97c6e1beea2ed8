//! What is asked, with which key, and that the key shows nowhere.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use steam_client::{CallCounts, CallError, ROWS_MAX, Steam, SteamSettings, Transport};
use test_kit::{
    clock::{RunningClock, StoppedClock},
    secrets::assert_no_secret,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::advance,
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_786_620_000);

type Answers = VecDeque<Result<HttpAnswer, CallFailed>>;

/// Answers from a list, and writes down what it was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<Answers>,
    asked: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Transport for Script {
    async fn get(&self, url: &str, key: &SecretString) -> Result<HttpAnswer, CallFailed> {
        let key = key.expose_secret().to_owned();
        let asked = (url.to_owned(), key);
        self.asked.lock().expect("no panic").push(asked);
        let mut answers = self.answers.lock().expect("no panic");
        answers.pop_front().expect("an answer for each call")
    }
}

fn settings(url: &str, keys: &[&str]) -> SteamSettings {
    SteamSettings {
        url: url.to_owned(),
        keys: keys.iter().map(|key| (*key).into()).collect(),
        call_time_max: SteamSettings::CALL_TIME_MAX,
    }
}

fn answer(status: u16, body: &'static str) -> HttpAnswer {
    let headers = [("content-type", "application/json; charset=UTF-8")];
    HttpAnswer::new(status, &headers, body)
}

fn steam(keys: &[&str], answers: impl Into<Answers>) -> (Steam, Arc<Script>) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers.into()),
        ..Script::default()
    });
    let clock = Arc::new(RunningClock::from(NOW));
    let steam = Steam::over(script.clone(), settings("http://upstream", keys), clock, 7);
    (steam, script)
}

const EMPTY: &str = r#"{"result":{"status":1,"matches":[]}}"#;
const NEWEST: &str = r#"{"result":{"status":1,"num_results":1,"matches":[
    {"match_id":8943267925,"match_seq_num":7400000007,"start_time":1786615605,"players":[]}]}}"#;

#[tokio::test(start_paused = true)]
async fn keys_take_turns_and_paths_are_the_upstreams() {
    let answers = [NEWEST, EMPTY, NEWEST].map(|body| Ok(answer(200, body)));
    let (steam, script) = steam(&["one", "two"], answers);
    assert_eq!(steam.newest_sequence_number().await, Ok(7_400_000_007));
    let empty = steam.matches_from(7_400_000_008, ROWS_MAX).await;
    let empty = empty.expect("a page");
    assert_eq!((empty.rows(), empty.last_sequence_number()), (0, None));
    assert_eq!(empty.fetched_at, NOW);
    let page = steam.matches_from(7, 50).await.expect("a page");
    assert_eq!(
        (page.rows(), page.last_sequence_number()),
        (1, Some(7_400_000_007))
    );
    let service = "http://upstream/IDOTA2Match_570";
    let expected = [
        (format!("{service}/GetMatchHistory/V001/"), "one"),
        (
            format!(
                "{service}/GetMatchHistoryBySequenceNum/V001/?start_at_match_seq_num=7400000008&matches_requested=100"
            ),
            "two",
        ),
        (
            format!(
                "{service}/GetMatchHistoryBySequenceNum/V001/?start_at_match_seq_num=7&matches_requested=50"
            ),
            "one",
        ),
    ];
    let expected = expected.map(|(url, key)| (url, key.to_owned()));
    assert_eq!(*script.asked.lock().expect("no panic"), expected);
    assert_eq!(steam.calls().answered, 3);
}

#[tokio::test(start_paused = true)]
async fn each_failure_is_told_with_its_wait_and_counted() {
    let in_vain = r#"{"result":{"status":15,"statusDetail":"Match ID not found"}}"#;
    let answers = [
        Ok(answer(429, "")),
        Ok(answer(503, "")),
        Ok(answer(200, in_vain)),
        Err(CallFailed::TooLarge(8)),
        Ok(answer(200, r#"{"result":{"status":1,"matches":[{}]}}"#)),
        Ok(answer(403, "")),
    ];
    let (steam, script) = steam(&["only"], answers);
    let ask = async |newest| {
        advance(steam.wait()).await;
        let asked = if newest {
            steam.newest_sequence_number().await.map(|_| ())
        } else {
            steam.matches_from(1, ROWS_MAX).await.map(|_| ())
        };
        asked.expect_err("a failure")
    };
    let seconds = |range: std::ops::RangeInclusive<u64>, retry_in: Duration| {
        assert!(range.contains(&retry_in.as_secs()), "{retry_in:?}");
    };
    let CallError::Limited { retry_in } = ask(false).await else {
        panic!("limited");
    };
    seconds(5..=10, retry_in);
    assert_eq!(
        steam.matches_from(1, ROWS_MAX).await,
        Err(CallError::NoRoom { retry_in })
    );
    let CallError::Unavailable { detail, retry_in } = ask(false).await else {
        panic!("unavailable");
    };
    assert_eq!(detail, "answered 503");
    seconds(5..=5, retry_in);
    let CallError::InVain { detail } = ask(false).await else {
        panic!("in vain");
    };
    assert_eq!(
        detail,
        "the answer has the status 15: \"Match ID not found\""
    );
    assert_eq!(ask(false).await, CallError::TooLarge { bytes_max: 8 });
    let CallError::Unavailable { detail, .. } = ask(true).await else {
        panic!("unavailable");
    };
    assert_eq!(detail, "no match of it has a match_seq_num");
    let CallError::Refused { detail, retry_in } = ask(false).await else {
        panic!("refused");
    };
    assert_eq!(detail, "answered 403");
    seconds(3_600..=3_600, retry_in);
    let expected = CallCounts {
        answered: 0,
        limited: 1,
        refused: 1,
        failed: 2,
        in_vain: 2,
    };
    assert_eq!(steam.calls(), expected);
    assert_eq!(script.asked.lock().expect("no panic").len(), 6);
    assert_eq!(steam.keys()[0].refused.as_deref(), Some("answered 403"));
}

#[tokio::test]
async fn a_key_reaches_the_upstream_and_shows_nowhere_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut head = vec![0; 4_096];
        let length = stream.read(&mut head).await.expect("a request");
        let body = "<html>the key was zQz/key&1</html>";
        let head_of_answer = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n";
        let answer = format!(
            "{head_of_answer}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.expect("sent");
        String::from_utf8(head[..length].to_vec()).expect("a text")
    });
    let clock = Arc::new(StoppedClock(NOW));
    let settings = settings(&url, &["zQz/key&1"]);
    assert_no_secret("Debug of settings", &format!("{settings:?}"));
    let steam = Steam::try_new("test/1", settings, clock, 7).expect("a client");
    let error = steam.matches_from(5, ROWS_MAX).await.expect_err("refused");
    assert_no_secret("Debug of the error", &format!("{error:?} {error}"));
    assert_no_secret("status of keys", &format!("{:?}", steam.keys()));
    let request = server.await.expect("it answered");
    let expected = "GET /IDOTA2Match_570/GetMatchHistoryBySequenceNum/V001/\
                    ?start_at_match_seq_num=5&matches_requested=100&key=zQz%2Fkey%261 HTTP/1.1";
    assert_eq!(request.lines().next(), Some(expected));
    // Nobody is there any more.
    tokio::time::pause();
    advance(steam.wait()).await;
    let error = steam.matches_from(5, ROWS_MAX).await.expect_err("gone");
    assert!(matches!(error, CallError::Unavailable { .. }), "{error:?}");
    assert_no_secret("error of a connection", &format!("{error:?} {error}"));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_called_as_the_upstream_says() {
    let persons = r#"{"response":{"players":[7,{"steamid":"76561197960287930","personaname":"Rabscuttle"},
        {"steamid":"76561198046967340","personaname":"Puppey \u003c","avatarfull":"https://a.example/a.jpg","loccountrycode":"EE"},
        {"steamid":76561198046967340}]}}"#;
    let nobody = r#"{"response":{"players":[]}}"#;
    let (steam, script) = steam(
        &["one"],
        [persons, nobody, "{}", "[]"].map(|body| Ok(answer(200, body))),
    );
    let puppey: domain::SteamId = "76561198046967340".parse().expect("an id");
    let person = steam
        .person(puppey)
        .await
        .expect("an answer")
        .expect("somebody");
    assert_eq!(person.name.as_deref(), Some("Puppey <"));
    assert_eq!(person.picture.as_deref(), Some("https://a.example/a.jpg"));
    assert_eq!(steam.person(puppey).await, Ok(None));
    for _ in 0..2 {
        let failed = steam.person(puppey).await.expect_err("that is no answer");
        assert!(
            failed.to_string().contains("none about persons"),
            "{failed}"
        );
        advance(Duration::from_mins(2)).await;
    }
    let asked = script.asked.lock().expect("no panic");
    let url = "http://upstream/ISteamUser/GetPlayerSummaries/v0002/?steamids=76561198046967340";
    assert!(
        asked
            .iter()
            .all(|call| *call == (url.to_owned(), "one".to_owned())),
        "{asked:?}"
    );
}
