//! The signing keys: derived from the deployment key, one for each period, and kept once derived.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

use super::{PERIOD_SECONDS, seconds};
use crate::{DeploymentKey, Timestamp};

/// Keys that are kept; more than are ever asked for within a period.
const KEPT: usize = 8;

/// All keys of a deployment.
pub(super) struct Keys {
    deployment: DeploymentKey,
    kept: Mutex<Vec<Arc<PeriodKey>>>,
}

/// The key of one period.
pub(super) struct PeriodKey {
    period: i64,
    /// RFC 7638: the thumbprint of the public key.
    pub(super) id: String,
    /// In base64url.
    public: String,
    private: EncodingKey,
}

impl Keys {
    pub(super) fn new(deployment: DeploymentKey) -> Self {
        Self { deployment, kept: Mutex::default() }
    }

    /// The key of the period that `at` lies in.
    pub(super) fn of(&self, at: Timestamp) -> Arc<PeriodKey> {
        self.period(period_of(at))
    }

    /// The keys of the period before, of this one and of the next.
    pub(super) fn around(&self, now: Timestamp) -> [Arc<PeriodKey>; 3] {
        let this = period_of(now);
        [self.period(this - 1), self.period(this), self.period(this + 1)]
    }

    /// One of those three, by its id.
    pub(super) fn known(&self, id: &str, now: Timestamp) -> Option<Arc<PeriodKey>> {
        self.around(now).into_iter().find(|key| key.id == id)
    }

    fn period(&self, period: i64) -> Arc<PeriodKey> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = kept.iter().find(|key| key.period == period) {
            return key.clone();
        }
        let key = Arc::new(PeriodKey::derive(&self.deployment, period));
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(key.clone());
        key
    }
}

impl PeriodKey {
    #[expect(clippy::expect_used, reason = "any 32 bytes are an Ed25519 seed")]
    fn derive(deployment: &DeploymentKey, period: i64) -> Self {
        let seed = deployment.derive_bytes(&format!("oauth-signing/{period}"));
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are an Ed25519 seed");
        let private = pair.to_pkcs8().expect("an Ed25519 key has a PKCS#8 form");
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        let thumbprint = digest::digest(&digest::SHA256, members.as_bytes());
        Self {
            period,
            id: URL_SAFE_NO_PAD.encode(thumbprint.as_ref()),
            public,
            private: EncodingKey::from_ed_der(private.as_ref()),
        }
    }

    pub(super) fn signing(&self) -> EncodingKey {
        self.private.clone()
    }

    #[expect(clippy::expect_used, reason = "the public key was encoded here")]
    pub(super) fn verifying(&self) -> DecodingKey {
        DecodingKey::from_ed_components(&self.public).expect("the public key is base64url")
    }

    /// RFC 8037.
    pub(super) fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": self.public, "kid": self.id, "use": "sig", "alg": "EdDSA" })
    }
}

fn period_of(at: Timestamp) -> i64 {
    seconds(at).div_euclid(PERIOD_SECONDS)
}
