//! Where the warehouse is.

use std::path::PathBuf;

use secrecy::SecretString;
use service_kit::config::{Broken, pem};

/// Where the warehouse is, and how it is entered.
#[derive(Debug, Clone)]
pub struct WarehouseSettings {
    /// Which kind it is, and where.
    pub place: WarehousePlace,
    /// The folder of the embedded one.
    pub dir: PathBuf,
    /// Its name: of the database on a server, of the file in the folder.
    pub database: String,
    /// Who enters a server.
    pub user: String,
    /// With which password; none if the user has none.
    pub password: Option<SecretString>,
    /// PEM file of the authorities that vouch for a server; none for the public ones.
    pub ca_file: Option<PathBuf>,
}

/// The two kinds of warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarehousePlace {
    /// A file on this machine.
    Embedded,
    /// A server, by the address of its HTTP interface.
    Server(String),
}

impl WarehouseSettings {
    /// The file of the embedded warehouse; none if it is a server.
    #[must_use]
    pub fn embedded_file(&self) -> Option<PathBuf> {
        match self.place {
            WarehousePlace::Embedded => Some(self.dir.join(format!("{}.db", self.database))),
            WarehousePlace::Server(_) => None,
        }
    }

    /// The rules that are broken by settings beside each other, or in the world.
    #[must_use]
    pub fn check(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let uses_tls = match &self.place {
            WarehousePlace::Embedded => false,
            WarehousePlace::Server(url) => url.starts_with("https://"),
        };
        if let Some(file) = &self.ca_file {
            if !uses_tls {
                let reason = "is for a WAREHOUSE_URL that begins with https://";
                broken.push(Broken::new("WAREHOUSE_CA_FILE", reason));
            } else if let Err(reason) = pem::certificates(file) {
                broken.push(Broken::new("WAREHOUSE_CA_FILE", reason));
            }
        }
        broken
    }
}
