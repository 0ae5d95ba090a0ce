//! Apps and connections by OAuth: that a neighbour's are out of reach, in every way in.

use domain::{
    AppId, ConnectionId, Name, Scopes, Sealed, ServerId, ServerSettings, Sharing, Token, TokenHash, TokenKind,
    Transport,
};
use sqlx::{AssertSqlSafe, Executor as _};
use storage::{
    AppClient, ClientColumns, ConnectionFailure, ConnectionRow, FlowRow, NewApp, NewCode, NewRefreshToken,
    NewServerRow, Tx, UpstreamClientRow, UpstreamOAuthRow,
};

use crate::support::{Tenant, World};

/// The tables of this page. Each has a row in both accounts.
const TABLES: [&str; 7] = [
    "app",
    "authorization_code",
    "refresh_token",
    "upstream_oauth",
    "upstream_client",
    "upstream_connection",
    "upstream_flow",
];
const ISSUER: &str = "https://issuer.example";

/// An app with a code and a refresh token, and a server with a connection and an authorization under way.
struct Set {
    app: AppId,
    code: TokenHash,
    refresh: TokenHash,
    server: ServerId,
    connection: ConnectionId,
    state_hash: [u8; 32],
}

async fn both() -> (World, Set, Set) {
    let world = World::new().await;
    let ours = make(&world, &world.ours).await;
    let theirs = make(&world, &world.neighbour).await;
    (world, ours, theirs)
}

async fn make(world: &World, tenant: &Tenant) -> Set {
    let mut tx = world.test.db.account(&tenant.scope).await.expect("a transaction");
    let (app, code, refresh) = make_app(world, tenant, &mut tx).await;
    let (server, connection, state_hash) = connect(world, tenant, &mut tx).await;
    tx.commit().await.expect("committed");
    Set { app, code, refresh, server, connection, state_hash }
}

async fn make_app(world: &World, tenant: &Tenant, tx: &mut Tx) -> (AppId, TokenHash, TokenHash) {
    let (now, entropy) = (world.clock.now(), &world.entropy);
    let name = Name::parse("A client").expect("a name");
    let client = AppClient { id: "client_1".to_owned(), name, host: None };
    let app = NewApp {
        id: AppId::new(&world.clock, entropy),
        user: tenant.user,
        client: client.clone(),
        resource: "https://gateway.example/same/mcp".to_owned(),
        scopes: Scopes::READ,
        created_at: now,
        ends_at: now.plus_seconds(3600),
    };
    tx.insert_app(&app).await.expect("an app");
    let code = NewCode {
        hash: Token::new(TokenKind::Code, entropy).hash(),
        user: tenant.user,
        client,
        resource: app.resource.clone(),
        scopes: app.scopes,
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
        challenge: "challenge".to_owned(),
        created_at: now,
        expires_at: now.plus_seconds(60),
    };
    tx.insert_code(&code).await.expect("a code");
    let hash = Token::new(TokenKind::Refresh, entropy).hash();
    let refresh =
        NewRefreshToken { hash, app: app.id, parent: None, created_at: now, expires_at: now.plus_seconds(60) };
    tx.insert_refresh_token(&refresh).await.expect("a refresh token");
    (app.id, code.hash, refresh.hash)
}

async fn connect(world: &World, tenant: &Tenant, tx: &mut Tx) -> (ServerId, ConnectionId, [u8; 32]) {
    let (clock, entropy, now) = (&world.clock, &world.entropy, world.clock.now());
    let server = ServerId::new(clock, entropy);
    let new = NewServerRow {
        id: server,
        slug: "locked".parse().expect("a slug"),
        name: Name::parse("Locked").expect("a name"),
        transport: Transport::Http { url: "https://mcp.example/mcp".to_owned() },
        kind: None,
        settings: ServerSettings::default(),
        created_by: tenant.user,
        created_at: now,
    };
    tx.insert_server(&new).await.expect("a server");
    tx.put_upstream_oauth(&settings(server)).await.expect("settings");
    let registered = UpstreamClientRow {
        issuer: ISSUER.to_owned(),
        client: client(),
        redirect_uri: "https://gateway.example/oauth/callback".to_owned(),
        expires_at: None,
    };
    tx.put_upstream_client(server, &registered).await.expect("a client");
    let connection = connection(world, tenant, server);
    tx.insert_connection(&connection).await.expect("a connection");
    let flow = FlowRow {
        state_hash: entropy.bytes(),
        server,
        user: tenant.user,
        session: tenant.session,
        sharing: Sharing::Server,
        authorization_server: "{}".to_owned(),
        client: client(),
        resource: "https://mcp.example/mcp".to_owned(),
        scope: None,
        verifier: sealed(),
        expires_at: now.plus_seconds(600),
    };
    tx.insert_flow(&flow, now).await.expect("an authorization under way");
    (server, connection.id, flow.state_hash)
}

fn settings(server: ServerId) -> UpstreamOAuthRow {
    UpstreamOAuthRow {
        server,
        sharing: Sharing::Server,
        client_id: None,
        client_secret: None,
        client_issuer: None,
        scope: None,
        needed_scope: None,
    }
}

fn connection(world: &World, tenant: &Tenant, server: ServerId) -> ConnectionRow {
    let now = world.clock.now();
    ConnectionRow {
        id: ConnectionId::new(&world.clock, &world.entropy),
        server,
        user: None,
        email: None,
        authorization_server: "{}".to_owned(),
        client: client(),
        resource: "https://mcp.example/mcp".to_owned(),
        scope: None,
        generation: 1,
        access_token: sealed(),
        refresh_token: Some(sealed()),
        expires_at: Some(now.plus_seconds(600)),
        refreshed_at: now,
        due_at: Some(now),
        failures: 0,
        last_error: None,
        refusals: 0,
        refused_at: None,
        needs_scope: None,
        dead_at: None,
        connected_by: tenant.user,
        connected_by_email: None,
        connected_at: now,
    }
}

fn client() -> ClientColumns {
    ClientColumns { id: "client".to_owned(), secret: None, method: "none".to_owned() }
}

fn sealed() -> Sealed {
    Sealed("sealed".to_owned())
}

/// As `a_forgotten_where_yields_no_neighbour`, with a row in every table.
#[tokio::test]
async fn a_forgotten_where_yields_no_neighbours_app_token_or_connection() {
    let (world, ..) = both().await;
    let mut connection = world.raw().await;
    connection.execute("begin").await.expect("begun");
    let set = format!("select set_config('app.account', '{}', true)", world.ours.account.uuid());
    connection.execute(AssertSqlSafe(set)).await.expect("a scope");
    for table in TABLES {
        let count = format!("select count(*) filter (where account_id <> $1), count(*) from {table}");
        let seen: (i64, i64) = sqlx::query_as(AssertSqlSafe(count))
            .bind(world.ours.account.uuid())
            .fetch_one(&mut connection)
            .await
            .expect("counts");
        assert_eq!(seen, (0, 1), "{table}: the neighbour's, and all");
    }
}

/// Neither a person's scope nor a background job's opens them, but for what the job has to look after.
#[tokio::test]
async fn a_persons_scope_and_a_jobs_open_no_account() {
    let (world, ..) = both().await;
    let mut raw = world.raw().await;
    let person = format!("select set_config('app.user', '{}', true)", world.ours.user.uuid());
    let job = "select set_config('app.job', 'on', true)".to_owned();
    for (scope, open) in
        [(person, &[] as &[&str]), (job, &["authorization_code", "refresh_token", "upstream_connection"])]
    {
        raw.execute("begin").await.expect("begun");
        raw.execute(AssertSqlSafe(scope.clone())).await.expect("a scope");
        for table in TABLES {
            let count = format!("select count(*) from {table}");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut raw).await.expect("a count");
            assert!(rows == 0 || open.contains(&table), "{scope}: {table}");
        }
        raw.execute("rollback").await.expect("undone");
    }
}

#[tokio::test]
async fn a_neighbours_apps_and_tokens_name_nothing() {
    let (world, ours, theirs) = both().await;
    let (now, neighbour) = (world.clock.now(), world.neighbour.user);
    let mut tx = world.test.db.account(&world.ours.scope).await.expect("a transaction");
    assert!(tx.app(theirs.app, now).await.expect("asked").is_none());
    assert_eq!(tx.apps(None, now).await.expect("asked").iter().map(|app| app.id).collect::<Vec<_>>(), [ours.app]);
    assert!(tx.apps(Some(neighbour), now).await.expect("asked").is_empty());
    assert!(!tx.revoke_app(theirs.app, now).await.expect("asked"));
    assert_eq!(tx.revoke_apps_of(neighbour, now).await.expect("asked"), 0);
    assert_eq!(tx.crowd_out_apps(neighbour, 0, now).await.expect("asked"), 0);
    tx.app_used(theirs.app, now).await.expect("nothing matched");
    assert_eq!(tx.snapshot_apps(now).await.expect("asked").len(), 1);
    assert!(tx.code(&theirs.code).await.expect("asked").is_none());
    assert!(!tx.use_code(&theirs.code, ours.app, now).await.expect("asked"));
    tx.void_codes_of(neighbour, now).await.expect("nothing matched");
    assert!(tx.refresh_token(&theirs.refresh).await.expect("asked").is_none());
    assert!(!tx.use_refresh_token(&theirs.refresh, now).await.expect("asked"));
    assert!(!tx.take_back_refresh_token(&theirs.refresh, now).await.expect("asked"));
    tx.commit().await.expect("committed");

    let mut tx = world.test.db.account(&world.neighbour.scope).await.expect("a transaction");
    let app = tx.app(theirs.app, now).await.expect("asked").expect("as it was");
    assert_eq!(app.last_used_at, None);
    assert!(tx.use_code(&theirs.code, theirs.app, now).await.expect("asked"), "the code is good still");
    assert!(tx.use_refresh_token(&theirs.refresh, now).await.expect("asked"), "and the refresh token");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn a_code_or_a_refresh_token_finds_its_own_account_and_no_other() {
    let (world, ours, theirs) = both().await;
    let db = &world.test.db;
    assert_eq!(db.account_of_code(&theirs.code).await.expect("asked"), Some(world.neighbour.scope));
    assert_eq!(db.account_of_refresh_token(&ours.refresh).await.expect("asked"), Some(world.ours.scope));
    assert_eq!(db.account_of_code(&ours.refresh).await.expect("asked"), None, "a token of another kind");
    assert_eq!(db.account_of_refresh_token(&world.ours.session_token.hash()).await.expect("asked"), None);
}

#[tokio::test]
async fn a_neighbours_connections_name_nothing() {
    let (world, ours, theirs) = both().await;
    let now = world.clock.now();
    let failure = ConnectionFailure { words: "no", due_at: now };
    let mut tx = world.test.db.account(&world.ours.scope).await.expect("a transaction");
    assert!(tx.upstream_oauth(theirs.server).await.expect("asked").is_none());
    assert_eq!(tx.all_upstream_oauth().await.expect("asked").len(), 1);
    assert!(tx.upstream_client(theirs.server, ISSUER).await.expect("asked").is_none());
    tx.drop_upstream_oauth(theirs.server).await.expect("nothing matched");
    assert!(tx.upstream_connection(theirs.connection).await.expect("asked").is_none());
    assert!(tx.connections(Some(theirs.server)).await.expect("asked").is_empty());
    assert_eq!(
        tx.connections(None).await.expect("asked").iter().map(|one| one.id).collect::<Vec<_>>(),
        [ours.connection]
    );
    let until = now.plus_seconds(60);
    assert!(tx.claim_connection(theirs.connection, now, until).await.expect("asked").is_none());
    tx.connection_failed((theirs.connection, 1), failure).await.expect("nothing matched");
    assert!(!tx.remove_connection(theirs.connection).await.expect("asked"));
    assert_eq!(tx.remove_connections_to(theirs.server).await.expect("asked"), 0);
    tx.remove_connections_of(world.neighbour.user).await.expect("nothing matched");
    let person = (world.neighbour.user, world.neighbour.session);
    assert!(tx.take_flow(theirs.state_hash, person, now).await.expect("asked").is_none());
    tx.drop_flows_to(theirs.server).await.expect("nothing matched");
    tx.commit().await.expect("committed");

    let mut tx = world.test.db.account(&world.neighbour.scope).await.expect("a transaction");
    assert!(tx.upstream_client(theirs.server, ISSUER).await.expect("asked").is_some());
    let kept = tx.upstream_connection(theirs.connection).await.expect("asked").expect("as it was");
    assert_eq!((kept.failures, kept.dead_at), (0, None));
    assert!(tx.take_flow(theirs.state_hash, person, now).await.expect("asked").is_some());
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn many_connections_of_one_account_keep_no_other_waiting() {
    let (world, ours, theirs) = both().await;
    let now = world.clock.now();
    let mut tx = world.test.db.account(&world.ours.scope).await.expect("a transaction");
    let like = tx.server(ours.server).await.expect("asked").expect("a server");
    for waited in 1..=40 {
        let server = NewServerRow {
            id: ServerId::new(&world.clock, &world.entropy),
            slug: format!("locked-{waited}").parse().expect("a slug"),
            name: like.name.clone(),
            transport: like.transport.clone(),
            kind: None,
            settings: ServerSettings::default(),
            created_by: world.ours.user,
            created_at: now,
        };
        tx.insert_server(&server).await.expect("a server");
        tx.put_upstream_oauth(&settings(server.id)).await.expect("settings");
        let due_at = Some(now.plus_seconds(-waited));
        let one = ConnectionRow { due_at, ..connection(&world, &world.ours, server.id) };
        tx.insert_connection(&one).await.expect("a connection");
    }
    tx.commit().await.expect("committed");
    let mut job = world.test.db.job().await.expect("a transaction");
    let due = job.due_connections(now, 16).await.expect("asked");
    assert_eq!(due.len(), 16);
    assert!(due.iter().take(2).any(|one| one.connection == theirs.connection), "its turn comes first");
}

#[tokio::test]
async fn nothing_of_oauth_can_point_out_of_its_account() {
    let (world, ours, theirs) = both().await;
    let now = world.clock.now();
    let begin = async || world.test.db.account(&world.ours.scope).await.expect("a transaction");
    let hash = Token::new(TokenKind::Refresh, &world.entropy).hash();
    let refresh = NewRefreshToken { hash, app: theirs.app, parent: None, created_at: now, expires_at: now };
    assert!(begin().await.insert_refresh_token(&refresh).await.is_err(), "at a neighbour's app");
    assert!(begin().await.use_code(&ours.code, theirs.app, now).await.is_err(), "from a code to a neighbour's app");
    assert!(begin().await.put_upstream_oauth(&settings(theirs.server)).await.is_err(), "at a neighbour's server");
    let foreign = connection(&world, &world.ours, theirs.server);
    assert!(begin().await.insert_connection(&foreign).await.is_err());
    let foreign = ConnectionRow { user: Some(world.neighbour.user), ..connection(&world, &world.ours, ours.server) };
    assert!(begin().await.insert_connection(&foreign).await.is_err(), "at a neighbour's member");
}
