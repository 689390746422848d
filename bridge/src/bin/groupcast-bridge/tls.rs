//! TLS: whom to trust, what to show, and what went wrong in words.

use core::error::Error as _;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, RootCertStore};

use crate::broker::Broker;
use crate::failure::Failure;
use crate::options::Shared;

/// How to speak TLS with a broker.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// Where the authorities come from, for what is said.
    trusted: String,
}

impl Tls {
    /// As the options say, if the broker is to be reached by TLS.
    pub(crate) fn of(options: &Shared) -> Result<Option<Self>, Failure> {
        let broker = &options.broker;
        broker
            .is_secure
            .then(|| Self::new(broker, options))
            .transpose()
    }

    fn new(broker: &Broker, options: &Shared) -> Result<Self, Failure> {
        let name = ServerName::try_from(broker.host.clone());
        let name =
            name.map_err(|_| settings(format!("{} is no name for a certificate", broker.host)))?;
        let (roots, trusted) = match &options.ca {
            Some(file) => (
                authorities(file)?,
                format!("an authority in {}", file.display()),
            ),
            None => (
                of_this_machine()?,
                "an authority that this machine trusts".to_owned(),
            ),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| settings(format!("cannot use TLS: {error}")))?
            .with_root_certificates(roots);
        let config = match (&options.cert, &options.key) {
            (Some(cert), Some(key)) => {
                let chain = certificates(cert)?;
                let secret = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unreadable(key, "a private key", &error))?;
                config
                    .with_client_auth_cert(chain, secret)
                    .map_err(|error| {
                        let (cert, key) = (cert.display(), key.display());
                        settings(format!(
                            "the certificate in {cert} and the key in {key} do not work: {error}"
                        ))
                    })?
            }
            _ => config.with_no_client_auth(),
        };
        Ok(Self {
            config: Arc::new(config),
            name,
            trusted,
        })
    }

    pub(crate) fn start(&self) -> Result<ClientConnection, Failure> {
        let connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        connection.map_err(|error| settings(format!("cannot use TLS: {error}")))
    }

    /// What went wrong, and what to do.
    pub(crate) fn explain(&self, broker: &Broker, error: &Error) -> Failure {
        let trusted = &self.trusted;
        match error {
            Error::InvalidCertificate(why) => settings(match why {
                CertificateError::UnknownIssuer => format!(
                    "the certificate of {broker} is not signed by {trusted}: give the file with its authority's by --ca"
                ),
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => format!(
                    "the certificate of {broker} has expired, or the clock of this machine is wrong: {error}"
                ),
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    format!(
                        "the certificate of {broker} is not valid yet, or the clock of this machine is wrong: {error}"
                    )
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => format!(
                    "the certificate of {broker} is for another name: use the name that it is for ({error})"
                ),
                _ if error.to_string().contains("CaUsedAsEndEntity") => format!(
                    "the certificate of {broker} is an authority's own: with that authority sign another one for the broker, \
                     and give the authority's by --ca"
                ),
                _ => format!("the certificate of {broker} is not good: {error}"),
            }),
            Error::AlertReceived(alert) => settings(format!(
                "{broker} refuses the connection ({alert:?}): does it want a certificate, by --cert and --key, or another \
                 one?"
            )),
            Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => settings(format!(
                "{broker} does not answer in TLS: is that its port for mqtt:// without TLS, which is often 1883?"
            )),
            _ => Failure::Trouble(format!("TLS with {broker} failed: {error}")),
        }
    }
}

const fn settings(text: String) -> Failure {
    Failure::Settings(text)
}

fn unreadable(file: &Path, what: &str, error: &rustls::pki_types::pem::Error) -> Failure {
    let why = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    settings(format!(
        "cannot read {what} in PEM from {}: {why}",
        file.display()
    ))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found = found.map_err(|error| unreadable(file, "certificates", &error))?;
    if found.is_empty() {
        return Err(settings(format!(
            "there is no certificate in PEM in {}",
            file.display()
        )));
    }
    Ok(found)
}

fn authorities(file: &Path) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| {
            settings(format!(
                "a certificate in {} is not good: {error}",
                file.display()
            ))
        })?;
    }
    Ok(roots)
}

fn of_this_machine() -> Result<RootCertStore, Failure> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Those that are old or odd are no reason to trust none.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(settings(
            "this machine trusts no authority (on Debian they are the package ca-certificates): give the broker's by --ca"
                .to_owned(),
        ));
    }
    Ok(roots)
}
