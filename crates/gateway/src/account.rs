//! An account as the data plane uses it: a verified snapshot, compiled once, then only read.
//!
//! Invariant: whatever in a snapshot cannot be used (a policy that does not compile, a credential that does not open)
//! refuses calls; it never lets one through.

mod server;

use std::{collections::HashMap, sync::Arc};

use domain::{
    AccountId, AccountSlug, AccountSnapshot, AgentId, AppId, ConnectorId, DataKey, DeploymentKey, GrantId, GrantState,
    GrantSubject, KeyId, PolicyId, Principal, Role, Scopes, ServerId, ServerSlug, TeamId, Timestamp, TokenHash, UserId,
};
use policy::CompiledPolicy;

pub(crate) use server::Server;

/// A compiled account snapshot.
#[derive(Debug)]
pub(crate) struct Account {
    pub id: AccountId,
    pub slug: AccountSlug,
    pub version: u64,
    servers: HashMap<ServerSlug, Arc<Server>>,
    keys: HashMap<TokenHash, Key>,
    apps: HashMap<AppId, App>,
    members: HashMap<UserId, Member>,
    agents: HashMap<AgentId, String>,
    grants: HashMap<(ServerId, GrantSubject), Arc<Grant>>,
    connectors: HashMap<TokenHash, Connector>,
    policies: HashMap<PolicyId, Arc<Policy>>,
    /// None: it does not open here.
    data_key: Option<DataKey>,
}

#[derive(Debug)]
pub(crate) struct Key {
    pub id: KeyId,
    pub principal: Principal,
    pub expires_at: Option<Timestamp>,
}

/// An app that a member allowed to act for them.
#[derive(Debug)]
pub(crate) struct App {
    pub user: UserId,
    /// The one URL that it may call.
    pub resource: String,
    /// What it may do at most.
    pub scopes: Scopes,
    pub expires_at: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub email: String,
    pub role: Role,
    pub teams: Vec<TeamId>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Connector {
    pub id: ConnectorId,
    pub server: ServerId,
    ends_at: Option<Timestamp>,
}

/// A grant with its policy.
#[derive(Debug)]
pub(crate) struct Grant {
    pub id: GrantId,
    pub label: String,
    pub policy: Option<Arc<Policy>>,
    pub state: GrantState,
    pub expires_at: Option<Timestamp>,
}

/// One version of a policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub id: PolicyId,
    pub version: u32,
    document: Arc<str>,
    /// None: it does not compile here, so it denies everything, like no policy.
    pub compiled: Option<CompiledPolicy>,
}

impl Account {
    /// Compiles a verified snapshot; policies that did not change are taken over from `before`.
    pub(crate) fn compile(snapshot: AccountSnapshot, key: &DeploymentKey, before: Option<&Self>) -> Self {
        let data_key = key.open_data_key(snapshot.account, &snapshot.data_key).ok();
        let policies: HashMap<_, _> = snapshot.policies.iter().map(|p| (p.id, reuse_or_compile(p, before))).collect();
        let grants = snapshot.grants.into_iter().filter(|g| g.state != GrantState::Revoked);
        Self {
            id: snapshot.account,
            version: snapshot.version,
            servers: by(snapshot.servers, |s| {
                let same = before.and_then(|account| account.server(&s.slug)).filter(|before| before.id == s.id);
                (s.slug.clone(), Arc::new(Server::open(snapshot.account, s, data_key.as_ref(), same)))
            }),
            keys: by(snapshot.keys, |k| (k.hash, Key { id: k.id, principal: k.principal, expires_at: k.expires_at })),
            apps: by(snapshot.apps, |a| {
                (a.id, App { user: a.user, resource: a.resource, scopes: a.scopes, expires_at: a.expires_at })
            }),
            members: by(snapshot.members, |m| {
                (m.user, Member { email: m.email.to_string(), role: m.role, teams: m.teams })
            }),
            agents: by(snapshot.agents, |a| (a.agent, a.name.to_string())),
            grants: by(grants, |g| {
                let policy = g.policy.and_then(|id| policies.get(&id).cloned());
                let grant =
                    Grant { id: g.id, label: g.label.to_string(), policy, state: g.state, expires_at: g.expires_at };
                ((g.server, g.subject), Arc::new(grant))
            }),
            connectors: by(snapshot.connectors, |c| {
                (c.hash, Connector { id: c.id, server: c.server, ends_at: c.ends_at })
            }),
            slug: snapshot.slug,
            policies,
            data_key,
        }
    }

    /// The key with this hash, if it is in force at `now` and its principal still belongs to the account.
    pub(crate) fn key(&self, hash: &TokenHash, now: Timestamp) -> Option<&Key> {
        let key = self.keys.get(hash).filter(|key| key.expires_at.is_none_or(|at| now < at))?;
        let belongs = match key.principal {
            Principal::Member(user) => self.members.contains_key(&user),
            Principal::Agent(agent) => self.agents.contains_key(&agent),
        };
        belongs.then_some(key)
    }

    /// The app with this id, if it stands at `now` and its person still belongs to the account.
    pub(crate) fn app(&self, id: AppId, now: Timestamp) -> Option<&App> {
        self.apps.get(&id).filter(|app| now < app.expires_at && self.members.contains_key(&app.user))
    }

    /// The connector token with this hash, if it is in force.
    pub(crate) fn connector(&self, hash: &TokenHash, now: Timestamp) -> Option<Connector> {
        self.connectors.get(hash).copied().filter(|connector| connector.stands(now))
    }

    /// Whether the connector token with this id is still in force for the server.
    pub(crate) fn has_connector(&self, id: ConnectorId, server: ServerId, now: Timestamp) -> bool {
        self.connectors.values().any(|c| c.id == id && c.server == server && c.stands(now))
    }

    /// The server with this slug.
    pub(crate) fn server(&self, slug: &ServerSlug) -> Option<&Arc<Server>> {
        self.servers.get(slug)
    }

    /// The key that the account's values are sealed under; none when it does not open here.
    pub(crate) fn data_key(&self) -> Option<&DataKey> {
        self.data_key.as_ref()
    }

    /// All servers, by slug.
    pub(crate) fn servers(&self) -> Vec<&Arc<Server>> {
        let mut servers: Vec<_> = self.servers.values().collect();
        servers.sort_by(|a, b| a.slug.cmp(&b.slug));
        servers
    }

    /// The member behind a principal, if it is one.
    pub(crate) fn member(&self, principal: Principal) -> Option<&Member> {
        match principal {
            Principal::Member(user) => self.members.get(&user),
            Principal::Agent(_) => None,
        }
    }

    /// A principal's grants on a server, in the order in which they are tried. Expired ones do not count.
    pub(crate) fn effective_grants(&self, principal: Principal, server: ServerId, now: Timestamp) -> Vec<Arc<Grant>> {
        let live =
            |subject| self.grants.get(&(server, subject)).filter(|g| g.expires_at.is_none_or(|at| now < at)).cloned();
        let teams = self.member(principal).map_or(&[][..], |member| &member.teams);
        principal.effective_grants(teams, live)
    }
}

impl Connector {
    fn stands(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|at| now < at)
    }
}

impl Policy {
    fn compile(id: PolicyId, version: u32, document: &Arc<str>) -> Self {
        let compiled = CompiledPolicy::compile(document).map_err(|problems| {
            tracing::error!(policy = %id, version, %problems, "a published policy does not compile; it denies every call");
        });
        Self { id, version, document: document.clone(), compiled: compiled.ok() }
    }
}

fn reuse_or_compile(policy: &domain::SnapshotPolicy, before: Option<&Account>) -> Arc<Policy> {
    let same = before
        .and_then(|account| account.policies.get(&policy.id))
        .filter(|old| old.version == policy.version && old.document == policy.document);
    same.cloned().unwrap_or_else(|| Arc::new(Policy::compile(policy.id, policy.version, &policy.document)))
}

fn by<T, K: Eq + std::hash::Hash, V>(items: impl IntoIterator<Item = T>, entry: impl Fn(T) -> (K, V)) -> HashMap<K, V> {
    items.into_iter().map(entry).collect()
}
