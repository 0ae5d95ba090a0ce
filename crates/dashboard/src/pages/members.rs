//! `/app/{account}/members`: the people of an account, their roles, and the links that invite more.

use accounts::{InviteRow, MemberView, TeamRow};
use askama::Template;
use domain::{InviteId, Permission, Role, UserId};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use crate::{
    form::{Choice, Errors},
    page::{form_again, id, page, page_with_secret},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::{self, Time},
};

#[derive(Template)]
#[template(path = "people/members.html")]
struct MembersPage {
    shell: Shell,
    account_name: String,
    errors: Errors,
    may_manage: bool,
    members: Vec<Row>,
    invites: Vec<Invite>,
    new_link: Option<NewLink>,
    invite_roles: Vec<Choice>,
    invite_teams: Vec<Choice>,
    roles: Vec<RoleHelp>,
}

struct Row {
    id: String,
    email: String,
    you: bool,
    role: &'static str,
    /// The roles the reader may give this member; none when they may not change it.
    roles: Vec<Choice>,
    joined: Time,
    removable: bool,
}

struct Invite {
    id: String,
    role: &'static str,
    team: Option<String>,
    by: String,
    expires: Time,
}

struct NewLink {
    role: &'static str,
    url: String,
    expires: Time,
}

struct RoleHelp {
    name: &'static str,
    says: &'static str,
}

#[derive(Deserialize)]
struct OfMember {
    member: String,
}

#[derive(Deserialize)]
struct OfInvite {
    invite: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ChosenRole {
    role: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NewInvite {
    role: String,
    team: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let manage = Who::Member(Permission::ManageMembers);
    routes
        .get("/app/{account}/members", Who::Member(Permission::View), show)
        .post("/app/{account}/members/{member}/role", manage, change_role)
        .post("/app/{account}/members/{member}/remove", manage, remove)
        .post("/app/{account}/members/{member}/leave", Who::Member(Permission::View), leave)
        .post("/app/{account}/members/invite", manage, invite)
        .post("/app/{account}/members/invites/{invite}/revoke", manage, revoke_invite)
}

/// What a handler adds to the page.
#[derive(Default)]
struct Extra {
    errors: Errors,
    new_link: Option<NewLink>,
}

async fn load(visit: &Visit<Member>, extra: Extra) -> Result<MembersPage, Problem> {
    let accounts = visit.accounts();
    let caller = visit.caller();
    let may_manage = visit.may(Permission::ManageMembers);
    let members = accounts.members(caller).await?;
    let (invites, teams) = if may_manage {
        (accounts.invites(caller).await?, accounts.teams(caller).await?)
    } else {
        (Vec::new(), Vec::new())
    };
    Ok(MembersPage {
        shell: Shell::account(visit, Tab::Members, "Members").await?,
        account_name: visit.who().name.to_string(),
        errors: extra.errors,
        may_manage,
        members: members.into_iter().map(|member| row(member, visit)).collect(),
        invites: invites.into_iter().map(invite_view).collect(),
        new_link: extra.new_link,
        invite_roles: role_choices(caller.role(), Role::Viewer),
        invite_teams: team_choices(&teams),
        roles: Role::ALL
            .into_iter()
            .rev()
            .map(|role| RoleHelp { name: show::role(role), says: show::role_says(role) })
            .collect(),
    })
}

fn row(member: MemberView, visit: &Visit<Member>) -> Row {
    let mine = visit.caller().role();
    let may_change = visit.may(Permission::ManageMembers) && member.role <= mine;
    Row {
        id: member.user.to_string(),
        email: member.email.to_string(),
        you: member.user == visit.caller().user(),
        role: show::role(member.role),
        roles: if may_change { role_choices(mine, member.role) } else { Vec::new() },
        joined: member.joined_at.into(),
        removable: may_change && member.user != visit.caller().user(),
    }
}

/// The roles someone of role `mine` may give: none above their own.
fn role_choices(mine: Role, now: Role) -> Vec<Choice> {
    let may_give = Role::ALL.into_iter().filter(|role| *role <= mine);
    may_give
        .map(|role| Choice { value: role.to_string(), label: show::role(role).to_owned(), selected: role == now })
        .collect()
}

fn team_choices(teams: &[TeamRow]) -> Vec<Choice> {
    let none = Choice { value: String::new(), label: "No team".to_owned(), selected: true };
    let each =
        teams.iter().map(|team| Choice { value: team.id.to_string(), label: team.name.to_string(), selected: false });
    std::iter::once(none).chain(each).collect()
}

fn invite_view(invite: InviteRow) -> Invite {
    Invite {
        id: invite.id.to_string(),
        role: show::role(invite.role),
        team: invite.team.map(|(_, slug)| slug.to_string()),
        by: invite.created_by_email.to_string(),
        expires: invite.expires_at.into(),
    }
}

async fn show(visit: Visit<Member>) -> Answer {
    page(&load(&visit, Extra::default()).await?)
}

async fn change_role(visit: Visit<Member>, Path(of): Path<OfMember>, Form(chosen): Form<ChosenRole>) -> Answer {
    let member: UserId = id(&of.member)?;
    let role: Role = chosen.role.parse().map_err(|_| Problem::Unreadable { why: "that is not a role".to_owned() })?;
    match visit.accounts().change_role(visit.caller(), member, role).await {
        Ok(()) => Ok(back(&visit, "The role is changed.")),
        Err(refused) => again(&visit, refused).await,
    }
}

async fn remove(visit: Visit<Member>, Path(of): Path<OfMember>) -> Answer {
    match visit.accounts().remove_member(visit.caller(), id(&of.member)?).await {
        Ok(()) => Ok(back(&visit, "They are no longer a member; their keys and connected apps have stopped working.")),
        Err(refused) => again(&visit, refused).await,
    }
}

/// One's own membership, whatever one's role.
async fn leave(visit: Visit<Member>, Path(of): Path<OfMember>) -> Answer {
    if visit.caller().user() != id::<UserId>(&of.member)? {
        return Err(Problem::NotFound);
    }
    match visit.accounts().leave(visit.caller()).await {
        Ok(()) => {
            let done = Flash::done(format!("You are no longer a member of {}.", visit.who().name));
            Ok(go_to_with(visit.kit(), "/app", &done))
        }
        Err(refused) => again(&visit, refused).await,
    }
}

async fn invite(visit: Visit<Member>, Form(asked): Form<NewInvite>) -> Answer {
    let role: Role = asked.role.parse().map_err(|_| Problem::Unreadable { why: "that is not a role".to_owned() })?;
    let team = if asked.team.is_empty() { None } else { Some(id(&asked.team)?) };
    match visit.accounts().create_invite(visit.caller(), role, team).await {
        Ok(created) => {
            let url = format!("{}/invite/{}", visit.kit().config().public_origin, created.token.expose());
            let new_link = Some(NewLink { role: show::role(role), url, expires: created.expires_at.into() });
            page_with_secret(&load(&visit, Extra { new_link, ..Extra::default() }).await?)
        }
        Err(refused) => again(&visit, refused).await,
    }
}

async fn revoke_invite(visit: Visit<Member>, Path(of): Path<OfInvite>) -> Answer {
    let invite: InviteId = id(&of.invite)?;
    visit.accounts().revoke_invite(visit.caller(), invite).await?;
    Ok(back(&visit, "The invitation is revoked; its link opens nothing any more."))
}

fn back(visit: &Visit<Member>, done: &str) -> axum::response::Response {
    go_to_with(visit.kit(), &format!("{}/members", visit.home()), &Flash::done(done))
}

/// The page again with the rule that stood in the way; other errors are problems.
async fn again(visit: &Visit<Member>, refused: accounts::Error) -> Answer {
    let errors = Errors::of(refused, &[])?;
    form_again(&load(visit, Extra { errors, ..Extra::default() }).await?)
}

#[cfg(test)]
mod tests;
