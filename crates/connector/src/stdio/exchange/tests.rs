use std::time::Duration;

use super::*;

fn message(text: &str) -> Message {
    Message::read(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn id(number: u64) -> Id {
    Id::number(number)
}

fn request(number: u64) -> Request {
    let text =
        format!(r#"{{"id":{number},"method":"tools/call","params":{{"_meta":{{"progressToken":"t{number}"}}}}}}"#);
    let Kind::Request(request) = message(&text).kind else { panic!("not a request") };
    request
}

fn question() -> Id {
    let Kind::Request(question) = message(QUESTION).kind else { panic!("not a request") };
    question.id
}

fn stream() -> (Stream, mpsc::Receiver<Outgoing>) {
    mpsc::channel(8)
}

/// The stream a message goes onto.
fn target(exchange: &mut Exchange, text: &str) -> Option<Stream> {
    match exchange.route(&message(text), Instant::now()) {
        Route::To(stream, _) | Route::Answer(stream, ..) => Some(stream),
        Route::Kept | Route::Nowhere | Route::NobodyListens(_) => None,
    }
}

const QUESTION: &str = r#"{"id":"q","method":"ping"}"#;
const LOG: &str = r#"{"method":"notifications/message"}"#;

#[test]
fn an_answer_goes_to_its_request_once() {
    let mut exchange = Exchange::default();
    let ((one, _one), (two, _two)) = (stream(), stream());
    let now = Instant::now();
    exchange.begin(&request(1), one.clone(), Accepts::Json, now).unwrap();
    exchange.begin(&request(2), two, Accepts::EventStream, now).unwrap();
    assert!(target(&mut exchange, r#"{"id":1,"result":{}}"#).unwrap().same_channel(&one));
    for nobodys in
        [r#"{"id":1,"result":{}}"#, r#"{"id":"2","result":{}}"#, r#"{"id":3,"error":{}}"#, r#"{"id":null,"error":{}}"#]
    {
        assert!(target(&mut exchange, nobodys).is_none(), "{nobodys}");
    }
    assert_eq!(exchange.in_flight(), 1);
}

#[test]
fn progress_goes_to_the_request_with_its_token_if_that_can_stream() {
    let mut exchange = Exchange::default();
    let ((one, _one), (two, _two), (listener, _listener)) = (stream(), stream(), stream());
    let now = Instant::now();
    exchange.begin(&request(1), one.clone(), Accepts::EventStream, now).unwrap();
    exchange.begin(&request(2), two, Accepts::Json, now).unwrap();
    let progress =
        |token: &str| format!(r#"{{"method":"notifications/progress","params":{{"progressToken":"{token}"}}}}"#);
    assert!(target(&mut exchange, &progress("t1")).unwrap().same_channel(&one));
    exchange.listen(listener.clone());
    assert!(target(&mut exchange, &progress("t1")).unwrap().same_channel(&one));
    assert!(target(&mut exchange, &progress("t2")).unwrap().same_channel(&listener));
}

#[test]
fn what_belongs_to_no_request_goes_to_the_newest_listener_else_the_newest_request_else_waits() {
    let mut exchange = Exchange::default();
    assert!(matches!(exchange.route(&message(LOG), Instant::now()), Route::Kept));
    let ((older, _older), (newer, _newer)) = (stream(), stream());
    let now = Instant::now();
    exchange.begin(&request(1), older, Accepts::EventStream, now).unwrap();
    exchange.begin(&request(2), newer.clone(), Accepts::EventStream, now).unwrap();
    let unsent = exchange.unsent();
    assert!(matches!(&unsent[..], [(stream, Outgoing::Related(_))] if stream.same_channel(&newer)));
    assert!(target(&mut exchange, LOG).unwrap().same_channel(&newer));
    let ((first, _first), (second, second_receiver)) = (stream(), stream());
    exchange.listen(first.clone());
    exchange.listen(second.clone());
    assert!(target(&mut exchange, QUESTION).unwrap().same_channel(&second));
    drop(second_receiver);
    assert!(target(&mut exchange, QUESTION).unwrap().same_channel(&first));
}

#[test]
fn an_answer_of_the_client_passes_only_if_the_running_process_asked() {
    let mut exchange = Exchange::default();
    let (listener, _receiver) = stream();
    exchange.listen(listener);
    let question = question();
    assert!(!exchange.take_question(&question));
    target(&mut exchange, QUESTION);
    assert!(exchange.take_question(&question));
    assert!(!exchange.take_question(&question), "each question is answered once");
    target(&mut exchange, QUESTION);
    exchange.process_gone();
    assert!(!exchange.take_question(&question), "the next process did not ask");
}

#[test]
fn questions_that_nobody_hears_are_given_back_when_too_many_wait() {
    let mut exchange = Exchange::default();
    assert!(matches!(exchange.route(&message(QUESTION), Instant::now()), Route::Kept));
    for _ in 1..UNSENT_MESSAGES {
        assert!(matches!(exchange.route(&message(LOG), Instant::now()), Route::Kept));
    }
    let question = question();
    assert!(matches!(exchange.route(&message(LOG), Instant::now()), Route::NobodyListens(id) if id == question));
    assert!(matches!(exchange.route(&message(LOG), Instant::now()), Route::Nowhere));
    assert!(!exchange.take_question(&question));
}

/// A client that asked for the tools, left, and asked for something else with the same id was given the unfiltered list.
#[test]
fn an_id_is_not_used_again_before_its_request_was_answered() {
    let mut exchange = Exchange::default();
    let now = Instant::now();
    let (gone, receiver) = stream();
    exchange.begin(&request(1), gone.clone(), Accepts::Json, now).unwrap();
    exchange.begin(&request(2), gone.clone(), Accepts::Json, now).unwrap();
    exchange.cancel(&id(2), now);
    exchange.overdue(now);
    drop(receiver);
    exchange.cut(&gone);
    let (back, _receiver) = stream();
    for number in [1, 2] {
        assert_eq!(exchange.begin(&request(number), back.clone(), Accepts::Json, now), Err(NotBegun::IdInUse));
        let late = format!(r#"{{"id":{number},"result":{{"tools":[]}}}}"#);
        assert!(target(&mut exchange, &late).is_none(), "nobody's answer");
        assert_eq!(exchange.begin(&request(number), back.clone(), Accepts::Json, now), Ok(()));
    }
}

#[test]
fn the_next_process_answers_nothing_that_the_last_one_was_asked() {
    let mut exchange = Exchange::default();
    let now = Instant::now();
    let (waiting, _receiver) = stream();
    exchange.begin(&request(1), waiting.clone(), Accepts::Json, now).unwrap();
    assert_eq!(exchange.process_gone().len(), 1);
    assert_eq!(exchange.begin(&request(1), waiting, Accepts::Json, now), Ok(()));
}

#[test]
fn ids_left_behind_are_limited() {
    let mut exchange = Exchange::default();
    let now = Instant::now();
    for number in 0..GIVEN_UP as u64 {
        let (gone, _) = stream();
        exchange.begin(&request(number), gone.clone(), Accepts::Json, now).unwrap();
        exchange.cut(&gone);
    }
    let (next, _next) = stream();
    assert_eq!(exchange.begin(&request(9_999), next.clone(), Accepts::Json, now), Err(NotBegun::TooMany));
    assert!(target(&mut exchange, r#"{"id":7,"result":{}}"#).is_none());
    assert_eq!(exchange.begin(&request(9_999), next, Accepts::Json, now), Ok(()));
}

#[test]
fn requests_that_wait_are_limited_and_those_left_behind_make_room() {
    let mut exchange = Exchange::default();
    let now = Instant::now();
    let (kept, receiver) = stream();
    for number in 0..PENDING_REQUESTS as u64 {
        exchange.begin(&request(number), kept.clone(), Accepts::Json, now).unwrap();
    }
    let (next, _next) = stream();
    assert_eq!(exchange.begin(&request(9_999), next.clone(), Accepts::Json, now), Err(NotBegun::TooMany));
    drop(receiver);
    assert_eq!(exchange.begin(&request(9_999), next, Accepts::Json, now), Ok(()));
    assert_eq!(exchange.in_flight(), 1);
}

#[test]
fn a_cancelled_request_may_be_answered_until_its_time_is_over() {
    let mut exchange = Exchange::default();
    let now = Instant::now();
    let later = now + Duration::from_secs(5);
    for number in [1, 2] {
        exchange.begin(&request(number), stream().0, Accepts::Json, now).unwrap();
    }
    assert_eq!(exchange.next_due(), None);
    exchange.cancel(&id(1), later);
    exchange.cancel(&id(1), later + Duration::from_secs(5));
    assert_eq!(exchange.next_due(), Some(later), "asking twice gives no more time");
    assert!(exchange.overdue(now).is_empty());
    assert_eq!(exchange.overdue(later).into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [id(1)]);
}

#[test]
fn a_stream_that_is_cut_gets_nothing_more() {
    let mut exchange = Exchange::default();
    let ((slow, _slow), (other, _other)) = (stream(), stream());
    exchange.begin(&request(1), other.clone(), Accepts::EventStream, Instant::now()).unwrap();
    exchange.listen(slow.clone());
    exchange.cut(&slow);
    assert!(target(&mut exchange, LOG).unwrap().same_channel(&other));
    exchange.cut(&other);
    assert!(target(&mut exchange, r#"{"id":1,"result":{}}"#).is_none());
}

#[test]
fn of_many_listeners_the_oldest_ends() {
    let mut exchange = Exchange::default();
    let mut streams: Vec<_> = (0..=LISTENERS).map(|_| stream()).collect();
    for (sender, _) in &mut streams {
        exchange.listen(sender.clone());
    }
    let held = |exchange: &Exchange, wanted: &Stream| exchange.listeners.iter().any(|other| other.same_channel(wanted));
    let kept: Vec<bool> = streams.iter().map(|(sender, _)| held(&exchange, sender)).collect();
    assert_eq!(kept, [false, true, true, true, true]);
}
