//! One account with everything on: a key, a grant, a policy with three limits, a server.

use bus::{Bus, RedisConfig};
use domain::{
    AccountId, AccountSnapshot, AgentId, Clock, DeploymentKey, Entropy, GrantId, GrantState, GrantSubject, KeyId, Name,
    PolicyId, Principal, Secret, ServerId, ServerSettings, SnapshotAgent, SnapshotGrant, SnapshotKey, SnapshotPolicy,
    SnapshotServer, SnapshotTool, Token, TokenKind, Transport,
};

/// Limits that are never full: what is measured is their cost.
const POLICY: &str = r#"{"version":"1","default":"deny",
  "tools":{"get_run":{"limits":[{"window":"minute","max":1000000000},{"window":"hour","max":1000000000}]}},
  "all_tools":{"limits":[{"counter":"all","window":"day","max":1000000000}]}}"#;

/// Agents with a key each: as many as it takes for thousands of streams.
const AGENTS: usize = 64;

/// The servers of the account: slug and URL.
pub type Servers<'a> = &'a [(&'a str, String)];

/// Publishes the account; the texts of its keys.
pub async fn publish(redis_url: &str, key: &DeploymentKey, servers: Servers<'_>) -> anyhow::Result<Vec<String>> {
    let (snapshot, tokens) = snapshot(key, servers)?;
    let bus = Bus::redis(RedisConfig::new(Secret::new(redis_url.to_owned()))).await?;
    bus.publish(&snapshot.slug, &snapshot.sign(key)?).await?;
    bus.close().await;
    Ok(tokens)
}

fn snapshot(key: &DeploymentKey, servers: Servers<'_>) -> anyhow::Result<(AccountSnapshot, Vec<String>)> {
    let (clock, entropy) = (Clock::System, Entropy::System);
    let (account, policy) = (AccountId::new(&clock, &entropy), PolicyId::new(&clock, &entropy));
    let mut snapshot = AccountSnapshot {
        account,
        slug: "bench".parse()?,
        version: 1,
        data_key: key.new_data_key(account, &entropy).1,
        members: Vec::new(),
        agents: Vec::new(),
        servers: Vec::new(),
        policies: vec![SnapshotPolicy { id: policy, version: 1, document: POLICY.into() }],
        grants: Vec::new(),
        keys: Vec::new(),
        apps: Vec::new(),
        connectors: Vec::new(),
    };
    for (slug, url) in servers {
        snapshot.servers.push(server(ServerId::new(&clock, &entropy), slug, url)?);
    }
    let mut tokens = Vec::new();
    for _ in 0..AGENTS {
        let (agent, token) = (AgentId::new(&clock, &entropy), Token::new(TokenKind::Key, &entropy));
        snapshot.agents.push(SnapshotAgent { agent, name: Name::parse("load")? });
        snapshot.keys.push(SnapshotKey {
            id: KeyId::new(&clock, &entropy),
            hash: token.hash(),
            principal: Principal::Agent(agent),
            expires_at: None,
        });
        for server in &snapshot.servers {
            snapshot.grants.push(SnapshotGrant {
                id: GrantId::new(&clock, &entropy),
                label: Name::parse("load")?,
                server: server.id,
                subject: GrantSubject::Agent(agent),
                policy: Some(policy),
                state: GrantState::Active,
                expires_at: None,
            });
        }
        tokens.push(token.expose().to_owned());
    }
    Ok((snapshot, tokens))
}

fn server(id: ServerId, slug: &str, url: &str) -> anyhow::Result<SnapshotServer> {
    Ok(SnapshotServer {
        id,
        slug: slug.parse()?,
        name: Name::parse(slug)?,
        transport: Transport::Http { url: url.to_owned() },
        headers: Vec::new(),
        oauth: None,
        settings: ServerSettings::default(),
        tools: vec![SnapshotTool {
            name: "get_run".into(),
            class: policy::RiskClass::Read,
            pin: String::new(),
            input_schema: None,
        }],
    })
}
