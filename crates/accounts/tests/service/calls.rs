//! Records become rows, exactly once, in whatever order they come, and only in their own account.

use accounts::{CallCursor, CallFilter, Error, NewServer, NewTransport, ServerReach};
use bus::Durability;
use domain::{
    CallDecided, CallId, CallSettled, Client, ConnectorSeen, DecisionId, Event, Outcome, Principal, ServerId,
    Settlement, Timestamp,
};
use test_support::Tenant;

use crate::support::{Gateway, Set, Work, inventory, tool};

pub fn decided(work: &Work, tenant: &Tenant, set: &Set, tool: &str) -> CallDecided {
    let (clock, entropy) = (&work.fixture.clock, &work.fixture.entropy);
    CallDecided {
        call: CallId::new(clock, entropy),
        decision: DecisionId::new(clock, entropy),
        at: clock.now(),
        server: Some(set.server.id),
        principal: Some(Principal::Agent(tenant.agent)),
        key: Some(tenant.agent_key),
        app: None,
        grant: Some(set.grant.id),
        policy: Some((set.policy, 1)),
        method: "tools/call".to_owned(),
        tool: Some(tool.to_owned()),
        class: Some(policy::RiskClass::Write),
        outcome: Outcome::Allow,
        code: None,
        rule: "/tools/set_model_alias".to_owned(),
        message: None,
        retry_after_ms: None,
        argument_keys: vec!["alias".to_owned()],
        arguments: None,
        approval: None,
        would_deny: None,
        client: Some(Client { name: "py".to_owned(), version: "1".to_owned() }),
        decide_us: 120,
    }
}

pub fn settled(call: &CallDecided) -> CallSettled {
    CallSettled {
        call: call.call,
        decided_at: call.at,
        settlement: Settlement::Ok,
        http_status: Some(200),
        upstream_us: 9_000,
        gateway_us: 400,
        response_bytes: 77,
    }
}

async fn append(work: &Work, gateway: &mut Gateway, tenant: &Tenant, event: Event) {
    let envelope = gateway.says(tenant, event);
    work.fixture.bus.append(&envelope, Durability::Durable).await.expect("appended");
}

fn gateway(work: &Work) -> Gateway {
    Gateway::new(&work.fixture.clock, &work.fixture.entropy)
}

#[tokio::test]
async fn both_halves_in_any_order_and_twice_are_one_row() {
    let work = Work::new().await;
    let (ours, accounts, mut gateway) = (&work.fixture.ours, &work.fixture.accounts, gateway(&work));
    let call = decided(&work, ours, &work.ours, "set_model_alias");
    for event in [
        Event::Settled(settled(&call)),
        Event::Decided(Box::new(call.clone())),
        Event::Decided(Box::new(call.clone())),
        Event::Settled(settled(&call)),
    ] {
        append(&work, &mut gateway, ours, event).await;
        accounts.record_waiting().await.expect("stored");
    }
    let page = accounts.calls(&ours.viewer.caller, &CallFilter::default()).await.expect("asked");
    assert_eq!(page.calls.len(), 1);
    let view = &page.calls[0];
    assert_eq!(view.server.as_ref().map(|s| s.0.as_str()), Some("mlflow"));
    assert_eq!(view.principal_name.as_deref(), Some("ci-runner"));
    assert_eq!(view.grant_label.as_ref().map(domain::Name::as_str), Some("ci-runner"));
    assert_eq!(view.policy_name.as_ref().map(domain::Name::as_str), Some("Default"));
    let end = view.call.end.expect("it ended");
    assert_eq!((end.settlement, end.upstream_us, end.gateway_us), (Settlement::Ok, 9_000, 400));
    let first = accounts.first_call(&ours.viewer.caller, work.ours.server.id).await.expect("asked").expect("the call");
    assert_eq!(first.call.place, view.call.place);
    let keys = accounts.agent(&ours.owner.caller, ours.agent).await.expect("the agent").keys;
    assert!(keys.iter().any(|key| key.last_used_at == Some(call.at)), "the key's last use is noted");
    let servers = accounts.list_servers(&ours.viewer.caller).await.expect("asked");
    assert_eq!((servers[0].calls_24h, servers[0].last_call_at), (1, Some(call.at)));
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_and_filters_hold() {
    let work = Work::new().await;
    let (ours, accounts, mut gateway) = (&work.fixture.ours, &work.fixture.accounts, gateway(&work));
    for index in 0..5 {
        work.fixture.clock.advance_seconds(if index % 2 == 0 { 0 } else { 60 });
        let mut call = decided(&work, ours, &work.ours, if index == 4 { "delete_run" } else { "set_model_alias" });
        if index == 4 {
            call.outcome = Outcome::Deny;
            call.code = Some("default_deny".to_owned());
        }
        append(&work, &mut gateway, ours, Event::Decided(Box::new(call))).await;
    }
    accounts.record_waiting().await.expect("stored");
    let viewer = &ours.viewer.caller;
    let (mut seen, mut before): (Vec<CallId>, Option<CallCursor>) = (Vec::new(), None);
    loop {
        let page =
            accounts.calls(viewer, &CallFilter { before, limit: 2, ..CallFilter::default() }).await.expect("asked");
        seen.extend(page.calls.iter().map(|view| view.call.place.id));
        before = page.older.map(|cursor| cursor.to_string().parse().expect("a cursor"));
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    seen.dedup();
    assert_eq!(seen.len(), 5);

    let count = async |filter: CallFilter| accounts.calls(viewer, &filter).await.expect("asked").calls.len();
    let any = CallFilter::default;
    assert_eq!(count(CallFilter { outcome: Some(Outcome::Deny), ..any() }).await, 1);
    assert_eq!(count(CallFilter { code: Some("default_deny".to_owned()), ..any() }).await, 1);
    assert_eq!(count(CallFilter { tool: Some("set_model_alias".to_owned()), ..any() }).await, 4);
    assert_eq!(count(CallFilter { grant: Some(work.ours.grant.id), ..any() }).await, 5);
    assert_eq!(count(CallFilter { grant: Some(work.theirs.grant.id), ..any() }).await, 0);
    assert_eq!(count(CallFilter { server: Some(work.theirs.server.id), ..any() }).await, 0);
    assert_eq!(count(CallFilter { principal: Some(Principal::Agent(ours.agent)), ..any() }).await, 5);
    assert_eq!(count(CallFilter { principal: Some(Principal::Member(viewer.user())), ..any() }).await, 0);
}

#[tokio::test]
async fn records_stay_in_their_account_even_if_they_name_foreign_things() {
    let work = Work::new().await;
    let (ours, theirs) = (&work.fixture.ours, &work.fixture.neighbour);
    let (accounts, mut gateway) = (&work.fixture.accounts, gateway(&work));
    let foreign = decided(&work, theirs, &work.theirs, "set_model_alias");
    append(&work, &mut gateway, ours, Event::Decided(Box::new(foreign.clone()))).await;
    append(
        &work,
        &mut gateway,
        ours,
        Event::Inventory(inventory(work.theirs.server.id, &work.fixture.clock, Ok(vec![tool("x", "1")]))),
    )
    .await;
    let seen = ConnectorSeen {
        server: work.theirs.server.id,
        connector: work.theirs.server.connect.as_ref().expect("a token").id,
        at: work.fixture.clock.now(),
        connected: true,
        about: "not theirs".to_owned(),
    };
    append(&work, &mut gateway, ours, Event::Connector(seen)).await;
    accounts.record_waiting().await.expect("stored");
    let page = accounts.calls(&ours.owner.caller, &CallFilter::default()).await.expect("asked");
    assert_eq!(page.calls.len(), 1);
    let view = &page.calls[0];
    assert_eq!(
        (view.server.as_ref(), &view.principal_name, &view.grant_label),
        (None, &None, &None),
        "foreign names do not show"
    );
    let theirs_page = accounts.calls(&theirs.owner.caller, &CallFilter::default()).await.expect("asked");
    assert!(theirs_page.calls.is_empty());
    assert!(matches!(accounts.call(&theirs.owner.caller, foreign.call).await, Err(Error::NotFound)));
    let server = accounts.server(&theirs.owner.caller, &work.theirs.server.slug).await.expect("there");
    assert_eq!((server.tools.len(), server.connectors[0].about.as_deref()), (3, None));
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_does_not_hold_up_the_others() {
    let work = Work::new().await;
    let (ours, accounts, mut gateway) = (&work.fixture.ours, &work.fixture.accounts, gateway(&work));
    let good = decided(&work, ours, &work.ours, "we\0ird\u{202e}");
    let unstorable = CallDecided { retry_after_ms: Some(u64::MAX), ..decided(&work, ours, &work.ours, "x") };
    let far = CallDecided {
        at: Timestamp(-1),
        server: Some(ServerId::new(&work.fixture.clock, &work.fixture.entropy)),
        ..decided(&work, ours, &work.ours, "y")
    };
    for call in [unstorable, good.clone(), far] {
        append(&work, &mut gateway, ours, Event::Decided(Box::new(call))).await;
    }
    assert_eq!(accounts.record_waiting().await.expect("stored what can be"), 3);
    assert_eq!(accounts.record_waiting().await.expect("nothing is left"), 0);
    let view = accounts.call(&ours.owner.caller, good.call).await.expect("stored");
    assert_eq!(view.call.tool.as_deref(), Some("we\u{2400}ird\u{202e}"));
    assert_eq!(accounts.calls(&ours.owner.caller, &CallFilter::default()).await.expect("asked").calls.len(), 2);
}

#[tokio::test]
async fn an_inventory_from_a_gateway_becomes_tools_and_is_published() {
    let work = Work::new().await;
    let (ours, accounts, mut gateway) = (&work.fixture.ours, &work.fixture.accounts, gateway(&work));
    work.fixture.clock.advance_seconds(60);
    let found = inventory(work.ours.server.id, &work.fixture.clock, Ok(vec![tool("get_run", "2")]));
    append(&work, &mut gateway, ours, Event::Inventory(found)).await;
    accounts.record_waiting().await.expect("stored");
    let names: Vec<_> = work.snapshot().await.servers[0].tools.iter().map(|t| t.name.to_string()).collect();
    assert_eq!(names, ["get_run"]);
}

#[tokio::test]
async fn partitions_are_made_ahead_and_again_without_harm() {
    let work = Work::new().await;
    work.fixture.accounts.make_call_partitions().await.expect("made");
    work.fixture.accounts.make_call_partitions().await.expect("there");
    let (ours, mut gateway) = (&work.fixture.ours, gateway(&work));
    append(&work, &mut gateway, ours, Event::Decided(Box::new(decided(&work, ours, &work.ours, "get_run")))).await;
    work.fixture.accounts.record_waiting().await.expect("stored");
    let page = work.fixture.accounts.calls(&ours.viewer.caller, &CallFilter::default()).await.expect("asked");
    assert_eq!(page.calls.len(), 1);
    let neighbour = work.fixture.accounts.calls(&work.fixture.neighbour.owner.caller, &CallFilter::default()).await;
    assert!(neighbour.expect("asked").calls.is_empty());
}

#[tokio::test]
async fn a_server_is_silent_from_the_first_request_after_its_last_answer() {
    let work = Work::new().await;
    let (ours, accounts, mut gateway) = (&work.fixture.ours, &work.fixture.accounts, gateway(&work));
    let by_url = NewServer {
        name: "By URL".to_owned(),
        slug: "by-url".to_owned(),
        transport: NewTransport::Http { url: "http://127.0.0.1:9/mcp".to_owned() },
        headers: Vec::new(),
        kind: None,
    };
    let server = accounts.register_server(&ours.owner.caller, &by_url).await.expect("registered").id;
    let reach = async || {
        let servers = accounts.list_servers(&ours.viewer.caller).await.expect("asked");
        let found = servers.iter().find(|one| one.id == server).expect("in the list").standing;
        let slug = "by-url".parse().expect("a slug");
        assert_eq!(accounts.server(&ours.viewer.caller, &slug).await.expect("its page").standing, found);
        (found.reach, found.last_seen)
    };
    assert_eq!(reach().await, (ServerReach::Unseen, None));
    let mut made = Vec::new();
    for settlement in [Settlement::IsError, Settlement::Unreachable, Settlement::Timeout] {
        work.fixture.clock.advance_seconds(60);
        let call = CallDecided { server: Some(server), ..decided(&work, ours, &work.ours, "x") };
        append(&work, &mut gateway, ours, Event::Settled(CallSettled { settlement, ..settled(&call) })).await;
        made.push(call.at);
        append(&work, &mut gateway, ours, Event::Decided(Box::new(call))).await;
    }
    accounts.record_waiting().await.expect("stored");
    assert_eq!(reach().await, (ServerReach::Unanswered { since: made[1] }, Some(made[0])));
    work.fixture.clock.advance_seconds(60);
    let call = CallDecided { server: Some(server), ..decided(&work, ours, &work.ours, "x") };
    append(&work, &mut gateway, ours, Event::Settled(settled(&call))).await;
    append(&work, &mut gateway, ours, Event::Decided(Box::new(call.clone()))).await;
    accounts.record_waiting().await.expect("stored");
    assert_eq!(reach().await, (ServerReach::Answered, Some(call.at)));
}
