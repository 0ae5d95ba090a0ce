//! Members and their roles.

use domain::{GrantSubject, Permission, Principal, Role, TeamSlug, Timestamp, UserId};
use serde_json::json;
use storage::MemberRow;

use crate::{Accounts, Caller, Error, Rule, change::Change};

/// A member.
#[derive(Clone, Debug)]
pub struct MemberView {
    /// Who.
    pub user: UserId,
    /// The log-in name.
    pub email: domain::Email,
    /// The role.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
    /// The teams, in the order in which their grants are tried.
    pub teams: Vec<TeamSlug>,
}

impl Accounts {
    /// The members, the oldest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn members(&self, caller: &Caller) -> Result<Vec<MemberView>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let mut members = Vec::new();
        let mut teams = tx.team_slugs_by_member().await?;
        for row in tx.members().await? {
            members.push(view(&row, teams.remove(&row.user).unwrap_or_default()));
        }
        tx.commit().await?;
        Ok(members)
    }

    /// Changes a member's role.
    ///
    /// # Errors
    /// [`Error::NotFound`] for anyone who is no member; [`Rule::RoleAboveOwn`], [`Rule::OnlyOwners`], [`Rule::LastOwner`].
    pub async fn change_role(&self, caller: &Caller, member: UserId, role: Role) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageMembers).await?;
        let before = change.member(member).await?.role;
        change.may_give(role)?;
        change.may_unmake(before, role).await?;
        change.tx.set_role(member, role).await?;
        change.done("member.role_changed", member, json!({ "from": before, "to": role })).await
    }

    /// Ends a membership: with it go the person's keys, apps, team memberships and own grants in this account.
    ///
    /// # Errors
    /// [`Error::NotFound`] for anyone who is no member; [`Rule::OnlyOwners`], [`Rule::LastOwner`].
    pub async fn remove_member(&self, caller: &Caller, member: UserId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageMembers).await?;
        let before = change.member(member).await?.role;
        change.may_unmake(before, Role::Viewer).await?;
        change.end_membership(member).await?;
        change.done("member.removed", member, json!({ "role": before })).await
    }

    /// Ends the caller's own membership.
    ///
    /// # Errors
    /// [`Rule::LastOwner`].
    pub async fn leave(&self, caller: &Caller) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::View).await?;
        let role = change.role();
        if role == Role::Owner {
            change.not_last_owner().await?;
        }
        change.end_membership(caller.user()).await?;
        change.done("member.left", caller.user(), json!({ "role": role })).await
    }
}

impl Change<'_> {
    /// A member of this account.
    pub(crate) async fn member(&mut self, user: UserId) -> Result<MemberRow, Error> {
        self.tx.member(user).await?.ok_or(Error::NotFound)
    }

    /// Nobody gives a role above their own.
    pub(crate) fn may_give(&self, role: Role) -> Result<(), Error> {
        if role > self.role() { Err(Rule::RoleAboveOwn.into()) } else { Ok(()) }
    }

    /// Taking ownership away is for owners, and never from the last.
    async fn may_unmake(&mut self, before: Role, after: Role) -> Result<(), Error> {
        if before != Role::Owner || after == Role::Owner {
            return Ok(());
        }
        if !self.role().may(Permission::ManageOwners) {
            return Err(Rule::OnlyOwners.into());
        }
        self.not_last_owner().await
    }

    async fn not_last_owner(&mut self) -> Result<(), Error> {
        if self.tx.owner_count().await? > 1 { Ok(()) } else { Err(Rule::LastOwner.into()) }
    }

    async fn end_membership(&mut self, member: UserId) -> Result<(), Error> {
        self.tx.revoke_keys_of(Principal::Member(member), self.at).await?;
        self.tx.revoke_apps_of(member, self.at).await?;
        self.tx.void_codes_of(member, self.at).await?;
        self.tx.revoke_grants_of(GrantSubject::Member(member), self.at).await?;
        self.tx.remove_from_teams(member).await?;
        self.tx.remove_connections_of(member).await?;
        self.tx.remove_member(member, self.at).await?;
        Ok(())
    }
}

fn view(row: &MemberRow, teams: Vec<TeamSlug>) -> MemberView {
    MemberView { user: row.user, email: row.email.clone(), role: row.role, joined_at: row.joined_at, teams }
}
