//! The settings of the HTTP interface; loading and judging them is not done here.

use secrecy::SecretString;

/// Where the HTTP interface listens, and who may use it.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// `API_HOST`: an address of this machine or a name that resolves to one.
    pub host: String,
    /// `API_PORT`: 0 takes any free port.
    pub port: u16,
    /// `API_TOKEN`: opens what is not for everyone.
    pub token: Option<SecretString>,
    /// `API_CORS_ALLOWED_ORIGINS`: pages of these origins may read the answers;
    /// `*` is every origin.
    pub cors_allowed_origins: Vec<String>,
}
