//! The form that gives a grant: on a server's page as step 3, and on its own page.

use accounts::{AgentView, KeyWish, MemberView, NewGrant, NewSubject, PolicySummary, ServerView, TeamRow};
use askama::Template;
use domain::{AgentId, Permission, PolicyId, TeamId, Timestamp, UserId};
use serde::Deserialize;
use web_kit::{Member, Problem, Visit};

use super::server::base;
use crate::form::{Choice, Errors, Input};

const DAY_S: i64 = 86_400;

/// How long a grant may stand, in days; the first is offered.
const LIVES_DAYS: [(i64, &str); 4] =
    [(0, "When it is revoked"), (7, "In 7 days"), (30, "In 30 days"), (90, "In 90 days")];

/// The inputs by the fields of the use case.
pub(crate) const INPUTS: &[Input] = &[
    Input { field: "name", id: "agent_name", called: "The agent's name" },
    Input::same("label", "The label"),
    Input { field: "expires_at", id: "expires", called: "The end" },
];

/// The form.
#[derive(Template)]
#[template(path = "grants/form.html")]
pub(crate) struct GrantForm {
    pub(crate) errors: Errors,
    action: String,
    subject: Subject,
    me: String,
    agent_name: String,
    agents: Vec<Choice>,
    teams: Vec<Choice>,
    members: Vec<Choice>,
    policies: Vec<Choice>,
    new_policy: String,
    label: String,
    expiries: Vec<Choice>,
    key: bool,
}

/// Whom the form is for, as its first choice says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    #[default]
    Me,
    NewAgent,
    Agent,
    Team,
    Member,
}

/// What was typed.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) subject: Subject,
    pub(crate) agent_name: String,
    pub(crate) agent: String,
    pub(crate) team: String,
    pub(crate) member: String,
    pub(crate) policy: String,
    pub(crate) label: String,
    pub(crate) expires: String,
    /// Sent when the box is checked.
    pub(crate) key: String,
}

impl GrantForm {
    /// The form as it is first shown.
    pub(crate) async fn fresh(visit: &Visit<Member>, server: &ServerView) -> Result<Self, Problem> {
        Self::with(visit, server, &Typed { key: "yes".to_owned(), ..Typed::default() }, Errors::none()).await
    }

    /// The form with what was typed.
    pub(crate) async fn with(
        visit: &Visit<Member>,
        server: &ServerView,
        typed: &Typed,
        errors: Errors,
    ) -> Result<Self, Problem> {
        let (accounts, caller) = (visit.accounts(), visit.caller());
        let policies = accounts.list_policies(caller, server.id).await?;
        let base = base(visit, &server.slug);
        let agent = |agent: AgentView| (agent.id.to_string(), agent.name.to_string());
        let team = |team: TeamRow| (team.slug.to_string(), team.name.to_string());
        let member = |member: MemberView| (member.user.to_string(), member.email.to_string());
        let policy =
            |policy: PolicySummary| (policy.id.to_string(), format!("{} (version {})", policy.name, policy.version));
        let others = accounts.members(caller).await?.into_iter().filter(|member| member.user != caller.user());
        Ok(Self {
            errors,
            action: format!("{base}/grants"),
            subject: typed.subject,
            me: visit.who().visitor.email.to_string(),
            agent_name: typed.agent_name.clone(),
            agents: choices(accounts.agents(caller).await?.into_iter().map(agent), &typed.agent),
            teams: choices(accounts.teams(caller).await?.into_iter().map(team), &typed.team),
            members: choices(others.map(member), &typed.member),
            policies: choices(policies.into_iter().map(policy), &typed.policy),
            new_policy: format!("{base}/policies/new"),
            label: typed.label.clone(),
            expiries: choices(
                LIVES_DAYS.iter().map(|(days, label)| (days.to_string(), (*label).to_owned())),
                &typed.expires,
            ),
            key: !typed.key.is_empty(),
        })
    }
}

/// What was chosen from a list; the words are for a form that was not filled in by ours.
fn chosen<T: std::str::FromStr>(errors: &mut Errors, field: &'static str, value: &str) -> Option<T> {
    let read = value.parse().ok();
    if read.is_none() {
        errors.add(field, format!("Choose the {field} from the list"));
    }
    read
}

impl Subject {
    fn word(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::NewAgent => "new_agent",
            Self::Agent => "agent",
            Self::Team => "team",
            Self::Member => "member",
        }
    }
}

fn choices(all: impl Iterator<Item = (String, String)>, chosen: &str) -> Vec<Choice> {
    all.map(|(value, label)| Choice { selected: value == chosen, value, label }).collect()
}

impl Typed {
    /// Reads it, or adds to `errors` what is wrong. `team` is the team of the slug that was chosen.
    pub(crate) fn read(
        &self,
        visit: &Visit<Member>,
        server: &ServerView,
        team: Option<TeamId>,
        errors: &mut Errors,
    ) -> Option<NewGrant> {
        let subject = self.subject(visit, team, errors);
        let policy: Option<PolicyId> = chosen(errors, "policy", &self.policy);
        if !errors.is_empty() {
            return None;
        }
        let wished = match self.subject {
            Subject::Me => !self.key.is_empty(),
            // An agent has no page of its own to make a key on, so it always gets one.
            Subject::NewAgent | Subject::Agent => true,
            Subject::Team | Subject::Member => false,
        };
        Some(NewGrant {
            server: server.id,
            subject: subject?,
            policy: Some(policy?),
            label: self.label.clone(),
            expires_at: self.expires_at(visit.kit().now()),
            key: if wished { KeyWish::Mint } else { KeyWish::None },
        })
    }

    fn subject(&self, visit: &Visit<Member>, team: Option<TeamId>, errors: &mut Errors) -> Option<NewSubject> {
        match self.subject {
            Subject::Me => Some(NewSubject::Member(visit.caller().user())),
            Subject::NewAgent => Some(NewSubject::NewAgent(self.agent_name.clone())),
            Subject::Agent => chosen::<AgentId>(errors, "agent", &self.agent).map(NewSubject::Agent),
            Subject::Member => chosen::<UserId>(errors, "member", &self.member).map(NewSubject::Member),
            Subject::Team => team.map(NewSubject::Team).or_else(|| {
                errors.add("team", "Choose a team; there is none of that name");
                None
            }),
        }
    }

    fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        let days = LIVES_DAYS.iter().map(|(days, _)| *days).find(|days| days.to_string() == self.expires)?;
        (days > 0).then(|| now.plus_seconds(days * DAY_S))
    }
}

/// What the routes of the form ask for.
pub(crate) const NEEDS: Permission = Permission::ManageGrants;
