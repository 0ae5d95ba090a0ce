//! Passwords: strength, hashing, checking. All of it off the async threads, a few at a time, because one hash takes 19 MiB
//! and tens of milliseconds of CPU.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::{self, phc::PasswordHash},
};
use domain::{Entropy, Secret};
use tokio::sync::Semaphore;

use crate::Error;

/// At most so many hashes at a time in one process.
const AT_ONCE: usize = 2;
/// Longer than this nobody waits for one.
const WAIT: Duration = Duration::from_secs(10);
/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

const LEAST_CHARACTERS: usize = 10;
const MOST_CHARACTERS: usize = 200;
/// The estimator's time grows with the square of the length; what is longer is strong by then.
const ESTIMATED_CHARACTERS: usize = 64;
/// Of 0 to 4; below it, guessing takes less than 10^6 tries.
const LEAST_SCORE: zxcvbn::Score = zxcvbn::Score::Two;

/// What is checked for an address that nobody has, so that the answer takes as long. No password has this hash.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Debug)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// What is wrong with a new password, if anything is, with advice; `about` are words that it should not consist of.
    pub(crate) async fn fault(&self, password: &Secret<String>, about: &[&str]) -> Result<Option<String>, Error> {
        let length = password.expose().chars().count();
        if length < LEAST_CHARACTERS {
            return Ok(Some(format!("must have at least {LEAST_CHARACTERS} characters")));
        }
        if length > MOST_CHARACTERS {
            return Ok(Some(format!("must have at most {MOST_CHARACTERS} characters")));
        }
        let start: String = password.expose().chars().take(ESTIMATED_CHARACTERS).collect();
        let about: Vec<String> = about.iter().flat_map(|text| words(text)).collect();
        self.off_thread(move || {
            let about: Vec<&str> = about.iter().map(String::as_str).collect();
            advice(&zxcvbn::zxcvbn(&start, &about))
        })
        .await
    }

    /// The hash to keep of a password.
    pub(crate) async fn hash(&self, password: Secret<String>, entropy: &Entropy) -> Result<Secret<String>, Error> {
        let salt: [u8; 16] = entropy.bytes();
        self.off_thread(move || Secret::new(hash(password.expose(), &salt))).await
    }

    /// Whether the password has that hash; without a hash it takes as long and is wrong.
    pub(crate) async fn is_right(&self, password: Secret<String>, hash: Option<Secret<String>>) -> Result<bool, Error> {
        self.off_thread(move || {
            let known = hash.as_ref().map_or(NOBODY, |hash| hash.expose().as_str());
            verify(password.expose(), known).is_ok() && hash.is_some()
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let permit = tokio::time::timeout(WAIT, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(Error::Busy) };
        let done = tokio::task::spawn_blocking(move || {
            let _held = permit;
            work()
        });
        done.await.map_err(|_| Error::Busy)
    }
}

#[expect(clippy::expect_used, reason = "constant parameters inside argon2's limits")]
fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("constant parameters inside the limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[expect(
    clippy::expect_used,
    reason = "a salt of 16 bytes and a password of at most 800 bytes are inside argon2's limits"
)]
fn hash(password: &str, salt: &[u8; 16]) -> String {
    let hash: PasswordHash =
        argon2().hash_password_with_salt(password.as_bytes(), salt).expect("checked above: inside the limits");
    hash.to_string()
}

fn verify(password: &str, hash: &str) -> password_hash::Result<()> {
    argon2().verify_password(password.as_bytes(), hash)
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).map(str::to_owned).collect();
    words.push(text.to_owned());
    words
}

fn advice(estimate: &zxcvbn::Entropy) -> Option<String> {
    if estimate.score() >= LEAST_SCORE {
        return None;
    }
    let feedback = estimate.feedback();
    let warning = feedback.and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string());
    let suggestions = feedback.map(zxcvbn::feedback::Feedback::suggestions).unwrap_or_default();
    let hints: Vec<String> = warning.into_iter().chain(suggestions.iter().map(ToString::to_string)).collect();
    Some(format!("is too easy to guess. {}", hints.join(" ")).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_has_its_hash_and_no_other() {
        let passwords = Passwords::new();
        let entropy = Entropy::seeded(1);
        let hash = passwords.hash(secret("correct horse battery"), &entropy).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "the stated cost");
        assert!(passwords.is_right(secret("correct horse battery"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.is_right(secret("correct horse batterz"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.is_right(secret("correct horse battery"), None).await.unwrap());
        let again = passwords.hash(secret("correct horse battery"), &entropy).await.unwrap();
        assert_ne!(hash.expose(), again.expose(), "salted");
    }

    #[test]
    fn the_hash_for_nobody_is_really_computed() {
        assert_eq!(verify("anything", NOBODY), Err(password_hash::Error::PasswordInvalid));
    }

    #[tokio::test]
    async fn weak_passwords_are_refused_with_advice() {
        let passwords = Passwords::new();
        let fault =
            async |text: &str| passwords.fault(&secret(text), &["ann@example.com", "Acme Rockets"]).await.unwrap();
        assert_eq!(fault("short").await.as_deref(), Some("must have at least 10 characters"));
        assert!(fault("password123").await.is_some_and(|told| told.starts_with("is too easy to guess. ")));
        assert!(fault("annexample").await.is_some(), "their own address");
        assert!(fault("aaaaaaaaaaaaaaaa").await.is_some());
        assert!(fault(&"x7".repeat(101)).await.is_some(), "too long");
        assert_eq!(fault("otter-violin-cascade").await, None);
        assert_eq!(fault("пятнадцать слонов").await, None);
    }
}
