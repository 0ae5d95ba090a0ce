//! Envelope encryption: each account has a data key, which lies under the deployment key. AES-256-GCM, a random nonce
//! before each ciphertext, the place the value belongs to as associated data, so a ciphertext moved elsewhere does not open.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{AccountId, Entropy};

const NONCE_BYTES: usize = 12;

/// The secret of a deployment, 32 bytes, shared by its control planes and gateways and by nobody else.
#[derive(Clone)]
pub struct DeploymentKey([u8; 32]);

/// An account's data key, in the clear.
#[derive(Clone)]
pub struct DataKey([u8; 32]);

/// A data key sealed under the deployment key, in base64: what is stored and carried.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrappedDataKey(pub Sealed);

/// A sealed value: nonce, ciphertext and tag, in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub String);

/// A key text that is not 32 bytes in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a deployment key is 32 bytes in base64 (44 characters); make one with `openssl rand -base64 32`")]
pub struct KeyError;

/// A sealed value that does not open: damaged, moved, or under another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open under this key at this place")]
pub struct SealError;

impl DeploymentKey {
    /// A new key.
    #[must_use]
    pub fn new(entropy: &Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// Reads the base64 form, white space around it ignored.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| KeyError)?;
        bytes.try_into().map(Self).map_err(|_| KeyError)
    }

    /// The base64 form, to be written to a file only its owner reads.
    #[must_use]
    pub fn expose(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// A key for one purpose, derived (HKDF-SHA-256); purposes never share a key.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> DataKey {
        DataKey(hkdf_32(&self.0, purpose))
    }

    /// The same as bytes, for keys of other kinds than ours; a purpose is used for one of the two.
    pub(crate) fn derive_bytes(&self, purpose: &str) -> [u8; 32] {
        hkdf_32(&self.0, purpose)
    }

    /// Makes and wraps a new data key for an account.
    #[must_use]
    pub fn new_data_key(&self, account: AccountId, entropy: &Entropy) -> (DataKey, WrappedDataKey) {
        let key = DataKey(entropy.bytes());
        let wrapped = self.derive("data-key").seal(&account.to_string(), &key.0, entropy);
        (key, WrappedDataKey(wrapped))
    }

    /// Opens an account's data key.
    ///
    /// # Errors
    /// [`SealError`] when it belongs to another account or deployment.
    pub fn open_data_key(&self, account: AccountId, wrapped: &WrappedDataKey) -> Result<DataKey, SealError> {
        let bytes = self.derive("data-key").open(&account.to_string(), &wrapped.0)?;
        bytes.try_into().map(DataKey).map_err(|_| SealError)
    }

    /// HMAC-SHA-256 over `bytes` under a key of its own for `purpose`.
    #[must_use]
    pub fn mac(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &hkdf_32(&self.0, purpose));
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&key, bytes).as_ref());
        out
    }

    /// Whether `mac` is that MAC; in constant time.
    #[must_use]
    pub fn verify_mac(&self, purpose: &str, bytes: &[u8], mac: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &hkdf_32(&self.0, purpose));
        hmac::verify(&key, bytes, mac).is_ok()
    }
}

impl DataKey {
    /// Seals `plain` for the place named by `context` (for example `server_…/header/Authorization`).
    ///
    /// # Panics
    /// Never: AES-256-GCM takes any 32-byte key and seals anything shorter than 64 GiB.
    #[must_use]
    #[expect(clippy::expect_used, reason = "AES-256-GCM cannot fail on a 32-byte key and a value in memory")]
    pub fn seal(&self, context: &str, plain: &[u8], entropy: &Entropy) -> Sealed {
        let nonce: [u8; NONCE_BYTES] = entropy.bytes();
        let mut sealed = plain.to_vec();
        self.cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context.as_bytes()), &mut sealed)
            .expect("AES-256-GCM seals any value in memory");
        Sealed(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let bytes = STANDARD.decode(&sealed.0).map_err(|_| SealError)?;
        let (nonce, cipher) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let mut cipher = cipher.to_vec();
        let plain = self
            .cipher()
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context.as_bytes()), &mut cipher)
            .map_err(|_| SealError)?;
        Ok(plain.to_vec())
    }

    #[expect(clippy::expect_used, reason = "the key is 32 bytes by type")]
    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.0).expect("32 bytes are an AES-256 key"))
    }
}

#[expect(clippy::expect_used, reason = "32 bytes are far below HKDF's limit")]
fn hkdf_32(secret: &[u8], purpose: &str) -> [u8; 32] {
    let mut out = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis")
        .extract(secret)
        .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("HKDF gives 32 bytes");
    out
}

impl fmt::Debug for DeploymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeploymentKey")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl fmt::Debug for WrappedDataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappedDataKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, Timestamp};

    #[test]
    fn a_value_opens_only_where_it_was_sealed() {
        let entropy = Entropy::seeded(1);
        let account = AccountId::new(&Clock::fixed(Timestamp(0)), &entropy);
        let neighbour = AccountId::new(&Clock::fixed(Timestamp(0)), &entropy);
        let deployment = DeploymentKey::new(&entropy);
        let (key, wrapped) = deployment.new_data_key(account, &entropy);
        let sealed = key.seal("server/header", b"Bearer x", &entropy);

        let opened = deployment.open_data_key(account, &wrapped).unwrap();
        assert_eq!(opened.open("server/header", &sealed).unwrap(), b"Bearer x");
        assert_eq!(opened.open("other/header", &sealed), Err(SealError));
        assert!(deployment.open_data_key(neighbour, &wrapped).is_err());
        assert!(DeploymentKey::new(&entropy).open_data_key(account, &wrapped).is_err());
        assert_eq!(format!("{deployment:?} {key:?} {wrapped:?}"), "DeploymentKey DataKey WrappedDataKey");
    }

    #[test]
    fn deployment_keys_read_back_and_others_are_refused() {
        let key = DeploymentKey::new(&Entropy::seeded(2));
        assert_eq!(DeploymentKey::parse(&format!(" {}\n", key.expose())).unwrap().expose(), key.expose());
        assert!(DeploymentKey::parse("c2hvcnQ=").is_err());
        assert!(DeploymentKey::parse("not base64").is_err());
    }
}
