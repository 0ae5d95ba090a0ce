//! Sign-up: a person, the first account, its data key and the owner's membership, in one transaction; further accounts;
//! another password.

use domain::{AccountId, AccountSlug, Email, Name, Role, Secret, Token, UserId};
use serde_json::json;
use storage::{Constraint, NewAccountRow, NewUserRow, StorageError, Tx};

use crate::{Accounts, ClientAddress, Error, Fault, Visitor};

/// What a person types to sign up.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// The log-in name.
    pub email: String,
    /// The password.
    pub password: Secret<String>,
    /// The account's name for people.
    pub account_name: String,
    /// The account's name in URLs.
    pub account_slug: String,
}

/// What a person types to found a further account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account's name for people.
    pub account_name: String,
    /// The account's name in URLs.
    pub account_slug: String,
}

/// What a person types to change the password.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The password as it is.
    pub current: Secret<String>,
    /// The password as it shall be.
    pub password: Secret<String>,
}

/// A person who has just signed up, or joined, and is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session's token, for the cookie; shown nowhere else.
    pub session: Token,
    /// The account.
    pub account: AccountSlug,
}

/// Why a sign-up did nothing.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// What was typed cannot be taken, field by field.
    #[error("some of what was entered cannot be used")]
    Fields(Vec<Fault>),
    /// Too many from this network address.
    #[error("too many sign-ups from this address; try again in {retry_after_s} seconds")]
    Throttled {
        /// How long to wait.
        retry_after_s: i64,
    },
    /// Everything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Said to whoever signs up with an address that is taken. It tells that there is such a person; without mail nothing
/// else would help the person themselves, and the throttle keeps lists from being tried.
const EMAIL_TAKEN: &str = "cannot be used to sign up; if it is yours, log in instead";

struct Wanted {
    email: Email,
    name: Name,
    slug: AccountSlug,
}

impl Accounts {
    /// Makes a person and their first account, and signs them in.
    ///
    /// # Errors
    /// [`SignUpError`]: fields `email`, `password`, `account_name`, `account_slug`.
    pub async fn sign_up(&self, form: SignUp, from: &ClientAddress) -> Result<SignedIn, SignUpError> {
        if let Some(wait) = self.count_sign_up(from.ip).await? {
            return Err(SignUpError::Throttled { retry_after_s: wait.0 });
        }
        let wanted = self.read_sign_up(&form).await?;
        let hash = self.passwords().hash(form.password, self.entropy()).await?;
        let user = NewUserRow {
            id: UserId::new(self.clock(), self.entropy()),
            email: wanted.email,
            password_hash: hash,
            created_at: self.now(),
        };
        self.found(&user, wanted.name, &wanted.slug).await?;
        let session = self.begin_session(user.id, from).await?;
        Ok(SignedIn { session, account: wanted.slug })
    }

    /// Reads all fields, so that all faults are told at once.
    async fn read_sign_up(&self, form: &SignUp) -> Result<Wanted, SignUpError> {
        let mut faults = Vec::new();
        let email = take(&mut faults, "email", Email::parse(&form.email));
        if let Some(fault) = self.passwords().fault(&form.password, &[&form.email, &form.account_name]).await? {
            faults.push(Fault::new("password", fault));
        }
        let name = take(&mut faults, "account_name", Name::parse(&form.account_name));
        let slug = take(&mut faults, "account_slug", form.account_slug.trim().parse::<AccountSlug>());
        match (email, name, slug) {
            (Some(email), Some(name), Some(slug)) if faults.is_empty() => Ok(Wanted { email, name, slug }),
            _ => Err(SignUpError::Fields(faults)),
        }
    }

    /// Founds a further account of the visitor, who becomes its owner.
    ///
    /// # Errors
    /// [`SignUpError`]: fields `account_name`, `account_slug`.
    pub async fn create_account(
        &self,
        visitor: &Visitor,
        form: &NewAccount,
        from: &ClientAddress,
    ) -> Result<AccountSlug, SignUpError> {
        if let Some(wait) = self.count_sign_up(from.ip).await? {
            return Err(SignUpError::Throttled { retry_after_s: wait.0 });
        }
        let mut faults = Vec::new();
        let name = take(&mut faults, "account_name", Name::parse(&form.account_name));
        let slug = take(&mut faults, "account_slug", form.account_slug.trim().parse::<AccountSlug>());
        let (Some(name), Some(slug)) = (name, slug) else { return Err(SignUpError::Fields(faults)) };
        let account = self.new_account(name, &slug);
        let tx = self.db().found_account(&account).await.map_err(taken)?;
        self.own(tx, visitor.user, &account).await?;
        Ok(slug)
    }

    /// Changes the visitor's password, signs all of their other browsers out, and ends their apps in all of their accounts:
    /// whoever knew the password before may have allowed one. Keys stay.
    ///
    /// # Errors
    /// [`SignUpError`]: fields `current`, `password`; wrong passwords are throttled as at log-in.
    pub async fn change_password(
        &self,
        visitor: &Visitor,
        form: ChangePassword,
        from: &ClientAddress,
    ) -> Result<(), SignUpError> {
        if let Some(wait) = self.count_log_in(visitor.email.as_str(), from.ip).await? {
            return Err(SignUpError::Throttled { retry_after_s: wait.0 });
        }
        let user = self.db().user_by_email(&visitor.email).await.map_err(Error::from)?;
        if !self.passwords().is_right(form.current, user.map(|user| user.password_hash)).await? {
            return Err(SignUpError::Fields(vec![Fault::new("current", "is wrong")]));
        }
        self.log_in_succeeded(&visitor.email, from.ip).await?;
        if let Some(fault) = self.passwords().fault(&form.password, &[visitor.email.as_str()]).await? {
            return Err(SignUpError::Fields(vec![Fault::new("password", fault)]));
        }
        let hash = self.passwords().hash(form.password, self.entropy()).await?;
        Ok(self.replace_password(visitor, &hash).await?)
    }

    async fn replace_password(&self, visitor: &Visitor, hash: &Secret<String>) -> Result<(), Error> {
        let mut tx = self.db().person(visitor.user).await?;
        tx.set_password_hash(hash).await?;
        tx.revoke_other_sessions(visitor.session, self.now()).await?;
        self.end_apps_everywhere(tx, "password_changed").await
    }

    async fn found(&self, user: &NewUserRow, name: Name, slug: &AccountSlug) -> Result<(), SignUpError> {
        let account = self.new_account(name, slug);
        let mut tx = self.db().found_account(&account).await.map_err(taken)?;
        tx.insert_user(user).await.map_err(taken)?;
        Ok(self.own(tx, user.id, &account).await?)
    }

    fn new_account(&self, name: Name, slug: &AccountSlug) -> NewAccountRow {
        let id = AccountId::new(self.clock(), self.entropy());
        let (_, data_key) = self.key().new_data_key(id, self.entropy());
        NewAccountRow { id, slug: slug.clone(), name, data_key, created_at: self.now() }
    }

    async fn own(&self, mut tx: Tx, owner: UserId, account: &NewAccountRow) -> Result<(), Error> {
        tx.put_member(owner, Role::Owner, account.created_at).await?;
        let change = self.joining(tx, owner, Role::Owner).await?;
        change.done("account.founded", account.id, json!({ "slug": account.slug })).await
    }
}

/// A value, or the fault of its field.
pub(crate) fn take<T, E: ToString>(faults: &mut Vec<Fault>, field: &'static str, read: Result<T, E>) -> Option<T> {
    read.map_err(|error| faults.push(Fault::new(field, error))).ok()
}

/// Taken names, told at their fields.
pub(crate) fn taken(error: StorageError) -> SignUpError {
    let fault = match error.constraint() {
        Some(Constraint::AccountSlugTaken) => Fault::new("account_slug", "is taken; choose another"),
        Some(Constraint::EmailTaken) => Fault::new("email", EMAIL_TAKEN),
        _ => return SignUpError::Other(error.into()),
    };
    SignUpError::Fields(vec![fault])
}
