//! Log-in, log-out, and the browsers that are signed in.

use domain::{Email, Secret, SessionId, Timestamp, Token, TokenKind, UserId};
use storage::{FoundSession, NewSessionRow};

use crate::{Accounts, ClientAddress, Error, Visitor};

/// A session nobody uses is over after two weeks, and any after ninety days.
const IDLE_S: i64 = 14 * 24 * 60 * 60;
const LONGEST_S: i64 = 90 * 24 * 60 * 60;
/// How exact the last use is kept: a write per request would be too much.
const TOUCH_AFTER_S: i64 = 60;

/// What a person types to log in.
#[derive(Clone, Debug)]
pub struct LogIn {
    /// The log-in name.
    pub email: String,
    /// The password.
    pub password: Secret<String>,
}

/// A person who has just logged in.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The new session's token, for the cookie; shown nowhere else.
    pub session: Token,
}

/// Why a log-in did nothing.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// Too many attempts with this e-mail address or from this network address.
    #[error("too many attempts; try again in {retry_after_s} seconds")]
    Throttled {
        /// How long to wait.
        retry_after_s: i64,
    },
    /// Nobody has this e-mail address and this password; which of the two is wrong is not told.
    #[error("the e-mail address or the password is wrong")]
    Wrong,
    /// Everything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// A browser that is signed in.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Which.
    pub id: SessionId,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_seen_at: Timestamp,
    /// From which address it was signed in.
    pub ip: String,
    /// How it names itself.
    pub user_agent: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl Accounts {
    /// Signs a person in, always with a new session.
    ///
    /// # Errors
    /// [`LogInError`].
    pub async fn log_in(&self, form: LogIn, from: &ClientAddress) -> Result<LoggedIn, LogInError> {
        if let Some(wait) = self.count_log_in(&form.email, from.ip).await? {
            return Err(LogInError::Throttled { retry_after_s: wait.0 });
        }
        let email = Email::parse(&form.email).ok();
        let user = match &email {
            Some(email) => self.db().user_by_email(email).await.map_err(Error::from)?,
            None => None,
        };
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.passwords().is_right(form.password, hash).await?;
        let (Some(user), true) = (user, right) else { return Err(LogInError::Wrong) };
        self.log_in_succeeded(&user.email, from.ip).await?;
        Ok(LoggedIn { session: self.begin_session(user.id, from).await? })
    }

    /// Ends the session that asks.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn log_out(&self, visitor: &Visitor) -> Result<(), Error> {
        match self.revoke_session(visitor, visitor.session).await {
            Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }

    /// Who bears this session token; none when it is no token, or the session is over.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn visitor(&self, token: &str) -> Result<Option<Visitor>, Error> {
        let Ok(token) = Token::parse(TokenKind::Session, token) else { return Ok(None) };
        let now = self.now();
        let Some(session) = self.db().session(&token.hash(), now).await? else { return Ok(None) };
        let mut tx = self.db().person(session.user).await?;
        if now.0 - session.last_seen_at.0 > TOUCH_AFTER_S * 1_000_000 {
            tx.touch_session(session.id, now, end(&session, now)).await?;
        }
        let Some(email) = tx.email().await? else { return Ok(None) };
        let memberships = tx.memberships().await?;
        tx.commit().await?;
        let accounts = memberships.into_iter().map(|one| (one.slug, one.name, one.role)).collect();
        Ok(Some(Visitor { user: session.user, email, session: session.id, accounts }))
    }

    /// The browsers that are signed in as the visitor, the last used first.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn sessions(&self, visitor: &Visitor) -> Result<Vec<SessionView>, Error> {
        let mut tx = self.db().person(visitor.user).await?;
        let rows = tx.sessions(self.now()).await?;
        tx.commit().await?;
        let view = |row: storage::SessionRow| SessionView {
            id: row.id,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            ip: row.ip,
            user_agent: row.user_agent,
            current: row.id == visitor.session,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Signs one of the visitor's browsers out.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not one of theirs, or out already.
    pub async fn revoke_session(&self, visitor: &Visitor, session: SessionId) -> Result<(), Error> {
        let mut tx = self.db().person(visitor.user).await?;
        if !tx.revoke_session(session, self.now()).await? {
            return Err(Error::NotFound);
        }
        Ok(tx.commit().await?)
    }

    /// Signs all of the visitor's other browsers out; how many.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn revoke_other_sessions(&self, visitor: &Visitor) -> Result<u64, Error> {
        let mut tx = self.db().person(visitor.user).await?;
        let ended = tx.revoke_other_sessions(visitor.session, self.now()).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Begins a session, and forgets the person's long-ended ones.
    pub(crate) async fn begin_session(&self, user: UserId, from: &ClientAddress) -> Result<Token, Error> {
        let token = Token::new(TokenKind::Session, self.entropy());
        let now = self.now();
        let session = NewSessionRow {
            id: SessionId::new(self.clock(), self.entropy()),
            hash: token.hash(),
            created_at: now,
            expires_at: now.plus_seconds(IDLE_S),
            ip: from.ip.to_canonical().to_string(),
            user_agent: from.user_agent.chars().filter(|c| !c.is_control()).take(300).collect(),
        };
        let mut tx = self.db().person(user).await?;
        tx.forget_sessions(now.plus_seconds(-IDLE_S)).await?;
        tx.insert_session(&session).await?;
        tx.commit().await?;
        Ok(token)
    }
}

/// When a session that is used now will be over.
fn end(session: &FoundSession, now: Timestamp) -> Timestamp {
    now.plus_seconds(IDLE_S).min(session.created_at.plus_seconds(LONGEST_S))
}
