//! Certificates made on the spot: authorities, and what they sign.
//!
//! Nothing here is kept or shared: every authority has a new key, so no test
//! can come to rely on another one's.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

/// Somebody who signs certificates, and who is believed or not.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key.
pub struct Identity {
    /// The certificate, as PEM.
    pub certificate: String,
    /// The key, as PEM in PKCS #8.
    pub key: String,
}

/// Whether a certificate is in date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// For longer than this code will live.
    InDate,
    /// It was once.
    Expired,
}

impl Authority {
    /// A new authority of this name.
    ///
    /// # Errors
    /// When the system gives no randomness for a key.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// Its certificate as PEM, for those who believe it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a server's certificate for `host`, a name or an address.
    ///
    /// # Errors
    /// When `host` is neither.
    pub fn server(&self, host: &str, validity: Validity) -> Result<Identity> {
        let mut params = CertificateParams::new([host.to_owned()])?;
        params.distinguished_name = named("server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if validity == Validity::Expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        self.sign(&params)
    }

    /// Signs a client's certificate, which says that it is `name`.
    ///
    /// # Errors
    /// When the system gives no randomness for a key.
    pub fn client(&self, name: &str) -> Result<Identity> {
        let mut params = CertificateParams::new([])?;
        params.distinguished_name = named(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Identity> {
        let key = KeyPair::generate()?;
        Ok(Identity {
            certificate: params.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
