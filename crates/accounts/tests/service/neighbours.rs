//! Every use case about servers, policies and grants with the neighbour's ids: not found, as ids that never existed.

use std::fmt::Debug;

use accounts::{
    DraftEdit, Error, NewGrant, NewSubject, NewTestCall, OldDraft, PolicyEdit, Restore, SaveError, ServerEdit, TestCall,
};
use domain::{CallId, ConnectorId, GrantId, PolicyId, ServerId, ServerSettings};

use crate::support::{SEED, Work, to_agent};

struct Ids {
    server: ServerId,
    connector: ConnectorId,
    policy: PolicyId,
    grant: GrantId,
    call: CallId,
}

fn not_found<T: Debug>(what: &str, result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::NotFound)), "{what}: {result:?}");
}

fn not_saved<T: Debug>(what: &str, result: Result<T, SaveError>) {
    assert!(matches!(result, Err(SaveError::Other(Error::NotFound))), "{what}: {result:?}");
}

#[tokio::test]
async fn foreign_ids_and_unknown_ids_are_not_found_alike() {
    let work = Work::new().await;
    let (clock, entropy) = (&work.fixture.clock, &work.fixture.entropy);
    let foreign = Ids {
        server: work.theirs.server.id,
        connector: work.theirs.server.connect.as_ref().expect("a token").id,
        policy: work.theirs.policy,
        grant: work.theirs.grant.id,
        call: CallId::new(clock, entropy),
    };
    let unknown = Ids {
        server: ServerId::new(clock, entropy),
        connector: ConnectorId::new(clock, entropy),
        policy: PolicyId::new(clock, entropy),
        grant: GrantId::new(clock, entropy),
        call: CallId::new(clock, entropy),
    };
    let before = crate::support::told(&work.fixture, &work.fixture.neighbour).await;
    for ids in [foreign, unknown] {
        on_servers(&work, &ids).await;
        on_policies(&work, &ids).await;
        on_grants(&work, &ids).await;
    }
    assert_eq!(crate::support::told(&work.fixture, &work.fixture.neighbour).await, before, "nothing of theirs changed");
}

async fn on_servers(work: &Work, ids: &Ids) {
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let settings = ServerSettings::default();
    let edit = ServerEdit { name: "x".to_owned(), url: String::new(), headers: Some(Vec::new()), settings };
    not_found("update_server", accounts.update_server(owner, ids.server, &edit).await);
    not_found("remove_server", accounts.remove_server(owner, ids.server).await);
    not_found("new_connector", accounts.new_connector(owner, ids.server).await);
    not_found("replace_connector", accounts.replace_connector(owner, ids.server, ids.connector).await);
    not_found("replace_connector", accounts.replace_connector(owner, work.ours.server.id, ids.connector).await);
    not_found("revoke_connector", accounts.revoke_connector(owner, ids.server, ids.connector).await);
    not_found("revoke_connector", accounts.revoke_connector(owner, work.ours.server.id, ids.connector).await);
    not_found("refresh_tools", accounts.refresh_tools(owner, ids.server).await);
    not_found("accept_tool", accounts.accept_tool(owner, ids.server, "set_model_alias").await);
    not_found("call", accounts.call(owner, ids.call).await);
    assert!(accounts.first_call(owner, ids.server).await.expect("asked").is_none());
}

async fn on_policies(work: &Work, ids: &Ids) {
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    assert!(accounts.list_policies(owner, ids.server).await.expect("asked").is_empty());
    not_found("policy", accounts.policy(owner, ids.policy, None).await);
    not_saved("create_policy", accounts.create_policy(owner, ids.server, "x", SEED).await);
    let edit = PolicyEdit { based_on: 1, revision: 0, document: SEED.to_owned(), note: String::new() };
    not_saved("publish_policy", accounts.publish_policy(owner, ids.policy, &edit).await);
    not_found("policy_document", accounts.policy_document(owner, ids.policy, 1).await);
    not_saved("create_draft_policy", accounts.create_draft_policy(owner, ids.server, "x", SEED).await);
    not_saved("publish_in_shadow", accounts.publish_in_shadow(owner, ids.policy, &edit).await);
    let draft = DraftEdit { based_on: 1, revision: 0, document: SEED.to_owned() };
    not_saved("save_draft", accounts.save_draft(owner, ids.policy, &draft).await);
    not_saved("discard_draft", accounts.discard_draft(owner, ids.policy, 1).await);
    not_saved(
        "restore_policy",
        accounts.restore_policy(owner, ids.policy, &Restore { version: 1, based_on: 1, draft: OldDraft::Stays }).await,
    );
    not_found("rename_policy", accounts.rename_policy(owner, ids.policy, "x").await);
    not_found("remove_policy", accounts.remove_policy(owner, ids.policy).await);
}

async fn on_grants(work: &Work, ids: &Ids) {
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    assert!(accounts.list_grants(owner, Some(ids.server)).await.expect("asked").is_empty());
    not_found("grant", accounts.grant(owner, ids.grant).await);
    let ours = to_agent(&work.fixture, work.ours.server.id, Some(work.ours.policy));
    let theirs = &work.fixture.neighbour;
    for (what, form) in [
        ("server", NewGrant { server: ids.server, ..ours.clone() }),
        ("policy", NewGrant { policy: Some(ids.policy), ..ours.clone() }),
        ("team", NewGrant { subject: NewSubject::Team(theirs.team), ..ours.clone() }),
        ("member", NewGrant { subject: NewSubject::Member(theirs.viewer.visitor.user), ..ours.clone() }),
        ("agent", NewGrant { subject: NewSubject::Agent(theirs.agent), ..ours.clone() }),
    ] {
        not_found(what, accounts.create_grant(owner, &form).await);
    }
    not_found("suspend_grant", accounts.suspend_grant(owner, ids.grant).await);
    not_found("resume_grant", accounts.resume_grant(owner, ids.grant).await);
    not_found("revoke_grant", accounts.revoke_grant(owner, ids.grant).await);
    not_found("attach_policy", accounts.attach_policy(owner, ids.grant, None).await);
    not_found("attach_policy", accounts.attach_policy(owner, work.ours.grant.id, Some(ids.policy)).await);
    not_found("update_grant", accounts.update_grant(owner, ids.grant, "x", None).await);
    let test = NewTestCall { server: ids.server, grant: None, what: TestCall::Denied };
    not_found("test_call", accounts.test_call(owner, &test).await);
    let test = NewTestCall { server: work.ours.server.id, grant: Some(ids.grant), what: TestCall::Denied };
    not_found("test_call", accounts.test_call(owner, &test).await);
}
