//! What it knows, and what it says.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::SteamId;
use health_kit::Clock;
use serde_json::json;
use thiserror::Error;
use tokio_util::sync::DropGuard;

use crate::{
    form::{Form, escaped},
    http::{self, Request, Response},
    mode::Mode,
    openid::{self, NAMESPACE, Terms},
};

/// Ten megabytes.
const HUGE_BYTES: usize = 10_000_000;
/// As many as Steam tells of at a time.
const PERSONS_MAX: usize = 100;

/// A simulated Steam that is being served. Dropping it ends it, its connections included.
pub struct SteamSimulator {
    state: Arc<State>,
    _stop: DropGuard,
}

/// It could not be started.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct StartError {
    pub(crate) address: SocketAddr,
    pub(crate) source: std::io::Error,
}

/// What somebody is called, and where the picture is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name that others see.
    pub name: String,
    /// Where the picture is.
    pub picture: String,
}

/// What it was asked so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Browsers that came to be sent back.
    pub logins: u64,
    /// Questions whether it had said something.
    pub checks: u64,
    /// Those of them that were answered with yes.
    pub confirmed: u64,
    /// Questions what people are called.
    pub summaries: u64,
    /// Everything else.
    pub others: u64,
}

pub(crate) struct State {
    origin: String,
    clock: Arc<dyn Clock>,
    key: [u8; 32],
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    mode: Mode,
    person: Option<SteamId>,
    people: BTreeMap<SteamId, Person>,
    counts: Counts,
}

impl SteamSimulator {
    /// Listens and serves; port 0 takes a free one. `key` is what only it knows.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(
        address: SocketAddr,
        key: [u8; 32],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError { address, source };
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let state = Arc::new(State {
            origin: format!("http://{bound}"),
            clock,
            key,
            told: Mutex::default(),
        });
        let stop = http::serve(listener, Arc::clone(&state));
        Ok(Self { state, _stop: stop })
    }

    /// Where it is, such as `http://127.0.0.1:40123`: also where `GetPlayerSummaries` is asked.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.state.origin
    }

    /// Where browsers are sent, and where it is asked what it has said.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/openid/login", self.state.origin)
    }

    /// How the ids of people begin.
    #[must_use]
    pub fn claimed_id_prefix(&self) -> String {
        format!("{}/openid/id/", self.state.origin)
    }

    /// Whom every browser is sent back as, from now on; with nobody, a page asks who it is.
    pub fn log_in(&self, person: Option<SteamId>) {
        self.state.told().person = person;
    }

    /// What it does from now on.
    pub fn set_mode(&self, mode: Mode) {
        self.state.told().mode = mode;
    }

    /// What somebody is called from now on.
    pub fn call(&self, id: SteamId, person: Person) {
        self.state.told().people.insert(id, person);
    }

    /// What it was asked so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.told().counts
    }
}

impl State {
    pub(crate) fn answer(&self, request: &Request) -> Response {
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        // Steam does not mind one behind a path.
        match (request.method.as_str(), path.trim_end_matches('/')) {
            ("GET", "/openid/login") => self.login(query),
            ("POST", "/openid/login") => self.check(&Form::read(&request.body)),
            // Where the mode `redirect` leads.
            ("GET" | "POST", "/openid/elsewhere") => Response::text(200, yes()),
            (
                "GET",
                "/ISteamUser/GetPlayerSummaries/v0002" | "/ISteamUser/GetPlayerSummaries/v2",
            ) => self.summaries(&Form::read(query)),
            ("GET", "/openid/login/as") => self.login_as(query),
            _ => {
                self.told().counts.others += 1;
                Response::text(404, "there is nothing here\n".to_owned())
            }
        }
    }

    /// A browser comes, and goes back at once or sees a page.
    fn login(&self, query: &str) -> Response {
        let form = Form::read(query);
        let is_question = form.get("openid.mode") == Some("checkid_setup")
            && form.get("openid.ns") == Some(NAMESPACE)
            && form.get("openid.realm").is_some();
        let Some(return_to) = form.get("openid.return_to").filter(|_| is_question) else {
            return Response::text(400, "no question of OpenID 2.0\n".to_owned());
        };
        let person = self.told().person;
        match person {
            Some(person) => self.send_back(return_to, person),
            None => Response::html(page(return_to)),
        }
    }

    fn login_as(&self, query: &str) -> Response {
        let form = Form::read(query);
        let person = form.get("steam_id").and_then(|id| id.trim().parse().ok());
        match (form.get("return_to"), person) {
            (Some(return_to), Some(person)) => self.send_back(return_to, person),
            (Some(return_to), None) => Response::html(page(return_to)),
            _ => Response::text(400, "return_to is missing\n".to_owned()),
        }
    }

    fn send_back(&self, return_to: &str, person: SteamId) -> Response {
        let mut told = self.told();
        told.counts.logins += 1;
        let terms = Terms {
            origin: &self.origin,
            person,
            mode: told.mode,
            now: self.clock.now(),
            number: told.counts.logins,
            key: &self.key,
        };
        Response::redirect(openid::way_back(return_to, &terms))
    }

    fn check(&self, asked: &Form) -> Response {
        let mut told = self.told();
        told.counts.checks += 1;
        let is_ours = openid::is_ours(asked, &self.key);
        let answer =
            |is_valid: bool| Response::text(200, format!("ns:{NAMESPACE}\nis_valid:{is_valid}\n"));
        let response = match told.mode {
            Mode::Honest | Mode::Cancel | Mode::HttpIds | Mode::StaleNonces => answer(is_ours),
            Mode::No => answer(false),
            Mode::Html => Response::html(format!("<html><body>\n{}</body></html>\n", yes())),
            Mode::Refuse(status) => Response::text(status, yes()),
            Mode::Slow(delay) => answer(is_ours).after(delay),
            Mode::Dribble(delay) => answer(is_ours).in_drops(delay),
            Mode::Huge => Response::text(200, yes() + "x:" + &"x".repeat(HUGE_BYTES) + "\n"),
            Mode::Redirect => Response::redirect(format!("{}/openid/elsewhere", self.origin)),
            Mode::TwoAnswers => Response::text(
                200,
                format!("ns:{NAMESPACE}\nis_valid:false\nis_valid:true\n"),
            ),
            Mode::WrongNamespace => Response::text(
                200,
                "ns:http://openid.net/signon/1.1\nis_valid:true\n".to_owned(),
            ),
            Mode::Close => Response::none(),
        };
        told.counts.confirmed += u64::from(response.is(200, &yes()));
        response
    }

    fn summaries(&self, asked: &Form) -> Response {
        let mut told = self.told();
        told.counts.summaries += 1;
        if asked.get("key").is_none_or(str::is_empty) {
            return Response::html("<html><body>Access is denied.</body></html>\n".to_owned())
                .with_status(403);
        }
        let ids = asked
            .get("steamids")
            .unwrap_or_default()
            .split(',')
            .take(PERSONS_MAX);
        let known = ids.filter_map(|id| {
            let person = told.people.get(&id.parse().ok()?)?;
            let avatar = &person.picture;
            Some(json!({
                "steamid": id, "communityvisibilitystate": 3, "profilestate": 1, "personaname": person.name,
                "profileurl": format!("{}/profiles/{id}/", self.origin),
                "avatar": avatar, "avatarmedium": avatar, "avatarfull": avatar, "personastate": 0,
            }))
        });
        let players: Vec<_> = known.collect();
        Response::json(&json!({ "response": { "players": players } }))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // A panic while the lock is held would be a bug of ours; what it knows is still the best there is.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn yes() -> String {
    format!("ns:{NAMESPACE}\nis_valid:true\n")
}

fn page(return_to: &str) -> String {
    let return_to = escaped(return_to);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Simulated Steam</title></head>\
         <body><h1>Simulated Steam</h1><p>This is not Steam. Nobody's password is asked for.</p>\
         <form action=\"/openid/login/as\"><input type=\"hidden\" name=\"return_to\" value=\"{return_to}\">\
         <label>Steam id <input name=\"steam_id\" value=\"76561198046967340\" required></label> \
         <button>Sign in</button></form></body></html>\n"
    )
}
