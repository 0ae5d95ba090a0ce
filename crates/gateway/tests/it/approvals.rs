//! Calls that a person has to approve first: asked for once, passed once, void when anything has changed.

use std::sync::Arc;

use counters::{Answered, ApprovalAnswer};
use domain::{ApprovalAsked, GrantSubject, Outcome};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, stateless_call},
    fixture::{Fixture, Speaks},
    world::{Account, Nowhere, OPEN, Simple, World, asked, decided},
};

const ASKS: &str = r#"{"version":"1","default":"deny","tools":{
    "delete_run":{"action":"require_approval","reason":"It is gone for good.","approval":{"timeout":600},
        "limits":[{"counter":"d","window":"hour","max":3}]},
    "echo":{"approve_if":[{"conditions":[{"path":"args.amount","op":"gt","value":100}]}],"approval":{"approvers":{"team":"ops"},"self":true}},
    "fails":{"action":"require_approval"}}}"#;

struct Stage {
    world: World,
    upstream: Arc<Fixture>,
    acme: Account,
    simple: Simple,
    client: Client,
}

impl Stage {
    async fn new(policy: &str) -> Self {
        Self::of(World::start().await, policy).await
    }

    async fn of(world: World, policy: &str) -> Self {
        let upstream = Fixture::start(Speaks::Sessions).await;
        let mut acme = world.account("acme");
        let simple = acme.simple(&upstream.url, policy);
        world.publish(&acme).await;
        let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
        Self { world, upstream, acme, simple, client }
    }

    async fn delete(&self, run: &str) -> Answer {
        self.client.call("delete_run", json!({"run_id": run})).await
    }

    /// The request that an answer names.
    async fn request(&self, answer: &Answer) -> ApprovalAsked {
        self.world.asked(&self.acme, &approval(answer)).await
    }

    async fn approve(&self, answer: &Answer) -> Answered {
        let request = self.request(answer).await;
        self.world.answer(&self.acme, &request, ApprovalAnswer::Approved).await
    }

    async fn requests(&self) -> usize {
        let events = self.world.records(&self.acme, |_| true).await;
        events.iter().filter_map(asked).count()
    }
}

fn approval(answer: &Answer) -> String {
    let decision = answer.decision();
    assert_eq!((&decision["code"], &decision["outcome"]), (&json!("approval_required"), &json!("approval")));
    decision["approval"].as_str().unwrap().to_owned()
}

fn text(answer: &Answer) -> String {
    answer.json()["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_waits_for_a_person_and_then_passes_once() {
    let stage = Stage::new(ASKS).await;
    let first = stage.client.call("delete_run", json!({"run_id": "S3CRET", "n": 12345678901234567890_u64})).await;
    let id = approval(&first);
    assert!(id.starts_with("approval_"), "{id}");
    assert_eq!(first.decision()["rule"], "/tools/delete_run/action");
    assert_eq!(
        text(&first),
        format!(
            "[POLICY DENIED] This call has to be approved by a person first. It is gone for good. The request {id} waits \
             until 2026-01-05 12:10:00 UTC for an owner or admin of the account other than the caller. When it is approved, \
             repeat exactly this call, with the same arguments: it then passes once. Do not repeat it before."
        )
    );
    let again = r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"arguments":{"n":12345678901234567890, "run_id":"S3CRE\u0054"},"name":"delete_run"}}"#;
    assert_eq!(approval(&stage.client.post(again).await), id, "the same call, written differently");
    assert_eq!(stage.upstream.calls(), 0);

    let request = stage.request(&first).await;
    let (grant, principal) = (stage.simple.grant, stage.simple.agent.principal);
    assert_eq!((request.grant, request.principal, request.tool.as_str()), (grant, principal, "delete_run"));
    assert_eq!(request.expires_at, stage.world.clock.now().plus_seconds(600));
    let opened = stage.acme.data_key.open(&ApprovalAsked::context(request.approval), &request.arguments).unwrap();
    assert_eq!(opened, br#"{"n":12345678901234567890,"run_id":"S3CRET"}"#, "exactly what would be sent");

    assert_eq!(stage.approve(&first).await, Answered::Done);
    assert_ne!(approval(&stage.delete("other").await), id, "another call is another request");
    let passed = stage.client.post(again).await;
    assert!(passed.is_ok(), "{}", passed.text());
    assert_ne!(approval(&stage.client.post(again).await), id, "used up, so it is asked for anew");
    assert_eq!(stage.upstream.calls(), 1);

    let events = stage.world.records(&stage.acme, |events| events.iter().filter_map(decided).count() >= 5).await;
    assert!(!serde_json::to_string(&events).unwrap().contains("S3CRE"), "arguments are sealed");
    let told: Vec<_> =
        events.iter().filter_map(decided).map(|d| (d.outcome, d.approval == Some(request.approval))).collect();
    let ask = Outcome::ApprovalRequired;
    assert_eq!(told, [(ask, true), (ask, true), (ask, false), (Outcome::Allow, true), (ask, false)]);
    assert_eq!(events.iter().filter_map(asked).filter(|a| a.approval == request.approval).count(), 1);
}

#[tokio::test]
async fn only_the_arguments_that_need_it_ask() {
    let stage = Stage::new(ASKS).await;
    assert!(stage.client.call("echo", json!({"amount": 100})).await.is_ok());
    let answer = stage.client.call("echo", json!({"amount": 100.5})).await;
    assert_eq!(answer.decision()["rule"], "/tools/echo/approve_if/0");
    assert!(text(&answer).contains("for a member of the team `ops`. When"), "{}", text(&answer));
    assert_eq!(stage.client.call("set_model_alias", json!({})).await.code(), "default_deny");
    assert_eq!(stage.requests().await, 1);
}

#[tokio::test]
async fn a_refusal_stands_until_the_request_expires() {
    let stage = Stage::new(ASKS).await;
    let first = stage.delete("1").await;
    let request = stage.request(&first).await;
    stage.world.answer(&stage.acme, &request, ApprovalAnswer::Refused).await;
    for _ in 0..2 {
        let refused = stage.delete("1").await;
        let decision = refused.decision();
        assert_eq!((&decision["code"], &decision["outcome"]), (&json!("denied"), &json!("deny")));
        assert_eq!(decision["approval"], request.approval.to_string());
        assert_eq!(decision["rule"], "/tools/delete_run/action");
        assert!(text(&refused).starts_with("[POLICY DENIED] A person refused this call"), "{}", text(&refused));
    }
    assert_eq!(stage.requests().await, 1);
    stage.world.clock.advance_seconds(600);
    assert_ne!(approval(&stage.delete("1").await), request.approval.to_string());
}

#[tokio::test]
async fn a_changed_policy_a_revoked_grant_and_a_passed_expiry_each_void_it() {
    let mut stage = Stage::new(ASKS).await;
    // Expiry, of an approval and of a request.
    let expires = stage.delete("1").await;
    assert_eq!(stage.approve(&expires).await, Answered::Done);
    stage.world.clock.advance_seconds(600);
    let after = stage.delete("1").await;
    assert_ne!(approval(&after), approval(&expires));
    assert_eq!(stage.approve(&expires).await, Answered::Gone);

    // Policy: the same text published again is another version.
    assert_eq!(stage.approve(&after).await, Answered::Done);
    stage.acme.new_version(stage.simple.policy, ASKS);
    stage.world.publish(&stage.acme).await;
    let events = stage.world.records(&stage.acme, |_| true).await.len();
    crate::snapshots::until(|| async {
        stage.client.call("set_model_alias", json!({})).await;
        let events = stage.world.records(&stage.acme, |now| now.len() > events).await;
        events.iter().filter_map(decided).any(|d| d.policy == Some((stage.simple.policy, 2)))
    })
    .await;
    let renewed = stage.delete("1").await;
    assert_ne!(approval(&renewed), approval(&after));

    // Grant: revoked, and one just like it given.
    assert_eq!(stage.approve(&renewed).await, Answered::Done);
    let (server, policy) = (stage.simple.server, stage.simple.policy);
    stage.acme.snapshot.grants.clear();
    stage.acme.grant(stage.simple.agent.principal.as_subject(), server, Some(policy));
    stage.acme.changed();
    stage.world.publish(&stage.acme).await;
    crate::snapshots::until(|| async {
        let answer = stage.delete("of the new grant").await;
        stage.request(&answer).await.grant != stage.simple.grant
    })
    .await;
    assert_ne!(approval(&stage.delete("1").await), approval(&renewed));
    assert_eq!(stage.upstream.calls(), 0);
}

#[tokio::test]
async fn it_is_used_up_by_what_was_delivered_and_by_nothing_else() {
    let stage = Stage::new(ASKS).await;
    let failing = stage.client.call("fails", json!({})).await;
    stage.approve(&failing).await;
    assert_eq!(stage.client.call("fails", json!({})).await.json()["result"]["isError"], true);
    assert_ne!(approval(&stage.client.call("fails", json!({})).await), approval(&failing), "used, although it failed");

    let mut acme = stage.world.account("unreachable");
    let gone = Nowhere::new();
    let simple = acme.simple(&gone.url(), ASKS);
    stage.world.publish(&acme).await;
    let client = Client::new(&stage.world, &acme, "/mlflow/mcp", &simple.agent);
    let first = client.call("delete_run", json!({})).await;
    let request = stage.world.asked(&acme, &approval(&first)).await;
    stage.world.answer(&acme, &request, ApprovalAnswer::Approved).await;
    for _ in 0..5 {
        assert_eq!(client.call("delete_run", json!({})).await.reason(), "upstream_unreachable", "it stands again");
    }
}

#[tokio::test]
async fn a_full_limit_leaves_the_approval_as_it_is() {
    let stage = Stage::new(ASKS).await;
    for run in ["1", "2", "3"] {
        let waits = stage.delete(run).await;
        stage.approve(&waits).await;
        assert!(stage.delete(run).await.is_ok());
    }
    let fourth = stage.delete("4").await;
    assert_eq!(fourth.code(), "approval_required", "waiting charges nothing, so a full limit is told later");
    let request = stage.request(&fourth).await;
    stage.world.answer(&stage.acme, &request, ApprovalAnswer::Approved).await;
    for _ in 0..2 {
        let full = stage.delete("4").await;
        assert_eq!((full.code(), full.decision()["approval"].clone()), ("rate_limited".to_owned(), Value::Null));
    }
    assert_eq!(stage.upstream.calls(), 3);
}

#[tokio::test]
async fn no_request_is_opened_for_a_grant_whose_denial_is_not_told() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    let teams = [acme.team(), acme.team()];
    let member = acme.member("a@example.com", teams.to_vec());
    let strict = acme.policy(
        r#"{"version":"1","default":"deny","tools":{"delete_run":{"action":"require_approval"},
        "echo":{"action":"require_approval"},"fails":{"action":"deny"}}}"#,
    );
    let second = acme.policy(
        r#"{"version":"1","default":"deny","tools":{"echo":{},"delete_run":{"action":"require_approval"},
        "fails":{"action":"require_approval"}}}"#,
    );
    let first = acme.grant(GrantSubject::Team(teams[0]), simple.server, Some(strict));
    acme.grant(GrantSubject::Team(teams[1]), simple.server, Some(second));
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &member).initialized().await;

    assert!(client.call("echo", json!({})).await.is_ok(), "the second grant allows it as it is");
    assert_eq!(client.call("fails", json!({})).await.code(), "denied", "the first grant's denial is told");
    let asks = client.call("delete_run", json!({})).await;
    let request = world.asked(&acme, &approval(&asks)).await;
    assert_eq!(request.grant, first);
    let events = world.records(&acme, |events| events.iter().filter_map(decided).count() == 3).await;
    assert_eq!(events.iter().filter_map(asked).count(), 1);
    world.answer(&acme, &request, ApprovalAnswer::Approved).await;
    assert!(client.call("delete_run", json!({})).await.is_ok());
}

#[tokio::test]
async fn what_a_person_cannot_read_cannot_be_approved() {
    let stage = Stage::new(ASKS).await;
    let large = stage.delete(&"x".repeat(64 << 10)).await;
    assert_eq!(large.code(), "invalid_arguments");
    assert!(text(&large).contains("too large for a person to read"), "{}", text(&large));
    assert_eq!(stage.requests().await, 0);
}

#[tokio::test]
async fn a_grant_has_only_so_many_requests_open() {
    let stage = Stage::new(ASKS).await;
    for run in 0..counters::MAX_OPEN_REQUESTS {
        approval(&stage.delete(&run.to_string()).await);
    }
    let more = stage.delete("more").await;
    let decision = more.decision();
    assert_eq!((&decision["code"], &decision["outcome"]), (&json!("approval_required"), &json!("deny")));
    assert_eq!(decision["approval"], Value::Null);
    assert!(text(&more).contains("100 calls of this grant wait"), "{}", text(&more));
    stage.approve(&stage.delete("0").await).await;
    assert!(stage.delete("0").await.is_ok());
    approval(&stage.delete("more").await);
}

#[tokio::test]
async fn a_request_that_cannot_be_recorded_is_not_opened() {
    let stage = Stage::new(ASKS).await;
    stage.world.bus.close().await;
    for _ in 0..3 {
        assert_eq!(stage.delete("1").await.reason(), "not_recorded", "never `it waits`");
    }
    assert_eq!(stage.upstream.calls(), 0);
}

const ASKS_AND_ALLOWS: &str = r#"{"version":"1","default":"deny","tools":{"echo":{"action":"require_approval",
    "limits":[{"counter":"a","window":"hour","max":9,"on_unavailable":"allow"}]},"fails":{"action":"require_approval"}}}"#;

#[tokio::test]
async fn without_the_counter_store_nothing_is_taken_for_approved() {
    let mut redis = test_support::RedisServer::start();
    let stage = Stage::of(World::on(&redis).await, ASKS_AND_ALLOWS).await;
    let waits = stage.client.call("echo", json!({})).await;
    assert_eq!(stage.approve(&waits).await, Answered::Done);
    redis.stop();
    for tool in ["echo", "fails"] {
        let answer = stage.client.call(tool, json!({})).await;
        assert_eq!(answer.code(), "counter_unavailable", "whatever its limits say");
        assert_eq!(answer.decision()["rule"], format!("/tools/{tool}/action"));
    }
    assert_eq!(stage.upstream.calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_repeats_of_an_approved_call_on_two_gateways_one_passes() {
    let redis = test_support::RedisServer::start();
    let stage = Stage::of(World::on(&redis).await, ASKS_AND_ALLOWS).await;
    let other = World::on(&redis).await;
    let mut second = stage.client.clone();
    second.url = second.url.replace(&stage.world.origin, &other.origin);
    for round in 0..10 {
        let arguments = json!({"round": round});
        let waits = stage.client.call("fails", arguments.clone()).await;
        assert_eq!(stage.approve(&waits).await, Answered::Done);
        let before = stage.upstream.calls();
        let clients = [&stage.client, &second];
        let answers = join_all((0..100).map(|n: usize| clients[n % 2].call("fails", arguments.clone()))).await;
        assert_eq!(stage.upstream.calls() - before, 1, "round {round}");
        let mut anew: Vec<String> =
            answers.iter().filter(|a| a.json()["result"].get("_meta").is_some()).map(approval).collect();
        assert_eq!(anew.len(), 99);
        anew.dedup();
        assert_eq!(anew.len(), 1, "and one request is opened by all the others");
    }
}

fn second_round(first: &str, state: &str) -> String {
    let mut message: Value = serde_json::from_str(first).unwrap();
    message["params"]["inputResponses"] = json!({"q": {"action": "accept"}});
    message["params"]["requestState"] = json!(state);
    message.to_string()
}

#[tokio::test]
async fn a_call_of_two_rounds_needs_one_approval() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    let mut acme = world.account("acme");
    let policy = r#"{"version":"1","default":"deny","tools":{"rounds":{"action":"require_approval"}}}"#;
    let simple = acme.simple(&upstream.url, policy);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let (client, first) = stateless_call(client, "rounds", &json!({"a": 1}));
    let waits = client.post(first.clone()).await;
    assert_eq!(waits.json()["result"]["resultType"], "complete");
    let request = world.asked(&acme, &approval(&waits)).await;
    world.answer(&acme, &request, ApprovalAnswer::Approved).await;
    let invented = client.post(second_round(&first, "state-2")).await;
    assert_eq!(invented.code(), "invalid_arguments", "nobody has seen, let alone approved, the input that it carries");
    assert_eq!(upstream.calls(), 0);
    assert_eq!(client.post(first.clone()).await.json()["result"]["resultType"], "input_required");
    let done = client.post(second_round(&first, "state-1")).await;
    assert!(done.is_ok(), "{}", done.text());
    assert_eq!(client.post(second_round(&first, "state-1")).await.code(), "invalid_arguments", "the round is over");
    assert_eq!(upstream.calls(), 2);

    let events = world.records(&acme, |events| events.iter().filter_map(decided).count() == 5).await;
    let passed = events.iter().filter_map(decided).filter(|d| d.outcome == Outcome::Allow);
    assert_eq!(passed.filter(|d| d.approval == Some(request.approval)).count(), 2, "both rounds name it");

    // A policy published between the rounds asks again.
    let waits = client.post(first.clone()).await;
    let request = world.asked(&acme, &approval(&waits)).await;
    world.answer(&acme, &request, ApprovalAnswer::Approved).await;
    assert_eq!(client.post(first.clone()).await.json()["result"]["resultType"], "input_required");
    acme.new_version(
        simple.policy,
        r#"{"version":"1","default":"deny","tools":{"rounds":{"action":"require_approval","reason":"New."}}}"#,
    );
    world.publish(&acme).await;
    crate::snapshots::until(|| async {
        text(&client.post(stateless_call(client.clone(), "rounds", &json!({})).1).await).contains("New.")
    })
    .await;
    assert_eq!(client.post(second_round(&first, "state-1")).await.code(), "invalid_arguments");
    assert_eq!(upstream.calls(), 3);
}

#[tokio::test]
async fn on_the_accounts_url_it_is_the_same_request() {
    let stage = Stage::new(ASKS).await;
    let everywhere = Client::new(&stage.world, &stage.acme, "/mcp", &stage.simple.agent).initialized().await;
    let waits = everywhere.call("mlflow__delete_run", json!({"run_id": "1"})).await;
    assert_eq!(approval(&stage.delete("1").await), approval(&waits));
    stage.approve(&waits).await;
    assert!(everywhere.call("mlflow__delete_run", json!({"run_id": "1"})).await.is_ok());
    approval(&stage.delete("1").await);
}
