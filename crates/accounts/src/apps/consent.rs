//! What a person is shown before they allow an app something: whether they belong to the account at all, what they can reach
//! there, and what is new compared with what the same client may do already.

use domain::{
    AccountSlug, AccountSnapshot, GrantState, GrantSubject, Name, Permission, Principal, Role, Scopes, ServerSlug,
    SnapshotGrant, SnapshotMember, SnapshotServer, Timestamp, UserId,
};
use policy::{CompiledPolicy, StandingKind};

use super::{AuthorizeError, AuthorizeRequest};
use crate::{Accounts, Error, Visitor, snapshot};

/// What a consent page shows.
#[derive(Clone, Debug)]
pub struct ConsentView {
    /// The account that the request is about.
    pub account: AccountSlug,
    /// Whether the person belongs to it.
    pub membership: Membership,
    /// What the person can reach there: the server of the resource, or every server with a grant. Empty for a stranger, and
    /// for a member without a grant.
    pub servers: Vec<ConsentServer>,
    /// What the same client may do at the same URL already; none: nothing.
    pub before: Option<Scopes>,
}

/// Whether a person belongs to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// They do.
    Member {
        /// The account's name for people.
        account_name: Name,
        /// In this role.
        role: Role,
    },
    /// They do not, or there is no such account: which of the two is not told.
    Stranger,
}

/// A server, as far as the person's grants open it.
#[derive(Clone, Debug)]
pub struct ConsentServer {
    /// Its name in URLs.
    pub slug: ServerSlug,
    /// Its name for people.
    pub name: Name,
    /// How its tools stand under the first of the person's grants.
    pub tools: ToolCounts,
}

/// How many tools stand how. Tools that were not read yet are in none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToolCounts {
    /// Open, and only reading.
    pub open_reading: usize,
    /// Open, and of another class.
    pub open_changing: usize,
    /// Each call waits for a person.
    pub asking: usize,
    /// Denied or hidden.
    pub denied: usize,
}

impl Accounts {
    /// What the person is asked.
    ///
    /// # Errors
    /// [`AuthorizeError::Other`].
    pub async fn consent_view(
        &self,
        visitor: &Visitor,
        request: &AuthorizeRequest,
    ) -> Result<ConsentView, AuthorizeError> {
        let account = request.resource.account.clone();
        let caller = match self.enter(visitor, &account).await {
            Err(Error::NotFound) => {
                return Ok(ConsentView {
                    account,
                    membership: Membership::Stranger,
                    servers: Vec::new(),
                    before: None,
                });
            }
            entered => entered?,
        };
        caller.allowed(Permission::OwnKeys)?;
        let now = self.now();
        let mut tx = self.db().account_at_one_moment(caller.scope()).await.map_err(Error::from)?;
        let name = tx.account_row().await.map_err(Error::from)?.name;
        let apps = tx.apps(Some(visitor.user), now).await.map_err(Error::from)?;
        let snapshot = snapshot::compile(&mut tx, now, self.issuer()).await.map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        let same = apps
            .into_iter()
            .filter(|app| app.client.id == request.client.client_id && app.resource == request.resource.canonical);
        let before = same.map(|app| app.scopes).max_by_key(|scopes| scopes.iter().count());
        let (user, only) = (visitor.user, request.resource.server.clone());
        let servers = self.off_threads(move || reachable(&snapshot, user, only.as_ref(), now)).await?;
        let membership = Membership::Member { account_name: name, role: caller.role() };
        Ok(ConsentView { account, membership, servers, before })
    }
}

fn reachable(
    snapshot: &AccountSnapshot,
    user: UserId,
    only: Option<&ServerSlug>,
    now: Timestamp,
) -> Vec<ConsentServer> {
    let Some(member) = snapshot.members.iter().find(|member| member.user == user) else { return Vec::new() };
    let asked = snapshot.servers.iter().filter(|server| only.is_none_or(|slug| *slug == server.slug));
    let mut servers: Vec<ConsentServer> = asked
        .filter_map(|server| {
            let grant = first_grant(snapshot, member, server, now)?;
            let tools = counts(snapshot, grant, server);
            Some(ConsentServer { slug: server.slug.clone(), name: server.name.clone(), tools })
        })
        .collect();
    servers.sort_by(|a, b| a.slug.cmp(&b.slug));
    servers
}

/// The first of the member's grants on the server, as a gateway takes them.
fn first_grant<'a>(
    snapshot: &'a AccountSnapshot,
    member: &SnapshotMember,
    server: &SnapshotServer,
    now: Timestamp,
) -> Option<&'a SnapshotGrant> {
    let of = |subject: GrantSubject| {
        snapshot.grants.iter().find(|grant| {
            grant.server == server.id && grant.subject == subject && grant.expires_at.is_none_or(|at| now < at)
        })
    };
    Principal::Member(member.user).effective_grants(&member.teams, of).into_iter().next()
}

fn counts(snapshot: &AccountSnapshot, grant: &SnapshotGrant, server: &SnapshotServer) -> ToolCounts {
    let document = snapshot.policies.iter().find(|policy| Some(policy.id) == grant.policy);
    let compiled = document.and_then(|policy| CompiledPolicy::compile(&policy.document).ok());
    let mut counts = ToolCounts::default();
    for tool in &server.tools {
        let standing = policy::standings(compiled.as_ref(), &tool.name, tool.class).kind;
        let place = match standing {
            _ if grant.state != GrantState::Active => &mut counts.denied,
            StandingKind::Hidden | StandingKind::Denied => &mut counts.denied,
            StandingKind::Approval => &mut counts.asking,
            StandingKind::Open if Scopes::READ.allow(tool.class) => &mut counts.open_reading,
            StandingKind::Open => &mut counts.open_changing,
        };
        *place += 1;
    }
    counts
}
