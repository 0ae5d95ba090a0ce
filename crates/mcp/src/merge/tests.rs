use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::tools::{Keep, select_tools, tools_of};

const LIST: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"read_a","x":1.0} ,{"name":"delete_b"},{ "name":"c"}]}}"#;

#[test]
fn lists_are_merged_in_order() {
    let page = |server: &str| {
        select_tools(LIST.as_bytes(), |tool| match tool.name.as_ref() {
            "delete_b" => Keep::Drop,
            name => Keep::Rename(format!("{server}__{name}")),
        })
        .unwrap()
    };
    let pages = [page("a"), ListPage::default(), page("b")];
    let merged = merge_lists(&Id::string("x"), Era::Stateless, ListKind::Tools, &pages, Some("cur\""));
    let names: Vec<_> = tools_of(&merged).unwrap().iter().map(|tool| tool.name.clone().into_owned()).collect();
    assert_eq!(names, ["a__read_a", "a__c", "b__read_a", "b__c"]);
    assert_eq!(&pages[0].items[0][..], br#"{"name":"a__read_a","x":1.0}"#);
    let value: Value =
        serde_json::from_slice(&merge_lists(&Id::number(1), Era::Stateless, ListKind::Prompts, &[], Some("c")))
            .unwrap();
    let expected =
        json!({"resultType": "complete", "prompts": [], "nextCursor": "c", "ttlMs": 0, "cacheScope": "private"});
    assert_eq!(value["result"], expected);
    let legacy = merge_lists(&Id::number(1), Era::Initialize, ListKind::Templates, &[], None);
    assert_eq!(legacy, r#"{"jsonrpc":"2.0","id":1,"result":{"resourceTemplates":[]}}"#);
}

#[test]
fn entries_are_taken_as_they_are() {
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"x":[],"prompts":[ {"name":"a","n":1.50,"n":2}, {"na\u006de":"b"},7],"nextCursor":""}}"#;
    let page = items_of(answer.as_bytes(), ListKind::Prompts).unwrap();
    assert_eq!(page.items, [r#"{"name":"a","n":1.50,"n":2}"#, r#"{"na\u006de":"b"}"#]);
    assert_eq!(page.next_cursor.as_deref(), Some(""), "an empty cursor is a cursor");
    assert!(items_of(answer.as_bytes(), ListKind::Resources).is_err());
    for wrong in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"prompts":[{"a":01}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"prompts":[{"a":{]}}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"prompts":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":""}}"#,
        "[]",
        "",
    ] {
        assert!(items_of(wrong.as_bytes(), ListKind::Prompts).is_err(), "{wrong}");
    }
}

#[test]
fn every_list_has_its_method() {
    for kind in [ListKind::Tools, ListKind::Prompts, ListKind::Resources, ListKind::Templates, ListKind::Tasks] {
        assert_eq!(ListKind::of(kind.method()), Some(kind));
    }
    assert_eq!(ListKind::of(Method::ToolsCall), None);
}

proptest! {
    #[test]
    fn a_cursor_comes_back_as_it_was(more in prop::collection::vec(("[a-z]{1,5}", ".{0,20}"), 0..5), begun_to in prop::option::of("[a-z]{1,5}"), pages: u32) {
        let cursor = MergedCursor { more, begun_to, pages };
        prop_assert_eq!(MergedCursor::decode(&cursor.encode()), Ok(cursor));
    }

    #[test]
    fn whatever_a_server_says_its_entries_are_json(text in r#"\{"prompts":\[[\[\]{}",:a0-9 ]{0,30}\]\}"#) {
        let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{text}}}"#);
        if let Ok(page) = items_of(answer.as_bytes(), ListKind::Prompts) {
            let merged = merge_lists(&Id::number(1), Era::Initialize, ListKind::Prompts, &[page], None);
            prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&merged).is_ok(), "{:?}", merged);
        }
    }
}
