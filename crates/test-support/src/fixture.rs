//! Two accounts with the same names in them: ours, and a neighbour whose data must never show.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::OnceLock,
};

use accounts::{
    Accounts, Caller, ClientAddress, ClientDocuments, Config, NewKey, NewPerson, NewTeam, Retention, SignUp, SignedIn,
    Visitor, Wiring,
};
use bus::Bus;
use counters::Counters;
use domain::{AccountSlug, AgentId, Clock, DeploymentKey, Entropy, KeyId, Principal, Role, Secret, TeamId, Token};
use upstream::{Dialer, DialerConfig, Egress, PrivateAddresses};

use crate::{SEED, TempFolder, TestDb};

/// Everybody's password.
pub const PASSWORD: &str = "otter-violin-cascade";

/// Accounts on a database of their own, with a bus in process, a clock that stands still and repeatable randomness.
#[derive(Debug)]
pub struct Fixture {
    /// The database.
    pub test: TestDb,
    /// What limits are counted and approvals stand in.
    pub counters: Counters,
    /// The bus that snapshots are published on.
    pub bus: Bus,
    /// The deployment's secret.
    pub key: DeploymentKey,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The use cases.
    pub accounts: Accounts,
    /// The account under test: `ours`.
    pub ours: Tenant,
    /// The other one, with the same names: `neighbour`.
    pub neighbour: Tenant,
    _spool: TempFolder,
}

/// An account with a person of every role, a team `data` that the viewer is in, an agent `ci-runner` with a key.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name in URLs.
    pub slug: AccountSlug,
    /// `owner@<slug>.example`.
    pub owner: Person,
    /// `admin@<slug>.example`.
    pub admin: Person,
    /// `policy_manager@<slug>.example`.
    pub policy_manager: Person,
    /// `viewer@<slug>.example`.
    pub viewer: Person,
    /// The team `data`.
    pub team: TeamId,
    /// The agent `ci-runner`.
    pub agent: AgentId,
    /// The agent's key, by id.
    pub agent_key: KeyId,
    /// The agent's key, by text.
    pub agent_token: Token,
}

/// A person who is signed in and at work in the account.
#[derive(Clone, Debug)]
pub struct Person {
    /// The session's token.
    pub session: Token,
    /// Signed in.
    pub visitor: Visitor,
    /// At work.
    pub caller: Caller,
}

/// A request from this machine.
#[must_use]
pub fn from_here() -> ClientAddress {
    ClientAddress { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), user_agent: "a test".to_owned() }
}

/// The database of the first fixture of this process, copied for each test: hashing eight passwords takes a while.
const TEMPLATE: &str = "fixture";

impl Fixture {
    /// Makes both accounts.
    ///
    /// # Panics
    /// When anything does not work.
    pub async fn new() -> Self {
        static MADE: OnceLock<(Tenant, Tenant)> = OnceLock::new();
        // A thread and a runtime of its own, because the tests' runtimes come and go.
        let (ours, neighbour) =
            MADE.get_or_init(|| std::thread::spawn(make).join().expect("the fixture is made")).clone();
        let test = TestDb::copy_of(TEMPLATE).await;
        // Not the sequence that the fixture was made with: nothing is to be drawn twice.
        let entropy = Entropy::seeded(SEED + 1);
        let world = World::new(test, entropy);
        world.accounts.publish_missing().await.expect("both accounts are published");
        let World { test, counters, bus, key, clock, entropy, accounts, spool } = world;
        Self { test, counters, bus, key, clock, entropy, accounts, ours, neighbour, _spool: spool }
    }
}

/// The use cases on a database.
struct World {
    test: TestDb,
    counters: Counters,
    bus: Bus,
    key: DeploymentKey,
    clock: Clock,
    entropy: Entropy,
    accounts: Accounts,
    spool: TempFolder,
}

fn make() -> (Tenant, Tenant) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let world = World::new(TestDb::named(TEMPLATE).await, Entropy::seeded(SEED));
        let ours = found(&world.accounts, "ours").await;
        let neighbour = found(&world.accounts, "neighbour").await;
        // Only a database that nobody is connected to can be copied.
        world.test.db.close().await;
        (ours, neighbour)
    })
}

impl World {
    fn new(test: TestDb, entropy: Entropy) -> Self {
        let clock = crate::clock();
        let spool = TempFolder::new("spool");
        let bus = Bus::memory(spool.path(), clock.clone()).expect("a bus in process");
        // The same for every copy: the accounts' data keys lie under it.
        let key = DeploymentKey::new(&Entropy::seeded(SEED));
        let dialer = Dialer::new(DialerConfig::new(Egress { private_addresses: PrivateAddresses::Allowed }));
        let counters = Counters::memory(clock.clone());
        let accounts = Accounts::new(Wiring {
            db: test.db.clone(),
            bus: bus.clone(),
            counters: counters.clone(),
            dialer: dialer.expect("a dialer"),
            key: key.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            config: Config {
                gateway_origin: "https://gateway.example".to_owned(),
                internal_gateway: "http://127.0.0.1:1".to_owned(),
                issuer: "https://gateway.example".to_owned(),
                client_documents: ClientDocuments::OnThisMachineToo,
                retention: Retention::default(),
            },
        });
        Self { test, counters, bus, key, clock, entropy, accounts, spool }
    }
}

impl Tenant {
    /// The person of a role.
    #[must_use]
    pub fn person(&self, role: Role) -> &Person {
        match role {
            Role::Owner => &self.owner,
            Role::Admin => &self.admin,
            Role::PolicyManager => &self.policy_manager,
            Role::Viewer => &self.viewer,
        }
    }
}

impl Person {
    /// Signs in by a session's token and enters the account.
    ///
    /// # Panics
    /// When the token opens no session, or its person is no member.
    pub async fn of(accounts: &Accounts, signed_in: SignedIn) -> Self {
        let visitor = accounts.visitor(signed_in.session.expose()).await.expect("asked").expect("signed in");
        let caller = accounts.enter(&visitor, &signed_in.account).await.expect("a member");
        Self { session: signed_in.session, visitor, caller }
    }
}

async fn found(accounts: &Accounts, slug: &str) -> Tenant {
    let form = SignUp {
        email: format!("owner@{slug}.example"),
        password: Secret::new(PASSWORD.to_owned()),
        account_name: "Same name".to_owned(),
        account_slug: slug.to_owned(),
    };
    let owner = Person::of(accounts, accounts.sign_up(form, &from_here()).await.expect("signed up")).await;
    let team = NewTeam { name: "Data".to_owned(), slug: "data".to_owned() };
    let team = accounts.create_team(&owner.caller, &team).await.expect("a team");
    let admin = invited(accounts, &owner.caller, Role::Admin, None).await;
    let policy_manager = invited(accounts, &owner.caller, Role::PolicyManager, None).await;
    let viewer = invited(accounts, &owner.caller, Role::Viewer, Some(team)).await;
    let agent = accounts.create_agent(&owner.caller, "ci-runner").await.expect("an agent");
    let key = NewKey { principal: Principal::Agent(agent), label: "laptop".to_owned(), expires_at: None };
    let key = accounts.new_key(&owner.caller, &key).await.expect("a key");
    let slug = owner.caller.slug().clone();
    Tenant { slug, owner, admin, policy_manager, viewer, team, agent, agent_key: key.id, agent_token: key.token }
}

async fn invited(accounts: &Accounts, owner: &Caller, role: Role, team: Option<TeamId>) -> Person {
    let invite = accounts.create_invite(owner, role, team).await.expect("an invitation");
    let form =
        NewPerson { email: format!("{role}@{}.example", owner.slug()), password: Secret::new(PASSWORD.to_owned()) };
    let joined = accounts.sign_up_invited(invite.token.expose(), form, &from_here()).await;
    Person::of(accounts, joined.expect("joined")).await
}
