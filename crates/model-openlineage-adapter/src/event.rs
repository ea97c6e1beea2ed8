//! An event, as `OpenLineage` 2-0-2 has it.

use bytes::Bytes;
use domain::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use model_application::ports::{Failure, RunId, RunState};
use serde::Serialize;

const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const ERROR_SCHEMA: &str = "https://openlineage.io/spec/facets/1-0-0/ErrorMessageRunFacet.json";
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// What there is to say of every run.
#[derive(Debug, Clone)]
pub struct Description {
    /// Whose job it is.
    pub namespace: String,
    /// Version of the program.
    pub version: String,
    /// What runs read.
    pub inputs: Vec<Dataset>,
    /// Where the documents of patches are.
    pub output_namespace: String,
}

/// What is read or written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dataset {
    /// Where it is.
    pub namespace: String,
    /// What it is called there.
    pub name: String,
}

/// What has become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventType {
    Start,
    Complete,
    Abort,
    Fail,
}

impl EventType {
    /// That of a run that has ended. What is held has found something and published
    /// nothing; when somebody publishes it, it is complete after all.
    pub(crate) const fn of(state: RunState) -> Option<Self> {
        match state {
            RunState::Queued | RunState::Running => None,
            RunState::Published | RunState::Unchanged => Some(Self::Complete),
            RunState::Failed => Some(Self::Fail),
            RunState::Held | RunState::Interrupted | RunState::Cancelled => Some(Self::Abort),
        }
    }
}

/// An event before it is written.
pub(crate) struct Happened<'a> {
    pub(crate) what: EventType,
    pub(crate) at: Timestamp,
    pub(crate) run: RunId,
    /// What readers see of it.
    pub(crate) patches: &'a [String],
    pub(crate) failure: Option<&'a Failure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunEvent<'a> {
    event_type: EventType,
    event_time: String,
    run: Run,
    job: Job<'a>,
    inputs: &'a [Dataset],
    outputs: Vec<Dataset>,
    producer: String,
    #[serde(rename = "schemaURL")]
    schema_url: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    run_id: String,
    facets: Facets,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facets {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<ErrorMessage>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorMessage {
    #[serde(rename = "_producer")]
    producer: String,
    #[serde(rename = "_schemaURL")]
    schema_url: &'static str,
    message: String,
    programming_language: &'static str,
}

#[derive(Serialize)]
struct Job<'a> {
    namespace: &'a str,
    name: &'static str,
}

/// What every patch has, as far as keys tell it.
const DOCUMENTS: [&str; 3] = ["counters", "synergy", "draft_model"];

impl Description {
    /// The event, as it is sent.
    pub(crate) fn event(&self, happened: &Happened<'_>) -> Bytes {
        let producer = format!("urn:model-service:{}", self.version);
        let outputs = happened.patches.iter().flat_map(|patch| {
            DOCUMENTS.map(|document| Dataset {
                namespace: self.output_namespace.clone(),
                name: format!("{document}:patch_{patch}"),
            })
        });
        let error_message = happened.failure.map(|failure| ErrorMessage {
            producer: producer.clone(),
            schema_url: ERROR_SCHEMA,
            message: format!("{}: {}", failure.step, failure.cause),
            programming_language: "Rust",
        });
        let at = jiff::Timestamp::from_millisecond(happened.at.as_unix_ms());
        let event = RunEvent {
            event_type: happened.what,
            event_time: PRINTER.timestamp_to_string(&at.unwrap_or_default()),
            run: Run {
                run_id: happened.run.to_string(),
                facets: Facets { error_message },
            },
            job: Job {
                namespace: &self.namespace,
                name: "models",
            },
            inputs: &self.inputs,
            outputs: outputs.collect(),
            producer,
            schema_url: SCHEMA,
        };
        let json = serde_json::to_vec(&event).expect("texts and lists are always JSON");
        Bytes::from(json)
    }
}
