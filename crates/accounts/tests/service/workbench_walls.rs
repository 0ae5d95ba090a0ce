//! The workbench's use cases with the neighbour's ids, with ids that never existed, and as each role.

use std::fmt::Debug;

use accounts::{EffectForm, Error, SaveError, TryForm};
use domain::{CallId, GrantId, PolicyId, Role, ServerId};

use crate::{
    recorded::Recorder,
    support::{SEED, Work},
};

fn not_found<T: Debug>(what: &str, result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::NotFound)), "{what}: {result:?}");
}

fn not_saved<T: Debug>(what: &str, result: Result<T, SaveError>) {
    assert!(matches!(result, Err(SaveError::Other(Error::NotFound))), "{what}: {result:?}");
}

fn trying(server: ServerId, grant: Option<GrantId>) -> TryForm {
    let (tool, arguments) = ("set_model_alias".to_owned(), String::new());
    TryForm { server, document: SEED.to_owned(), grant, tool, arguments }
}

#[tokio::test]
async fn foreign_ids_and_unknown_ids_are_not_found_alike() {
    let work = Work::new().await;
    let (clock, entropy) = (&work.fixture.clock, &work.fixture.entropy);
    let mut theirs = Recorder::of(&work, &work.fixture.neighbour, &work.theirs).await;
    let call = theirs.call("set_model_alias", -60);
    let foreign_call = call.call;
    theirs.record([call]).await;
    let foreign = (work.theirs.server.id, work.theirs.policy, work.theirs.grant.id, foreign_call);
    let unknown = (
        ServerId::new(clock, entropy),
        PolicyId::new(clock, entropy),
        GrantId::new(clock, entropy),
        CallId::new(clock, entropy),
    );
    let (accounts, owner, ours) = (&work.fixture.accounts, &work.fixture.ours.owner.caller, &work.ours);
    for (server, policy, grant, call) in [foreign, unknown] {
        not_saved("try_call", accounts.try_call(owner, &trying(server, None)).await);
        not_saved("try_call", accounts.try_call(owner, &trying(server, Some(grant))).await);
        not_saved("try_call", accounts.try_call(owner, &trying(ours.server.id, Some(grant))).await);
        let form = EffectForm { policy, document: SEED.to_owned() };
        not_saved("policy_effect", accounts.policy_effect(owner, &form).await);
        not_found("suggest_policy", accounts.suggest_policy(owner, server, None).await);
        not_found("suggest_policy", accounts.suggest_policy(owner, ours.server.id, Some(grant)).await);
        not_found("shadow_report", accounts.shadow_report(owner, policy).await);
        not_found("test_of_call", accounts.test_of_call(owner, policy, call).await);
        not_found("test_of_call", accounts.test_of_call(owner, ours.policy, call).await);
    }
}

#[tokio::test]
async fn looking_is_for_everybody_and_asking_after_recorded_arguments_for_those_who_write_policies() {
    let work = Work::new().await;
    let mut recorder = Recorder::ours(&work).await;
    let call = recorder.call("set_model_alias", -60);
    let id = call.call;
    recorder.record([call]).await;
    let allowed = |result: Result<(), Error>| match result {
        Ok(()) => true,
        Err(Error::NotAllowed { .. }) => false,
        Err(other) => panic!("{other:?}"),
    };
    let saved = |result: Result<(), SaveError>| match result {
        Err(SaveError::Other(error)) => Err(error),
        other => {
            other.expect("sound");
            Ok(())
        }
    };
    for role in Role::ALL {
        let (accounts, me) = (&work.fixture.accounts, &work.fixture.ours.person(role).caller);
        let writes = role != Role::Viewer;
        let form = EffectForm { policy: work.ours.policy, document: SEED.to_owned() };
        let tried = accounts.try_call(me, &trying(work.ours.server.id, Some(work.ours.grant.id))).await;
        assert!(allowed(saved(tried.map(drop))), "{role}");
        assert!(allowed(accounts.shadow_report(me, work.ours.policy).await.map(drop)), "{role}");
        assert_eq!(allowed(saved(accounts.policy_effect(me, &form).await.map(drop))), writes, "{role}");
        assert_eq!(allowed(accounts.suggest_policy(me, work.ours.server.id, None).await.map(drop)), writes, "{role}");
        assert_eq!(allowed(accounts.test_of_call(me, work.ours.policy, id).await.map(drop)), writes, "{role}");
    }
}
