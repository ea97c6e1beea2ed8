//! The settings of the whole service: every section's declarations, read into the structs of the crates they
//! configure.

mod access;
mod clients;
#[cfg(test)]
mod tests;

use std::time::Duration;

use auth_application::AuthSettings;
use auth_http_api::{RateSection, RateSettings};
use auth_kit::{IssuerSection, IssuerSettings};
use auth_steam_adapter::{SignInSection, SignInSettings};
use auth_token_adapter::{SigningSection, SigningSettings};
use http_kit::{ApiSection, ApiSettings};
use identity::{TokenTerms, Verifier};
use redis_kit::{OptionalRedisSection, RedisSettings};
use service_kit::{
    config::{Declaration, Section, ServiceSettings, SettingsReader, Sources},
    lifecycle::ShutdownSection,
    service::ServiceSection,
    telemetry::{LogSection, LogSettings},
};
use sql_kit::{DatabaseSection, DatabaseSettings};

use self::access::AccessSection;
pub use self::access::AccessSettings;

static DATABASE: DatabaseSection = DatabaseSection::DEFAULT
    .with_timeout("1s")
    .with_url_needed();
static ISSUER: IssuerSection = IssuerSection::DEFAULT.with_issuer_needed();
static SIGNING: SigningSection = SigningSection::DEFAULT;
static ACCESS: AccessSection = AccessSection::DEFAULT;
static SIGN_IN: SignInSection = SignInSection::DEFAULT;
static RATE: RateSection = RateSection::DEFAULT;
static REDIS: OptionalRedisSection = OptionalRedisSection::new(
    "(none: access tokens are good until they expire)",
    "Where ended sessions are told of to services that read them there: the address of a Redis \
     server, or of sentinels",
);
static API: ApiSection = ApiSection::new(
    "8082",
    "Opens nothing here: administrators come with access tokens, too",
)
// Steam is waited for six seconds.
.with_request_timeout("8s");
static LOG: LogSection = LogSection::DEFAULT;
static SERVICE: ServiceSection = ServiceSection::named("auth-service");
static SHUTDOWN: ShutdownSection = ShutdownSection::DEFAULT;

/// Everything the service can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything is kept.
    pub database: DatabaseSettings,
    /// What tokens have in common.
    pub issuer: IssuerSettings,
    /// How tokens are signed; `None` if that is refused, as the reader says at its end.
    pub signing: Option<SigningSettings>,
    /// Who may sign in, to what, and for how long.
    pub access: AccessSettings,
    /// Who knows who people are.
    pub sign_in: SignInSettings,
    /// How often somebody may ask.
    pub rates: RateSettings,
    /// Where verifiers are told of ended sessions; `None` if nobody is.
    pub redis: Option<RedisSettings>,
    /// The HTTP interface.
    pub api: ApiSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What the service calls itself.
    pub service_name: String,
    /// From the first signal to the end of the process.
    pub shutdown_timeout: Duration,
}

impl Settings {
    /// What the application is told; `None` without an issuer, which the reader refuses.
    #[must_use]
    pub fn application(&self) -> Option<AuthSettings> {
        Some(AuthSettings {
            terms: TokenTerms {
                issuer: self.issuer.issuer.clone()?,
                audience: self.issuer.audience.clone(),
                life: self.access.token_life,
            },
            provider: self.sign_in.provider.clone(),
            clients: self.access.clients.clone(),
            code_life: self.access.code_life,
            session_life: self.access.session_life,
            admins: self.access.admins.clone(),
        })
    }

    /// Which tokens are taken here; likewise.
    #[must_use]
    pub fn rules(&self) -> Option<Verifier> {
        Some(Verifier {
            issuer: self.issuer.issuer.clone()?,
            audience: self.issuer.audience.clone(),
            skew: self.issuer.skew,
        })
    }
}

impl ServiceSettings for Settings {
    const CONFIG_FILE_VARIABLE: &'static str = "AUTH_CONFIG";

    fn declarations() -> Vec<&'static dyn Declaration> {
        [
            &DATABASE.declarations(),
            &ISSUER.declarations(),
            &SIGNING.declarations(),
            &ACCESS.declarations(),
            &SIGN_IN.declarations(),
            &RATE.declarations(),
            &REDIS.declarations(),
            &API.declarations(),
            &LOG.declarations(),
            &SERVICE.declarations(),
            &SHUTDOWN.declarations(),
        ]
        .map(Vec::as_slice)
        .concat()
    }

    fn read(reader: &mut SettingsReader, _: &Sources<'_>) -> Self {
        let service_name = SERVICE.read(reader);
        Self {
            database: DATABASE.read(reader),
            issuer: ISSUER.read(reader),
            signing: SIGNING.read(reader),
            access: ACCESS.read(reader),
            sign_in: SIGN_IN.read(reader),
            rates: RATE.read(reader),
            redis: REDIS.read(reader),
            api: API.read(reader),
            log: LOG.read(reader, &service_name),
            shutdown_timeout: SHUTDOWN.read(reader),
            service_name,
        }
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }

    fn api_address(&self) -> (&str, u16) {
        (&self.api.host, self.api.port)
    }
}
