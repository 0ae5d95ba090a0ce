//! Approvals: one row per request, one answer at a time, and nothing of it in another account.

use domain::{
    ApprovalAsked, ApprovalBinding, ApprovalId, CallId, GrantId, PolicyId, Principal, Sealed, ServerId, Timestamp,
};
use policy::{Approvers, RiskClass, SelfApproval};
use sqlx::{AssertSqlSafe, Executor as _};
use storage::{AnswerKind, AnswerState, NewAnswer, Tx};

use crate::support::{Tenant, World};

async fn tx(world: &World, tenant: &Tenant) -> Tx {
    world.test.db.account(&tenant.scope).await.expect("a transaction")
}

/// A request of the tenant's agent, for things that are not there.
fn asked(world: &World, tenant: &Tenant) -> ApprovalAsked {
    let (clock, entropy, now) = (&world.clock, &world.entropy, world.clock.now());
    ApprovalAsked {
        approval: ApprovalId::new(clock, entropy),
        binding: ApprovalBinding::from_bytes([9; 32]),
        call: CallId::new(clock, entropy),
        at: now,
        expires_at: now.plus_seconds(1800),
        server: ServerId::new(clock, entropy),
        principal: Principal::Agent(tenant.agent),
        key: Some(tenant.key),
        app: None,
        grant: GrantId::new(clock, entropy),
        policy: (PolicyId::new(clock, entropy), 1),
        rule: "/default".to_owned(),
        message: "ask\0".to_owned(),
        tool: "pay".to_owned(),
        class: RiskClass::Financial,
        arguments: Sealed("sealed".to_owned()),
        approvers: Approvers::Team("data".to_owned()),
        self_approval: SelfApproval::Allowed,
        client: None,
    }
}

fn approve(tenant: &Tenant, approval: ApprovalId, at: Timestamp) -> NewAnswer<'static> {
    NewAnswer { approval, answer: AnswerKind::Approved, by: tenant.user, at, reason: "fine" }
}

#[tokio::test]
async fn a_request_reads_back_as_it_was_asked_and_once() {
    let world = World::new().await;
    let ours = &world.ours;
    let request = asked(&world, ours);
    let mut tx = tx(&world, ours).await;
    tx.store_approval(&request).await.expect("stored");
    tx.store_approval(&ApprovalAsked { tool: "other".to_owned(), ..request.clone() }).await.expect("passed over");
    let rows = tx.approvals(ours.user, 10).await.expect("asked");
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((row.id, row.binding, row.call), (request.approval, request.binding, request.call));
    assert_eq!((row.tool.as_str(), row.class, row.message.as_str()), ("pay", RiskClass::Financial, "ask\u{2400}"));
    assert_eq!((&row.approvers, row.self_approval), (&request.approvers, request.self_approval));
    assert_eq!((row.asked_at, row.expires_at, row.policy), (request.at, request.expires_at, request.policy));
    assert_eq!((row.principal, row.principal_name.as_deref()), (request.principal, Some("ci-runner")));
    assert_eq!((row.answer.is_none(), row.used_by, row.is_own, row.is_in_place), (true, None, false, false));
    let brief = tx.unanswered_approvals_briefly(ours.user, request.at, 10).await.expect("asked");
    assert_eq!((brief.len(), &brief[0].arguments), (1, &None));
    assert!(tx.unanswered_approvals(ours.user, request.expires_at, 10).await.expect("asked").is_empty(), "over");
}

#[tokio::test]
async fn that_the_store_has_taken_an_answer_outweighs_what_was_thought_before() {
    let world = World::new().await;
    let (ours, now) = (&world.ours, world.clock.now());
    let request = asked(&world, ours);
    let id = request.approval;
    let mut tx = tx(&world, ours).await;
    tx.store_approval(&request).await.expect("stored");
    assert!(tx.put_answer(&approve(ours, id, now)).await.expect("put"));
    assert!(!tx.put_answer(&approve(ours, id, now)).await.expect("asked"), "one at a time");
    let (binding, first) = tx.answer_on_its_way(id).await.expect("asked").expect("on its way");
    assert_eq!((binding, first.state, first.reason.as_str()), (request.binding, AnswerState::Putting, "fine"));
    assert!(tx.settle_answer(id, &first, AnswerState::NotGiven).await.expect("settled"));
    assert!(!tx.settle_answer(id, &first, AnswerState::Gone).await.expect("asked"), "it is settled");
    assert!(tx.settle_answer(id, &first, AnswerState::Given).await.expect("settled"), "but it was taken");
    assert!(!tx.settle_answer(id, &first, AnswerState::Given).await.expect("asked"), "which is known now");
    assert!(!tx.put_answer(&approve(ours, id, now)).await.expect("asked"), "a given answer stays");

    let again = asked(&world, ours);
    tx.store_approval(&again).await.expect("stored");
    assert!(tx.put_answer(&approve(ours, again.approval, now)).await.expect("put"));
    let (_, old) = tx.answer_on_its_way(again.approval).await.expect("asked").expect("on its way");
    assert!(tx.settle_answer(again.approval, &old, AnswerState::NotGiven).await.expect("settled"));
    assert!(tx.put_answer(&approve(ours, again.approval, now.plus_seconds(1))).await.expect("open again"));
    assert!(!tx.settle_answer(again.approval, &old, AnswerState::Given).await.expect("asked"), "another's by now");
}

#[tokio::test]
async fn a_neighbour_sees_nothing_of_a_request_and_a_job_only_which_answers_wait() {
    let world = World::new().await;
    let (ours, theirs, now) = (&world.ours, &world.neighbour, world.clock.now());
    let request = asked(&world, ours);
    let mut first = tx(&world, ours).await;
    first.store_approval(&request).await.expect("stored");
    assert!(first.put_answer(&approve(ours, request.approval, now)).await.expect("put"));
    let (_, answer) = first.answer_on_its_way(request.approval).await.expect("asked").expect("on its way");
    first.commit().await.expect("committed");

    let mut second = tx(&world, theirs).await;
    assert!(second.approval(theirs.user, request.approval).await.expect("asked").is_none());
    assert!(second.approvals(ours.user, 10).await.expect("asked").is_empty());
    assert!(second.unanswered_approvals(theirs.user, now, 10).await.expect("asked").is_empty());
    assert!(second.answer_on_its_way(request.approval).await.expect("asked").is_none());
    assert!(!second.put_answer(&approve(theirs, request.approval, now)).await.expect("asked"));
    assert!(!second.settle_answer(request.approval, &answer, AnswerState::Given).await.expect("asked"));
    // The same id in another account is another request.
    second.store_approval(&ApprovalAsked { tool: "theirs".to_owned(), ..request.clone() }).await.expect("stored");
    assert_eq!(second.approvals(theirs.user, 10).await.expect("asked")[0].principal_name, None, "our agent's name");
    second.commit().await.expect("committed");

    let mut job = world.test.db.job().await.expect("a transaction");
    assert!(job.waiting_answers(now, 10).await.expect("asked").is_empty(), "not before it has had its time");
    let waiting = job.waiting_answers(now.plus_seconds(1), 10).await.expect("asked");
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].scope, waiting[0].approval), (ours.scope, request.approval));
    job.commit().await.expect("committed");
    let mut connection = world.raw().await;
    connection.execute("begin; select set_config('app.job', 'on', true)").await.expect("a job's scope");
    for table in ["approval", "policy_draft"] {
        let count = format!("select count(*) from {table}");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut connection).await.expect("a count");
        assert_eq!(rows, 0, "{table}");
    }
}
