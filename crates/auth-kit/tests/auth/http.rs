//! What a service answers that wants tokens.

use std::{fmt, net::SocketAddr, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, get, web};
use anyhow::{Result, ensure};
use auth_kit::{
    AccessRefusals, AdminScope, AnyScope, Authorized, DraftWrite, NeededScope, ProfileRead,
    TokenVerifier,
};
use auth_test_kit::{KeyKind, TestKey};
use health_kit::{Health, Readiness};
use http_kit::{ApiSection, Interface, Metrics, ServiceParts, Writer, listen, serve};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use service_kit::config::SettingsReader;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::world::World;

static API: ApiSection = ApiSection::new("8099", "Opens nothing");

fn show<S: NeededScope>(user: &Authorized<S>) -> HttpResponse {
    HttpResponse::Ok().json(user.user.to_string())
}

/// Who it is.
#[utoipa::path(responses((status = 200, description = "An id.", body = String), AccessRefusals))]
#[get("/api/v1/me")]
async fn me(user: Authorized<ProfileRead>) -> HttpResponse {
    show(&user)
}

#[utoipa::path(responses((status = 200, description = "An id.", body = String), AccessRefusals))]
#[get("/api/v1/seat")]
async fn seat(user: Authorized<DraftWrite>) -> HttpResponse {
    show(&user)
}

#[utoipa::path(responses((status = 200, description = "An id.", body = String), AccessRefusals))]
#[get("/api/v1/admin")]
async fn admin(user: Authorized<AdminScope>) -> HttpResponse {
    show(&user)
}

#[utoipa::path(responses((status = 200, description = "An id.", body = String), AccessRefusals))]
#[get("/api/v1/sessions")]
async fn sessions(user: Authorized<AnyScope>) -> HttpResponse {
    show(&user)
}

#[utoipa::path(responses((status = 200, description = "Perhaps an id.", body = String), AccessRefusals))]
#[get("/api/v1/anybody")]
async fn anybody(request: HttpRequest, verifier: web::Data<TokenVerifier>) -> HttpResponse {
    match verifier.identify(&request).await {
        Ok(somebody) => HttpResponse::Ok().json(somebody.map(|it| it.user.to_string())),
        Err(refused) => *refused,
    }
}

struct Figures(TokenVerifier);

impl Metrics for Figures {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        self.0.write_figures(writer)
    }
}

struct Service {
    address: SocketAddr,
    client: Client,
    _end: DropGuard,
}

impl Service {
    fn start(verifier: TokenVerifier) -> Result<Self> {
        let mut settings = API.read(&mut SettingsReader::default());
        "127.0.0.1".clone_into(&mut settings.host);
        let end = CancellationToken::new();
        let interface = Interface {
            title: "Doors",
            description: "Who may come in.",
            service: ServiceParts::new(
                "doors".to_owned(),
                ("1.2.3", "0123abc"),
                &settings,
                Health::new(vec![Arc::new(verifier.clone())]),
                Readiness::new(end.clone(), Vec::new()),
            ),
            metrics: Arc::new(Figures(verifier.clone())),
            has_token: false,
            tags: &[],
            write_paths: &[],
            routes: Arc::new(move |config| {
                config.app_data(web::Data::new(verifier.clone()));
                config.service(me).service(seat).service(admin);
                config.service(sessions).service(anybody);
            }),
        };
        let listener = listen(&settings.host, 0)?;
        let address = listener.local_addr()?;
        tokio::spawn(serve(listener, interface, end.clone()));
        Ok(Self {
            address,
            client: Client::builder().no_proxy().build()?,
            _end: end.drop_guard(),
        })
    }

    async fn get(&self, path: &str, authorization: &[&str]) -> Result<Response> {
        let mut request = self.client.get(format!("http://{}{path}", self.address));
        for value in authorization {
            request = request.header("Authorization", *value);
        }
        Ok(request.send().await?)
    }

    async fn answers(&self, path: &str, authorization: &str) -> Result<(u16, String, Value)> {
        let values = [authorization];
        let values = if authorization.is_empty() {
            &[]
        } else {
            &values[..]
        };
        read(self.get(path, values).await?).await
    }
}

/// Status, challenge and body.
async fn read(answer: Response) -> Result<(u16, String, Value)> {
    let status = answer.status().as_u16();
    let challenge = answer.headers().get("WWW-Authenticate");
    let challenge = challenge
        .map_or("", |it| it.to_str().unwrap_or("no text"))
        .to_owned();
    Ok((
        status,
        challenge,
        serde_json::from_str(&answer.text().await?)?,
    ))
}

#[tokio::test]
async fn a_handler_answers_whoever_may_come_in() -> Result<()> {
    let world = World::new().await?;
    let service = Service::start(world.with_own_keys()?)?;
    let user = json!(world.user.to_string());
    let token = world.token();
    for bearer in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER  {token}"),
    ] {
        let answer = service.answers("/api/v1/me", &bearer).await?;
        ensure!(answer == (200, String::new(), user.clone()), "{answer:?}");
    }
    let bearer = format!("Bearer {token}");
    ensure!(service.answers("/api/v1/sessions", &bearer).await?.2 == user);
    let nothing = format!("Bearer {}", world.issuer.token(world.user, ""));
    ensure!(service.answers("/api/v1/sessions", &nothing).await?.2 == user);
    let of_admin = format!("Bearer {}", world.issuer.token(world.user, "admin"));
    ensure!(service.answers("/api/v1/admin", &of_admin).await?.2 == user);
    ensure!(service.answers("/api/v1/anybody", &bearer).await?.2 == user);
    ensure!(service.answers("/api/v1/anybody", "").await?.2 == Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_scope_that_is_missing_is_named_and_another_one_does_not_do() -> Result<()> {
    let world = World::new().await?;
    let service = Service::start(world.with_own_keys()?)?;
    for (path, scope, scopes) in [
        ("/api/v1/seat", "draft:write", "profile:read draft:read"),
        (
            "/api/v1/admin",
            "admin",
            "profile:read profile:write draft:read draft:write administrator",
        ),
        (
            "/api/v1/me",
            "profile:read",
            "PROFILE:READ profile:reader admin",
        ),
        ("/api/v1/me", "profile:read", ""),
    ] {
        let bearer = format!("Bearer {}", world.issuer.token(world.user, scopes));
        let (status, challenge, body) = service.answers(path, &bearer).await?;
        ensure!(status == 403, "{path} {scopes}: {status}");
        let expected = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        ensure!(challenge == expected, "{challenge}");
        ensure!(
            body["type"] == "insufficient-scope" && body["status"] == 403,
            "{body}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn whoever_brings_no_token_is_asked_for_one() -> Result<()> {
    let world = World::new().await?;
    let service = Service::start(world.with_own_keys()?)?;
    for authorization in [
        "",
        "Basic bWU6cHc=",
        "Bearer",
        &format!("Token {}", world.token()),
    ] {
        let (status, challenge, body) = service.answers("/api/v1/me", authorization).await?;
        ensure!(
            (status, &*challenge) == (401, "Bearer"),
            "{authorization}: {status} {challenge}"
        );
        ensure!(body["title"] == "Unauthorized", "{body}");
    }
    // A token in the query is none.
    let path = format!("/api/v1/me?access_token={}", world.token());
    ensure!(service.answers(&path, "").await?.1 == "Bearer");
    Ok(())
}

#[tokio::test]
async fn whoever_is_refused_never_learns_why() -> Result<()> {
    let world = World::new().await?;
    let service = Service::start(world.with_own_keys()?)?;
    let spoilt = |name: &str, value: Value| {
        let mut claims = world.claims();
        claims[name] = value;
        world.issuer.sign(&claims)
    };
    let stranger = TestKey::new("stranger", KeyKind::Es256);
    let header = json!({ "typ": "at+jwt", "alg": "ES256", "kid": "stranger" });
    let token = world.token();
    let tokens = [
        "x".to_owned(),
        format!("{token}x"),
        format!("{token}.{token}"),
        spoilt("exp", json!(1)),
        spoilt("aud", json!("elsewhere")),
        spoilt("iss", json!("https://login.example")),
        stranger.sign(&header, &world.claims()),
        "x".repeat(5_000),
    ];
    let mut answers = Vec::new();
    for path in ["/api/v1/me", "/api/v1/anybody"] {
        for token in &tokens {
            let (status, challenge, mut body) =
                service.answers(path, &format!("Bearer {token}")).await?;
            ensure!(body["instance"].take() == path, "{body}");
            answers.push((status, challenge, body));
        }
        let twice = [format!("Bearer {token}"), format!("Bearer {token}")];
        let answer = service.get(path, &[&twice[0], &twice[1]]).await?;
        let (status, challenge, mut body) = read(answer).await?;
        body["instance"].take();
        answers.push((status, challenge, body));
    }
    let (status, challenge, body) = &answers[0];
    ensure!(
        (*status, &**challenge) == (401, "Bearer error=\"invalid_token\""),
        "{answers:?}"
    );
    ensure!(body["type"] == "invalid-token", "{body}");
    ensure!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    Ok(())
}

#[tokio::test]
async fn figures_count_tokens_and_keys() -> Result<()> {
    let world = World::new().await?;
    let service = Service::start(world.with_own_keys()?)?;
    let token = world.token();
    for token in [&*token, &*token, "x"] {
        service
            .answers("/api/v1/me", &format!("Bearer {token}"))
            .await?;
    }
    let figures = service.get("/metrics", &[]).await?.text().await?;
    for line in [
        "auth_access_tokens_total{result=\"taken\"} 2\n",
        "auth_access_tokens_total{result=\"refused\"} 1\n",
        "auth_key_fetches_total{result=\"failed\"} 0\n",
        "auth_keys 1\n",
    ] {
        ensure!(figures.contains(line), "{line} is not in {figures}");
    }
    Ok(())
}
