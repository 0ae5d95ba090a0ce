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

/// Publishes the account; the text of its key.
pub async fn publish(redis_url: &str, key: &DeploymentKey, upstream_url: String) -> anyhow::Result<String> {
    let (clock, entropy) = (Clock::System, Entropy::System);
    let account = AccountId::new(&clock, &entropy);
    let (agent, server, policy) =
        (AgentId::new(&clock, &entropy), ServerId::new(&clock, &entropy), PolicyId::new(&clock, &entropy));
    let token = Token::new(TokenKind::Key, &entropy);
    let snapshot = AccountSnapshot {
        account,
        slug: "bench".parse()?,
        version: 1,
        data_key: key.new_data_key(account, &entropy).1,
        members: Vec::new(),
        agents: vec![SnapshotAgent { agent, name: Name::parse("load")? }],
        servers: vec![SnapshotServer {
            id: server,
            slug: "upstream".parse()?,
            name: Name::parse("upstream")?,
            transport: Transport::Http { url: upstream_url },
            headers: Vec::new(),
            settings: ServerSettings::default(),
            tools: vec![SnapshotTool {
                name: "get_run".into(),
                class: policy::RiskClass::Read,
                pin: String::new(),
                input_schema: None,
            }],
        }],
        policies: vec![SnapshotPolicy { id: policy, version: 1, document: POLICY.into() }],
        grants: vec![SnapshotGrant {
            id: GrantId::new(&clock, &entropy),
            label: Name::parse("load")?,
            server,
            subject: GrantSubject::Agent(agent),
            policy: Some(policy),
            state: GrantState::Active,
            expires_at: None,
        }],
        keys: vec![SnapshotKey {
            id: KeyId::new(&clock, &entropy),
            hash: token.hash(),
            principal: Principal::Agent(agent),
            expires_at: None,
        }],
        apps: Vec::new(),
        connectors: Vec::new(),
    };
    let bus = Bus::redis(RedisConfig::new(Secret::new(redis_url.to_owned()))).await?;
    bus.publish(&snapshot.slug, &snapshot.sign(key)?).await?;
    bus.close().await;
    Ok(token.expose().to_owned())
}
