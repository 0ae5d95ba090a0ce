use super::*;
use crate::message::Retry;

const V: &str = "io.modelcontextprotocol/protocolVersion";

fn refused(text: &str) -> ReadError {
    match read(text.as_bytes()) {
        Ok(message) => panic!("accepted {text}: {message:?}"),
        Err(error) => error,
    }
}

fn request(text: &str) -> Request<'_> {
    match read(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{text}: {other:?}"),
    }
}

fn call(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#)
}

#[test]
fn a_call_is_slices_of_its_bytes() {
    let text = concat!(
        "\r\n {\"jsonrpc\" : \"2.0\", \"id\" : \"a\\u0041\", \"x-extra\": [1.50],\"method\":\"tools\\/call\", \"params\":{",
        r#""arguments" : {"n": 12345678901234567890.10, "b":{"c":[1e5]}}, "name":"set_\u0061lias", "task":{},"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"x":1},"#,
        r#""io.modelcontextprotocol/clientInfo":{"name":"c\n","version":"1","title":2},"progressToken": 5, "odd.key/x":[]},"#,
        r#""requestState":"s"}} "#,
        "\n"
    );
    let request = request(text);
    assert_eq!(request.id.raw(), r#""a\u0041""#);
    assert_eq!((request.method.as_ref(), request.kind), ("tools/call", Method::ToolsCall));
    assert_eq!(request.raw(), text);
    let params = request.params.as_ref().unwrap();
    assert_eq!(params.name.as_deref(), Some("set_alias"));
    assert_eq!(params.arguments, Some(r#"{"n": 12345678901234567890.10, "b":{"c":[1e5]}}"#));
    assert_eq!(params.retry, Retry::Yes);
    assert_eq!(params.get("task"), Some("{}"));
    assert_eq!(params.get("requestState"), Some(r#""s""#));
    assert_eq!(params.get("nothing"), None);
    assert!(params.raw().starts_with(r#"{"arguments""#) && params.raw().ends_with(r#""s"}"#));
    let meta = params.meta.as_ref().unwrap();
    assert_eq!(meta.protocol_version.as_deref(), Some("2026-07-28"));
    assert_eq!(meta.client_capabilities, Some(r#"{"x":1}"#));
    assert_eq!(meta.progress_token, Some("5"));
    assert_eq!(meta.get("odd.key/x"), Some("[]"));
    let client = request.client_info().unwrap();
    assert_eq!((client.name.as_deref(), client.version.as_deref()), (Some("c\n"), Some("1")));
    assert!(std::ptr::eq(
        params.arguments.unwrap().as_ptr(),
        &raw const text.as_bytes()[text.find(r#"{"n""#).unwrap()]
    ));
}

#[test]
fn what_is_accepted() {
    for text in [
        r#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":-1.5e3,"method":"ping","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":"","method":"","extra":null}"#,
        r#"{"method":"x/y","id":99999999999999999999999999,"jsonrpc":"\u0032.0"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"7"}}"#,
        r#"{"jsonrpc":"2.0","method":"custom"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"Result":1,"Method":2},"extra":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}"#,
        &call(r#"{"name":"t"}"#),
        &call(r#"{"name":"t","arguments":{"Name":1,"NAME":2,"name":3,"Arguments":4}}"#),
        &call(r#"{"name":"t","nam":1,"names":2,"x":{"name":1,"Name":1}}"#),
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"x","capabilities":{},"clientInfo":{"name":"n"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}"#,
    ] {
        if let Err(error) = read(text.as_bytes()) {
            panic!("{text}: {error}");
        }
    }
}

#[test]
fn what_is_not_json_is_a_parse_error() {
    for (text, label) in [
        ("", "empty"),
        (" \n", "empty"),
        ("\u{feff}{}", "byte_order_mark"),
        ("{", "syntax"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, "trailing_bytes"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#, "trailing_bytes"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"pi\ud800ng"}"#, "lone_surrogate"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\tng\"}", "control_character"),
        (r#"{"jsonrpc":"2.0","id":01,"method":"ping"}"#, "bad_number"),
        (r#"{"jsonrpc":"2.0","id":NaN,"method":"ping"}"#, "syntax"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","x":-Infinity}"#, "bad_number"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#, "syntax"),
    ] {
        let error = refused(text);
        assert_eq!((error.fault.label(), error.code()), (label, -32700), "{text}");
    }
    let error = read(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xff\"}").unwrap_err();
    assert_eq!((error.fault, error.offset), (Fault::NotUtf8, 35));
    let overlong = read(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc1\xb0\"}").unwrap_err();
    assert_eq!(overlong.fault, Fault::NotUtf8);
    let cesu = read(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xed\xa0\x80\"}").unwrap_err();
    assert_eq!(cesu.fault, Fault::NotUtf8);
}

#[test]
fn what_is_not_a_message_is_an_invalid_request() {
    for text in [
        "[]",
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        "[not json",
        "1",
        "null",
        r#""text""#,
        "{}",
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":[],"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":null,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"result":{}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"notifications/other"}"#,
    ] {
        assert_eq!(refused(text).code(), -32600, "{text}");
    }
    assert_eq!(refused("[]").fault, Fault::Batch);
}

#[test]
fn wrong_params() {
    for text in [
        call("[]"),
        call("null"),
        call(r#""x""#),
        call("{}"),
        call(r#"{"name":1}"#),
        call(r#"{"name":null,"arguments":{}}"#),
        call(r#"{"name":"t","arguments":[]}"#),
        call(r#"{"name":"t","arguments":null}"#),
        call(r#"{"name":"t","arguments":"{}"}"#),
        call(r#"{"name":"t","_meta":[]}"#),
        call(&format!(r#"{{"name":"t","_meta":{{"{V}":1}}}}"#)),
        call(r#"{"name":"t","_meta":{"io.modelcontextprotocol/clientCapabilities":true}}"#),
        call(r#"{"name":"t","_meta":{"io.modelcontextprotocol/clientInfo":"x"}}"#),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"x"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"arguments":{}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":1}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"other","params":{"arguments":[]}}"#.to_owned(),
    ] {
        let error = refused(&text);
        assert_eq!(error.code(), -32602, "{text}");
        assert_eq!(error.id, Some(Id::number(1)), "{text}");
    }
}

#[test]
fn methods_that_the_declared_version_removed_are_read_whatever_their_params_are() {
    let declared = format!(r#"{{"_meta":{{"{V}":"2026-07-28"}}}}"#);
    for method in ["initialize", "resources/subscribe", "tasks/result"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{declared}}}"#);
        assert_eq!(request(&text).kind.name(), Some(method));
        let older = text.replace("2026-07-28", "2025-11-25");
        assert_eq!(refused(&older).code(), -32602, "{older}");
    }
}

#[test]
fn keys_that_only_look_known() {
    let wide = |key: &str, value: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","{key}":{value}}}"#);
    let mut texts = Vec::new();
    for key in [
        "Method",
        "METHOD",
        "ID",
        "Params",
        "paramſ",
        "PARAM\\u017F",
        "reſult",
        "Jsonrpc",
        "\\u0049d",
        "\u{131}d",
        "ERROR",
    ] {
        texts.push(wide(key, "{}"));
    }
    for key in [
        "Name",
        "NAME",
        "n\\u0041me",
        "Arguments",
        "argumentſ",
        "_Meta",
        "_META",
        "taſk",
        "tas\u{212a}Id",
        "URI",
        "Cursor",
        "requeststate",
    ] {
        texts.push(call(&format!(r#"{{"name":"t","{key}":{{}}}}"#)));
    }
    for key in [
        "ProgressToken",
        "progreſſToken",
        "to_lower",
        "IO.ModelContextProtocol/ProtocolVersion",
        "io.modelcontextprotocol/protocolverſion",
    ] {
        let text = call(&format!(r#"{{"name":"t","_meta":{{"{key}":"x"}}}}"#));
        if key == "to_lower" {
            assert!(read(text.as_bytes()).is_ok());
        } else {
            texts.push(text);
        }
    }
    for text in texts {
        let error = refused(&text);
        assert_eq!((error.fault.label(), error.code()), ("lookalike_key", -32600), "{text}");
        assert!(error.to_string().contains("looks like"), "{error}");
    }
}

#[test]
fn the_key_that_javascript_loses_is_refused_anywhere() {
    for text in [
        call(r#"{"name":"t","arguments":{"__proto__":{"a":1}}}"#),
        call(r#"{"name":"t","arguments":{"a":[{"\u005f_proto__":1}]}}"#),
        call(r#"{"name":"t","__proto__":{"name":"other"}}"#),
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"method":"tools/call"}}"#.to_owned(),
    ] {
        let error = refused(&text);
        assert_eq!((error.fault.label(), error.code()), ("prototype_key", -32600), "{text}");
    }
    let other = call(r#"{"name":"t","arguments":{"__proto":1,"constructor":2,"x":"__proto__"}}"#);
    assert_eq!(request(&other).kind, Method::ToolsCall);
}

#[test]
fn duplicate_keys_anywhere() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"x":{"y":[{"z":1,"\u007a":2}]},"method":"ping"}"#.to_owned(),
        call(r#"{"name":"read_file","name":"delete_file"}"#),
        call(r#"{"name":"read_file","n\u0061me":"delete_file"}"#),
        call(r#"{"name":"t","arguments":{},"arguments":{"a":1}}"#),
        call(r#"{"name":"t","arguments":{"a":{"b":1,"b":2}}}"#),
        call(r#"{"name":"t","_meta":{"a":1,"a":1}}"#),
        call(r#"{"name":"t","_meta":{},"_meta":{}}"#),
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":[{"b":1,"b":1}]}}"#.to_owned(),
    ] {
        let error = refused(&text);
        assert_eq!((error.fault.label(), error.code()), ("duplicate_key", -32600), "{text}");
        assert_eq!(error.id, Some(Id::number(1)), "{text}");
    }
}

#[test]
fn the_id_of_a_refused_message() {
    let id = |text: &str| refused(text).id.map(|id| id.raw().to_owned());
    assert_eq!(
        id(r#"{"jsonrpc":"2.0","id":"x","method":"ping","a":{"b":1,"b":2},"c":tru}"#).as_deref(),
        Some(r#""x""#)
    );
    assert_eq!(
        id(r#"{"jsonrpc":"2.0","a":{"b":1,"b":2},"method":"ping","id":7}"#).as_deref(),
        Some("7"),
        "read on for it"
    );
    assert_eq!(id(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#), None, "either could be meant");
    assert_eq!(id(r#"{"jsonrpc":"2.0","a":tru,"id":1}"#), None);
    assert_eq!(id(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#), None);
    let error = refused(&call("[]"));
    let answer: serde_json::Value = serde_json::from_slice(&error.to_response()).unwrap();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&serde_json::json!(1), &serde_json::json!(-32602)));
    assert_eq!(answer["error"]["message"], "`params` must be an object (byte 55)");
}

#[test]
fn limits() {
    let deep = |levels: usize| {
        call(&format!(r#"{{"name":"t","arguments":{{"a":{}1{}}}}}"#, "[".repeat(levels), "]".repeat(levels)))
    };
    assert!(read(deep(61).as_bytes()).is_ok(), "message, params, arguments and 61 arrays are 64");
    assert_eq!(refused(&deep(62)).fault, Fault::TooDeep { limit: 64 });
    let text = call(r#"{"name":"t"}"#);
    let exact = ReadLimits { max_bytes: text.len(), ..ReadLimits::default() };
    assert!(read_with(text.as_bytes(), exact).is_ok());
    let small = ReadLimits { max_bytes: text.len() - 1, ..exact };
    assert_eq!(read_with(text.as_bytes(), small).unwrap_err().fault.label(), "too_large");
    let shallow = ReadLimits { max_depth: 1, ..exact };
    assert_eq!(read_with(text.as_bytes(), shallow).unwrap_err().fault.label(), "too_deep");
}

#[test]
fn a_renamed_call_differs_in_its_name_only() {
    let text = "\n {\"id\":1,\"params\":{\"arguments\":{\"name\":\"x__read\"}, \"name\" : \"x__\\u0072ead\"},\"jsonrpc\":\"2.0\",\"method\":\"tools/call\"}\n";
    let renamed = request(text).renamed("re\"ad").unwrap();
    assert_eq!(renamed, text.replace(r#""x__\u0072ead""#, r#""re\"ad""#));
    assert_eq!(request(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).renamed("x"), None);
}

#[test]
fn one_line() {
    assert_eq!(on_one_line(b"{\"a\":1}"), None);
    assert_eq!(on_one_line(b"{\r\n\"a\":\n\"\\n\"}\n").as_deref(), Some(&b"{  \"a\": \"\\n\"} "[..]));
}
