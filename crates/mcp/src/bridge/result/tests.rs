use proptest::prelude::*;

use super::*;

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[test]
fn results_are_complete_and_not_to_be_kept() {
    let cases = [
        (
            Method::ToolsCall,
            r#"{"id":1,"result":{"content":[],"x":1.0}}"#,
            r#"{"id":1,"result":{"resultType":"complete","content":[],"x":1.0}}"#,
        ),
        (
            Method::ResourcesList,
            r#"{"id":1,"result":{ }}"#,
            r#"{"id":1,"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private" }}"#,
        ),
        (
            Method::ToolsList,
            r#"{"id":1,"result":{"resultType":"input_required","cacheScope":"public","tools":[]}}"#,
            r#"{"id":1,"result":{"ttlMs":0,"resultType":"complete","cacheScope":"private","tools":[]}}"#,
        ),
        (Method::ToolsCall, r#"{"id":1,"error":{"code":1}}"#, r#"{"id":1,"error":{"code":1}}"#),
    ];
    for (method, before, after) in cases {
        assert_eq!(completed(&bytes(before), method).unwrap(), after.as_bytes());
    }
}

#[test]
fn ids_and_codes_are_put_in_their_place() {
    let error = bytes(r#"{"id": 1,"error":{"message":"m","code":-32002,"data":{"code":1,"uri":"a:b"}}}"#);
    assert_eq!(
        with_code(&error, -32602).unwrap(),
        r#"{"id": 1,"error":{"message":"m","code":-32602,"data":{"code":1,"uri":"a:b"}}}"#.as_bytes()
    );
    assert_eq!(
        with_id(&error, &Id::string("x")).unwrap(),
        r#"{"id": "x","error":{"message":"m","code":-32002,"data":{"code":1,"uri":"a:b"}}}"#.as_bytes()
    );
    assert!(error_names_uri(&error));
    for other in
        [r#"{"error":{"data":{"a":{"uri":""}}}}"#, r#"{"error":{"uri":""}}"#, r#"{"result":{"data":{"uri":""}}}"#]
    {
        assert!(!error_names_uri(other.as_bytes()), "{other}");
    }
    assert_eq!(with_code(&bytes(r#"{"result":{}}"#), 1), None);
    assert_eq!((with_id(&bytes("[]"), &Id::number(1)), completed(&bytes("x"), Method::Ping)), (None, None));
}

proptest! {
    /// What is put in for one era is what is taken out for the other, and not a byte besides.
    #[test]
    fn there_and_back_is_the_same(inside in r#"("[a-z]{1,4}": ?(-?[1-9][0-9]{0,25}\.0e1|"[a-z]"|\[\{\} ,1\]) ?,?){0,1}"#, list in any::<bool>()) {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{{}}}}}"#, inside.trim_end_matches(','));
        let method = if list { Method::PromptsList } else { Method::PromptsGet };
        let there = completed(&bytes(&text), method).unwrap();
        prop_assert_eq!(plain(&there).unwrap(), bytes(&text));
    }
}
