//! Inventories: tools are classed, pinned and published, and held back where the server's setting says so.

use accounts::{Error, InventoryEffect, ServerEdit, ToolStanding};
use domain::{DriftSetting, ServerSettings};
use policy::RiskClass;

use crate::support::{Work, inventory, tool};

async fn hold(work: &Work) {
    let settings = ServerSettings { drift: DriftSetting::Hold, ..ServerSettings::default() };
    let edit = ServerEdit { name: "MLflow".to_owned(), url: String::new(), headers: None, settings };
    work.fixture
        .accounts
        .update_server(&work.fixture.ours.owner.caller, work.ours.server.id, &edit)
        .await
        .expect("held");
}

async fn brings(work: &Work, tools: Vec<domain::InventoryTool>) -> InventoryEffect {
    work.fixture.clock.advance_seconds(60);
    let inventory = inventory(work.ours.server.id, &work.fixture.clock, Ok(tools));
    let scope = work.fixture.ours.owner.caller.scope();
    work.fixture.accounts.take_inventory(scope, &inventory).await.expect("taken")
}

async fn carried(work: &Work) -> Vec<(String, RiskClass)> {
    let snapshot = work.snapshot().await;
    snapshot.servers[0].tools.iter().map(|t| (t.name.to_string(), t.class)).collect()
}

#[tokio::test]
async fn tools_are_classed_and_published_with_their_schema_as_it_was() {
    let work = Work::new().await;
    let snapshot = work.snapshot().await;
    let tools: Vec<_> =
        snapshot.servers[0].tools.iter().map(|t| (&*t.name, t.class, t.input_schema.as_deref())).collect();
    let schema = Some(r#"{"type":"object","x":1.0}"#);
    assert_eq!(
        tools,
        [
            ("set_model_alias", RiskClass::Write, schema),
            ("delete_run", RiskClass::Destructive, schema),
            ("get_run", RiskClass::Read, schema),
        ]
    );
    let view =
        work.fixture.accounts.server(&work.fixture.ours.viewer.caller, &work.ours.server.slug).await.expect("there");
    assert_eq!(view.risk.total(), 3);
    assert_eq!(view.tools[0].catalogue, Some(("mlflow-mcp".to_owned(), "set_model_alias".to_owned())));
    assert!(view.tools.iter().all(|t| !t.evidence.is_empty() && t.standing == ToolStanding::Accepted));
}

#[tokio::test]
async fn the_same_tools_again_publish_nothing() {
    let work = Work::new().await;
    let before = work.snapshot().await.version;
    let same = vec![tool("set_model_alias", "1"), tool("delete_run", "1"), tool("get_run", "1")];
    assert_eq!(brings(&work, same).await, InventoryEffect::Same);
    assert_eq!(work.snapshot().await.version, before);
    assert_eq!(brings(&work, vec![tool("get_run", "1")]).await, InventoryEffect::Changed);
    assert_eq!(carried(&work).await, [("get_run".to_owned(), RiskClass::Read)]);
}

#[tokio::test]
async fn a_failed_look_keeps_the_tools_and_says_why() {
    let work = Work::new().await;
    work.fixture.clock.advance_seconds(60);
    let failed = inventory(work.ours.server.id, &work.fixture.clock, Err("it broke\0".to_owned()));
    let owner = &work.fixture.ours.owner.caller;
    work.fixture.accounts.take_inventory(owner.scope(), &failed).await.expect("taken");
    let view = work.fixture.accounts.server(owner, &work.ours.server.slug).await.expect("there");
    assert_eq!((view.tools.len(), view.tools_error.as_deref()), (3, Some("it broke\u{2400}")));
}

#[tokio::test]
async fn where_changes_are_held_a_new_or_changed_tool_waits_for_a_person() {
    let work = Work::new().await;
    hold(&work).await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    brings(&work, vec![tool("set_model_alias", "2"), tool("get_run", "1"), tool("new_one", "1")]).await;
    assert_eq!(carried(&work).await, [("get_run".to_owned(), RiskClass::Read)], "held tools are not carried");
    let view = accounts.server(owner, &work.ours.server.slug).await.expect("there");
    let standings: Vec<_> = view.tools.iter().map(|t| t.standing).collect();
    assert_eq!(standings, [ToolStanding::Changed, ToolStanding::Accepted, ToolStanding::New]);

    accounts.accept_tool(owner, work.ours.server.id, "set_model_alias").await.expect("accepted");
    let names: Vec<_> = carried(&work).await.into_iter().map(|t| t.0).collect();
    assert_eq!(names, ["set_model_alias", "get_run"]);
    let unknown = accounts.accept_tool(owner, work.ours.server.id, "nothing").await;
    assert!(matches!(unknown, Err(Error::NotFound)));
    // Going back to what was accepted before is a change as well.
    brings(&work, vec![tool("set_model_alias", "1"), tool("get_run", "1")]).await;
    assert_eq!(carried(&work).await.len(), 1);
}

#[tokio::test]
async fn a_tool_that_looks_like_another_waits_for_a_person_wherever_changes_are_held_or_not() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let names = |carried: Vec<(String, RiskClass)>| carried.into_iter().map(|t| t.0).collect::<Vec<_>>();
    // Before the one that was let in or behind it; of two that are new, the first is the one.
    let all = ["Get_Run", "set_model_alias", "get_run", "d\u{435}lete_run", "delete_run", "new", "NEW"];
    brings(&work, all.map(|name| tool(name, "1")).to_vec()).await;
    assert_eq!(names(carried(&work).await), ["set_model_alias", "get_run", "delete_run", "new"]);
    let view = accounts.server(owner, &work.ours.server.slug).await.expect("there");
    let held: Vec<_> =
        view.tools.iter().filter(|t| t.standing == ToolStanding::LookAlike).map(|t| t.name.as_str()).collect();
    assert_eq!(held, ["Get_Run", "d\u{435}lete_run", "NEW"]);
    assert_eq!(brings(&work, all.map(|name| tool(name, "1")).to_vec()).await, InventoryEffect::Same);

    accounts.accept_tool(owner, work.ours.server.id, "Get_Run").await.expect("accepted");
    let accepted = ["Get_Run", "set_model_alias", "get_run", "delete_run", "new"];
    assert_eq!(names(carried(&work).await), accepted);
    brings(&work, all.map(|name| tool(name, "2")).to_vec()).await;
    assert_eq!(names(carried(&work).await), accepted, "what was let in once is a tool like any other");
    hold(&work).await;
    assert_eq!(names(carried(&work).await), accepted);
    brings(&work, vec![tool("NEW", "2"), tool("get_run", "2"), tool("Get_Run", "2")]).await;
    assert_eq!(names(carried(&work).await), ["get_run", "Get_Run"], "the other one is gone; this one is new");
    let view = accounts.server(owner, &work.ours.server.slug).await.expect("there");
    assert_eq!(view.tools[0].standing, ToolStanding::New);
}

#[tokio::test]
async fn the_first_look_lets_in_what_can_be_told_apart_by_its_letters() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    brings(&work, Vec::new()).await;
    brings(&work, ["\u{fb01}le", "file", "File", "fil\u{435}", "files"].map(|name| tool(name, "1")).to_vec()).await;
    let names: Vec<_> = carried(&work).await.into_iter().map(|t| t.0).collect();
    assert_eq!(names, ["file", "File", "files"]);
    let view = accounts.server(owner, &work.ours.server.slug).await.expect("there");
    assert_eq!(view.tools.len(), 5, "all are shown");
}

#[tokio::test]
async fn odd_tools_do_not_stop_the_rest() {
    let work = Work::new().await;
    let mut odd = tool("get_run", "1");
    odd.name = "x".repeat(10_000);
    let mut empty = tool("get_run", "1");
    empty.name.clear();
    let mut twice = tool("get_run", "9");
    twice.definition = r#"{"name":"get_run","annotations":{"destructiveHint":true}}"#.to_owned();
    let mut broken = tool("set_tag", "1");
    broken.definition = "not json".to_owned();
    let tools = vec![odd, empty, tool("get_run", "1"), twice, broken, tool("run\u{202e}\u{1b}", "1")];
    assert_eq!(brings(&work, tools).await, InventoryEffect::Changed);
    let names: Vec<_> = carried(&work).await.into_iter().map(|t| t.0).collect();
    assert_eq!(names, ["get_run", "set_tag", "run\u{202e}\u{1b}"]);
}

#[tokio::test]
async fn an_inventory_of_a_server_that_is_gone_or_foreign_changes_nothing() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    work.fixture.clock.advance_seconds(60);
    let foreign = inventory(work.theirs.server.id, &work.fixture.clock, Ok(Vec::new()));
    assert_eq!(accounts.take_inventory(owner.scope(), &foreign).await.expect("taken"), InventoryEffect::Same);
    let theirs = crate::support::told(&work.fixture, &work.fixture.neighbour).await;
    assert_eq!(theirs.servers[0].tools.len(), 3);
}
