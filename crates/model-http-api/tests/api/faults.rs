//! Planted faults: each is named at once, with what to do about it, by health, and by
//! the page, which shows the same words.

use domain::{Day, Timestamp};
use model_application::{
    ports::{RunState, Trigger},
    runs::{RunRequest, Standing},
};

use crate::support::Api;

/// Something that is wrong, which check names it, and in which words.
pub(crate) struct Fault {
    plant: fn(&Api),
    /// The run that ends so, if it is one.
    run: Option<(RunState, &'static str)>,
    pub(crate) check: &'static str,
    pub(crate) words: &'static [&'static str],
}

const NOTHING: fn(&Api) = |_| {};

/// All that runs can know of.
pub(crate) const FAULTS: [Fault; 6] = [
    Fault {
        plant: |api| {
            let reason = "no answer from http://clickhouse:8123: is it running?";
            api.desk.status.warehouse_away(reason);
        },
        run: None,
        check: "clickhouse",
        words: &["http://clickhouse:8123", "is it running?", "stays as it is"],
    },
    Fault {
        plant: |api| {
            let reason = "there is no table pair_days; etl-service migrate makes it";
            api.desk.status.warehouse_away(reason);
        },
        run: None,
        check: "clickhouse",
        words: &["pair_days", "etl-service migrate"],
    },
    Fault {
        plant: |api| {
            let ended = Timestamp::from_unix_seconds(1_719_532_800);
            let day = Day::of(Timestamp::from_unix_seconds(1_719_532_799));
            api.desk.has_counters_of(day, ended);
        },
        run: None,
        check: "data_age",
        words: &[
            "2024-06-27",
            "55 hours",
            "MODEL_DATA_MAX_AGE",
            "etl-service",
        ],
    },
    Fault {
        plant: NOTHING,
        run: Some((RunState::Held, "its log loss is 0.6921, not 0.6801")),
        check: "last_run",
        words: &["is held", "0.6921", "`runs publish"],
    },
    Fault {
        plant: NOTHING,
        run: Some((RunState::Failed, "2 matches are missing")),
        check: "last_run",
        words: &["failed", "at the step estimate", "2 matches are missing"],
    },
    Fault {
        plant: |api| {
            let reason = "no answer from redis:6379 within 1 s".to_owned();
            api.desk.status.stands(Standing::Away { reason });
        },
        run: None,
        check: "leader",
        words: &["who the leader is", "nothing is published", "redis:6379"],
    },
];

impl Fault {
    /// A server at which this is wrong, and nothing else.
    pub(crate) async fn planted(&self) -> Api {
        let api = Api::start();
        (self.plant)(&api);
        if let Some((state, cause)) = self.run {
            let wanted = RunRequest::of_all(Trigger::Schedule);
            let begun = api.desk.runs.request(wanted).await;
            begun.expect("nothing is in its way");
            let order = api.desk.order().await;
            let run = api.desk.begin(&order.run).await;
            api.desk.end(&run, state, Some(cause)).await;
        }
        api
    }
}

#[tokio::test]
async fn each_planted_fault_is_named_by_health_and_nothing_else_is() {
    for fault in &FAULTS {
        let api = fault.planted().await;
        assert_eq!(api.get("/api/v1/health").await.status(), 503);
        let health = api.json("/api/v1/health").await;
        let checks = health["checks"].as_array().expect("a list").iter();
        let bad: Vec<_> = checks
            .filter(|check| check["status"] != "healthy")
            .collect();
        assert_eq!(bad.len(), 1, "{bad:?}");
        assert_eq!(bad[0]["name"], fault.check);
        let reason = bad[0]["reason"].as_str().expect("a reason");
        for words in fault.words {
            assert!(reason.contains(words), "{words}: {reason}");
        }
        api.stop().await;
    }
}

#[tokio::test]
async fn whoever_is_healthy_says_so() {
    let api = Api::start();
    assert_eq!(api.get("/api/v1/health").await.status(), 200);
    api.stop().await;
}
