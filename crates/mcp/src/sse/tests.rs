use proptest::prelude::*;

use super::*;

/// What a client sees of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Seen {
    name: Option<String>,
    data: Option<Vec<u8>>,
    id: Option<String>,
    retry_ms: Option<u64>,
}

fn seen(event: &SseEvent) -> Option<Seen> {
    let seen = Seen {
        name: event.name.clone(),
        data: event.data.as_ref().map(|data| data.to_vec()),
        id: event.id.clone(),
        retry_ms: event.retry_ms,
    };
    (seen != Seen::default()).then_some(seen)
}

/// The whole stream at once, as the specification words it.
fn naive(stream: &[u8]) -> Vec<Seen> {
    let stream = stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream);
    let mut text = Vec::new();
    let mut bytes = stream.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte == b'\r' {
            bytes.next_if(|next| **next == b'\n');
        }
        text.push(if *byte == b'\r' { b'\n' } else { *byte });
    }
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines.pop();
    let mut events = Vec::new();
    let mut event = Seen::default();
    for line in lines {
        if line.is_empty() {
            let done = mem::take(&mut event);
            events.extend((done != Seen::default()).then_some(done));
            continue;
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..])),
            None => (line, &b""[..]),
        };
        let value_text = String::from_utf8_lossy(value).into_owned();
        match field {
            b"data" => match &mut event.data {
                Some(data) => data.extend([b"\n", value].concat()),
                None => event.data = Some(value.to_vec()),
            },
            b"event" => event.name = Some(value_text),
            b"id" if !value.contains(&0) => event.id = Some(value_text),
            b"retry" if value_text.chars().all(|c| c.is_ascii_digit()) => event.retry_ms = value_text.parse().ok(),
            _ => {}
        }
    }
    events
}

/// Reads a stream in chunks; checks that no byte is lost.
fn parse(stream: &[u8], cuts: &[usize]) -> Vec<Seen> {
    let mut parser = SseParser::default();
    let mut events = Vec::new();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(stream.len());
    let mut done = 0;
    for cut in cuts {
        events.extend(parser.push(&stream[done..cut]).unwrap());
        done = cut;
    }
    let mut raw: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).collect();
    raw.extend(parser.finish().unwrap().unwrap_or_default());
    assert_eq!(raw, stream, "every byte comes out again");
    events.iter().filter_map(seen).collect()
}

fn data(text: &str) -> Seen {
    Seen { data: Some(text.as_bytes().to_vec()), ..Seen::default() }
}

#[test]
fn a_table_of_streams() {
    let named = |name: &str, seen: Seen| Seen { name: Some(name.to_owned()), ..seen };
    for (stream, expected) in [
        ("", vec![]),
        ("data: a\n\n", vec![data("a")]),
        ("data: a\r\n\r\n", vec![data("a")]),
        ("data: a\r\r", vec![data("a")]),
        ("data: a\r\n\r\rdata:b\n\r\n", vec![data("a"), data("b")]),
        ("\u{feff}data: a\n\n", vec![data("a")]),
        ("\u{feff}\u{feff}data: a\n\n", vec![]),
        ("data: x\n\n\u{feff}data: a\n\n", vec![data("x")]),
        ("data:a\ndata:  b\ndata\ndata:\n\n", vec![data("a\n b\n\n")]),
        ("data:\n\n", vec![data("")]),
        ("data\n\n", vec![data("")]),
        (": c\n\n:\n\ndata: a\n: inside\n\n", vec![data("a")]),
        ("event: message\ndata: {\"a\":\":\"}\n\n", vec![named("message", data("{\"a\":\":\"}"))]),
        ("event: a\nevent: b\ndata: 1\n\n", vec![named("b", data("1"))]),
        ("id: 7\n\n", vec![Seen { id: Some("7".into()), ..Seen::default() }]),
        ("id\nid: a\0b\n\n", vec![Seen { id: Some(String::new()), ..Seen::default() }]),
        ("retry: 15\nretry: x\nretry: -1\ndata: a\n\n", vec![Seen { retry_ms: Some(15), ..data("a") }]),
        ("Data: a\n data: b\ndata : c\nfoo: d\n\n", vec![]),
        ("data: a\n\ndata: unfinished\n", vec![data("a")]),
        ("data: unfinished", vec![]),
        ("\n\n\r\n\ndata: a\n\n\n\n", vec![data("a")]),
    ] {
        assert_eq!(naive(stream.as_bytes()), expected, "the model on {stream:?}");
        let every_byte: Vec<usize> = (0..stream.len()).collect();
        assert_eq!(parse(stream.as_bytes(), &[]), expected, "{stream:?}");
        assert_eq!(parse(stream.as_bytes(), &every_byte), expected, "{stream:?} byte by byte");
    }
}

#[test]
fn events_come_as_soon_as_they_are_whole() {
    let mut parser = SseParser::default();
    assert_eq!(parser.push(b"data: a\r\n\r").unwrap().len(), 1, "a CR ends the blank line; an LF may still follow");
    assert_eq!(parser.push(b"").unwrap(), []);
    assert_eq!(parser.push(b"\ndata: b\n").unwrap(), []);
    let late = parser.push(b"\n").unwrap().remove(0);
    assert_eq!((late.raw.as_ref(), late.data.as_deref()), (&b"\ndata: b\n\n"[..], Some(&b"b"[..])));
    assert_eq!(parser.push(b":\r\n").unwrap()[0].raw, &b":\r\n"[..], "a keep-alive needs no blank line");
    assert_eq!(parser.push(b"data: x").unwrap(), []);
    assert_eq!(parser.finish().unwrap().as_deref(), Some(&b"data: x"[..]));
}

#[test]
fn large_data_is_not_copied_out_of_the_event() {
    let mut parser = SseParser::default();
    let event = parser.push(b"data: abc\n\n").unwrap().remove(0);
    assert!(std::ptr::eq(event.data.as_ref().unwrap().as_ptr(), &raw const event.raw[6]));
}

#[test]
fn an_event_over_the_limit_ends_the_stream() {
    let limit = SseError::TooLarge { limit: 10 };
    let mut exact = SseParser::new(10);
    assert_eq!(exact.push(b"data: ab\n\ndata: cd\n\n").unwrap().len(), 2);
    let mut whole = SseParser::new(10);
    assert_eq!(whole.push(b"data: abc\n\n"), Err(limit));
    assert_eq!(whole.push(b"data: a\n\n"), Err(limit), "nothing after it is read");
    let mut partial = SseParser::new(10);
    assert_eq!(partial.push(b"data: ab"), Ok(vec![]));
    assert_eq!(partial.push(b"cde"), Err(limit));
    assert_eq!(partial.finish(), Err(limit));
    let mut after = SseParser::new(10);
    assert_eq!(after.push(b"data: a\n\ndata: too long\n\ndata: b\n\n").unwrap().len(), 1, "the one before it is given");
    assert_eq!(after.push(b""), Err(limit));
    let mut comment = SseParser::new(10);
    assert_eq!(comment.push(&[b":".as_slice(), &[b'x'; 20]].concat()), Err(limit));
}

#[test]
fn encoding() {
    let event = SseEvent::message("{\"a\":1}");
    assert_eq!(event.raw, "event: message\ndata: {\"a\":1}\n\n");
    let upstream = SseParser::default().push(b": c\nid: 7\nretry: 5\ndata: old\n\n").unwrap().remove(0);
    let edited = upstream.with_data("new\r\nline\rx\n");
    assert_eq!(edited.raw, "id: 7\nretry: 5\ndata: new\ndata: line\ndata: x\ndata: \n\n");
    assert_eq!(SseEvent::keep_alive().raw, ":\n\n");
    let injected = SseEvent { id: Some("a\ndata: x\n\n".into()), ..SseEvent::message("m") };
    assert_eq!(injected.encode(), "event: message\nid: adata: x\ndata: m\n\n");
    assert_eq!(SseEvent::message("").payload(), None);
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "data: a",
        "data:",
        "data",
        "data: {\"é\":1}",
        ": note",
        ":",
        "event: message",
        "event: x",
        "id: 1",
        "id",
        "retry: 9",
        "retry: z",
        "other: y",
        "\n",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\r\n\r\n",
        "\u{feff}",
        " ",
        "x",
    ]);
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_chunks_give_the_events_of_the_model(stream in stream(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        prop_assert_eq!(parse(&stream, &cuts), naive(&stream));
    }

    #[test]
    fn any_bytes_give_the_events_of_the_model(stream in prop::collection::vec(any::<u8>(), 0..60), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        prop_assert_eq!(parse(&stream, &cuts), naive(&stream));
    }

    #[test]
    fn what_is_encoded_is_read_back(
        name in prop::option::of("[a-z é]{0,5}"), id in prop::option::of("[0-9a-z]{0,4}"), retry_ms in prop::option::of(any::<u64>()),
        text in "[a-z\n:é ]{0,20}"
    ) {
        let event = SseEvent { raw: Bytes::new(), name, data: Some(Bytes::from(text)), id, retry_ms };
        let mut parser = SseParser::default();
        let read = parser.push(&event.encode()).unwrap();
        prop_assert_eq!(read.len(), 1);
        prop_assert_eq!(seen(&read[0]), seen(&event));
        prop_assert_eq!(&read[0].raw, &event.encode());
    }
}
