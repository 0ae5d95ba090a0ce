//! Grants: who may use which server under which policy.

mod view;

use domain::{
    AgentId, GrantId, GrantState, GrantSubject, Name, Permission, PolicyId, Principal, ServerId, ServerSlug, TeamId,
    Timestamp, UserId,
};
use serde_json::json;
use storage::{Constraint, KeyPurpose, NewGrantRow, ServerRow, StorageError};

use crate::{
    Accounts, Caller, Error, Rule,
    change::Change,
    keys::{CreatedKey, Minted},
    servers::gateway_url,
};

pub use view::{GrantStanding, GrantView};

/// A grant to be.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// The server it opens.
    pub server: ServerId,
    /// For whom.
    pub subject: NewSubject,
    /// Under which policy of that server; none: every call is denied until there is one.
    pub policy: Option<PolicyId>,
    /// Its label; empty: the subject's name.
    pub label: String,
    /// From then on it counts as revoked; none: never.
    pub expires_at: Option<Timestamp>,
    /// Whether to make a key along with it.
    pub key: KeyWish,
}

/// For whom a grant is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewSubject {
    /// A team.
    Team(TeamId),
    /// A member, perhaps the caller.
    Member(UserId),
    /// An agent.
    Agent(AgentId),
    /// An agent that is made along with the grant, with a key.
    NewAgent(String),
}

/// Whether a key is made along with a grant. A new agent always gets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyWish {
    /// None.
    None,
    /// One for the caller's own calls, or for the agent's. For a team or another member there is none to make.
    Mint,
}

/// A grant that was just made.
#[derive(Clone, Debug)]
pub struct CreatedGrant {
    /// Which.
    pub id: GrantId,
    /// The server's name in URLs.
    pub server: ServerSlug,
    /// The key made along with it, shown this once.
    pub key: Option<CreatedKey>,
    /// Where clients reach the server.
    pub gateway_url: String,
    /// Where clients reach all servers of the account.
    pub account_gateway_url: String,
}

impl Accounts {
    /// Gives a grant, and makes the key along with it where one is wished for.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a server, policy or subject that is not there; [`Rule::GrantThere`]; [`Error::Invalid`]:
    /// fields `label`, `expires_at`, `name` (of the new agent).
    pub async fn create_grant(&self, caller: &Caller, form: &NewGrant) -> Result<CreatedGrant, Error> {
        let wanted_label = label(&form.label)?;
        if form.expires_at.is_some_and(|at| at <= self.now()) {
            return Err(Error::field("expires_at", "must be in the future"));
        }
        let mut change = self.change(caller, Permission::ManageGrants).await?;
        let server = change.tx.server(form.server).await?.ok_or(Error::NotFound)?;
        change.has_policy(&server, form.policy).await?;
        let (subject, name) = change.subject(self, caller, &form.subject).await?;
        let id = GrantId::new(self.clock(), self.entropy());
        let label = wanted_label.unwrap_or(name);
        let row = NewGrantRow {
            id,
            server: form.server,
            subject,
            policy: form.policy,
            label: label.clone(),
            expires_at: form.expires_at,
            created_by: caller.user(),
            created_at: change.at,
        };
        change.tx.insert_grant(&row).await.map_err(refused)?;
        let key = match key_for(caller, form, subject) {
            Some(principal) => {
                let minted = Minted { principal, label, purpose: KeyPurpose::Call, expires_at: form.expires_at };
                Some(change.mint_key(self, caller, minted).await?)
            }
            None => None,
        };
        let detail = json!({ "server": form.server, "subject": subject, "policy": form.policy, "key": key.as_ref().map(|k| k.id) });
        change.done("grant.created", id, detail).await?;
        Ok(CreatedGrant {
            id,
            key,
            gateway_url: gateway_url(self.gateway_origin(), caller.slug(), Some(&server.slug)),
            account_gateway_url: gateway_url(self.gateway_origin(), caller.slug(), None),
            server: server.slug,
        })
    }

    /// Suspends a grant: every call is refused until it is resumed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such active grant.
    pub async fn suspend_grant(&self, caller: &Caller, id: GrantId) -> Result<(), Error> {
        self.move_grant(caller, id, (GrantState::Active, GrantState::Suspended), "grant.suspended").await
    }

    /// Resumes a suspended grant.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such suspended grant.
    pub async fn resume_grant(&self, caller: &Caller, id: GrantId) -> Result<(), Error> {
        self.move_grant(caller, id, (GrantState::Suspended, GrantState::Active), "grant.resumed").await
    }

    /// Revokes a grant for good.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_grant(&self, caller: &Caller, id: GrantId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageGrants).await?;
        if !change.tx.revoke_grant(id, change.at).await? {
            return Err(Error::NotFound);
        }
        change.done("grant.revoked", id, json!({})).await
    }

    /// Gives a grant another policy of its server, or none.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a grant, or a policy of its server, that is not there.
    pub async fn attach_policy(&self, caller: &Caller, id: GrantId, policy: Option<PolicyId>) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::AttachPolicies).await?;
        let grant = change.tx.grant(id).await?.ok_or(Error::NotFound)?;
        let server = change.tx.server(grant.server).await?.ok_or(Error::NotFound)?;
        change.has_policy(&server, policy).await?;
        change.tx.set_grant_policy(id, policy).await.map_err(refused)?;
        change.done("grant.policy_attached", id, json!({ "from": grant.policy, "to": policy })).await
    }

    /// Changes a grant's label and expiry.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`]: field `label`.
    pub async fn update_grant(
        &self,
        caller: &Caller,
        id: GrantId,
        label: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let label = Name::parse(label).map_err(|error| Error::field("label", error))?;
        let mut change = self.change(caller, Permission::ManageGrants).await?;
        if !change.tx.update_grant(id, &label, expires_at).await? {
            return Err(Error::NotFound);
        }
        change.done("grant.changed", id, json!({ "label": label, "expires_at": expires_at })).await
    }

    async fn move_grant(
        &self,
        caller: &Caller,
        id: GrantId,
        (from, to): (GrantState, GrantState),
        action: &'static str,
    ) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageGrants).await?;
        if !change.tx.set_grant_state(id, from, to).await? {
            return Err(Error::NotFound);
        }
        change.done(action, id, json!({})).await
    }
}

impl Change<'_> {
    /// The policy is one of this server, and there.
    async fn has_policy(&mut self, server: &ServerRow, policy: Option<PolicyId>) -> Result<(), Error> {
        let Some(id) = policy else { return Ok(()) };
        let row = self.tx.policy(id).await?.filter(|row| row.server == server.id);
        row.map(drop).ok_or(Error::NotFound)
    }

    /// The subject, made where it is new, and its name as a label.
    async fn subject(
        &mut self,
        accounts: &Accounts,
        caller: &Caller,
        wanted: &NewSubject,
    ) -> Result<(GrantSubject, Name), Error> {
        let plain = |text: &str| Name::parse(text).map_err(|error| Error::field("label", error));
        match wanted {
            NewSubject::Team(team) => {
                let row = self.tx.team(*team).await?.ok_or(Error::NotFound)?;
                Ok((GrantSubject::Team(*team), row.name))
            }
            NewSubject::Member(user) => {
                let row = self.member(*user).await?;
                let cut: String = row.email.as_str().chars().take(100).collect();
                Ok((GrantSubject::Member(*user), plain(&cut)?))
            }
            NewSubject::Agent(agent) => {
                let row = self.tx.agent(*agent).await?.ok_or(Error::NotFound)?;
                Ok((GrantSubject::Agent(*agent), row.name))
            }
            NewSubject::NewAgent(name) => {
                let name = Name::parse(name).map_err(|error| Error::field("name", error))?;
                let agent = self.new_agent(accounts, caller, &name).await?;
                Ok((GrantSubject::Agent(agent), name))
            }
        }
    }
}

/// Whom a key is made for along with the grant.
fn key_for(caller: &Caller, form: &NewGrant, subject: GrantSubject) -> Option<Principal> {
    let is_new = matches!(form.subject, NewSubject::NewAgent(_));
    match subject {
        GrantSubject::Agent(agent) if is_new || form.key == KeyWish::Mint => Some(Principal::Agent(agent)),
        GrantSubject::Member(user) if user == caller.user() && form.key == KeyWish::Mint => {
            Some(Principal::Member(user))
        }
        _ => None,
    }
}

fn label(typed: &str) -> Result<Option<Name>, Error> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    Name::parse(typed).map(Some).map_err(|error| Error::field("label", error))
}

fn refused(error: StorageError) -> Error {
    match error.constraint() {
        Some(Constraint::GrantThere) => Rule::GrantThere.into(),
        Some(
            Constraint::GrantNoServer
            | Constraint::GrantNoPolicy
            | Constraint::GrantNoTeam
            | Constraint::GrantNoMember
            | Constraint::GrantNoAgent,
        ) => Error::NotFound,
        _ => error.into(),
    }
}
