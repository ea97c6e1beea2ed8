//! One call of an HTTP API, and its whole answer.

use std::{error::Error, fmt, path::Path, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Uri,
    header::{
        ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
    },
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio::time::timeout;

use crate::{StreamedAnswer, retry_after, tls};

/// Connections that wait for their next call.
const IDLE_MAX: usize = 16;
/// For so long; those of others close theirs after a minute or later.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const ANYTHING: &str = "*/*";

/// How long a client waits, and how much it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// For a connection: DNS and TCP.
    pub connect_time_max: Duration,
    /// For the whole call, from the connection to the last byte of the answer.
    pub call_time_max: Duration,
    /// The size of an answer's body. It is read in pieces, and not beyond that.
    pub body_bytes_max: usize,
}

/// A client of HTTP APIs, by HTTP/1.1, with TLS or without. It connects when it
/// is asked to call.
///
/// A redirect is an answer like any other. Proxies that the environment names
/// are not used, as nothing else here uses them.
#[derive(Clone)]
pub struct HttpClient {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    user_agent: HeaderValue,
    limits: ClientLimits,
}

/// What came of a call.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The body, whole.
    pub body: Bytes,
    headers: HeaderMap,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallFailed {
    /// What was to be called is no address, or the secret no part of a header.
    #[error("the call cannot be made: {0}")]
    Impossible(&'static str),
    /// The connection was not made, or broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// It took too long.
    #[error("no whole answer within {0:?}")]
    TimedOut(Duration),
    /// It took too long until an answer began.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// There is an answer, and more of it than is taken.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl HttpClient {
    /// A client that calls itself `user_agent` and trusts the public authorities
    /// and those in the file, if there is one.
    ///
    /// # Errors
    /// The name is none that a header can carry, or something is wrong with the file.
    pub fn try_new(
        user_agent: &str,
        limits: ClientLimits,
        ca_file: Option<&Path>,
    ) -> Result<Self, String> {
        let user_agent = HeaderValue::from_str(user_agent);
        let user_agent = user_agent.map_err(|_| "no name for a client".to_owned())?;
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(limits.connect_time_max));
        tcp.set_nodelay(true);
        // Of addresses that begin with https, TLS takes care.
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(ca_file)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Ok(Self {
            http,
            user_agent,
            limits,
        })
    }

    /// Gets what is at `url`, as JSON if the other side has it so; `bearer`
    /// proves who is calling. One request, whatever comes of it.
    ///
    /// # Errors
    /// [`CallFailed`], without address or secret.
    pub async fn get(
        &self,
        url: &str,
        bearer: Option<&SecretString>,
    ) -> Result<HttpAnswer, CallFailed> {
        let request = self.request(url, bearer, JSON)?;
        self.exchange(request).await
    }

    /// Posts a JSON text to `url`. One request, whatever comes of it: whoever cannot
    /// bear that it arrives twice must not try again after [`CallFailed::TimedOut`].
    ///
    /// # Errors
    /// [`CallFailed`], without address.
    pub async fn post_json(
        &self,
        url: &str,
        json: impl Into<Bytes>,
    ) -> Result<HttpAnswer, CallFailed> {
        let mut request = self.request(url, None, JSON)?;
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        *request.body_mut() = Full::new(json.into());
        self.exchange(request).await
    }

    /// Posts a form to `url`, as browsers write one, with these headers beside those that every call has, and returns as
    /// [`open`](Self::open) does: how long the body may take, and how much of it is read, is for the caller. One
    /// request, whatever comes of it.
    ///
    /// # Errors
    /// [`CallFailed`], without address, form or header.
    pub async fn post_form(
        &self,
        url: &str,
        form: impl Into<Bytes>,
        headers: &[(String, SecretString)],
    ) -> Result<StreamedAnswer, CallFailed> {
        let mut request = self.request(url, None, ANYTHING)?;
        *request.method_mut() = Method::POST;
        for (name, value) in headers {
            let name = HeaderName::try_from(name);
            let value = HeaderValue::try_from(value.expose_secret());
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(CallFailed::Impossible("a header that cannot be sent"));
            };
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        let form_type = HeaderValue::from_static(FORM);
        request.headers_mut().insert(CONTENT_TYPE, form_type);
        *request.body_mut() = Full::new(form.into());
        self.begin_in_time(request).await
    }

    /// Gets what is at `url`, of the media type `accept`, and returns as soon as
    /// the head of the answer is there: the time for a whole call is the time for
    /// that. How long the body may take, and how large it may be, is for the caller.
    ///
    /// # Errors
    /// [`CallFailed`], without address.
    pub async fn open(
        &self,
        url: &str,
        accept: &'static str,
    ) -> Result<StreamedAnswer, CallFailed> {
        let request = self.request(url, None, accept)?;
        self.begin_in_time(request).await
    }

    fn request(
        &self,
        url: &str,
        bearer: Option<&SecretString>,
        accept: &'static str,
    ) -> Result<Request<Full<Bytes>>, CallFailed> {
        let uri: Uri = url
            .parse()
            .map_err(|_| CallFailed::Impossible("this is no address"))?;
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(secret) = bearer {
            let value = HeaderValue::try_from(format!("Bearer {}", secret.expose_secret()));
            let mut value =
                value.map_err(|_| CallFailed::Impossible("no header can carry the secret"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// A request, and the whole answer to it.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<HttpAnswer, CallFailed> {
        let time_max = self.limits.call_time_max;
        let exchange = async {
            let answer = self.begin(request).await?;
            answer.whole(self.limits.body_bytes_max).await
        };
        timeout(time_max, exchange)
            .await
            .map_err(|_| CallFailed::TimedOut(time_max))?
    }

    /// A request, and the head of the answer to it.
    async fn begin_in_time(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<StreamedAnswer, CallFailed> {
        let time_max = self.limits.call_time_max;
        timeout(time_max, self.begin(request))
            .await
            .map_err(|_| CallFailed::NoAnswer(time_max))?
    }

    async fn begin(&self, request: Request<Full<Bytes>>) -> Result<StreamedAnswer, CallFailed> {
        let answer = self.http.request(request).await;
        let (head, body) = answer.map_err(|error| connection(&error))?.into_parts();
        let head = HttpAnswer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: Bytes::new(),
        };
        Ok(StreamedAnswer::of_connection(head, body))
    }
}

/// What happened, down to its first cause.
pub(crate) fn connection(error: &(dyn Error + 'static)) -> CallFailed {
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        detail.push_str(": ");
        detail.push_str(&cause.to_string());
        source = cause.source();
    }
    CallFailed::Connection(detail)
}

impl HttpAnswer {
    /// An answer as it might have come, for those who judge answers.
    ///
    /// # Panics
    /// A name or value is none that a header can have.
    #[must_use]
    pub fn new(status: u16, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Self {
        let header = |(name, value): &(&'static str, &str)| {
            let value = HeaderValue::from_str(value).expect("the value of a header");
            (HeaderName::from_static(name), value)
        };
        Self {
            status,
            headers: headers.iter().map(header).collect(),
            body: body.into(),
        }
    }

    /// A header, if it is there and a text; the first one if there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the other side wants to be left alone, counted from now, if it
    /// says so; the longest, should it say so more than once.
    #[must_use]
    pub fn retry_after(&self, now_unix_ms: i64) -> Option<Duration> {
        let values = self.headers.get_all(RETRY_AFTER).iter();
        retry_after(values.filter_map(|value| value.to_str().ok()), now_unix_ms)
    }

    /// Whether the body says of itself that it is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        let content_type = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("user_agent", &self.user_agent)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
