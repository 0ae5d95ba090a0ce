//! Invitations: a link that makes one person a member, once, within a week.

use domain::{
    AccountSlug, Email, InviteId, Name, Permission, Role, Secret, TeamId, TeamSlug, Timestamp, Token, TokenKind, UserId,
};
use serde_json::json;
use storage::{Constraint, FoundInvite, InviteRow, NewInviteRow, NewUserRow, StorageError, Tx};

use crate::{
    Accounts, Caller, ClientAddress, Error, Fault, SignUpError, SignedIn, Visitor,
    change::Change,
    people::{take, taken},
};

const LIFETIME_S: i64 = 7 * 24 * 60 * 60;

/// An invitation, the one time that its link is there.
#[derive(Clone, Debug)]
pub struct CreatedInvite {
    /// Which.
    pub id: InviteId,
    /// The token at the end of the link, to be shown once.
    pub token: Token,
    /// From then on it is void.
    pub expires_at: Timestamp,
}

/// What an invitation offers, for whoever opens its link.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The account's name in URLs.
    pub account_slug: AccountSlug,
    /// The account's name for people.
    pub account_name: Name,
    /// The role that it gives.
    pub role: Role,
    /// The team that it puts into.
    pub team: Option<TeamSlug>,
    /// Who invites.
    pub invited_by: Email,
    /// From then on it is void.
    pub expires_at: Timestamp,
}

/// What a person types who accepts without having signed up before.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The log-in name.
    pub email: String,
    /// The password.
    pub password: Secret<String>,
}

impl Accounts {
    /// The invitations that can still be accepted, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn invites(&self, caller: &Caller) -> Result<Vec<InviteRow>, Error> {
        let mut tx = self.look(caller, Permission::ManageMembers).await?;
        let invites = tx.open_invites(self.now()).await?;
        tx.commit().await?;
        Ok(invites)
    }

    /// Makes an invitation.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a team that is not there; [`crate::Rule::RoleAboveOwn`].
    pub async fn create_invite(
        &self,
        caller: &Caller,
        role: Role,
        team: Option<TeamId>,
    ) -> Result<CreatedInvite, Error> {
        let mut change = self.change(caller, Permission::ManageMembers).await?;
        change.may_give(role)?;
        if let Some(team) = team {
            change.tx.team(team).await?.ok_or(Error::NotFound)?;
        }
        let token = Token::new(TokenKind::Invite, self.entropy());
        let id = InviteId::new(self.clock(), self.entropy());
        let (created_at, expires_at) = (change.at, change.at.plus_seconds(LIFETIME_S));
        let created_by = caller.user();
        let row = NewInviteRow { id, hash: token.hash(), role, team, created_by, created_at, expires_at };
        change.tx.insert_invite(&row).await.map_err(no_team)?;
        change.done("invite.created", id, json!({ "role": role, "team": team })).await?;
        Ok(CreatedInvite { id, token, expires_at })
    }

    /// Makes an invitation's link void.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was used or revoked already.
    pub async fn revoke_invite(&self, caller: &Caller, invite: InviteId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageMembers).await?;
        if !change.tx.revoke_invite(invite, change.at).await? {
            return Err(Error::NotFound);
        }
        change.done("invite.revoked", invite, json!({})).await
    }

    /// What the invitation with this token offers.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it was used, revoked, or is over.
    pub async fn invitation(&self, token: &str) -> Result<Invitation, Error> {
        let found = self.open_invitation(token).await?;
        let mut tx = self.db().account(&found.scope).await?;
        let row = self.valid(&mut tx, found.id).await?;
        let account = tx.account_row().await?;
        tx.commit().await?;
        Ok(Invitation {
            account_slug: account.slug,
            account_name: account.name,
            role: row.role,
            team: row.team.map(|(_, slug)| slug),
            invited_by: row.created_by_email,
            expires_at: row.expires_at,
        })
    }

    /// Makes the visitor a member. Whoever is one already keeps their role and joins the team.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the invitation was used, revoked, or is over.
    pub async fn accept_invite(&self, visitor: &Visitor, token: &str) -> Result<AccountSlug, Error> {
        let found = self.open_invitation(token).await?;
        let tx = self.db().account(&found.scope).await?;
        self.join(tx, found.id, visitor.user).await
    }

    /// Makes a new person, who becomes a member at once and is signed in.
    ///
    /// # Errors
    /// [`SignUpError`]: fields `email`, `password`; [`Error::NotFound`] when the invitation was used, revoked, or is over.
    pub async fn sign_up_invited(
        &self,
        token: &str,
        form: NewPerson,
        from: &ClientAddress,
    ) -> Result<SignedIn, SignUpError> {
        let found = self.open_invitation(token).await?;
        let mut faults: Vec<Fault> = Vec::new();
        let email = take(&mut faults, "email", Email::parse(&form.email));
        if let Some(fault) = self.passwords().fault(&form.password, &[&form.email]).await? {
            faults.push(Fault::new("password", fault));
        }
        let Some(email) = email.filter(|_| faults.is_empty()) else { return Err(SignUpError::Fields(faults)) };
        let password_hash = self.passwords().hash(form.password, self.entropy()).await?;
        let id = UserId::new(self.clock(), self.entropy());
        let mut tx = self.db().account(&found.scope).await.map_err(Error::from)?;
        tx.insert_user(&NewUserRow { id, email, password_hash, created_at: self.now() }).await.map_err(taken)?;
        let account = self.join(tx, found.id, id).await?;
        let session = self.begin_session(id, from).await?;
        Ok(SignedIn { session, account })
    }

    async fn open_invitation(&self, token: &str) -> Result<FoundInvite, Error> {
        let token = Token::parse(TokenKind::Invite, token).map_err(|_| Error::NotFound)?;
        self.db().invite(&token.hash(), self.now()).await?.ok_or(Error::NotFound)
    }

    /// The invitation, if it can still be accepted and whoever made it could still make it.
    async fn valid(&self, tx: &mut Tx, invite: InviteId) -> Result<InviteRow, Error> {
        let row = tx.open_invite(invite, self.now()).await?.ok_or(Error::NotFound)?;
        let inviter = tx.role_of(row.created_by).await?;
        let stands = inviter.is_some_and(|role| role.may(Permission::ManageMembers) && role >= row.role);
        if stands { Ok(row) } else { Err(Error::NotFound) }
    }

    async fn join(&self, tx: Tx, invite: InviteId, user: UserId) -> Result<AccountSlug, Error> {
        // The lock first: of two who open the same link at the same time, the second finds it used.
        let mut change = self.joining(tx, user, Role::Viewer).await?;
        let row = self.valid(&mut change.tx, invite).await?;
        if change.tx.role_of(user).await?.is_none() {
            change.tx.put_member(user, row.role, change.at).await?;
        }
        if !change.tx.use_invite(invite, user, change.at).await? {
            return Err(Error::NotFound);
        }
        if let Some((team, _)) = &row.team {
            change.join_team(*team, user).await?;
        }
        let slug = change.tx.account_row().await?.slug;
        change.done("invite.accepted", invite, json!({ "role": row.role })).await?;
        Ok(slug)
    }
}

impl Change<'_> {
    async fn join_team(&mut self, team: TeamId, user: UserId) -> Result<(), Error> {
        let there = self.tx.teams_of(user).await?.iter().any(|row| row.id == team);
        if !there {
            self.tx.add_team_member(team, user, self.at).await?;
        }
        Ok(())
    }
}

fn no_team(error: StorageError) -> Error {
    match error.constraint() {
        Some(Constraint::InviteNoTeam) => Error::NotFound,
        _ => error.into(),
    }
}
