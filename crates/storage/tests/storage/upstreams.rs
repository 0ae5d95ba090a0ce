//! Servers, tools, policies and grants: their rules, and that a neighbour's are out of reach.

use domain::{
    ConnectorId, ConnectorSeen, GrantId, GrantState, GrantSubject, Name, PolicyId, Sealed, ServerId, ServerSettings,
    SnapshotHeader, Timestamp, Token, TokenKind, Transport,
};
use policy::RiskClass;
use storage::{
    Acceptance, Constraint, Freshness, InventoryNote, NewConnectorRow, NewDraft, NewGrantRow, NewPolicyRow,
    NewServerRow, NewVersion, PutTool, Tx,
};

use crate::support::{Tenant, World};

const DOCUMENT: &str = "{ \"version\": \"1\",\r\n  \"default\": \"deny\" }\n";

/// A server with a header, a connector, a tool, a policy and a grant for the agent.
struct Upstream {
    server: ServerId,
    connector: ConnectorId,
    policy: PolicyId,
    grant: GrantId,
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn put(tool: &str, pin: &str, acceptance: Acceptance) -> PutTool {
    PutTool {
        name: tool.to_owned(),
        definition: format!("{{\"name\":\"{tool}\",\"v\":\"{pin}\"}}"),
        pin: pin.to_owned(),
        acceptance,
        class: RiskClass::Write,
        evidence: vec!["because".to_owned()],
    }
}

fn new_grant(world: &World, tenant: &Tenant, up: (ServerId, PolicyId), subject: GrantSubject) -> NewGrantRow {
    NewGrantRow {
        id: GrantId::new(&world.clock, &world.entropy),
        server: up.0,
        subject,
        policy: Some(up.1),
        label: name("grant"),
        expires_at: None,
        created_by: tenant.user,
        created_at: world.clock.now(),
    }
}

async fn tx(world: &World, tenant: &Tenant) -> Tx {
    world.test.db.account(&tenant.scope).await.expect("a transaction")
}

async fn register(world: &World, tenant: &Tenant, tx: &mut Tx, slug: &str) -> Upstream {
    let (clock, entropy, now) = (&world.clock, &world.entropy, world.clock.now());
    let (server, connector) = (ServerId::new(clock, entropy), ConnectorId::new(clock, entropy));
    tx.insert_server(&NewServerRow {
        id: server,
        slug: slug.parse().expect("a slug"),
        name: name("MLflow"),
        transport: Transport::Tunnel,
        kind: Some("mlflow-mcp".to_owned()),
        settings: ServerSettings::default(),
        created_by: tenant.user,
        created_at: now,
    })
    .await
    .expect("a server");
    let header = SnapshotHeader { name: "authorization".to_owned(), value: Sealed("sealed".to_owned()) };
    tx.put_server_headers(server, &[header]).await.expect("a header");
    let hash = Token::new(TokenKind::Connect, entropy).hash();
    let new = NewConnectorRow { id: connector, server, hash, created_by: tenant.user, created_at: now };
    tx.insert_connector(&new).await.expect("a connector");
    tx.put_tools(server, &[put("set_model_alias", "p1", Acceptance::Accepted)], now).await.expect("a tool");
    let policy = PolicyId::new(clock, entropy);
    let first = NewVersion { document: DOCUMENT, note: "", author: tenant.user, at: now };
    let new = NewPolicyRow { id: policy, server, name: name("Default"), created_by: tenant.user, created_at: now };
    tx.insert_policy(&new).await.expect("a policy");
    assert_eq!(tx.add_policy_version(policy, 0, &first).await.expect("a version"), Some(1));
    let draft = NewDraft { document: "not { json", based_on: 1, author: tenant.user, at: now };
    assert_eq!(tx.put_policy_draft(policy, &draft).await.expect("a draft"), Some(1));
    let new = new_grant(world, tenant, (server, policy), GrantSubject::Agent(tenant.agent));
    tx.insert_grant(&new).await.expect("a grant");
    Upstream { server, connector, policy, grant: new.id }
}

/// Both accounts with one of everything, under the same names.
async fn both() -> (World, Upstream, Upstream) {
    let world = World::new().await;
    let mut first = tx(&world, &world.ours).await;
    let ours = register(&world, &world.ours, &mut first, "mlflow").await;
    first.commit().await.expect("committed");
    let mut second = tx(&world, &world.neighbour).await;
    let theirs = register(&world, &world.neighbour, &mut second, "mlflow").await;
    second.commit().await.expect("committed");
    (world, ours, theirs)
}

#[tokio::test]
async fn a_neighbours_upstream_ids_name_nothing() {
    let (world, ours, theirs) = both().await;
    let (now, mut tx) = (world.clock.now(), tx(&world, &world.ours).await);
    assert_eq!(tx.servers().await.expect("asked").len(), 1);
    assert_eq!(
        tx.server_by_slug(&"mlflow".parse().expect("a slug")).await.expect("asked").map(|s| s.id),
        Some(ours.server)
    );
    assert!(tx.server(theirs.server).await.expect("asked").is_none());
    assert!(tx.server_headers(theirs.server).await.expect("asked").is_empty());
    assert!(!tx.remove_server(theirs.server, now).await.expect("asked"));
    assert!(tx.connectors(theirs.server, now).await.expect("asked").is_empty());
    assert!(!tx.end_connector(theirs.server, theirs.connector, now).await.expect("asked"));
    assert!(!tx.end_connector(ours.server, theirs.connector, now).await.expect("asked"));
    assert!(!tx.revoke_connector(theirs.server, theirs.connector, now).await.expect("asked"));
    assert!(!tx.revoke_connector(ours.server, theirs.connector, now).await.expect("asked"));
    assert!(tx.tools(theirs.server).await.expect("asked").is_empty());
    assert!(!tx.accept_tool(theirs.server, "set_model_alias", now).await.expect("asked"));
    assert!(tx.policy(theirs.policy).await.expect("asked").is_none());
    assert!(tx.policies(theirs.server).await.expect("asked").is_empty());
    assert!(tx.policy_document(theirs.policy, 1).await.expect("asked").is_none());
    assert!(tx.policy_versions(theirs.policy).await.expect("asked").is_empty());
    assert!(!tx.remove_policy(theirs.policy, now).await.expect("asked"));
    let version = NewVersion { document: "{}", note: "", author: world.ours.user, at: now };
    assert_eq!(tx.add_policy_version(theirs.policy, 1, &version).await.expect("asked"), None);
    let draft = NewDraft { document: "{}", based_on: 1, author: world.ours.user, at: now };
    assert_eq!(tx.put_policy_draft(theirs.policy, &draft).await.expect("asked"), None);
    assert_eq!(tx.policy_draft(theirs.policy).await.expect("asked"), None);
    assert!(!tx.remove_policy_draft(theirs.policy).await.expect("asked"));
    assert!(tx.grant(theirs.grant).await.expect("asked").is_none());
    assert!(!tx.revoke_grant(theirs.grant, now).await.expect("asked"));
    assert!(!tx.set_grant_policy(theirs.grant, None).await.expect("asked"));
    assert!(!tx.set_grant_state(theirs.grant, GrantState::Active, GrantState::Suspended).await.expect("asked"));
    assert_eq!(tx.revoke_grants_of(GrantSubject::Agent(world.neighbour.agent), now).await.expect("asked"), 0);
    assert_eq!(tx.revoke_grants_on(theirs.server, now).await.expect("asked"), 0);
    assert_eq!(tx.grant_labels().await.expect("asked").len(), 1);
    assert_eq!(tx.server_names().await.expect("asked").len(), 1);
    assert_eq!(tx.policy_names().await.expect("asked").len(), 1);
}

#[tokio::test]
async fn a_grant_cannot_point_out_of_its_account_or_at_another_servers_policy() {
    let (world, ours, theirs) = both().await;
    let mut second = tx(&world, &world.ours).await;
    let other = register(&world, &world.ours, &mut second, "other").await;
    second.commit().await.expect("committed");
    let team = GrantSubject::Team(world.ours.team);
    for (up, subject, broken) in [
        ((theirs.server, ours.policy), team, Constraint::GrantNoServer),
        ((ours.server, theirs.policy), team, Constraint::GrantNoPolicy),
        ((ours.server, other.policy), team, Constraint::GrantNoPolicy),
        ((ours.server, ours.policy), GrantSubject::Team(world.neighbour.team), Constraint::GrantNoTeam),
        ((ours.server, ours.policy), GrantSubject::Member(world.neighbour.user), Constraint::GrantNoMember),
        ((ours.server, ours.policy), GrantSubject::Agent(world.neighbour.agent), Constraint::GrantNoAgent),
        ((ours.server, ours.policy), GrantSubject::Agent(world.ours.agent), Constraint::GrantThere),
    ] {
        let mut tx = tx(&world, &world.ours).await;
        let error = tx.insert_grant(&new_grant(&world, &world.ours, up, subject)).await.expect_err("refused");
        let found = error.constraint();
        // A server of another account has no policy here either: either wall may be the one that is met first.
        let same =
            found == Some(broken) || (broken == Constraint::GrantNoServer && found == Some(Constraint::GrantNoPolicy));
        assert!(same, "{subject:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_revoked_grant_makes_room_for_another() {
    let (world, ours, _) = both().await;
    let (now, mut tx) = (world.clock.now(), tx(&world, &world.ours).await);
    assert!(tx.revoke_grant(ours.grant, now).await.expect("asked"));
    assert!(!tx.revoke_grant(ours.grant, now).await.expect("asked"), "revoked is final");
    let again = new_grant(&world, &world.ours, (ours.server, ours.policy), GrantSubject::Agent(world.ours.agent));
    tx.insert_grant(&again).await.expect("room for another");
    assert_eq!(tx.grants(Some(ours.server)).await.expect("asked").len(), 1);
    assert_eq!(tx.grants(None).await.expect("asked")[0].subject_name, "ci-runner");
}

#[tokio::test]
async fn a_policy_version_is_kept_as_it_was_and_a_stale_base_conflicts() {
    let (world, ours, _) = both().await;
    let mut tx = tx(&world, &world.ours).await;
    assert_eq!(tx.policy_document(ours.policy, 1).await.expect("asked").as_deref(), Some(DOCUMENT));
    let new = NewVersion { document: "{}", note: "second", author: world.ours.user, at: world.clock.now() };
    assert_eq!(tx.add_policy_version(ours.policy, 1, &new).await.expect("asked"), Some(2));
    assert_eq!(tx.add_policy_version(ours.policy, 1, &new).await.expect("asked"), None);
    let versions: Vec<_> = tx.policy_versions(ours.policy).await.expect("asked").iter().map(|v| v.version).collect();
    assert_eq!(versions, [2, 1]);
    let published = tx.snapshot_policies().await.expect("asked");
    assert_eq!((published[0].version, &*published[0].document), (2, "{}"));
}

#[tokio::test]
async fn a_drafts_revision_is_never_given_twice() {
    let (world, ours, _) = both().await;
    let mut tx = tx(&world, &world.ours).await;
    let draft = NewDraft { document: "second", based_on: 1, author: world.ours.user, at: world.clock.now() };
    assert_eq!(tx.put_policy_draft(ours.policy, &draft).await.expect("asked"), Some(2));
    assert_eq!(tx.policy_draft(ours.policy).await.expect("asked").as_deref(), Some("second"));
    assert!(tx.remove_policy_draft(ours.policy).await.expect("asked"));
    assert!(!tx.remove_policy_draft(ours.policy).await.expect("asked"));
    assert!(tx.policy(ours.policy).await.expect("asked").expect("the policy").draft.is_none());
    assert_eq!(tx.put_policy_draft(ours.policy, &draft).await.expect("asked"), Some(3));
    let row = tx.policy(ours.policy).await.expect("asked").expect("the policy");
    assert_eq!(row.draft.map(|draft| (draft.revision, draft.based_on)), Some((3, 1)));
}

#[tokio::test]
async fn a_held_definition_leaves_the_accepted_one_in_force() {
    let (world, ours, _) = both().await;
    let (now, mut tx) = (world.clock.now(), tx(&world, &world.ours).await);
    let later = now.plus_seconds(60);
    let held = [put("set_model_alias", "p2", Acceptance::Held), put("new_tool", "n1", Acceptance::Held)];
    tx.put_tools(ours.server, &held, later).await.expect("put");
    let tools = tx.tools(ours.server).await.expect("asked");
    let seen: Vec<_> = tools.iter().map(|t| (t.name.as_str(), t.accepted_pin.as_deref(), t.is_accepted())).collect();
    assert_eq!(seen, [("set_model_alias", Some("p1"), false), ("new_tool", None, false)]);
    assert_eq!((tools[0].first_seen_at, tools[0].changed_at), (now, later));
    assert!(tx.accept_tool(ours.server, "set_model_alias", later).await.expect("asked"));
    assert!(tx.tools(ours.server).await.expect("asked")[0].is_accepted());

    tx.put_tools(ours.server, &[put("new_tool", "n1", Acceptance::Accepted)], later).await.expect("put");
    let names: Vec<_> = tx.tools(ours.server).await.expect("asked").into_iter().map(|t| t.name).collect();
    assert_eq!(names, ["new_tool"], "a tool that is no longer listed is gone");
}

#[tokio::test]
async fn an_older_look_at_a_server_changes_nothing() {
    let (world, ours, _) = both().await;
    let mut tx = tx(&world, &world.ours).await;
    let note = |at: Timestamp, error: Option<&str>| InventoryNote {
        at,
        server_info: Some(domain::Client { name: "ml\0flow".to_owned(), version: "1".to_owned() }),
        protocol_version: Some("2025-11-25".to_owned()),
        error: error.map(str::to_owned),
    };
    let now = world.clock.now();
    assert_eq!(tx.note_inventory(ours.server, &note(now, None)).await.expect("asked"), Freshness::Newer);
    assert_eq!(tx.note_inventory(ours.server, &note(now, Some("x"))).await.expect("asked"), Freshness::Stale);
    assert_eq!(
        tx.note_inventory(ours.server, &note(now.plus_seconds(-1), Some("x"))).await.expect("asked"),
        Freshness::Stale
    );
    let server = tx.server(ours.server).await.expect("asked").expect("the server");
    assert_eq!((server.inventory_error, server.reported_name.as_deref()), (None, Some("ml\u{2400}flow")));

    let seen = |at, about: &str| ConnectorSeen {
        server: ours.server,
        connector: ours.connector,
        at,
        connected: true,
        about: about.to_owned(),
    };
    tx.connector_seen(&seen(now, "first")).await.expect("noted");
    tx.connector_seen(&seen(now.plus_seconds(-1), "older")).await.expect("passed over");
    assert_eq!(tx.connectors(ours.server, now).await.expect("asked")[0].about.as_deref(), Some("first"));
}

#[tokio::test]
async fn a_removed_server_leaves_its_slug_free_and_its_grants_out_of_the_snapshot() {
    let (world, ours, _) = both().await;
    let (now, mut tx) = (world.clock.now(), tx(&world, &world.ours).await);
    assert_eq!(tx.snapshot_grants(now).await.expect("asked").len(), 1);
    assert!(tx.remove_server(ours.server, now).await.expect("asked"));
    assert!(tx.snapshot_grants(now).await.expect("asked").is_empty(), "even before they are revoked");
    assert_eq!(tx.revoke_grants_on(ours.server, now).await.expect("asked"), 1);
    assert_eq!(tx.revoke_connectors_of(ours.server, now).await.expect("asked"), 1);
    assert!(tx.snapshot_connectors(now).await.expect("asked").is_empty());
    register(&world, &world.ours, &mut tx, "mlflow").await;
    assert_eq!(tx.server_names().await.expect("asked").len(), 2, "records may still name the removed one");
}

#[tokio::test]
async fn a_taken_slug_is_told_by_name() {
    let (world, _, _) = both().await;
    let mut tx = tx(&world, &world.ours).await;
    let new = NewServerRow {
        id: ServerId::new(&world.clock, &world.entropy),
        slug: "mlflow".parse().expect("a slug"),
        name: name("Again"),
        transport: Transport::Http { url: "https://a.example/mcp".to_owned() },
        kind: None,
        settings: ServerSettings::default(),
        created_by: world.ours.user,
        created_at: world.clock.now(),
    };
    let error = tx.insert_server(&new).await.expect_err("taken");
    assert_eq!(error.constraint(), Some(Constraint::ServerSlugTaken));
}

#[tokio::test]
async fn a_replaced_connector_token_stands_until_its_end() {
    let (world, ours, _) = both().await;
    let (now, mut tx) = (world.clock.now(), tx(&world, &world.ours).await);
    let end = now.plus_seconds(60);
    assert!(tx.end_connector(ours.server, ours.connector, end).await.expect("asked"));
    assert!(!tx.end_connector(ours.server, ours.connector, end).await.expect("asked"), "its end is set once");
    let just_before = now.plus_seconds(59);
    assert_eq!(tx.connectors(ours.server, just_before).await.expect("asked")[0].ends_at, Some(end));
    assert_eq!(tx.snapshot_connectors(just_before).await.expect("asked")[0].ends_at, Some(end));
    assert!(tx.connectors(ours.server, end).await.expect("asked").is_empty());
    assert!(tx.snapshot_connectors(end).await.expect("asked").is_empty());
}
