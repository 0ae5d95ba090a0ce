//! One case: policies, arguments, and what happens in which order.

use super::{
    dice::Dice,
    json::Tree,
    judge::Known,
    policies::{self, CLASSES, TOOLS},
    values,
};

#[derive(Clone, Debug)]
pub struct Case {
    pub start_us: i64,
    pub policies: Vec<Tree>,
    pub arguments: Vec<Option<Tree>>,
    pub events: Vec<Event>,
}

#[derive(Clone, Debug)]
pub enum Event {
    Call(Call),
    /// The call before it once more, after exactly the wait it was told.
    Retry,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub wait_us: i64,
    /// Which account, and which server of it.
    pub place: (usize, usize),
    pub grant: usize,
    pub member: usize,
    pub session: usize,
    pub tool: String,
    pub class: &'static str,
    pub arguments: usize,
    /// Which of the policies; none is attached to the grant when there is none of this number.
    pub policy: usize,
    pub known: Known,
    pub upstream: Upstream,
    /// So many events later its answer comes.
    pub answered_after: usize,
    /// What somebody says to the request of this very call, just before it.
    pub answer: Option<Answer>,
    pub with_facts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    Ok,
    Error,
    Unreachable,
    TimeOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Approve,
    Refuse,
}

/// 2026-01-01T00:00:00Z.
const NEW_YEAR_US: i64 = 1_767_225_600_000_000;

pub fn case(dice: &mut Dice<'_>) -> Case {
    let versions = if dice.percent(20) { 2 } else { 1 };
    let policies: Vec<Tree> = (0..versions).map(|_| policies::policy(dice)).collect();
    let arguments = (0..3).map(|i| values::arguments(dice, &policies[i % versions])).collect();
    let day = dice.below(800) as i64;
    let second = if dice.percent(50) { 86_395 } else { dice.below(86_400) as i64 };
    let start_us = NEW_YEAR_US + (day * 86_400 + second) * 1_000_000 + dice.below(1_000_000) as i64;
    let mut world = World::new(dice, &policies);
    let events = (0..6 + dice.below(25)).map(|i| world.event(dice, i)).collect();
    Case { start_us, policies, arguments, events }
}

/// What a case keeps coming back to, so that calls meet in the same counters.
struct World {
    tools: Vec<String>,
    class: &'static str,
    /// What a call waits for, mostly sixteenths of these.
    windows_us: Vec<i64>,
    versions: usize,
    half_way: usize,
}

impl World {
    fn new(dice: &mut Dice<'_>, policies: &[Tree]) -> Self {
        let named = policies.iter().flat_map(|policy| policy.get("tools").map_or(&[][..], Tree::members));
        let named: Vec<&String> = named.map(|(name, _)| name).filter(|name| !name.contains(['*', '?'])).collect();
        let mut tools = vec![(*dice.pick(&TOOLS)).to_owned()];
        if !named.is_empty() {
            tools.push((*dice.pick(&named)).clone());
            tools.push((*dice.pick(&named)).clone());
        }
        let windows_us = [1, 60, 60, 3_600, 86_400].map(|seconds| seconds * 1_000_000);
        let windows_us = dice.some(1, |dice| *dice.pick(&windows_us)).into_iter().chain([60_000_000]).collect();
        Self { tools, class: *dice.pick(&CLASSES), windows_us, versions: policies.len(), half_way: 4 + dice.below(20) }
    }

    fn event(&mut self, dice: &mut Dice<'_>, number: usize) -> Event {
        if number > 0 && dice.percent(12) {
            return Event::Retry;
        }
        let elsewhere = dice.percent(12);
        let away = |dice: &mut Dice<'_>| if elsewhere { dice.below(2) } else { 0 };
        Event::Call(Call {
            wait_us: self.wait_us(dice),
            place: (away(dice), away(dice)),
            grant: away(dice),
            member: usize::from(dice.percent(15)),
            session: usize::from(dice.percent(15)),
            tool: if dice.percent(85) { dice.pick(&self.tools).clone() } else { (*dice.pick(&TOOLS)).to_owned() },
            class: if dice.percent(90) { self.class } else { dice.pick::<&str>(&CLASSES) },
            arguments: [0, 0, 0, 0, 1, 2][dice.below(6)],
            policy: self.policy(dice, number),
            known: Known { definition_held: dice.percent(2), schema_misfit: dice.percent(2) },
            upstream: *dice.pick(&[
                Upstream::Ok,
                Upstream::Ok,
                Upstream::Ok,
                Upstream::Ok,
                Upstream::Error,
                Upstream::Unreachable,
                Upstream::TimeOut,
            ]),
            answered_after: [0, 0, 0, 1, 5][dice.below(5)],
            answer: [None, None, Some(Answer::Approve), Some(Answer::Approve), Some(Answer::Refuse)][dice.below(5)],
            with_facts: dice.percent(80),
        })
    }

    /// The last policy of the case comes into force half way; now and then a grant has none.
    fn policy(&self, dice: &mut Dice<'_>, number: usize) -> usize {
        match (dice.percent(1), number < self.half_way) {
            (true, _) => self.versions,
            (false, true) => 0,
            (false, false) => self.versions - 1,
        }
    }

    fn wait_us(&self, dice: &mut Dice<'_>) -> i64 {
        let window_us = *dice.pick(&self.windows_us);
        match dice.below(10) {
            0..=5 => 0,
            6 => dice.below(2_000_000) as i64,
            _ => {
                let sixteenths = *dice.pick(&[1, 1, 2, 4, 8, 15, 16, 16, 17, 18, 34]);
                (window_us / 16 * sixteenths + [0, 0, 1, -1][dice.below(4)]).max(0)
            }
        }
    }
}
