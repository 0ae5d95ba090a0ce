//! Plays a case to the model and to the real thing, side by side.

use counters::{ApprovalAnswer, ApprovalState, GiveBack, Reservation, Reserved};
use policy::{Approval, CompiledPolicy, Permit, Verdict};

use super::{
    approvals::{Approvals, Bound, Request, State},
    case::{Answer, Call, Case, Event, Upstream},
    check::Scene,
    compare,
    facts::Facts,
    json::Tree,
    judge::{self, Ask, Judged, Leave},
    limits::{Counted, Key, Limit, Log, Room},
    verdicts::{self, Disagreement},
    world::{self, Asked, World, at_once},
};

/// What came of the calls, to see that a run has seen everything.
pub type Seen = std::collections::BTreeMap<&'static str, u64>;

pub struct Play<'c> {
    case: &'c Case,
    compiled: Vec<CompiledPolicy>,
    texts: Vec<Option<String>>,
    world: World,
    now_us: i64,
    log: Log,
    approvals: Approvals,
    calls: usize,
    under_way: Vec<UnderWay>,
    /// The last call, and the wait it was told if it was refused for a limit.
    last: Option<(&'c Call, Option<i64>)>,
    pub seen: Seen,
}

#[derive(Clone, Copy)]
struct Turn {
    event: usize,
    wait_us: i64,
    must_have_room: bool,
}

struct UnderWay {
    due: usize,
    call: usize,
    upstream: Upstream,
    reservation: Reservation,
    used: Option<(Bound, Request)>,
}

impl<'c> Play<'c> {
    /// None when a policy of the case is unsound.
    pub fn new(case: &'c Case) -> Option<Self> {
        let compile = |policy: &Tree| CompiledPolicy::compile(&policy.render()).ok();
        Some(Self {
            case,
            compiled: case.policies.iter().map(compile).collect::<Option<_>>()?,
            texts: case.arguments.iter().map(|tree| tree.as_ref().map(Tree::render)).collect(),
            world: World::new(),
            now_us: case.start_us,
            log: Log::default(),
            approvals: Approvals::default(),
            calls: 0,
            under_way: Vec::new(),
            last: None,
            seen: Seen::new(),
        })
    }

    pub fn run(&mut self) -> Result<(), Disagreement> {
        for (i, event) in self.case.events.iter().enumerate() {
            let told = |error: Disagreement| error.at(format!("event {i}: {event:?}"));
            match (event, self.last.take()) {
                (Event::Call(call), _) => {
                    let turn = Turn { event: i, wait_us: call.wait_us, must_have_room: false };
                    self.call(turn, call).map_err(told)?;
                }
                (Event::Retry, Some((call, Some(wait_us)))) => {
                    self.call(Turn { event: i, wait_us, must_have_room: true }, call).map_err(told)?;
                }
                (Event::Retry, _) => {}
            }
            self.settle(i);
        }
        Ok(())
    }

    fn call(&mut self, turn: Turn, call: &'c Call) -> Result<(), Disagreement> {
        self.now_us += turn.wait_us;
        self.world.set_time(self.now_us);
        self.calls += 1;
        let facts = facts(call, self.now_us);
        let tree = self.case.arguments[call.arguments].as_ref();
        let policy = self.case.policies.get(call.policy);
        let scene = Scene { arguments: tree, facts: &facts };
        let texts = std::mem::take(&mut self.texts);
        let compiled = self.compiled.get(call.policy).cloned();
        let asked =
            Asked { call, arguments: texts[call.arguments].as_deref(), facts: &facts, policy: compiled.as_ref() };

        verdicts::shown(judge::shown(policy, &call.tool, call.class), asked.policy, &call.tool, asked.class())?;
        let expected = judge::judge(policy, &call.tool, &scene, call.known);
        let verdict = asked.judge(Approval::None);
        self.note(&expected);
        verdicts::judged(&expected, &verdict)?;
        let outcome = match (&expected, verdict) {
            (Judged::Leave(leave), Verdict::Permit(permit)) => self.reserve(turn, &asked, (leave, &permit), None),
            (Judged::Ask(ask, leave), Verdict::NeedsApproval(_)) => {
                let Verdict::Permit(permit) = asked.judge(Approval::Granted) else {
                    return Err(Disagreement::new("an approved call is permitted", "it was not"));
                };
                verdicts::leave(leave, &permit, true)?;
                self.answer(&asked, ask, tree)?;
                self.reserve(turn, &asked, (leave, &permit), Some((ask, self.bound(call, tree))))
            }
            _ => Ok(None),
        };
        self.texts = texts;
        self.last = Some((call, outcome?));
        Ok(())
    }

    /// Somebody answers the request of this very call, if there is one.
    fn answer(&mut self, asked: &Asked<'_>, ask: &Ask, tree: Option<&Tree>) -> Result<(), Disagreement> {
        let Some(answer) = asked.call.answer else { return Ok(()) };
        let bound = self.bound(asked.call, tree);
        let Some(request) = self.approvals.standing(&bound, self.now_us) else { return Ok(()) };
        let (state, given) = match (answer, request.state) {
            (Answer::Approve, State::Open) => (State::Approved, ApprovalAnswer::Approved),
            (Answer::Refuse, State::Open) => (State::Refused, ApprovalAnswer::Refused),
            _ => return Ok(()),
        };
        let binding = asked.approval(0, ask.timeout_seconds).binding;
        let id = world::approval_id(request.id);
        let answered = at_once(self.world.counters.answer_approval(asked.account(), binding, id, given));
        compare::same("the answer to a request that stands", "Ok(Done)", &format!("{answered:?}"))?;
        self.approvals.put(&bound, Request { state, ..request });
        Ok(())
    }

    /// Gives back the wait that was told, if the call was refused for a limit.
    fn reserve(
        &mut self,
        turn: Turn,
        asked: &Asked<'_>,
        (leave, permit): (&Leave, &Permit),
        approval: Option<(&Ask, Bound)>,
    ) -> Result<Option<i64>, Disagreement> {
        let id = self.calls as u128;
        let ask = approval.as_ref().map(|(ask, _)| asked.approval(id, ask.timeout_seconds));
        let reserved = self.world.reserve(asked, permit, ask);
        let standing = approval.as_ref().map(|(_, bound)| self.approvals.standing(bound, self.now_us));
        if let (Some(standing), Some((ask, bound))) = (standing, &approval)
            && standing.is_none_or(|request| request.state != State::Approved)
        {
            return self.not_approved(standing, ask, bound, &reserved).map(|()| None);
        }
        let (enforced, shadow) = (counted(asked, &leave.limits, false), counted(asked, &leave.shadow_limits, true));
        let room = self.log.room(self.now_us, &enforced);
        match reserved {
            Reserved::NotApproved(told) => Err(Disagreement::new("the approval stands", format!("{told:?}"))),
            Reserved::Full { index, retry_after_us } => {
                compare::full(self.now_us, &enforced, &room, (index, retry_after_us), permit)?;
                if turn.must_have_room {
                    return Err(Disagreement::new("room after the wait that was told", format!("{room:?}")));
                }
                self.count("rate_limited");
                Ok(retry_after_us)
            }
            Reserved::Granted { reservation, shadow_full, .. } => {
                compare::granted(&enforced, &room)?;
                let shadow_room = self.log.room(self.now_us, &shadow);
                compare::shadow_full(&shadow, &shadow_room, &shadow_full, permit)?;
                self.log.admit(self.calls, self.now_us, &enforced);
                if shadow_full.is_empty() {
                    self.log.admit(self.calls, self.now_us, &shadow);
                }
                self.count(if shadow_full.is_empty() { "passed" } else { "shadow_rate_limited" });
                self.count(if room.contains(&Room::Either) { "either" } else { "exact" });
                let used = approval.map(|(_, bound)| bound).zip(standing.flatten());
                if let Some((bound, _)) = &used {
                    self.count("approved");
                    self.approvals.use_up(bound);
                }
                let Call { upstream, answered_after, .. } = *asked.call;
                let due = turn.event + answered_after;
                self.under_way.push(UnderWay { due, call: self.calls, upstream, reservation, used });
                Ok(None)
            }
        }
    }

    fn not_approved(
        &mut self,
        standing: Option<Request>,
        ask: &Ask,
        bound: &Bound,
        reserved: &Reserved,
    ) -> Result<(), Disagreement> {
        let Reserved::NotApproved(told) = reserved else {
            return Err(Disagreement::new("no approval stands", format!("{reserved:?}")));
        };
        let opened = Request {
            id: self.calls as u128,
            state: State::Open,
            expires_us: self.now_us + i64::from(ask.timeout_seconds) * 1_000_000,
        };
        let states: &[ApprovalState] = match standing.map(|request| request.state) {
            None => &[ApprovalState::Asked],
            Some(State::Refused) => &[ApprovalState::Refused],
            // The one that waits is to be recorded again now and then.
            Some(_) => &[ApprovalState::Pending, ApprovalState::Asked],
        };
        let request = standing.unwrap_or(opened);
        if told.id != Some(world::approval_id(request.id))
            || told.expires_at.0 != request.expires_us
            || !states.contains(&told.state)
        {
            return Err(Disagreement::new(format!("{states:?} {request:?}"), format!("{told:?}")));
        }
        self.count(if standing.is_some() { "asked_again" } else { "asked" });
        self.approvals.put(bound, request);
        Ok(())
    }

    /// The answers of the upstream that are due after this event.
    fn settle(&mut self, event: usize) {
        let (due, later): (Vec<_>, Vec<_>) = self.under_way.drain(..).partition(|call| call.due <= event);
        self.under_way = later;
        for call in due {
            let what = match call.upstream {
                Upstream::Ok | Upstream::TimeOut => continue,
                Upstream::Error => GiveBack::NotSuccessful,
                Upstream::Unreachable => GiveBack::All,
            };
            self.log.give_back(call.call, what == GiveBack::All);
            if let (GiveBack::All, Some((bound, used))) = (what, &call.used) {
                self.approvals.restore(bound, *used, self.now_us);
            }
            at_once(self.world.counters.give_back(call.reservation, what)).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    fn bound(&self, call: &Call, arguments: Option<&Tree>) -> Bound {
        let Call { place, grant, policy, .. } = *call;
        Bound { place, grant, policy, tool: call.tool.clone(), arguments: Bound::arguments(arguments) }
    }

    fn note(&mut self, judged: &Judged) {
        match judged {
            Judged::No(no) => self.count(no.code),
            Judged::Ask(_, leave) | Judged::Leave(leave) => {
                if leave.would_deny.is_some() {
                    self.count("would_deny");
                }
            }
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }
}

fn counted(asked: &Asked<'_>, limits: &[Limit], shadow: bool) -> Vec<Counted> {
    let call = asked.call;
    let counted = |limit: &Limit| {
        let subject = match limit.scope.as_str() {
            "grant" => format!("grant {}", call.grant),
            "member" => format!("member {}", call.member),
            "session" => format!("session {}", call.session),
            whole => whole.to_owned(),
        };
        let (place, counter) = (format!("{:?}", call.place), limit.counter.clone());
        Counted { key: Key { place, subject, counter, window: limit.window, shadow }, limit: limit.clone() }
    };
    limits.iter().map(counted).collect()
}

fn facts(call: &Call, at_us: i64) -> Facts {
    let text = |text: &str| call.with_facts.then(|| text.to_owned());
    Facts {
        grant_label: ["ci", "prod"][call.grant].to_owned(),
        member_email: text("a@example.org"),
        member_role: text(["viewer", "admin"][call.member]),
        client_name: text("cursor"),
        client_version: text("1.2"),
        client_ip: text("10.1.2.3"),
        session_id: text(["s0", "s1"][call.session]),
        class: call.class,
        at_us,
    }
}
