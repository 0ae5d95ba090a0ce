use proptest::prelude::*;

use super::*;
use crate::response::frame;

/// Reads a text in pieces of these lengths, over and over.
fn scan(text: &[u8], lengths: &[usize]) -> Option<Frame<'static>> {
    let mut scanner = FrameScanner::default();
    let (mut rest, mut lengths) = (text, lengths.iter().cycle());
    while !rest.is_empty() {
        let (piece, more) = rest.split_at((*lengths.next()?).clamp(1, rest.len()));
        scanner.push(piece).ok()?;
        rest = more;
    }
    scanner.finish().ok()
}

fn whole(text: &[u8]) -> Option<Frame<'static>> {
    frame(text).ok().map(Frame::into_owned)
}

#[test]
fn odd_frames_are_read_as_the_whole_text_is() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let result = |text: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{text}}}"#);
    let mut texts: Vec<Vec<u8>> = [
        r#"{"result":{"content":[{"isError":true}],"a":1,"a":2},"jsonrpc":"2.0","id":7}"#,
        r#"{"jsonrpc":"2\u002e0","id":"\ud83d\ude00","result":{"isError":true,"isError":false,"resultType":"x","resultType":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"too\u006cs":[]}}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tool\u{17f}\":0}}",
        r#"{"jsonrpc":"2.0","id":1,"result":{"tool":[],"content":{"tools":[]}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":null} "#,
        r#"{"jsonrpc":"2.0","id":1,"result":"a\"b"}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"m","data":{"code":1}}}"#,
        r#"{"jsonrpc":"2.0","error":{"code":1,"code":"2"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1.5}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"x":1,"x":2,"params":1,"params":2,"result":{}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/list","id":3}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/\u006dessage","params":{"x":[1,{"y":"]"}]}}"#,
        r#"{"jsonrpc":"2.0","method":"a","id":3,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":{},"result":{}}"#,
        r#"{"jsonrpc":["2.0"],"id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":-0.5e+10,"result":{"a":0,"b":-1,"c":1E5}}"#,
        r#"{"jsonrpc":"2.0","id":01,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":1.}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":truer}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":{"b" no grammar here, only [brackets]}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":[}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"t":"\ud800"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"t":"\x"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{,}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"t\":\"\n\"}}",
        "[]",
        " ",
        "",
        "1",
        "\u{feff}{}",
        "{}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    texts.push(br#"{"jsonrpc":"2.0","id":1,"result":{"t":"a"#.iter().copied().chain(*b"\xf0\x9f\x98\"}}").collect());
    texts.extend([509, 510, 511, 512].map(|depth| result(&format!(r#"{{"a":{}}}"#, deep(depth))).into_bytes()));
    texts.extend([510, 511, 512].map(|depth| result(&deep(depth)).into_bytes()));
    for text in &texts {
        for lengths in [&[1][..], &[2], &[3, 1], &[7], &[text.len()]] {
            assert_eq!(scan(text, lengths), whole(text), "{:?} by {lengths:?}", String::from_utf8_lossy(text));
        }
    }
}

#[test]
fn what_is_known_is_known_early() {
    let mut scanner = FrameScanner::default();
    scanner.push(br#"{"result":{"resultType":"input_required","#).unwrap();
    assert!(scanner.responds() && scanner.wants_input() && !scanner.lists_tools() && scanner.id().is_none());
    scanner.push(br#""tools""#).unwrap();
    assert!(scanner.lists_tools() && !scanner.is_over());
    scanner.push(br#":[]},"id":5,"jsonrpc":"2.0"}"#).unwrap();
    assert!(scanner.is_over() && scanner.id().unwrap().matches(&Id::number(5)));
    assert!(scanner.push(b" x").is_err() && scanner.push(b" ").is_err(), "what failed stays so");
    assert!(scanner.finish().is_err());
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut scanner = FrameScanner::default();
    scanner.push(br#"{"jsonrpc":"2.0","result":{"content":[{"text":""#).unwrap();
    for _ in 0..10_000 {
        scanner.push(&[b'x'; 1_000]).unwrap();
    }
    assert!(scanner.key.capacity() <= 2 * KEY_BYTES && scanner.value.is_none());
    scanner.push(br#""}]},"id":""#).unwrap();
    let too_long = (0..100).find_map(|_| scanner.push(&[b'x'; 1_000]).err());
    assert_eq!(too_long.unwrap().fault, Fault::TooLarge { limit: VALUE_BYTES });
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"2.0\"".to_owned()),
        "-?[0-9.eE+]{1,5}",
        "\"[a-c é\u{1f600}\\\\\"n]{0,6}\"",
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let member = ("[\"]([a-c]|tools|isError|code|resultType|Tools)[\"]", inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4).prop_map(|members| {
                let members: Vec<String> = members.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
                format!("{{{}}}", members.join(" , "))
            }),
        ]
    })
}

/// Messages, nearly always wrong in some way or other.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let known = prop_oneof![
        4 => Just(r#""jsonrpc":"2.0""#.to_owned()),
        4 => Just(r#""id":7"#.to_owned()),
        3 => value().prop_map(|value| format!(r#""result": {value}"#)),
        1 => value().prop_map(|value| format!(r#""error":{value}"#)),
        1 => Just(r#""method":"notifications/progress""#.to_owned()),
        1 => value().prop_map(|value| format!(r#""x":{value}"#)),
    ];
    let damage =
        prop::option::of((any::<prop::sample::Index>(), prop::sample::select(b"\"\\{}[]:,0x\xc3\xff ".to_vec())));
    (prop::collection::vec(known, 1..5), damage).prop_map(|(members, damage)| {
        let mut text = format!("{{{}}}", members.join(",")).into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_frame_in_pieces_is_the_frame_as_a_whole(
        text in message(),
        lengths in prop::collection::vec(1_usize..9, 1..5),
    ) {
        prop_assert_eq!(scan(&text, &lengths), whole(&text), "{}", String::from_utf8_lossy(&text));
    }
}
