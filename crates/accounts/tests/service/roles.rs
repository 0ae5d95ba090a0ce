//! Who may do what: every use case about servers, policies, grants and calls as every role, against a golden table.

use std::fmt::Write as _;

use accounts::{
    ApprovalFilter, CallFilter, DraftEdit, Error, NewGrant, NewServerProbe, NewSubject, OldDraft, PolicyEdit, Restore,
    SaveError, ServerEdit,
};
use domain::{Role, ServerSettings};
use test_support::Person;

use crate::{
    roles_oauth,
    support::{SEED, Work, to_agent, tunnel},
};

macro_rules! actions {
    ($($name:ident)*) => {
        #[derive(Clone, Copy, Debug)]
        #[expect(non_camel_case_types, reason = "the names of the use cases, as the table shows them")]
        pub enum Action { $($name),* }
        const ACTIONS: &[Action] = &[$(Action::$name),*];
    };
}

actions! {
    list_servers server register_server update_server remove_server probe refresh_tools accept_tool new_connector
    replace_connector revoke_connector
    list_policies policy policy_document create_policy publish_policy rename_policy remove_policy
    create_draft_policy save_draft discard_draft restore_policy publish_in_shadow
    list_grants grant create_grant suspend_grant resume_grant revoke_grant attach_policy update_grant
    calls first_call approvals approvals_to_answer
    my_apps all_apps revoke_own_app revoke_others_app
    upstream_oauth troubled_connections set_oauth oauth_off connect_for_all connect_own
    disconnect_for_all disconnect_own disconnect_others
}

#[tokio::test]
async fn the_table_of_roles_and_use_cases_is_the_golden_one() {
    let mut rows: Vec<String> = ACTIONS.iter().map(|action| format!("{action:?}:")).collect();
    for role in Role::ALL {
        let work = Work::new().await;
        for (row, action) in rows.iter_mut().zip(ACTIONS) {
            match act(&work, work.fixture.ours.person(role), *action).await {
                Ok(()) => write!(row, " {role}").expect("written"),
                Err(Error::NotAllowed { .. }) => {}
                Err(Error::NotFound) => write!(row, " ({role}: not found)").expect("written"),
                Err(other) => panic!("{action:?} as {role}: {other:?}"),
            }
        }
    }
    let table = rows.join("\n") + "\n";
    let golden = include_str!("roles.txt");
    assert_eq!(table, golden, "changed on purpose? then change roles.txt too\n{table}");
}

async fn act(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    use Action as A;
    match action {
        A::list_servers | A::server | A::probe | A::refresh_tools | A::accept_tool => looks(work, person, action).await,
        A::register_server
        | A::update_server
        | A::remove_server
        | A::new_connector
        | A::replace_connector
        | A::revoke_connector => on_a_server(work, person, action).await,
        A::list_policies
        | A::policy
        | A::policy_document
        | A::create_policy
        | A::publish_policy
        | A::rename_policy
        | A::remove_policy => on_a_policy(work, person, action).await,
        A::create_draft_policy | A::save_draft | A::discard_draft | A::restore_policy | A::publish_in_shadow => {
            on_a_draft(work, person, action).await
        }
        A::list_grants | A::grant | A::calls | A::first_call | A::approvals | A::approvals_to_answer => {
            shows(work, person, action).await
        }
        A::create_grant | A::suspend_grant | A::resume_grant | A::revoke_grant | A::attach_policy | A::update_grant => {
            on_a_grant(work, person, action).await
        }
        A::my_apps | A::all_apps | A::revoke_own_app | A::revoke_others_app => {
            roles_oauth::on_an_app(work, person, action).await
        }
        _ => roles_oauth::on_a_connection(work, person, action).await,
    }
}

async fn looks(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, me, server) = (&work.fixture.accounts, &person.caller, work.ours.server.id);
    match action {
        Action::list_servers => accounts.list_servers(me).await.map(drop),
        Action::server => accounts.server(me, &"mlflow".parse().expect("a slug")).await.map(drop),
        Action::accept_tool => accounts.accept_tool(me, server, "get_run").await,
        Action::refresh_tools => accounts.refresh_tools(me, server).await.map(drop),
        _ => {
            let form = NewServerProbe { url: "http://127.0.0.1:1/mcp".to_owned(), headers: Vec::new() };
            accounts.probe(me, &form).await.map(drop)
        }
    }
}

async fn on_a_server(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, me) = (&work.fixture.accounts, &person.caller);
    let slug = format!("fresh-{action:?}").to_lowercase().replace('_', "-");
    if let Action::register_server = action {
        return accounts.register_server(me, &tunnel(&slug)).await.map(drop);
    }
    let fresh = accounts.register_server(&work.fixture.ours.owner.caller, &tunnel(&slug)).await.expect("a server");
    match action {
        Action::update_server => {
            let settings = ServerSettings::default();
            let edit = ServerEdit { name: "x".to_owned(), url: String::new(), headers: None, settings };
            accounts.update_server(me, fresh.id, &edit).await
        }
        Action::remove_server => accounts.remove_server(me, fresh.id).await,
        Action::new_connector => accounts.new_connector(me, fresh.id).await.map(drop),
        Action::replace_connector => {
            accounts.replace_connector(me, fresh.id, fresh.connect.expect("a token").id).await.map(drop)
        }
        _ => accounts.revoke_connector(me, fresh.id, fresh.connect.expect("a token").id).await,
    }
}

async fn on_a_policy(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, me, server) = (&work.fixture.accounts, &person.caller, work.ours.server.id);
    let name = format!("fresh {action:?}");
    match action {
        Action::list_policies => return accounts.list_policies(me, server).await.map(drop),
        Action::policy => return accounts.policy(me, work.ours.policy, None).await.map(drop),
        Action::policy_document => return accounts.policy_document(me, work.ours.policy, 1).await.map(drop),
        Action::create_policy => return saved(accounts.create_policy(me, server, &name, SEED).await),
        _ => {}
    }
    let fresh = accounts.create_policy(&work.fixture.ours.owner.caller, server, &name, SEED).await.expect("a policy");
    match action {
        Action::publish_policy => {
            let edit = PolicyEdit { based_on: 1, revision: 0, document: SEED.to_owned(), note: String::new() };
            saved(accounts.publish_policy(me, fresh, &edit).await)
        }
        Action::rename_policy => accounts.rename_policy(me, fresh, "renamed").await,
        _ => accounts.remove_policy(me, fresh).await,
    }
}

async fn on_a_draft(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, me, server) = (&work.fixture.accounts, &person.caller, work.ours.server.id);
    let name = format!("fresh {action:?}");
    if let Action::create_draft_policy = action {
        return saved(accounts.create_draft_policy(me, server, &name, "{").await);
    }
    let owner = &work.fixture.ours.owner.caller;
    let fresh = accounts.create_policy(owner, server, &name, SEED).await.expect("a policy");
    let edit = DraftEdit { based_on: 1, revision: 0, document: "{".to_owned() };
    match action {
        Action::save_draft => saved(accounts.save_draft(me, fresh, &edit).await),
        Action::discard_draft => {
            let revision = accounts.save_draft(owner, fresh, &edit).await.expect("saved");
            saved(accounts.discard_draft(me, fresh, revision).await)
        }
        Action::publish_in_shadow => {
            let edit = PolicyEdit { based_on: 1, revision: 0, document: SEED.to_owned(), note: String::new() };
            saved(accounts.publish_in_shadow(me, fresh, &edit).await)
        }
        _ => saved(
            accounts.restore_policy(me, fresh, &Restore { version: 1, based_on: 1, draft: OldDraft::Stays }).await,
        ),
    }
}

fn saved<T>(result: Result<T, SaveError>) -> Result<(), Error> {
    match result {
        Ok(_) => Ok(()),
        Err(SaveError::Other(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

async fn shows(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, me) = (&work.fixture.accounts, &person.caller);
    match action {
        Action::list_grants => accounts.list_grants(me, None).await.map(drop),
        Action::grant => accounts.grant(me, work.ours.grant.id).await.map(drop),
        Action::calls => accounts.calls(me, &CallFilter::default()).await.map(drop),
        Action::approvals => accounts.approvals(me, &ApprovalFilter::default()).await.map(drop),
        Action::approvals_to_answer => accounts.approvals_to_answer(me).await.map(drop),
        _ => accounts.first_call(me, work.ours.server.id).await.map(drop),
    }
}

async fn on_a_grant(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, me) = (&work.fixture.accounts, &person.caller);
    let form = NewGrant {
        subject: NewSubject::NewAgent(format!("fresh {action:?}")),
        ..to_agent(&work.fixture, work.ours.server.id, None)
    };
    if let Action::create_grant = action {
        return accounts.create_grant(me, &form).await.map(drop);
    }
    let owner = &work.fixture.ours.owner.caller;
    let fresh = accounts.create_grant(owner, &form).await.expect("a grant").id;
    match action {
        Action::suspend_grant => accounts.suspend_grant(me, fresh).await,
        Action::resume_grant => {
            accounts.suspend_grant(owner, fresh).await.expect("suspended");
            accounts.resume_grant(me, fresh).await
        }
        Action::revoke_grant => accounts.revoke_grant(me, fresh).await,
        Action::attach_policy => accounts.attach_policy(me, fresh, Some(work.ours.policy)).await,
        _ => accounts.update_grant(me, fresh, "label", None).await,
    }
}
