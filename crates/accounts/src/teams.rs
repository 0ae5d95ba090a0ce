//! Teams: who is in them, and in which order a member's teams are tried.

use domain::{GrantSubject, Name, Permission, TeamId, TeamSlug, UserId};
use serde_json::json;
use storage::{Constraint, StorageError, TeamMemberRow, TeamRow};

use crate::{Accounts, Caller, Error, Fault, Rule, people::take};

/// What a person types to make a team.
#[derive(Clone, Debug, Default)]
pub struct NewTeam {
    /// Its name for people.
    pub name: String,
    /// Its name in policies; it stays when the team is renamed.
    pub slug: String,
}

/// A team and who is in it.
#[derive(Clone, Debug)]
pub struct TeamView {
    /// The team.
    pub team: TeamRow,
    /// Who is in it, the oldest first.
    pub members: Vec<TeamMemberRow>,
}

impl Accounts {
    /// The teams, by slug.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn teams(&self, caller: &Caller) -> Result<Vec<TeamRow>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let teams = tx.teams().await?;
        tx.commit().await?;
        Ok(teams)
    }

    /// One team.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn team(&self, caller: &Caller, team: TeamId) -> Result<TeamView, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let row = tx.team(team).await?.ok_or(Error::NotFound)?;
        let members = tx.team_members(team).await?;
        tx.commit().await?;
        Ok(TeamView { team: row, members })
    }

    /// Makes a team.
    ///
    /// # Errors
    /// [`Error::Invalid`]: fields `name`, `slug`.
    pub async fn create_team(&self, caller: &Caller, form: &NewTeam) -> Result<TeamId, Error> {
        let (name, slug) = read(form)?;
        let mut change = self.change(caller, Permission::ManageTeams).await?;
        let team = TeamId::new(self.clock(), self.entropy());
        change.tx.insert_team(team, &slug, &name, change.at).await.map_err(slug_taken)?;
        change.done("team.created", team, json!({ "slug": slug, "name": name })).await?;
        Ok(team)
    }

    /// Renames a team; its slug, which policies may name, stays.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`]: field `name`.
    pub async fn rename_team(&self, caller: &Caller, team: TeamId, name: &str) -> Result<(), Error> {
        let name = Name::parse(name).map_err(|error| Error::field("name", error))?;
        let mut change = self.change(caller, Permission::ManageTeams).await?;
        if !change.tx.rename_team(team, &name).await? {
            return Err(Error::NotFound);
        }
        change.done("team.renamed", team, json!({ "name": name })).await
    }

    /// Deletes a team; with it go its grants.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_team(&self, caller: &Caller, team: TeamId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageTeams).await?;
        if !change.tx.delete_team(team, change.at).await? {
            return Err(Error::NotFound);
        }
        let grants = change.tx.revoke_grants_of(GrantSubject::Team(team), change.at).await?;
        change.done("team.deleted", team, json!({ "grants_revoked": grants })).await
    }

    /// Puts a member into a team, as the last of the member's teams.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a team or a member that is not there; [`Rule::AlreadyInTeam`].
    pub async fn add_team_member(&self, caller: &Caller, team: TeamId, member: UserId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageTeams).await?;
        change.tx.team(team).await?.ok_or(Error::NotFound)?;
        change.member(member).await?;
        change.tx.add_team_member(team, member, change.at).await.map_err(already_there)?;
        change.done("team.member_added", team, json!({ "member": member })).await
    }

    /// Takes a member out of a team.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the member is not in it.
    pub async fn remove_team_member(&self, caller: &Caller, team: TeamId, member: UserId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageTeams).await?;
        if !change.tx.remove_team_member(team, member).await? {
            return Err(Error::NotFound);
        }
        change.done("team.member_removed", team, json!({ "member": member })).await
    }

    /// A member's teams, in the order in which their grants are tried.
    ///
    /// # Errors
    /// [`Error::NotFound`] for anyone who is no member.
    pub async fn teams_of(&self, caller: &Caller, member: UserId) -> Result<Vec<TeamRow>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        tx.member(member).await?.ok_or(Error::NotFound)?;
        let teams = tx.teams_of(member).await?;
        tx.commit().await?;
        Ok(teams)
    }

    /// Sets the order in which the grants of a member's teams are tried; teams left out come after those named.
    ///
    /// # Errors
    /// [`Error::NotFound`] for anyone who is no member, or a team that the member is not in.
    pub async fn order_teams(&self, caller: &Caller, member: UserId, order: &[TeamId]) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageTeams).await?;
        change.member(member).await?;
        let rest = change.tx.teams_of(member).await?.into_iter().map(|team| team.id).filter(|id| !order.contains(id));
        let whole: Vec<TeamId> = order.iter().copied().chain(rest).collect();
        for (position, team) in (0..).zip(&whole) {
            if !change.tx.place_team(member, *team, position).await? {
                return Err(Error::NotFound);
            }
        }
        change.done("member.teams_ordered", member, json!({ "teams": whole })).await
    }
}

fn read(form: &NewTeam) -> Result<(Name, TeamSlug), Error> {
    let mut faults: Vec<Fault> = Vec::new();
    let name = take(&mut faults, "name", Name::parse(&form.name));
    let slug = take(&mut faults, "slug", form.slug.trim().parse::<TeamSlug>());
    match (name, slug) {
        (Some(name), Some(slug)) => Ok((name, slug)),
        _ => Err(Error::Invalid(faults)),
    }
}

fn slug_taken(error: StorageError) -> Error {
    match error.constraint() {
        Some(Constraint::TeamSlugTaken) => Error::field("slug", "is taken by another team; choose another"),
        _ => error.into(),
    }
}

fn already_there(error: StorageError) -> Error {
    match error.constraint() {
        Some(Constraint::TeamMemberThere) => Rule::AlreadyInTeam.into(),
        Some(Constraint::TeamMemberNoTeam | Constraint::TeamMemberNoMember) => Error::NotFound,
        _ => error.into(),
    }
}
