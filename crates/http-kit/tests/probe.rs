//! A made-up service, `probe`, whose HTTP interface is the kit's and one path of its own.

use std::{error::Error, fmt, path::Path, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, get, post, put, web};
use health_kit::{Condition, Health, HealthCheck, HealthReporter, HealthStatus, Readiness};
use http_kit::{
    ApiSection, ApiSettings, EventStreams, Interface, Metrics, Parameters, PathWriter,
    ServiceParts, WritePath, Writer, authorize, expected_tags, listen, nothing_here,
    path_parameter, serve, status_page, tagged,
};
use reqwest::{Client, Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use service_kit::config::{Section as _, SettingsReader, Sources, WrongSettings};
use test_kit::clock::StoppedClock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

static API: ApiSection = ApiSection::new("8099", "Opens `/api/v1/dive`");

/// The settings of `[api]`, as the environment has them.
fn settings(environment: &[(&str, &str)]) -> ApiSettings {
    read_settings(environment).expect("they are right")
}

fn read_settings(environment: &[(&str, &str)]) -> Result<ApiSettings, WrongSettings> {
    let variables = environment
        .iter()
        .map(|(name, text)| (name.into(), text.into()));
    let sources = Sources {
        arguments: &[],
        environment: variables.collect(),
        config_file: None,
        config_file_variable: "PROBE_CONFIG",
        working_dir: Path::new("."),
    };
    let mut reader = SettingsReader::new(API.declarations(), &sources);
    let settings = API.read(&mut reader);
    reader.finish()?;
    Ok(settings)
}

struct Depth;

impl Metrics for Depth {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.counter("probe_dives", "How often it went down", 3)?;
        writer.gauge("probe_depth_metres", "How deep it is", &12.5)
    }
}

struct Rope(Condition);

impl HealthReporter for Rope {
    fn checks(&self) -> Vec<HealthCheck> {
        vec![self.0.check()]
    }
}

/// How deep it is.
#[utoipa::path(tag = "diving", responses((status = 200, description = "Metres.", body = f64)))]
#[get("/api/v1/depth")]
async fn depth() -> web::Json<f64> {
    web::Json(12.5)
}

/// How deep it was on one dive.
#[utoipa::path(
    tag = "diving",
    params(("dive" = u32, Path), ("unit" = Option<String>, Query), ("at" = u32, Query)),
    responses((status = 200, description = "In words.", body = String))
)]
#[get("/api/v1/dives/{dive}")]
async fn past_depth(request: HttpRequest) -> HttpResponse {
    let read = read_depth(&request).map(|words| HttpResponse::Ok().json(words));
    read.unwrap_or_else(|refused| *refused)
}

fn read_depth(request: &HttpRequest) -> Result<String, Box<HttpResponse>> {
    let number = |text: &str| text.parse::<u32>().ok();
    let number_of_dive = path_parameter(request, "dive", "a number", number)?;
    let query = Parameters::of(request, &["unit", "at"])?;
    let unit = query.optional("unit", "feet", |unit| (unit == "feet").then_some("feet"))?;
    let at = query.required("at", "a second", number)?;
    Ok(format!(
        "{number_of_dive} {} {at}",
        unit.unwrap_or("metres")
    ))
}

/// How deep it will be, which nobody ever knows.
#[utoipa::path(tag = "diving", responses((status = 200, description = "Metres.", body = f64)))]
#[get("/api/v1/future-depth")]
async fn future_depth() -> web::Json<f64> {
    std::future::pending().await
}

/// How deep it is, again and again.
#[utoipa::path(tag = "diving", responses((status = 200, description = "Events.", body = String)))]
#[get("/api/v1/depth/events")]
async fn depths(request: HttpRequest, streams: web::Data<EventStreams>) -> HttpResponse {
    streams.answer(&request, "depth", "/api/v1/depth", || 12.5)
}

/// Takes a wish of anybody.
#[utoipa::path(tag = "diving", responses((status = 200, description = "It does.", body = String)))]
#[put("/api/v1/wish")]
async fn wish(request: HttpRequest, body: String) -> HttpResponse {
    match expected_tags(&request) {
        Ok(tags) => tagged(HttpResponse::Ok().json(body), tags.join("-")),
        Err(refused) => *refused,
    }
}

/// Goes down.
#[utoipa::path(tag = "diving", responses((status = 200, description = "It does.")))]
#[post("/api/v1/dive")]
async fn dive(request: HttpRequest, token: web::Data<Option<SecretString>>) -> HttpResponse {
    let Some(token) = token.get_ref() else {
        return nothing_here(request.path());
    };
    match authorize(&request, token) {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(refused) => *refused,
    }
}

struct Probe {
    url: String,
    client: Client,
    rope: Arc<Rope>,
    drain: CancellationToken,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl Probe {
    fn start(settings: &ApiSettings) -> Result<Self, Box<dyn Error>> {
        let condition = Condition::new(
            "rope",
            HealthStatus::Healthy,
            "it holds",
            Arc::new(StoppedClock::at_unix_ms(1_762_626_600_000)),
        );
        let rope = Arc::new(Rope(condition));
        let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
        let streams = EventStreams::new(stop.clone());
        let token = settings.token.clone();
        let interface = Interface {
            title: "Deep probe",
            description: "How deep it is.",
            service: ServiceParts::new(
                "probe".to_owned(),
                ("1.2.3", "0123abc"),
                settings,
                Health::new(vec![rope.clone()]),
                Readiness::new(drain.clone(), Vec::new()),
            ),
            metrics: Arc::new(Depth),
            has_token: token.is_some(),
            tags: &[("diving", "Up and down.")],
            write_paths: &[
                WritePath {
                    path: "/api/v1/dive",
                    body_bytes_max: 10,
                    writer: PathWriter::Operator,
                },
                WritePath {
                    path: "/api/v1/wish",
                    body_bytes_max: 10,
                    writer: PathWriter::User,
                },
            ],
            routes: Arc::new(move |config| {
                config.app_data(web::Data::new(token.clone()));
                config
                    .service(depth)
                    .service(dive)
                    .service(past_depth)
                    .service(wish)
                    .service(status_page);
                config.app_data(web::Data::new(streams.clone()));
                config.service(future_depth).service(depths);
            }),
        };
        let listener = listen(&settings.host, settings.port)?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(serve(listener, interface, stop.clone()));
        let client = Client::builder().no_proxy().build()?;
        Ok(Self {
            url,
            client,
            rope,
            drain,
            stop,
            server,
        })
    }

    /// Status, media type and text of a path.
    async fn get(&self, path: &str) -> Result<(StatusCode, String, String), Box<dyn Error>> {
        let answer = self
            .client
            .get(format!("{}{path}", self.url))
            .send()
            .await?;
        let media_type = answer.headers()["content-type"].to_str()?;
        let media_type = media_type.split(';').next().unwrap_or_default().to_owned();
        let (status, text) = (answer.status(), answer.text().await?);
        for word in ["ingestion", "match", "Kafka", "feed"] {
            assert!(!text.contains(word), "{path} is of another service: {text}");
        }
        Ok((status, media_type, text))
    }

    async fn json(&self, path: &str) -> Result<(StatusCode, Value), Box<dyn Error>> {
        let (status, _, text) = self.get(path).await?;
        Ok((status, serde_json::from_str(&text)?))
    }

    async fn stop(self) -> Result<(), Box<dyn Error>> {
        self.stop.cancel();
        Ok(self.server.await??)
    }
}

const LOCAL: [(&str, &str); 2] = [("API_HOST", "127.0.0.1"), ("API_PORT", "0")];

fn with_token(token: Option<&str>) -> Vec<(&str, &str)> {
    let token = token.map(|token| ("API_TOKEN", token));
    LOCAL.into_iter().chain(token).collect()
}

#[test]
fn the_section_has_the_service_s_own_defaults() {
    let settings = settings(&[]);
    assert_eq!((settings.host.as_str(), settings.port), ("0.0.0.0", 8099));
    assert!(settings.token.is_none() && settings.cors_allowed_origins.is_empty());
}

#[test]
fn a_service_link_is_known_for_one_in_either_setting() {
    for variable in ["API_HOST", "API_PORT"] {
        let refused = read_settings(&[(variable, "tcp://10.0.0.1:8000")]);
        let refused = refused.expect_err("it is no value").to_string();
        let expected = format!("{variable} is \"tcp://10.0.0.1:8000\" (environment)");
        assert!(refused.contains(&expected), "{refused}");
        assert!(refused.contains("enableServiceLinks: false"), "{refused}");
    }
}

#[tokio::test]
async fn another_service_has_health_metrics_and_documents() -> Result<(), Box<dyn Error>> {
    let probe = Probe::start(&settings(&LOCAL))?;
    assert_eq!(probe.json("/livez").await?.1, json!({ "status": "alive" }));
    assert_eq!(probe.json("/readyz").await?.1, json!({ "status": "ready" }));
    let check = json!({ "name": "rope", "status": "healthy", "reason": "it holds",
        "since": "2025-11-08T18:30:00.000Z" });
    let healthy = json!({ "status": "healthy", "service": "probe", "checks": [check] });
    assert_eq!(
        probe.json("/api/v1/health").await?,
        (StatusCode::OK, healthy)
    );
    probe.rope.0.set(HealthStatus::Unhealthy, "it is torn");
    let (status, health) = probe.json("/api/v1/health").await?;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health["checks"][0]["reason"], "it is torn");
    probe.drain.cancel();
    let (status, _, _) = probe.get("/readyz").await?;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);

    let (_, media_type, metrics) = probe.get("/metrics").await?;
    assert_eq!(media_type, "text/plain");
    assert!(metrics.contains("\nprobe_dives_total 3\n"), "{metrics}");
    assert!(metrics.contains("\nprobe_depth_metres 12.5\n"), "{metrics}");
    assert!(
        metrics.contains("\nlog_lines_dropped_total 0\n"),
        "{metrics}"
    );

    let (_, document) = probe.json("/openapi.json").await?;
    assert_eq!(document["info"]["title"], "Deep probe");
    assert_eq!(document["info"]["version"], "1.2.3");
    let paths = document["paths"].as_object().ok_or("paths are an object")?;
    assert!(paths.contains_key("/api/v1/depth") && paths.contains_key("/livez"));
    for (path, title) in [("/docs", "try the interface"), ("/redoc", "reference")] {
        let (_, media_type, page) = probe.get(path).await?;
        assert_eq!(media_type, "text/html");
        assert!(
            page.contains(&format!("<title>Deep probe: {title}</title>")),
            "{page}"
        );
    }
    assert_eq!(probe.json("/api/v1/depth").await?.1, json!(12.5));
    probe.stop().await
}

#[tokio::test]
async fn a_write_path_is_there_for_the_token() -> Result<(), Box<dyn Error>> {
    for (token, given, expected) in [
        (None, "Bearer a", StatusCode::NOT_FOUND),
        (Some("a"), "Bearer b", StatusCode::UNAUTHORIZED),
        (Some("a"), "Bearer a", StatusCode::OK),
    ] {
        let probe = Probe::start(&settings(&with_token(token)))?;
        let request = probe.client.post(format!("{}/api/v1/dive", probe.url));
        let answer = request.header("authorization", given).send().await?;
        assert_eq!(answer.status(), expected, "{token:?} {given}");
        probe.stop().await?;
    }
    for (token, expected) in [
        (None, StatusCode::NOT_FOUND),
        (Some("a"), StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let probe = Probe::start(&settings(&with_token(token)))?;
        assert_eq!(probe.json("/api/v1/dive").await?.0, expected, "{token:?}");
        probe.stop().await?;
    }
    let probe = Probe::start(&settings(&with_token(Some("a"))))?;
    let request = probe.client.post(format!("{}/api/v1/dive", probe.url));
    let answer = request
        .bearer_auth("a")
        .body("more than ten bytes")
        .send()
        .await?;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    probe.stop().await
}

#[tokio::test]
async fn a_user_writes_without_the_operators_token() -> Result<(), Box<dyn Error>> {
    let environment = [("API_CORS_ALLOWED_ORIGINS", "https://a.example")];
    let probe = Probe::start(&settings(&[&LOCAL[..], &environment].concat()))?;
    let url = format!("{}/api/v1/wish", probe.url);
    let put = |body| {
        probe
            .client
            .put(&url)
            .header("if-match", "\"7\"")
            .body(body)
    };
    let answer = put("deeper")
        .header("origin", "https://a.example")
        .send()
        .await?;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["etag"], "\"7\"");
    assert_eq!(answer.headers()["cache-control"], "private, no-cache");
    let exposed = answer.headers()["access-control-expose-headers"]
        .to_str()?
        .to_ascii_lowercase();
    assert!(exposed.contains("etag"), "{exposed}");
    assert_eq!(answer.json::<String>().await?, "deeper");
    let long = put("more than ten bytes").send().await?;
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let unnamed = probe.client.put(&url).body("deeper").send().await?;
    assert_eq!(unnamed.status(), StatusCode::PRECONDITION_REQUIRED);
    let other = probe.client.get(&url).send().await?;
    assert_eq!(other.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(other.headers()["allow"], "PUT");

    // A page of a listed origin is told beforehand that it may.
    let preflight = probe
        .client
        .request(Method::OPTIONS, &url)
        .header("origin", "https://a.example");
    let preflight = preflight.header("access-control-request-method", "PUT");
    let preflight = preflight.header("access-control-request-headers", "authorization,if-match");
    let preflight = preflight.send().await?;
    assert_eq!(preflight.status(), StatusCode::OK);
    let methods = preflight.headers()["access-control-allow-methods"].to_str()?;
    assert!(methods.contains("PUT"), "{methods}");
    assert!(
        !preflight
            .headers()
            .contains_key("access-control-allow-credentials")
    );

    let (_, description) = probe.json("/openapi.json").await?;
    let schemes = &description["components"]["securitySchemes"];
    assert!(
        schemes["token"].is_object() && schemes["access_token"].is_object(),
        "{schemes}"
    );
    probe.stop().await
}

#[tokio::test]
async fn a_parameter_that_cannot_be_meant_is_named_with_what_is_allowed()
-> Result<(), Box<dyn Error>> {
    let probe = Probe::start(&settings(&LOCAL))?;
    for (path, expected) in [
        ("7?at=1", "7 metres 1"),
        ("7?unit=feet&at=01", "7 feet 1"),
        ("7?at=%31", "7 metres 1"),
    ] {
        let (status, words) = probe.json(&format!("/api/v1/dives/{path}")).await?;
        assert_eq!((status, words), (StatusCode::OK, json!(expected)), "{path}");
    }
    let long = "x".repeat(100);
    for (path, expected) in [
        ("x?at=1", "dive is \"x\"; allowed: a number"),
        ("7", "at is missing; allowed: a second"),
        ("7?at=", "at is \"\"; allowed: a second"),
        ("7?at=1&at=1", "at is given twice"),
        (
            "7?at=1&Unit=feet",
            "there is no parameter \"Unit\" here; known are unit, at",
        ),
        ("7?unit=%0a&at=1", "unit is \"\\n\"; allowed: feet"),
        (
            &format!("7?at=1&unit={long}"),
            &format!("unit is \"{}\"; allowed: feet", &long[..64]),
        ),
    ] {
        let (status, problem) = probe.json(&format!("/api/v1/dives/{path}")).await?;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(problem["detail"], expected, "{path}");
    }
    let other = probe.client.post(format!("{}/api/v1/dives/7", probe.url));
    let other = other.send().await?;
    assert_eq!(other.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(other.headers()["allow"], "GET, HEAD");
    probe.stop().await
}

#[tokio::test]
async fn the_page_has_the_look_and_the_script_of_all() -> Result<(), Box<dyn Error>> {
    let probe = Probe::start(&settings(&LOCAL))?;
    let (_, _, page) = probe.get("/").await?;
    assert!(page.contains("<style>\n/* How") && page.contains("function live("));
    assert!(page.contains("<title>Deep probe</title>") && page.contains("How deep it is."));
    assert!(!page.contains("<!--") && !page.contains("{title}"));
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://"));
    probe.stop().await
}

#[tokio::test]
async fn what_is_not_answered_in_time_is_a_problem_with_all_headers() -> Result<(), Box<dyn Error>>
{
    let environment = [
        ("REQUEST_TIMEOUT", "500ms"),
        ("API_CORS_ALLOWED_ORIGINS", "https://a.example"),
    ];
    let probe = Probe::start(&settings(&[&LOCAL[..], &environment].concat()))?;
    let url = format!("{}/api/v1/future-depth", probe.url);
    let ask = || probe.client.get(&url).header("origin", "https://a.example");
    // A stream goes on meanwhile: an event at once, and one a second later.
    let events = format!("{}/api/v1/depth/events", probe.url);
    let mut events = probe.client.get(events).send().await?;
    assert!(events.chunk().await?.is_some());

    let answer = ask().send().await?;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    for (name, expected) in [
        ("content-type", "application/problem+json"),
        ("retry-after", "5"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("access-control-allow-origin", "https://a.example"),
    ] {
        let found = answer.headers().get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(found, [expected], "{name}");
    }
    let problem: Value = serde_json::from_str(&answer.text().await?)?;
    assert_eq!(problem["instance"], "/api/v1/future-depth");
    assert_eq!(problem["status"], 503);
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("500ms, REQUEST_TIMEOUT"), "{detail}");
    let head = probe.client.head(&url).send().await?;
    assert_eq!(head.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(head.text().await?, "");

    assert!(events.chunk().await?.is_some(), "the stream goes on");
    probe.stop().await
}
