//! A fixture in which both accounts have a server `mlflow` with tools, a policy and a grant, under the same names.

use accounts::{CreatedGrant, CreatedServer, KeyWish, NewGrant, NewServer, NewSubject, NewTransport};
use domain::{
    AccountSnapshot, Clock, Entropy, Event, EventEnvelope, GatewayId, Inventory, InventoryTool, PolicyId, ServerId,
};
use test_support::{Fixture, Tenant};

/// The policy at the top of the language's definition, as people paste it.
pub const SEED: &str = r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "set_model_alias": {
      "limits": [
        { "counter": "set_model_alias_rate", "window": "minute", "max": 30, "scope": "grant" }
      ]
    }
  }
}
"#;

/// Both accounts at work.
pub struct Work {
    pub fixture: Fixture,
    pub ours: Set,
    pub theirs: Set,
}

/// What an account has.
pub struct Set {
    pub server: CreatedServer,
    pub policy: PolicyId,
    pub grant: CreatedGrant,
}

impl Work {
    pub async fn new() -> Self {
        let fixture = Fixture::new().await;
        let ours = set_up(&fixture, &fixture.ours).await;
        let theirs = set_up(&fixture, &fixture.neighbour).await;
        Self { fixture, ours, theirs }
    }

    pub async fn snapshot(&self) -> AccountSnapshot {
        told(&self.fixture, &self.fixture.ours).await
    }
}

/// The published snapshot, opened.
pub async fn told(fixture: &Fixture, tenant: &Tenant) -> AccountSnapshot {
    let signed = fixture.bus.load(&tenant.slug).await.expect("asked").expect("published");
    signed.open(&tenant.slug, &fixture.key).expect("signed by us")
}

pub fn tunnel(slug: &str) -> NewServer {
    NewServer {
        name: "MLflow".to_owned(),
        slug: slug.to_owned(),
        transport: NewTransport::Tunnel,
        headers: Vec::new(),
        kind: Some("mlflow-mcp".to_owned()),
    }
}

pub fn to_agent(work: &Fixture, server: ServerId, policy: Option<PolicyId>) -> NewGrant {
    NewGrant {
        server,
        subject: NewSubject::Agent(work.ours.agent),
        policy,
        label: String::new(),
        expires_at: None,
        key: KeyWish::None,
    }
}

async fn set_up(fixture: &Fixture, tenant: &Tenant) -> Set {
    let (accounts, owner) = (&fixture.accounts, &tenant.owner.caller);
    let server = accounts.register_server(owner, &tunnel("mlflow")).await.expect("a server");
    let tools = [tool("set_model_alias", "1"), tool("delete_run", "1"), tool("get_run", "1")];
    let inventory = inventory(server.id, &fixture.clock, Ok(tools.to_vec()));
    accounts.take_inventory(owner.scope(), &inventory).await.expect("taken");
    let policy = accounts.create_policy(owner, server.id, "Default", SEED).await.expect("a policy");
    let form = NewGrant {
        server: server.id,
        subject: NewSubject::Agent(tenant.agent),
        policy: Some(policy),
        label: String::new(),
        expires_at: None,
        key: KeyWish::Mint,
    };
    let grant = accounts.create_grant(owner, &form).await.expect("a grant");
    Set { server, policy, grant }
}

pub fn tool(name: &str, version: &str) -> InventoryTool {
    let definition =
        format!(r#"{{"name":"{name}","description":"v{version}","inputSchema":{{"type":"object","x":1.0}}}}"#);
    InventoryTool { name: name.to_owned(), definition }
}

pub fn inventory(server: ServerId, clock: &Clock, tools: Result<Vec<InventoryTool>, String>) -> Inventory {
    Inventory {
        server,
        at: clock.now(),
        server_info: Some(domain::Client { name: "mlflow".to_owned(), version: "1".to_owned() }),
        protocol_version: "2025-11-25".to_owned(),
        tools,
    }
}

/// A gateway that numbers its events.
pub struct Gateway {
    id: GatewayId,
    sequence: u64,
}

impl Gateway {
    pub fn new(clock: &Clock, entropy: &Entropy) -> Self {
        Self { id: GatewayId::new(clock, entropy), sequence: 0 }
    }

    pub fn says(&mut self, tenant: &Tenant, event: Event) -> EventEnvelope {
        self.sequence += 1;
        let account = tenant.owner.caller.scope().account();
        EventEnvelope { gateway: self.id, sequence: self.sequence, account, event }
    }
}
