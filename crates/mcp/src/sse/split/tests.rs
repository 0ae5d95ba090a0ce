use proptest::prelude::*;

use super::*;
use crate::sse::PassingEvent;

/// The data of every event, however it was given; checks that no byte is lost, and that pieces are an event's own bytes.
fn data(stream: &[u8], lengths: &[usize], whole_bytes: usize) -> Vec<Bytes> {
    let mut parser = SseParser::splitting(whole_bytes, 1 << 20);
    let (mut raw, mut found) = (Vec::new(), Vec::new());
    let mut large: Option<(Vec<u8>, Vec<u8>)> = None;
    let mut written: (PassingEvent, Vec<u8>) = Default::default();
    let (mut rest, mut lengths) = (Bytes::copy_from_slice(stream), lengths.iter().cycle());
    while !rest.is_empty() {
        let length = lengths.next().unwrap().clamp(&1, &rest.len()).to_owned();
        for part in parser.split(&rest.split_to(length)).unwrap() {
            match part {
                SsePart::Event(event) => {
                    assert!(large.is_none(), "no event within another");
                    raw.extend_from_slice(&event.raw);
                    found.extend(event.data);
                }
                SsePart::Piece(piece) => {
                    raw.extend_from_slice(&piece.raw);
                    let (bytes, data) = large.get_or_insert_default();
                    bytes.extend_from_slice(&piece.raw);
                    data.extend(piece.data.concat());
                    let same = piece.data.concat();
                    written.1.extend_from_slice(&written.0.piece(&piece.fields, &same.into(), piece.ends).unwrap());
                    if piece.ends {
                        let (bytes, data) = large.take().unwrap();
                        let again = SseParser::default().push(&bytes).unwrap();
                        let [event] = again.as_slice() else { panic!("one event: {again:?}") };
                        assert_eq!(event.data.clone().unwrap_or_default(), data);
                        let (_, written) = std::mem::take(&mut written);
                        let written = SseParser::default().push(&written).unwrap();
                        let [on_one_line] = written.as_slice() else { panic!("one event: {written:?}") };
                        let spaced: Vec<u8> =
                            data.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
                        assert_eq!(on_one_line.data.clone().unwrap_or_default(), spaced);
                        assert_eq!((&on_one_line.name, &on_one_line.id), (&event.name, &event.id));
                        assert_eq!(on_one_line.retry_ms, event.retry_ms);
                        found.extend(event.data.clone());
                    }
                }
            }
        }
    }
    raw.extend(large.is_none().then(|| parser.finish().unwrap()).flatten().unwrap_or_default());
    assert_eq!(raw, stream, "every byte comes out again");
    found
}

fn whole(stream: &[u8]) -> Vec<Bytes> {
    SseParser::default().push(stream).unwrap().into_iter().filter_map(|event| event.data).collect()
}

#[test]
fn large_events_come_in_pieces() {
    let long = "x".repeat(50);
    for stream in [
        format!("data: {long}\n\ndata: a\n\n"),
        format!("data:{long}\r\n\r\ndata: a\r\n\r\n"),
        format!("\u{feff}data: {long}\rdata: b\rdata\r\rdata: a\r\r"),
        format!(
            "\u{feff}event: e\nid: 7\n: comment\ndata:  {long}\nretry: 3\ndatas: y\ndat: z\ndata: {long}\n\n: c\n\n"
        ),
        format!("{long}: z\ndata: 1\n\n"),
        format!("id: {long}\n\ndata: 1\n\n"),
        format!("data: 1\n\ndata: {long}\n"),
    ] {
        for whole_bytes in [0, 1, 5, 20, 49, 1_000] {
            for lengths in [&[1][..], &[3, 1], &[17], &[1_000]] {
                let found = data(stream.as_bytes(), lengths, whole_bytes);
                assert_eq!(found, whole(stream.as_bytes()), "{stream:?} by {lengths:?} beyond {whole_bytes}");
            }
        }
    }
}

#[test]
fn what_is_given_is_given_at_once() {
    let mut parser = SseParser::splitting(8, 100);
    let given = parser.split(&Bytes::from_static(b"data: {\"a\":1")).unwrap();
    let piece = |raw: &'static str, data: &'static str, ends| {
        let data = if data.is_empty() { Vec::new() } else { vec![Bytes::from(data)] };
        SsePart::Piece(SsePiece { raw: Bytes::from(raw), data, fields: Vec::new(), ends })
    };
    assert_eq!(given, [piece("data: {\"a\":1", "{\"a\":1", false)]);
    assert_eq!(parser.split(&Bytes::from_static(b"0}")).unwrap(), [piece("0}", "0}", false)]);
    let given = parser.split(&Bytes::from_static(b"\n\n:\n\n")).unwrap();
    assert_eq!(given[0], piece("\n\n", "", true));
    assert!(matches!(&given[1..], [SsePart::Event(comment)] if comment.payload().is_none()));
    // And what is too large even for pieces is refused.
    parser.split(&Bytes::from_static(b"data: 123456")).unwrap();
    let refused = (0..20).find_map(|_| parser.split(&Bytes::from_static(b"0123456789")).err());
    assert_eq!(refused, Some(SseError::TooLarge { limit: 100 }));
}

fn line() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        4 => "data: ?[a-z{}:]{0,12}",
        1 => "data",
        1 => "id: ?[0-9]{0,2}",
        1 => "event:[a-z]{0,3}",
        1 => ":[a-z]{0,8}",
        1 => "[a-d]{1,6}:? ?x",
        3 => Just(String::new()),
    ];
    (text, prop::sample::select(vec!["\n", "\r\n", "\r"])).prop_map(|(text, end)| text + end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn pieces_make_the_events_that_the_whole_stream_has(
        lines in prop::collection::vec(line(), 0..20),
        mark: bool,
        lengths in prop::collection::vec(1_usize..9, 1..4),
        whole_bytes in 0_usize..30,
    ) {
        let stream = format!("{}{}", if mark { "\u{feff}" } else { "" }, lines.concat());
        prop_assert_eq!(data(stream.as_bytes(), &lengths, whole_bytes), whole(stream.as_bytes()), "{:?}", stream);
    }
}
