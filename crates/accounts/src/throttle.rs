//! How often one may try, counted in the database so that all control planes count together.
//!
//! An attempt is counted before it is made, so that many at the same time do not slip through; a success is taken back.

use std::net::IpAddr;

use domain::Email;

use crate::{Accounts, Error};

/// Failed log-ins per e-mail address.
const PER_EMAIL: u32 = 10;
/// Failed log-ins per network address: people share one behind a company's door.
const PER_ADDRESS: u32 = 100;
const LOG_IN_WINDOW_S: i64 = 15 * 60;
/// Sign-ups per network address.
const SIGN_UPS: u32 = 30;
const SIGN_UP_WINDOW_S: i64 = 60 * 60;
/// Registrations of OAuth clients per network address: one machine has a few clients, and some register at every start.
const REGISTRATIONS: u32 = 60;
const REGISTRATION_WINDOW_S: i64 = 60 * 60;
/// Clients' metadata documents fetched for one network address: whoever asks makes us ask others.
const DOCUMENTS: u32 = 120;
const DOCUMENT_WINDOW_S: i64 = 60 * 60;

/// How long to wait, in seconds, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) i64);

impl Accounts {
    /// Counts a log-in attempt; a wait when there were too many.
    pub(crate) async fn count_log_in(&self, email: &str, ip: IpAddr) -> Result<Option<Wait>, Error> {
        let by_address = self.count(&address_subject("log-in", ip), PER_ADDRESS, LOG_IN_WINDOW_S).await?;
        let by_email = self.count(&email_subject(email), PER_EMAIL, LOG_IN_WINDOW_S).await?;
        Ok([by_address, by_email].into_iter().flatten().max_by_key(|wait| wait.0))
    }

    /// Forgets the failures of an e-mail address whose person has logged in, and takes the address' attempt back.
    pub(crate) async fn log_in_succeeded(&self, email: &Email, ip: IpAddr) -> Result<(), Error> {
        self.db().clear_attempts(&email_subject(email.as_str())).await?;
        Ok(self.db().take_back_attempt(&address_subject("log-in", ip)).await?)
    }

    /// Counts a sign-up; a wait when there were too many.
    pub(crate) async fn count_sign_up(&self, ip: IpAddr) -> Result<Option<Wait>, Error> {
        self.count(&address_subject("sign-up", ip), SIGN_UPS, SIGN_UP_WINDOW_S).await
    }

    /// Counts a registration of an OAuth client; a wait when there were too many.
    pub(crate) async fn count_registration(&self, ip: IpAddr) -> Result<Option<Wait>, Error> {
        self.count(&address_subject("register", ip), REGISTRATIONS, REGISTRATION_WINDOW_S).await
    }

    /// Counts a fetch of a client's metadata document; `Some` means it must not be made.
    pub(crate) async fn count_document(&self, ip: IpAddr) -> Result<Option<Wait>, Error> {
        self.count(&address_subject("document", ip), DOCUMENTS, DOCUMENT_WINDOW_S).await
    }

    /// Removes the counts whose window is over; for a background job, every few minutes.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn forget_attempts(&self) -> Result<(), Error> {
        Ok(self.db().forget_attempts(self.now()).await?)
    }

    async fn count(&self, subject: &str, most: u32, window_s: i64) -> Result<Option<Wait>, Error> {
        let now = self.now();
        let attempts = self.db().count_attempt(subject, now, window_s).await?;
        let wait_s = (attempts.window_ends_at.0 - now.0).div_euclid(1_000_000) + 1;
        Ok((attempts.count > most).then_some(Wait(wait_s.clamp(1, window_s))))
    }
}

/// Case and white space do not make another address.
fn email_subject(email: &str) -> String {
    format!("log-in email {}", email.trim().to_lowercase())
}

/// One subscriber has a whole IPv6 /64.
fn address_subject(what: &str, ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => format!("{what} address {v4}"),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{what} network {a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_is_one_subject() {
        let subject = |text: &str| address_subject("log-in", text.parse().unwrap());
        assert_eq!(subject("2001:db8:1:2:3::1"), subject("2001:db8:1:2::ffff"));
        assert_ne!(subject("2001:db8:1:2::1"), subject("2001:db8:1:3::1"));
        assert_eq!(subject("::ffff:192.0.2.1"), subject("192.0.2.1"));
        assert_ne!(subject("192.0.2.1"), subject("192.0.2.2"));
        assert_eq!(email_subject(" Ann@Example.com"), email_subject("ann@example.com"));
    }
}
