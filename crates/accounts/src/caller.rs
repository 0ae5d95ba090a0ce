//! Who is asking: a visitor is signed in; a caller is a visitor inside an account of theirs.

use std::net::IpAddr;

use domain::{AccountSlug, Email, Name, Permission, Role, SessionId, UserId};
use storage::AccountScope;

use crate::{Accounts, Error};

/// Where a request came from, as far as it can be told.
#[derive(Clone, Debug)]
pub struct ClientAddress {
    /// The client's address.
    pub ip: IpAddr,
    /// How its program names itself.
    pub user_agent: String,
}

/// A person who is signed in.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who.
    pub user: UserId,
    /// The log-in name.
    pub email: Email,
    /// By which session.
    pub session: SessionId,
    /// The accounts that the person is a member of, the oldest membership first.
    pub accounts: Vec<(AccountSlug, Name, Role)>,
}

/// A person at work in an account of theirs. Only [`Accounts::enter`] makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    scope: AccountScope,
    slug: AccountSlug,
    user: UserId,
    email: Email,
    role: Role,
}

impl Accounts {
    /// Lets a visitor into an account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account, or the visitor is no member of it: the same answer.
    pub async fn enter(&self, visitor: &Visitor, slug: &AccountSlug) -> Result<Caller, Error> {
        let mut tx = self.db().person(visitor.user).await?;
        let found = tx.membership(slug).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(Caller {
            scope: found.scope,
            slug: found.slug,
            user: visitor.user,
            email: visitor.email.clone(),
            role: found.role,
        })
    }
}

impl Caller {
    /// Leave to work in the account.
    #[must_use]
    pub fn scope(&self) -> &AccountScope {
        &self.scope
    }

    /// The account's name in URLs.
    #[must_use]
    pub fn slug(&self) -> &AccountSlug {
        &self.slug
    }

    /// Who.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The log-in name.
    #[must_use]
    pub fn email(&self) -> &Email {
        &self.email
    }

    /// The role in the account, at the moment of entering.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn allowed(&self, needs: Permission) -> Result<(), Error> {
        if self.role.may(needs) { Ok(()) } else { Err(Error::NotAllowed { needs }) }
    }
}
