//! No scope sees another's rows.

use domain::{Email, Principal, Role, TeamId};
use sqlx::{AssertSqlSafe, Executor as _};
use storage::Constraint;

use crate::support::World;

const TENANT_TABLES: &str = "select c.relname::text from pg_class c \
     join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' \
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1";

/// Every tenant table, queried with no `where` at all: in one account's scope only its rows are there, and without a scope
/// there is nothing.
#[tokio::test]
async fn a_forgotten_where_yields_no_neighbour() {
    let world = World::new().await;
    let mut connection = world.raw().await;
    let tables: Vec<String> = sqlx::query_scalar(TENANT_TABLES).fetch_all(&mut connection).await.expect("tables");
    for table in &tables {
        let all = format!("select count(*) from {table}");
        let none: i64 = sqlx::query_scalar(AssertSqlSafe(all)).fetch_one(&mut connection).await.expect("a count");
        assert_eq!(none, 0, "{table} without a scope");
    }

    connection.execute("begin").await.expect("begun");
    let set = format!("select set_config('app.account', '{}', true)", world.ours.account.uuid());
    connection.execute(AssertSqlSafe(set)).await.expect("a scope");
    let mut seen = 0;
    for table in &tables {
        let count = format!("select count(*) filter (where account_id <> $1), count(*) from {table}");
        let (foreign, own): (i64, i64) = sqlx::query_as(AssertSqlSafe(count))
            .bind(world.ours.account.uuid())
            .fetch_one(&mut connection)
            .await
            .expect("counts");
        assert_eq!(foreign, 0, "{table} shows the neighbour");
        seen += own;
    }
    assert!(seen > 5, "the fixture's own rows are there");
    for table in ["account", "app_user", "session"] {
        let count = format!("select count(*) from {table}");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut connection).await.expect("a count");
        assert!(rows <= 1, "{table} shows more than our own");
    }
}

#[tokio::test]
async fn a_row_of_another_account_cannot_be_written() {
    let world = World::new().await;
    let mut connection = world.raw().await;
    connection.execute("begin").await.expect("begun");
    let set = format!("select set_config('app.account', '{}', true)", world.ours.account.uuid());
    connection.execute(AssertSqlSafe(set)).await.expect("a scope");
    let insert =
        "insert into team (account_id, id, slug, name, created_at) values ($1, gen_random_uuid(), 'x', 'x', now())";
    let refused = sqlx::query(insert).bind(world.neighbour.account.uuid()).execute(&mut connection).await;
    let text = refused.expect_err("the neighbour's account is closed").to_string();
    assert!(text.contains("row-level security"), "{text}");
}

/// The neighbour's ids, used in our scope, are as good as ids that never existed.
#[tokio::test]
async fn a_neighbours_ids_name_nothing() {
    let world = World::new().await;
    let (ours, theirs, now) = (&world.ours, &world.neighbour, world.clock.now());
    let mut tx = world.test.db.account(&ours.scope).await.expect("a transaction");
    assert!(tx.member(theirs.user).await.expect("asked").is_none());
    assert!(tx.role_of(theirs.user).await.expect("asked").is_none());
    assert!(!tx.set_role(theirs.user, Role::Viewer).await.expect("asked"));
    assert!(!tx.remove_member(theirs.user, now).await.expect("asked"));
    assert!(tx.team(theirs.team).await.expect("asked").is_none());
    assert!(!tx.delete_team(theirs.team, now).await.expect("asked"));
    assert!(tx.team_members(theirs.team).await.expect("asked").is_empty());
    assert!(tx.agent(theirs.agent).await.expect("asked").is_none());
    assert!(!tx.remove_agent(theirs.agent, now).await.expect("asked"));
    assert!(tx.key(theirs.key).await.expect("asked").is_none());
    assert!(!tx.revoke_key(theirs.key, now).await.expect("asked"));
    assert!(tx.keys_of(Principal::Agent(theirs.agent)).await.expect("asked").is_empty());
    assert!(tx.open_invite(theirs.invite, now).await.expect("asked").is_none());
    assert!(!tx.revoke_invite(theirs.invite, now).await.expect("asked"));
    assert_eq!(tx.account_row().await.expect("asked").id, ours.account);
    assert_eq!(tx.admin_events(100).await.expect("asked").len(), 1);
    tx.commit().await.expect("committed");

    let mut person = world.test.db.person(ours.user).await.expect("a transaction");
    assert!(person.membership(&"neighbour".parse().expect("a slug")).await.expect("asked").is_none());
    assert_eq!(person.memberships().await.expect("asked").len(), 1);
    assert!(!person.revoke_session(theirs.session, now).await.expect("asked"));
    assert_eq!(person.sessions(now).await.expect("asked").len(), 1);
}

#[tokio::test]
async fn a_neighbours_member_or_team_cannot_be_pointed_at() {
    let world = World::new().await;
    let (ours, theirs, now) = (&world.ours, &world.neighbour, world.clock.now());
    for (team, user, broken) in [
        (theirs.team, ours.user, Constraint::TeamMemberNoTeam),
        (ours.team, theirs.user, Constraint::TeamMemberNoMember),
        (TeamId::new(&world.clock, &world.entropy), ours.user, Constraint::TeamMemberNoTeam),
    ] {
        let mut tx = world.test.db.account(&ours.scope).await.expect("a transaction");
        let error = tx.add_team_member(team, user, now).await.expect_err("it points out of the account");
        assert_eq!(error.constraint(), Some(broken));
    }
}

#[tokio::test]
async fn tokens_and_addresses_find_their_own_row_and_no_other() {
    let world = World::new().await;
    let (db, now) = (&world.test.db, world.clock.now());
    let found = db.session(&world.ours.session_token.hash(), now).await.expect("asked").expect("the session");
    assert_eq!((found.id, found.user), (world.ours.session, world.ours.user));
    assert!(db.session(&world.ours.invite_token.hash(), now).await.expect("asked").is_none());
    assert!(db.session(&world.ours.session_token.hash(), now.plus_seconds(3600)).await.expect("asked").is_none());

    let invite = db.invite(&world.neighbour.invite_token.hash(), now).await.expect("asked").expect("the invitation");
    assert_eq!((invite.id, invite.scope), (world.neighbour.invite, world.neighbour.scope));
    assert!(db.invite(&world.neighbour.session_token.hash(), now).await.expect("asked").is_none());

    let email = Email::parse("OWNER@ours.example").expect("an address");
    assert_eq!(db.user_by_email(&email).await.expect("asked").map(|user| user.id), Some(world.ours.user));
    let nobody = Email::parse("%@ours.example").expect("an address");
    assert!(db.user_by_email(&nobody).await.expect("asked").is_none());
}

#[tokio::test]
async fn a_person_cannot_write_another_persons_session() {
    let world = World::new().await;
    let now = world.clock.now();
    let mut person = world.test.db.person(world.neighbour.user).await.expect("a transaction");
    person.touch_session(world.ours.session, now, now.plus_seconds(1_000_000)).await.expect("nothing matched");
    person.commit().await.expect("committed");
    let past = now.plus_seconds(7200);
    assert!(world.test.db.session(&world.ours.session_token.hash(), past).await.expect("asked").is_none());
}

#[tokio::test]
async fn a_job_sees_accounts_and_waiting_snapshots_and_nothing_else() {
    let world = World::new().await;
    let mut job = world.test.db.job().await.expect("a transaction");
    let mut scopes = job.accounts().await.expect("asked");
    scopes.sort_by_key(|scope| scope.account());
    let mut expected = vec![world.ours.scope, world.neighbour.scope];
    expected.sort_by_key(|scope| scope.account());
    assert_eq!(scopes, expected);
    assert_eq!(job.waiting_snapshots(10).await.expect("asked").len(), 2);
    job.commit().await.expect("committed");

    let mut connection = world.raw().await;
    connection.execute("begin; select set_config('app.job', 'on', true)").await.expect("a job's scope");
    for table in ["membership", "team", "key", "invite", "admin_event", "app_user", "session"] {
        let count = format!("select count(*) from {table}");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut connection).await.expect("a count");
        assert_eq!(rows, 0, "{table}");
    }
}
