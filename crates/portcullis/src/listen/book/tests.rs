use super::*;

fn book(per_address: usize) -> Book {
    Book::new(&Connections::new(per_address, &["10.0.0.0/8".parse().unwrap()]))
}

fn enter(book: &Book, address: &str) -> Option<Arc<Entry>> {
    let entry = book.enter(address.parse().unwrap()).map(Arc::new)?;
    entry.begins();
    Some(entry)
}

/// Whether it was told to leave.
fn was_dismissed(entry: &Entry) -> bool {
    lock(&entry.state).turn.is_some_and(|turn| !lock(&entry.open).waiting.contains_key(&turn))
}

#[test]
fn an_address_has_so_many_connections() {
    let book = book(2);
    let (first, second) = (enter(&book, "192.0.2.1").unwrap(), enter(&book, "192.0.2.1").unwrap());
    let asking = first.asks(Version::HTTP_11);
    let third = enter(&book, "192.0.2.1").unwrap();
    assert!(was_dismissed(&second), "it has asked for nothing");
    let also_asking = third.asks(Version::HTTP_11);
    drop(second);
    assert!(enter(&book, "192.0.2.1").is_none(), "both are in use");
    assert!(enter(&book, "192.0.2.2").is_some());
    drop((first, asking, third, also_asking));
    assert!(enter(&book, "192.0.2.1").is_some());
}

#[test]
fn an_ipv6_network_is_one_address_and_proxies_are_none() {
    let book = book(1);
    let entries = ["2001:db8::1", "2001:db8:0:1::1", "::ffff:192.0.2.1", "10.1.2.3", "10.1.2.3", "127.0.0.1", "::1"];
    let entries = entries.map(|address| enter(&book, address).unwrap());
    let asking: Vec<_> = entries.iter().map(|entry| entry.asks(Version::HTTP_11)).collect();
    for taken in ["2001:db8::2", "192.0.2.1"] {
        assert!(enter(&book, taken).is_none(), "{taken}");
    }
    for free in ["10.1.2.3", "127.0.0.1", "::1", "2001:db8:0:2::1"] {
        assert!(enter(&book, free).is_some(), "{free}");
    }
    drop((entries, asking));
    assert!(lock(&book.open).addresses.is_empty() && lock(&book.open).waiting.is_empty());
}

#[test]
fn who_never_asked_makes_room_first_and_then_who_waits_the_longest() {
    let book = book(100);
    let entries = [(); 5].map(|()| enter(&book, "192.0.2.1").unwrap());
    let [once, again, in_use, silent, silent_too] = &entries;
    drop(once.asks(Version::HTTP_11));
    drop(again.asks(Version::HTTP_11));
    drop(once.asks(Version::HTTP_11));
    let _asking = in_use.asks(Version::HTTP_2);
    drop(in_use.asks(Version::HTTP_2));
    for expected in [silent, silent_too, again, once] {
        assert!(!was_dismissed(expected));
        book.make_room();
        assert!(was_dismissed(expected));
    }
    book.make_room();
    assert!(!was_dismissed(in_use), "something is worked on");
}

#[test]
fn what_is_upgraded_stays_in_use() {
    let book = book(100);
    let entry = enter(&book, "192.0.2.1").unwrap();
    entry.asks(Version::HTTP_11).for_good();
    assert!(entry.is_used() && entry.waits_for_another().is_none() && lock(&book.open).waiting.is_empty());
}

#[test]
fn another_head_is_waited_for_over_http_1_only() {
    let book = book(100);
    let (one, two) = (enter(&book, "192.0.2.1").unwrap(), enter(&book, "192.0.2.1").unwrap());
    assert_eq!(one.waits_for_another(), None, "the first has its own time");
    let asking = one.asks(Version::HTTP_11);
    assert_eq!(one.waits_for_another(), None);
    drop(asking);
    assert_eq!(one.waits_for_another(), Some(1));
    drop(two.asks(Version::HTTP_2));
    assert_eq!(two.waits_for_another(), None);
}
