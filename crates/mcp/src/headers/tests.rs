use super::*;
use crate::read::read;

type Pairs<'a> = Vec<(&'a str, &'a str)>;

fn check(headers: &[(&str, &str)], body: &str) -> Result<(), HeaderError> {
    check_headers(headers, &read(body.as_bytes()).expect("a message"))
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn stateless(method: &str, more: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{more}{META}}}}}"#)
}

fn call() -> String {
    stateless("tools/call", r#""name":"echo","arguments":{},"#)
}

fn full() -> Pairs<'static> {
    vec![("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "echo")]
}

fn without<'a>(name: &str) -> Pairs<'a> {
    full().into_iter().filter(|(own, _)| *own != name).collect()
}

fn with<'a>(name: &'a str, value: &'a str) -> Pairs<'a> {
    let mut headers = without(name);
    headers.push((name, value));
    headers
}

#[test]
fn stateless_headers_that_agree() {
    for headers in [
        full(),
        full().into_iter().rev().collect(),
        vec![("mcp-protocol-version", "2026-07-28"), ("MCP-METHOD", "tools/call"), ("mCP-nAME", "echo")],
        with("Mcp-Name", " \t echo \t"),
        with("Mcp-Name", "=?base64?ZWNobw==?="),
        with("Mcp-Param-Region", "anything"),
        with("X-Other", "\u{e9}"),
    ] {
        assert_eq!(check(&headers, &call()), Ok(()), "{headers:?}");
    }
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/list")];
    assert_eq!(check(&headers, &stateless("tools/list", "")), Ok(()));
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "resources/read"), ("Mcp-Name", "file:///a")];
    assert_eq!(check(&headers, &stateless("resources/read", r#""uri":"file:///\u0061","#)), Ok(()));
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tasks/update"), ("Mcp-Name", "t1")];
    assert_eq!(check(&headers, &stateless("tasks/update", r#""taskId":"t1","name":"x","#)), Ok(()));
}

#[test]
fn methods_that_the_version_removed_mirror_no_name() {
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tasks/result")];
    assert_eq!(check(&headers, &stateless("tasks/result", r#""taskId":"t1","#)), Ok(()));
    let other = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tasks/get")];
    assert_eq!(check(&other, &stateless("tasks/result", r#""taskId":"t1","#)).unwrap_err().code(), -32020);
}

#[test]
fn stateless_headers_that_do_not() {
    let header = |name: &'static str| Cow::Borrowed(name);
    for name in [PROTOCOL_VERSION_HEADER, METHOD_HEADER, NAME_HEADER] {
        assert_eq!(check(&without(name), &call()), Err(HeaderError::Missing { header: header(name) }));
        let mut twice = full();
        twice.push(*full().iter().find(|(own, _)| *own == name).unwrap());
        assert_eq!(check(&twice, &call()), Err(HeaderError::Duplicate { header: header(name) }));
        let malformed = with(name, "é");
        assert_eq!(check(&malformed, &call()), Err(HeaderError::Malformed { header: header(name) }));
    }
    for (name, value) in [
        ("Mcp-Method", "TOOLS/CALL"),
        ("Mcp-Method", "tools/list"),
        ("Mcp-Method", ""),
        ("Mcp-Method", "=?base64?dG9vbHMvY2FsbA==?="),
        ("Mcp-Name", "Echo"),
        ("Mcp-Name", "echo, other"),
        ("Mcp-Name", ""),
        ("Mcp-Name", "=?BASE64?ZWNobw==?="),
        ("Mcp-Name", "=?base64?cHJpbnRFbnY=?="),
        ("MCP-Protocol-Version", "2025-11-25"),
        ("MCP-Protocol-Version", "v999"),
    ] {
        assert_eq!(
            check(&with(name, value), &call()),
            Err(HeaderError::Mismatch { header: name.into() }),
            "{name}: {value}"
        );
    }
    for value in ["=?base64?ZWNobw?=", "=?base64?ZWN!obw==?=", "=?base64?/w==?=", "=?base64?ZWNobw==\u{1}?="] {
        let refused = check(&with("Mcp-Name", value), &call());
        assert_eq!(refused, Err(HeaderError::Malformed { header: header(NAME_HEADER) }), "{value}");
    }
}

#[test]
fn what_the_errors_answer() {
    let mismatch = check(&with("Mcp-Name", "x"), &call()).unwrap_err();
    assert_eq!(mismatch.code(), -32020);
    let unknown = stateless("tools/list", "").replace("2026-07-28", "v999.0.0");
    let refused = check(&[("MCP-Protocol-Version", "v999.0.0")], &unknown).unwrap_err();
    assert_eq!(refused, HeaderError::UnsupportedVersion { requested: "v999.0.0".into() });
    let answer: serde_json::Value =
        serde_json::from_slice(&refused.to_response(Some(&Id::number(1)), &["2026-07-28"])).unwrap();
    assert_eq!(answer["error"]["code"], -32022);
    assert_eq!(answer["error"]["data"], serde_json::json!({"supported": ["2026-07-28"], "requested": "v999.0.0"}));
    let old = unknown.replace("v999.0.0", "1900-01-01");
    let refused = check(&[("MCP-Protocol-Version", "1900-01-01")], &old).unwrap_err();
    assert_eq!(refused.code(), -32022);
}

#[test]
fn stateless_requests_need_their_meta() {
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "server/discover")];
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities":{}"#;
    for (params, field) in [
        (String::new(), "protocolVersion"),
        (r#","params":{}"#.to_owned(), "protocolVersion"),
        (format!(r#","params":{{"_meta":{{{capabilities}}}}}"#), "protocolVersion"),
        (format!(r#","params":{{"_meta":{{{version}}}}}"#), "clientCapabilities"),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover"{params}}}"#);
        let refused = check(&headers, &body).unwrap_err();
        assert_eq!(refused.code(), -32602, "{body}");
        assert!(refused.to_string().contains(field), "{refused}");
    }
}

#[test]
fn other_messages_in_the_stateless_era() {
    let headers = [("MCP-Protocol-Version", "2026-07-28")];
    assert_eq!(check(&headers, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), Err(HeaderError::ResponseFromClient));
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;
    assert_eq!(check(&headers, notification), Ok(()));
    let other = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "notifications/y")];
    assert_eq!(check(&other, notification), Err(HeaderError::Mismatch { header: METHOD_HEADER.into() }));
}

#[test]
fn the_initialize_era_needs_no_headers_but_what_is_there_agrees() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"progressToken":1}}}"#;
    for headers in [
        vec![],
        vec![("MCP-Protocol-Version", "2025-11-25")],
        vec![("MCP-Protocol-Version", "2024-11-05"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "echo")],
    ] {
        assert_eq!(check(&headers, body), Ok(()), "{headers:?}");
    }
    for headers in [vec![("Mcp-Method", "tools/list")], vec![("Mcp-Name", "other")]] {
        assert_eq!(check(&headers, body).unwrap_err().code(), -32020, "{headers:?}");
    }
    assert_eq!(check(&[("MCP-Protocol-Version", "1.0")], body).unwrap_err().code(), -32022);
    let twice = [("MCP-Protocol-Version", "2025-11-25"), ("mcp-protocol-version", "2025-11-25")];
    assert!(matches!(check(&twice, body), Err(HeaderError::Duplicate { .. })));
}

#[test]
fn eras() {
    let era_of = |headers: &[(&str, &str)], body: &str| era(&read(body.as_bytes()).unwrap(), headers);
    assert_eq!(era_of(&[], &call()), Era::Stateless);
    assert_eq!(era_of(&[], &call().replace("2026-07-28", "v999")), Era::Stateless);
    assert_eq!(era_of(&[], &call().replace("2026-07-28", "2025-11-25")), Era::Initialize);
    let plain = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert_eq!(era_of(&[], plain), Era::Initialize);
    assert_eq!(era_of(&[("MCP-Protocol-Version", " 2026-07-28")], plain), Era::Stateless);
    assert_eq!(era_of(&[("MCP-Protocol-Version", "2025-06-18")], plain), Era::Initialize);
    assert_eq!(era_of(&[("MCP-Protocol-Version", "2025-06-18")], &call()), Era::Stateless, "the body decides");
}

#[test]
fn encoded_values_are_the_specifications_examples() {
    for (text, encoded) in [
        ("us-west1", "us-west1"),
        ("", ""),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ] {
        assert_eq!(encode_header_value(text), encoded);
        assert_eq!(decoded("x", encoded).unwrap(), text);
    }
    for literal in ["SGVsbG8=", "=?base64?SGVsbG8=", "SGVsbG8=?=", "=?base64?="] {
        assert_eq!(decoded("x", literal).unwrap(), literal);
    }
}

#[test]
fn mirrored_headers_pass_the_check() {
    let body = stateless("tools/call", r#""name":"é\nx","#);
    let message = read(body.as_bytes()).unwrap();
    let headers = mirror_headers(&message);
    assert_eq!(headers.len(), 3);
    assert_eq!(check_headers(headers.as_slice(), &message), Ok(()));
}

const SCHEMA: &str = r#"{"type":"object","properties":{
    "region":{"type":"string","x-mcp-header":"Region"},
    "deep":{"type":"object","properties":{"count":{"type":"integer","x-mcp-header":"Count"}}},
    "dry":{"type":"boolean","x-mcp-header":"Dry-Run"}, "free":{"type":"number"}}}"#;

#[test]
fn mirrored_arguments() {
    let params = param_headers(SCHEMA).unwrap();
    assert_eq!(params.len(), 3);
    let check = |headers: &[(&str, &str)], arguments: &str| check_param_headers(headers, &params, Some(arguments));
    assert_eq!(check(&[], "{}"), Ok(()));
    assert_eq!(check_param_headers::<[(&str, &str)]>(&[], &params, None), Ok(()));
    assert_eq!(check(&[], r#"{"region":null,"deep":{}}"#), Ok(()));
    assert_eq!(check(&[("mcp-param-region", "eu"), ("Mcp-Param-Other", "x")], r#"{"region":"\u0065u"}"#), Ok(()));
    assert_eq!(check(&[("Mcp-Param-Count", "42.0")], r#"{"deep":{"count":42}}"#), Ok(()));
    assert_eq!(check(&[("Mcp-Param-Dry-Run", "true")], r#"{"dry":true}"#), Ok(()));
    for (headers, arguments) in [
        (vec![], r#"{"region":"eu"}"#),
        (vec![("Mcp-Param-Region", "us")], r#"{"region":"eu"}"#),
        (vec![("Mcp-Param-Region", "EU")], r#"{"region":"eu"}"#),
        (vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Region", "eu")], r#"{"region":"eu"}"#),
        (vec![("Mcp-Param-Region", "eu")], "{}"),
        (vec![("Mcp-Param-Region", "null")], r#"{"region":null}"#),
        (vec![("Mcp-Param-Region", "=?base64?SGVsbG8?=")], r#"{"region":"Hello"}"#),
        (vec![("Mcp-Param-Count", "4 2")], r#"{"deep":{"count":42}}"#),
        (vec![("Mcp-Param-Count", "42")], r#"{"deep":{"count":"42.0"}}"#),
        (vec![("Mcp-Param-Dry-Run", "True")], r#"{"dry":true}"#),
        (vec![("Mcp-Param-Region", "[]")], r#"{"region":[]}"#),
    ] {
        assert_eq!(check(&headers, arguments).map_err(|error| error.code()), Err(-32020), "{headers:?} {arguments}");
    }
}

#[test]
fn annotations_that_break_the_rules() {
    let property = |inner: &str| param_headers(&format!(r#"{{"properties":{{"a":{inner}}}}}"#));
    assert_eq!(property(r#"{"type":"string"}"#), Ok(vec![]));
    assert_eq!(property(r#"{"type":"string","x-mcp-header":""}"#), Err(SchemaError::NotAToken));
    assert_eq!(property(r#"{"type":"string","x-mcp-header":"a b"}"#), Err(SchemaError::NotAToken));
    assert_eq!(property(r#"{"type":"string","x-mcp-header":1}"#), Err(SchemaError::NotAToken));
    assert_eq!(property(r#"{"type":"number","x-mcp-header":"A"}"#), Err(SchemaError::WrongType));
    assert_eq!(property(r#"{"x-mcp-header":"A"}"#), Err(SchemaError::WrongType));
    let item = r#"{"type":"array","items":{"type":"string","x-mcp-header":"A"}}"#;
    assert_eq!(property(item), Err(SchemaError::NotStatic));
    assert_eq!(property(r#"{"default":{"x-mcp-header":"A"}}"#), Ok(vec![]));
    assert_eq!(param_headers(r#"{"type":"string","x-mcp-header":"A"}"#), Err(SchemaError::NotStatic));
    assert_eq!(param_headers("[]"), Err(SchemaError::NotAnObject));
    let twice = r#"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#;
    assert_eq!(param_headers(twice), Err(SchemaError::NotUnique));
}
