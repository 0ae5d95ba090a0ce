//! A gateway on a loopback port, and accounts to publish to it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bus::Bus;
use counters::{Answered, ApprovalAnswer, Counters};
use domain::{
    AccountId, AccountSlug, AccountSnapshot, AgentId, ApprovalAsked, Clock, ConnectorId, DataKey, DeploymentKey,
    Entropy, Event, GrantId, GrantState, GrantSubject, KeyId, PolicyId, Principal, Role, ServerId, ServerSettings,
    SnapshotAgent, SnapshotConnector, SnapshotGrant, SnapshotHeader, SnapshotKey, SnapshotMember, SnapshotPolicy,
    SnapshotServer, SnapshotTool, TeamId, Timestamp, Token, TokenKind, Transport, UserId,
};
use gateway::{Config, Gateway, GatewayParts};
use policy::RiskClass;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use upstream::{Dialer, DialerConfig, Egress};

/// 2026-01-05 12:00:00 UTC, a Monday.
const NOON: Timestamp = Timestamp(1_767_614_400_000_000);
/// No test waits longer than this for anything, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The silence after which a gateway gives a server up, where that is to be seen: longer than a machine stands still, so
/// that nobody who does answer is given up.
pub const SHORT_SILENCE: Duration = Duration::from_secs(5);

pub struct World {
    pub gateway: Gateway,
    pub origin: String,
    pub bus: Bus,
    pub counters: Counters,
    pub clock: Clock,
    pub entropy: Entropy,
    pub key: DeploymentKey,
    pub dialer: Dialer,
    pub cancel: CancellationToken,
    pub background: tokio::task::JoinHandle<()>,
    dir: Arc<tempfile::TempDir>,
}

impl World {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A gateway whose configuration is changed first.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let (clock, entropy) = (Clock::fixed(NOON), Entropy::seeded(42));
        let bus = Bus::memory(&dir.path().join("spool"), clock.clone()).unwrap();
        let counters = Counters::memory(clock.clone());
        Self::of(Parts { dir, clock, entropy, bus, counters }, change).await
    }

    pub async fn of(parts: Parts, change: impl FnOnce(&mut Config)) -> Self {
        let Parts { dir, clock, entropy, bus, counters } = parts;
        let listener = listener();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let key = DeploymentKey::new(&Entropy::seeded(7));
        let dialing = DialerConfig::new(Egress::PRIVATE_ALLOWED);
        let dialer = Dialer::new(DialerConfig { connect_limit: PATIENCE, ..dialing }).unwrap();
        let mesh = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = Config::new(&origin);
        config.mesh_address = Some(mesh.local_addr().unwrap().to_string());
        // A machine that stands still for a while must not be taken for a server, a store or a gateway that is away.
        config.times.aggregate_part = PATIENCE;
        config.times.greeting = PATIENCE;
        config.times.reserve_turn = PATIENCE;
        config.times.gateway_connect = PATIENCE;
        config.times.gateway_silence = PATIENCE;
        config.times.connector_silence = PATIENCE;
        change(&mut config);
        let gateway = Gateway::new(GatewayParts {
            bus: bus.clone(),
            counters: counters.clone(),
            dialer: dialer.clone(),
            key: key.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            config,
        });
        let cancel = CancellationToken::new();
        let (background, stop) = (gateway.clone(), cancel.clone());
        let background = tokio::spawn(async move { background.run_background(stop).await });
        let serving = gateway.clone();
        tokio::spawn(async move { serving.serve_mesh(mesh).await });
        let router = gateway.router().into_make_service_with_connect_info::<std::net::SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { gateway, origin, bus, counters, clock, entropy, key, dialer, cancel, background, dir }
    }

    /// One more gateway of the same deployment.
    pub async fn beside(&self, change: impl FnOnce(&mut Config)) -> Self {
        let (dir, clock, entropy) = (self.dir.clone(), self.clock.clone(), self.entropy.clone());
        Self::of(Parts { dir, clock, entropy, bus: self.bus.clone(), counters: self.counters.clone() }, change).await
    }

    /// A new account, not published yet.
    pub fn account(&self, slug: &str) -> Account {
        let id = AccountId::new(&self.clock, &self.entropy);
        let (data_key, wrapped) = self.key.new_data_key(id, &self.entropy);
        let snapshot = AccountSnapshot {
            account: id,
            slug: slug.parse().unwrap(),
            version: 1,
            data_key: wrapped,
            members: vec![],
            agents: vec![],
            servers: vec![],
            policies: vec![],
            grants: vec![],
            keys: vec![],
            apps: vec![],
            connectors: vec![],
        };
        Account { snapshot, data_key, clock: self.clock.clone(), entropy: self.entropy.clone() }
    }

    pub async fn publish(&self, account: &Account) {
        let signed = account.snapshot.sign(&self.key).unwrap();
        self.bus.publish(&account.snapshot.slug, &signed).await.unwrap();
    }

    /// A person's answer to a request, as the control plane gives it.
    pub async fn answer(&self, account: &Account, asked: &ApprovalAsked, answer: ApprovalAnswer) -> Answered {
        let id = account.snapshot.account;
        self.counters.answer_approval(id, asked.binding, asked.approval, answer).await.unwrap()
    }

    /// The request with this id.
    pub async fn asked(&self, account: &Account, id: &str) -> ApprovalAsked {
        let events =
            self.records(account, |events| events.iter().filter_map(asked).any(|a| a.approval.to_string() == id)).await;
        events.iter().filter_map(asked).find(|a| a.approval.to_string() == id).unwrap().clone()
    }

    /// The account's records, once they are as wanted. Events come at least once, and count once by process and sequence.
    pub async fn records(&self, account: &Account, wanted: impl Fn(&[Event]) -> bool) -> Vec<Event> {
        let ids = [account.snapshot.account];
        let looking = async {
            loop {
                let taken = self.bus.take(&ids, 10_000).await.unwrap();
                let mut seen = HashSet::new();
                let fresh =
                    taken.into_iter().filter(|taken| seen.insert((taken.envelope.gateway, taken.envelope.sequence)));
                let events: Vec<Event> = fresh.map(|taken| taken.envelope.event).collect();
                if wanted(&events) {
                    return events;
                }
                self.bus.event_ready().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("the records are as wanted in time")
    }
}

/// An address that refuses whoever dials it, for as long as this is there: bound, so that nobody else gets the port, and
/// not listened on.
pub struct Nowhere(TcpSocket);

impl Nowhere {
    pub fn new() -> Self {
        Self(bound())
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.0.local_addr().unwrap())
    }
}

/// A listener whose queue has room for everybody who comes at once: beyond it, a machine that does not get round to them
/// resets them after a while.
pub fn listener() -> TcpListener {
    bound().listen(1024).unwrap()
}

fn bound() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket
}

pub struct Parts {
    pub dir: Arc<tempfile::TempDir>,
    pub clock: Clock,
    pub entropy: Entropy,
    pub bus: Bus,
    pub counters: Counters,
}

pub struct Account {
    pub snapshot: AccountSnapshot,
    pub data_key: DataKey,
    clock: Clock,
    entropy: Entropy,
}

/// Someone with a key.
#[derive(Clone)]
pub struct Holder {
    pub principal: Principal,
    pub key: KeyId,
    pub token: Token,
}

impl Account {
    pub fn slug(&self) -> &AccountSlug {
        &self.snapshot.slug
    }

    /// The next version of the snapshot.
    pub fn changed(&mut self) -> &mut Self {
        self.snapshot.version += 1;
        self
    }

    pub fn server(&mut self, slug: &str, transport: Transport, tools: &[(&str, RiskClass)]) -> ServerId {
        let id = ServerId::new(&self.clock, &self.entropy);
        let tool = |(name, class): &(&str, RiskClass)| SnapshotTool {
            name: (*name).into(),
            class: *class,
            pin: String::new(),
            input_schema: None,
        };
        self.snapshot.servers.push(SnapshotServer {
            id,
            slug: slug.parse().unwrap(),
            name: domain::Name::parse(slug).unwrap(),
            transport,
            headers: vec![],
            oauth: None,
            settings: ServerSettings::default(),
            tools: tools.iter().map(tool).collect(),
        });
        id
    }

    pub fn settings(&mut self, server: ServerId) -> &mut ServerSettings {
        &mut self.snapshot.servers.iter_mut().find(|s| s.id == server).unwrap().settings
    }

    /// The one connection of a member, or of the server.
    pub fn connection(&self, user: Option<UserId>) -> domain::ConnectionId {
        domain::ConnectionId::from_uuid(user.map_or(self.snapshot.account.uuid(), UserId::uuid))
    }

    /// Seals a value under the account's key.
    pub fn seal(&self, context: &str, value: &str) -> domain::Sealed {
        self.data_key.seal(context, value.as_bytes(), &self.entropy)
    }

    pub fn header(&mut self, server: ServerId, name: &str, value: &str) {
        let sealed = self.data_key.seal(&SnapshotHeader::context(server, name), value.as_bytes(), &self.entropy);
        let entry = self.snapshot.servers.iter_mut().find(|s| s.id == server).unwrap();
        entry.headers.push(SnapshotHeader { name: name.to_owned(), value: sealed });
    }

    /// Publishes another version of a policy.
    pub fn new_version(&mut self, policy: PolicyId, document: &str) {
        let entry = self.snapshot.policies.iter_mut().find(|p| p.id == policy).unwrap();
        entry.version += 1;
        entry.document = document.into();
        self.changed();
    }

    /// Gives a tool an input schema.
    pub fn schema(&mut self, server: ServerId, tool: &str, schema: &str) {
        let server = self.snapshot.servers.iter_mut().find(|s| s.id == server).unwrap();
        server.tools.iter_mut().find(|t| &*t.name == tool).unwrap().input_schema = Some(schema.into());
    }

    pub fn policy(&mut self, document: &str) -> PolicyId {
        let id = PolicyId::new(&self.clock, &self.entropy);
        self.snapshot.policies.push(SnapshotPolicy { id, version: 1, document: document.into() });
        id
    }

    pub fn agent(&mut self, name: &str) -> Holder {
        let agent = AgentId::new(&self.clock, &self.entropy);
        self.snapshot.agents.push(SnapshotAgent { agent, name: domain::Name::parse(name).unwrap() });
        self.new_key(Principal::Agent(agent))
    }

    pub fn member(&mut self, email: &str, teams: Vec<TeamId>) -> Holder {
        let user = UserId::new(&self.clock, &self.entropy);
        let email = domain::Email::parse(email).unwrap();
        self.snapshot.members.push(SnapshotMember { user, email, role: Role::Viewer, teams });
        self.new_key(Principal::Member(user))
    }

    pub fn team(&self) -> TeamId {
        TeamId::new(&self.clock, &self.entropy)
    }

    pub fn new_key(&mut self, principal: Principal) -> Holder {
        let token = Token::new(TokenKind::Key, &self.entropy);
        let key = KeyId::new(&self.clock, &self.entropy);
        self.snapshot.keys.push(SnapshotKey { id: key, hash: token.hash(), principal, expires_at: None });
        Holder { principal, key, token }
    }

    pub fn grant(&mut self, subject: GrantSubject, server: ServerId, policy: Option<PolicyId>) -> GrantId {
        let id = GrantId::new(&self.clock, &self.entropy);
        self.snapshot.grants.push(SnapshotGrant {
            id,
            label: domain::Name::parse("ci").unwrap(),
            server,
            subject,
            policy,
            state: GrantState::Active,
            expires_at: None,
        });
        id
    }

    pub fn grant_mut(&mut self, id: GrantId) -> &mut SnapshotGrant {
        self.snapshot.grants.iter_mut().find(|grant| grant.id == id).unwrap()
    }

    pub fn connector(&mut self, server: ServerId) -> Token {
        let token = Token::new(TokenKind::Connect, &self.entropy);
        let id = ConnectorId::new(&self.clock, &self.entropy);
        self.snapshot.connectors.push(SnapshotConnector { id, hash: token.hash(), server, ends_at: None });
        token
    }

    /// One HTTP server with these tools, one agent, one grant under this policy.
    pub fn simple(&mut self, url: &str, policy: &str) -> Simple {
        let tools =
            [("echo", RiskClass::Read), ("set_model_alias", RiskClass::Write), ("delete_run", RiskClass::Destructive)];
        let server = self.server("mlflow", Transport::Http { url: url.to_owned() }, &tools);
        let agent = self.agent("ci-runner");
        let policy = self.policy(policy);
        let grant = self.grant(agent.principal.as_subject(), server, Some(policy));
        Simple { server, agent, policy, grant }
    }
}

pub struct Simple {
    pub server: ServerId,
    pub agent: Holder,
    pub policy: PolicyId,
    pub grant: GrantId,
}

/// Allows everything.
pub const OPEN: &str = r#"{"version":"1","default":"allow"}"#;
/// The policy at the top of the language's description.
pub const SEED: &str = r#"{"version":"1","default":"deny","tools":{"set_model_alias":{"limits":[{"counter":"set_model_alias_rate","window":"minute","max":30,"scope":"grant"}]}}}"#;

pub fn decided(event: &Event) -> Option<&domain::CallDecided> {
    match event {
        Event::Decided(decided) => Some(decided),
        _ => None,
    }
}

pub fn settled(event: &Event) -> Option<&domain::CallSettled> {
    match event {
        Event::Settled(settled) => Some(settled),
        _ => None,
    }
}

pub fn asked(event: &Event) -> Option<&ApprovalAsked> {
    match event {
        Event::ApprovalAsked(asked) => Some(asked),
        _ => None,
    }
}
