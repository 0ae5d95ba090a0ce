//! What gateways of one deployment call themselves to each other: one Ed25519 key, derived from the deployment key, shown as
//! a raw public key (RFC 7250) in TLS 1.3. Both ends must show it; certificates, authorities and names play no part.

use std::sync::Arc;

use aws_lc_rs::{encoding::AsDer as _, encoding::Pkcs8V1Der, signature::Ed25519KeyPair};
use domain::DeploymentKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs::sign::any_eddsa_type, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::{
        AlwaysResolvesServerRawPublicKeys,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};

/// What the key is for; another purpose is another key.
const PURPOSE: &str = "mesh-identity";

/// The deployment's gateways, as one party of TLS.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    key: Arc<CertifiedKey>,
    verifier: Arc<SameDeployment>,
}

/// Accepts a peer that shows the deployment's own key, and nobody else.
#[derive(Debug)]
struct SameDeployment {
    spki: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl Identity {
    /// The identity of a deployment's gateways.
    #[expect(clippy::expect_used, reason = "any 32 bytes are an Ed25519 seed, and the library reads what it writes")]
    pub(crate) fn of(key: &DeploymentKey) -> Self {
        let seed = key.mac(PURPOSE, b"ed25519");
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().expect("a key is written");
        let signing = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.as_ref())).expect("a key reads back");
        let spki = signing.public_key().expect("an Ed25519 key has a public half").to_vec();
        let shown = CertificateDer::from(spki.clone());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Self {
            key: Arc::new(CertifiedKey::new(vec![shown], signing)),
            verifier: Arc::new(SameDeployment { spki, provider }),
        }
    }

    /// For dialling. Nothing is resumed: each connection proves itself anew.
    #[expect(clippy::expect_used, reason = "the provider speaks TLS 1.3")]
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(self.verifier.provider.clone())
            .with_protocol_versions(&[&TLS13])
            .expect("TLS 1.3 is there")
            .dangerous()
            .with_custom_certificate_verifier(self.verifier.clone())
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(self.key.clone())));
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        config
    }

    /// For listening.
    #[expect(clippy::expect_used, reason = "the provider speaks TLS 1.3")]
    pub(crate) fn server(&self) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(self.verifier.provider.clone())
            .with_protocol_versions(&[&TLS13])
            .expect("TLS 1.3 is there")
            .with_client_cert_verifier(self.verifier.clone())
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(self.key.clone())));
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        config
    }
}

impl SameDeployment {
    /// Keys are public, so the comparison need not hide where they differ.
    fn check(&self, shown: &CertificateDer<'_>) -> Result<(), Error> {
        let same = shown.as_ref() == self.spki.as_slice();
        if same { Ok(()) } else { Err(CertificateError::ApplicationVerificationFailure.into()) }
    }

    fn verify(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(shown.as_ref());
        verify_tls13_signature_with_raw_key(message, &spki, signed, &self.provider.signature_verification_algorithms)
    }
}

/// TLS 1.2 is never agreed on.
fn only_tls13() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::General("gateways speak TLS 1.3 to each other".to_owned()))
}

impl ServerCertVerifier for SameDeployment {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        only_tls13()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for SameDeployment {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        only_tls13()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
