//! Makes a failing case smaller while it still fails.

use super::{
    case::{Case, Event, Upstream},
    json::Tree,
    judge::Known,
};

const TRIES: usize = 20_000;

pub fn shrink(mut case: Case, fails: impl Fn(&Case) -> bool) -> Case {
    std::panic::set_hook(Box::new(|_| {}));
    let mut tries = 0;
    let mut still_fails = |smaller: &Case| {
        tries += 1;
        tries < TRIES && fails(smaller)
    };
    while let Some(found) = { smaller(&case).find(&mut still_fails) } {
        case = found;
    }
    drop(std::panic::take_hook());
    case
}

/// Every case with one thing less, the biggest things first.
fn smaller(case: &Case) -> impl Iterator<Item = Case> + '_ {
    let halves = [case.events.len() / 2, case.events.len() / 4, 1];
    let without_events = halves.into_iter().filter(|length| *length > 0).flat_map(move |length| {
        (0..case.events.len()).step_by(length).map(move |start| {
            let kept = |(i, event): (usize, &Event)| (i < start || i >= start + length).then(|| event.clone());
            Case { events: case.events.iter().enumerate().filter_map(kept).collect(), ..case.clone() }
        })
    });
    let policies = (0..case.policies.len()).flat_map(move |at| {
        fewer(&case.policies[at]).into_iter().map(move |policy| {
            let mut case = case.clone();
            case.policies[at] = policy;
            case
        })
    });
    let arguments = (0..case.arguments.len()).flat_map(move |at| {
        case.arguments[at].iter().flat_map(fewer).map(move |tree| {
            let mut case = case.clone();
            case.arguments[at] = Some(tree);
            case
        })
    });
    let plainer = (0..case.events.len()).flat_map(move |at| {
        plainer(&case.events[at]).into_iter().map(move |event| {
            let mut case = case.clone();
            case.events[at] = event;
            case
        })
    });
    without_events.chain(policies).chain(arguments).chain(plainer)
}

/// A tree without one of its members or items, at any depth.
fn fewer(tree: &Tree) -> Vec<Tree> {
    let mut all = Vec::new();
    match tree {
        Tree::List(items) => {
            for i in 0..items.len() {
                all.push(Tree::List([&items[..i], &items[i + 1..]].concat()));
                all.extend(fewer(&items[i]).into_iter().map(|item| {
                    let mut items = items.clone();
                    items[i] = item;
                    Tree::List(items)
                }));
            }
        }
        Tree::Object(members) => {
            for i in 0..members.len() {
                all.push(Tree::Object([&members[..i], &members[i + 1..]].concat()));
                all.extend(fewer(&members[i].1).into_iter().map(|value| {
                    let mut members = members.clone();
                    members[i].1 = value;
                    Tree::Object(members)
                }));
            }
        }
        _ => {}
    }
    all
}

fn plainer(event: &Event) -> Vec<Event> {
    let Event::Call(call) = event else { return Vec::new() };
    let mut all = Vec::new();
    let mut add = |different: bool, plain: super::case::Call| {
        if different {
            all.push(Event::Call(plain));
        }
    };
    add(call.wait_us != 0, super::case::Call { wait_us: 0, ..call.clone() });
    add(call.upstream != Upstream::Ok, super::case::Call { upstream: Upstream::Ok, ..call.clone() });
    add(call.answered_after != 0, super::case::Call { answered_after: 0, ..call.clone() });
    add(call.answer.is_some(), super::case::Call { answer: None, ..call.clone() });
    add(call.known != Known::default(), super::case::Call { known: Known::default(), ..call.clone() });
    add(call.place != (0, 0) || call.grant != 0, super::case::Call { place: (0, 0), grant: 0, ..call.clone() });
    add(call.member != 0 || call.session != 0, super::case::Call { member: 0, session: 0, ..call.clone() });
    all
}
