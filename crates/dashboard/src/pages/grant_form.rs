//! The form that gives a grant: on a server's page as step 3, and on its own page.

use accounts::{NewGrant, NewSubject};
use askama::Template;
use domain::{AgentId, Name, Permission, PolicyId, ServerSlug, TeamId, Timestamp, UserId};
use serde::Deserialize;
use web_kit::{Member, Problem, Visit};

use super::server::base;
use crate::form::{Choice, Errors};

const DAY_S: i64 = 86_400;

/// How long a grant may stand, in days; the first is offered.
const LIVES_DAYS: [(i64, &str); 4] = [(0, "When it is revoked"), (7, "In 7 days"), (30, "In 30 days"), (90, "In 90 days")];

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
    pub(crate) async fn fresh(visit: &Visit<Member>, slug: &ServerSlug) -> Result<Self, Problem> {
        Self::with(visit, slug, &Typed { key: "yes".to_owned(), ..Typed::default() }, Errors::none()).await
    }

    /// The form with what was typed.
    pub(crate) async fn with(visit: &Visit<Member>, slug: &ServerSlug, typed: &Typed, errors: Errors) -> Result<Self, Problem> {
        let (accounts, caller) = (visit.accounts(), visit.caller());
        let policies = accounts.list_policies(caller, slug).await?;
        let agents = accounts.agents(caller).await?;
        let teams = accounts.teams(caller).await?;
        let members = accounts.members(caller).await?;
        let base = base(visit, slug);
        let me = caller.user();
        let others = members.into_iter().filter(|member| member.user != me);
        Ok(Self {
            errors,
            action: format!("{base}/grants"),
            subject: typed.subject,
            me: visit.who().visitor.email.to_string(),
            agent_name: typed.agent_name.clone(),
            agents: choices(agents.iter().map(|agent| (agent.id.to_string(), agent.name.to_string())), &typed.agent),
            teams: choices(teams.iter().map(|team| (team.slug.to_string(), team.name.to_string())), &typed.team),
            members: choices(others.map(|member| (member.user.to_string(), member.email.to_string())), &typed.member),
            policies: choices(
                policies.iter().map(|policy| (policy.id.to_string(), format!("{} (version {})", policy.name, policy.version))),
                &typed.policy,
            ),
            new_policy: format!("{base}/policies/new"),
            label: typed.label.clone(),
            expiries: choices(LIVES_DAYS.iter().map(|(days, label)| (days.to_string(), (*label).to_owned())), &typed.expires),
            key: !typed.key.is_empty(),
        })
    }
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
    /// Reads it, or adds to `errors` what is wrong. A team's slug is looked up by the caller of this.
    pub(crate) fn read(&self, visit: &Visit<Member>, slug: ServerSlug, team: Option<TeamId>, errors: &mut Errors) -> Option<NewGrant> {
        let subject = self.subject(visit, team, errors);
        let policy: Option<PolicyId> = errors.take("policy", "The policy", self.policy.parse());
        let label = match self.label.trim() {
            "" => None,
            label => errors.take("label", "The label", Name::parse(label)),
        };
        if !errors.is_empty() {
            return None;
        }
        let expires_at = self.expires_at(visit.accounts().now());
        // An agent has no page to make a key on for itself, so it always gets one.
        let key = matches!(self.subject, Subject::NewAgent | Subject::Agent) || (self.subject == Subject::Me && !self.key.is_empty());
        Some(NewGrant { server: slug, subject: subject?, policy: policy?, label, expires_at, key })
    }

    fn subject(&self, visit: &Visit<Member>, team: Option<TeamId>, errors: &mut Errors) -> Option<NewSubject> {
        match self.subject {
            Subject::Me => Some(NewSubject::Member(visit.caller().user())),
            Subject::NewAgent => errors.take("agent_name", "The agent's name", Name::parse(&self.agent_name)).map(NewSubject::NewAgent),
            Subject::Agent => errors.take("agent", "The agent", self.agent.parse::<AgentId>()).map(NewSubject::Agent),
            Subject::Member => errors.take("member", "The member", self.member.parse::<UserId>()).map(NewSubject::Member),
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
