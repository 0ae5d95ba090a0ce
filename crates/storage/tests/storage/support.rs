//! A raw connection to a test's database, and two accounts with the same names in it.

use domain::{
    AccountId, AgentId, AgentId as Agent, Clock, DeploymentKey, Email, Entropy, InviteId, KeyId, Name, Principal, Role,
    Secret, SessionId, TeamId, Token, TokenKind, UserId,
};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use storage::{
    AccountScope, AgentRow, KeyPurpose, NewAccountRow, NewAdminEvent, NewInviteRow, NewKeyRow, NewSessionRow,
    NewUserRow,
};
use test_support::TestDb;

/// A database with two accounts.
pub struct World {
    pub test: TestDb,
    pub clock: Clock,
    pub entropy: Entropy,
    pub ours: Tenant,
    pub neighbour: Tenant,
}

/// An account with one of everything.
pub struct Tenant {
    pub account: AccountId,
    pub scope: AccountScope,
    pub user: UserId,
    pub team: TeamId,
    pub agent: AgentId,
    pub key: KeyId,
    pub invite: InviteId,
    pub invite_token: Token,
    pub session: SessionId,
    pub session_token: Token,
}

impl World {
    pub async fn new() -> Self {
        let (test, clock, entropy) = (TestDb::new().await, test_support::clock(), test_support::entropy());
        let ours = found(&test, &clock, &entropy, "ours").await;
        let neighbour = found(&test, &clock, &entropy, "neighbour").await;
        Self { test, clock, entropy, ours, neighbour }
    }

    /// A connection as the product's own role, with no scope.
    pub async fn raw(&self) -> PgConnection {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(test_support::cluster().socket())
            .port(5432)
            .username("portcullis")
            .database(&self.test.name);
        PgConnection::connect_with(&options).await.expect("a connection to the test's database")
    }
}

async fn found(test: &TestDb, clock: &Clock, entropy: &Entropy, slug: &str) -> Tenant {
    let now = clock.now();
    let account = AccountId::new(clock, entropy);
    let (_, data_key) = DeploymentKey::new(entropy).new_data_key(account, entropy);
    let name = |text: &str| Name::parse(text).expect("a name");
    let slug_of_account = slug.parse().expect("a slug");
    let new = NewAccountRow { id: account, slug: slug_of_account, name: name("Same name"), data_key, created_at: now };
    let mut tx = test.db.found_account(&new).await.expect("a new account");

    let user = UserId::new(clock, entropy);
    let email = Email::parse(&format!("owner@{slug}.example")).expect("an address");
    let password_hash = Secret::new("hash".to_owned());
    tx.insert_user(&NewUserRow { id: user, email, password_hash, created_at: now }).await.expect("a new user");
    tx.put_member(user, Role::Owner, now).await.expect("a member");

    let team = TeamId::new(clock, entropy);
    tx.insert_team(team, &"data".parse().expect("a slug"), &name("Data"), now).await.expect("a team");
    tx.add_team_member(team, user, now).await.expect("a team member");

    let agent = Agent::new(clock, entropy);
    tx.insert_agent(&AgentRow { id: agent, name: name("ci-runner"), created_at: now }, user).await.expect("an agent");

    let key = KeyId::new(clock, entropy);
    let new = NewKeyRow {
        id: key,
        hash: Token::new(TokenKind::Key, entropy).hash(),
        principal: Principal::Agent(agent),
        label: name("laptop"),
        purpose: KeyPurpose::Call,
        created_by: user,
        created_at: now,
        expires_at: None,
    };
    tx.insert_key(&new).await.expect("a key");

    let (invite, invite_token) = (InviteId::new(clock, entropy), Token::new(TokenKind::Invite, entropy));
    let new = NewInviteRow {
        id: invite,
        hash: invite_token.hash(),
        role: Role::Viewer,
        team: Some(team),
        created_by: user,
        created_at: now,
        expires_at: now.plus_seconds(3600),
    };
    tx.insert_invite(&new).await.expect("an invitation");

    tx.bump_snapshot(now).await.expect("a version");
    let event = NewAdminEvent {
        id: account.uuid(),
        at: now,
        actor: user,
        action: "account.founded",
        subject: account.to_string(),
        detail: serde_json::json!({}),
    };
    tx.insert_admin_event(&event).await.expect("an event");
    let scope = tx.scope();
    tx.commit().await.expect("committed");

    let (session, session_token) = (SessionId::new(clock, entropy), Token::new(TokenKind::Session, entropy));
    let mut person = test.db.person(user).await.expect("a transaction");
    let new = NewSessionRow {
        id: session,
        hash: session_token.hash(),
        created_at: now,
        expires_at: now.plus_seconds(3600),
        ip: "127.0.0.1".to_owned(),
        user_agent: "test".to_owned(),
    };
    person.insert_session(&new).await.expect("a session");
    person.commit().await.expect("committed");
    Tenant { account, scope, user, team, agent, key, invite, invite_token, session, session_token }
}
