//! Keys: what a principal calls the gateway with.

use domain::{KeyId, Name, Permission, Principal, Timestamp, Token, TokenKind};
use serde_json::json;
use storage::{KeyPurpose, KeyRow, NewKeyRow};

use crate::{Accounts, Caller, Error, Rule, change::Change};

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Who will be behind its calls: the caller, or an agent.
    pub principal: Principal,
    /// Its label.
    pub label: String,
    /// From then on it is refused; none: never.
    pub expires_at: Option<Timestamp>,
}

/// A key, the one time that its text is there.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    /// Which.
    pub id: KeyId,
    /// Its text, to be shown once.
    pub token: Token,
}

impl Accounts {
    /// The caller's own keys, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn my_keys(&self, caller: &Caller) -> Result<Vec<KeyRow>, Error> {
        let mut tx = self.look(caller, Permission::OwnKeys).await?;
        let keys = tx.keys_of(Principal::Member(caller.user())).await?;
        tx.commit().await?;
        Ok(keys)
    }

    /// Makes a key: one's own, or an agent's.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an agent that is not there; [`Rule::OthersKey`]; [`Error::Invalid`]: fields `label`,
    /// `expires_at`.
    pub async fn new_key(&self, caller: &Caller, form: &NewKey) -> Result<CreatedKey, Error> {
        let label = Name::parse(&form.label).map_err(|error| Error::field("label", error))?;
        if form.expires_at.is_some_and(|at| at <= self.now()) {
            return Err(Error::field("expires_at", "must be in the future"));
        }
        let mut change = self.change(caller, needed_to_make(caller, form.principal)?).await?;
        let key = Minted { principal: form.principal, label, purpose: KeyPurpose::Call, expires_at: form.expires_at };
        let created = change.mint_key(self, caller, key).await?;
        change.done("key.created", created.id, json!({ "principal": form.principal })).await?;
        Ok(created)
    }

    /// Revokes a key: one's own, an agent's, or, for whoever manages members, anybody's.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such key, or it is another member's and the caller does not manage members.
    pub async fn revoke_key(&self, caller: &Caller, key: KeyId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::OwnKeys).await?;
        let row = change.tx.key(key).await?.ok_or(Error::NotFound)?;
        match row.principal {
            Principal::Member(user) if user == caller.user() => {}
            Principal::Member(_) => change.allowed(Permission::ManageMembers).map_err(|_| Error::NotFound)?,
            Principal::Agent(_) => change.allowed(Permission::ManageAgents)?,
        }
        change.tx.revoke_key(key, change.at).await?;
        change.done("key.revoked", key, json!({ "principal": row.principal })).await
    }
}

/// A key to be made within a change.
pub(crate) struct Minted {
    pub(crate) principal: Principal,
    pub(crate) label: Name,
    pub(crate) purpose: KeyPurpose,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Change<'_> {
    /// Makes a key as part of a change; its principal has to be of this account.
    pub(crate) async fn mint_key(
        &mut self,
        accounts: &Accounts,
        caller: &Caller,
        key: Minted,
    ) -> Result<CreatedKey, Error> {
        match key.principal {
            Principal::Agent(agent) => drop(self.tx.agent(agent).await?.ok_or(Error::NotFound)?),
            Principal::Member(user) => drop(self.member(user).await?),
        }
        let token = Token::new(TokenKind::Key, accounts.entropy());
        let id = KeyId::new(accounts.clock(), accounts.entropy());
        let row = NewKeyRow {
            id,
            hash: token.hash(),
            principal: key.principal,
            label: key.label,
            purpose: key.purpose,
            created_by: caller.user(),
            created_at: self.at,
            expires_at: key.expires_at,
        };
        self.tx.insert_key(&row).await?;
        Ok(CreatedKey { id, token })
    }
}

fn needed_to_make(caller: &Caller, principal: Principal) -> Result<Permission, Error> {
    match principal {
        Principal::Member(user) if user == caller.user() => Ok(Permission::OwnKeys),
        Principal::Member(_) => Err(Rule::OthersKey.into()),
        Principal::Agent(_) => Ok(Permission::ManageAgents),
    }
}
