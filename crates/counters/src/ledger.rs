//! The stores that gateways use as a ledger of the language's virtual world: so a document's tests and the vectors run on
//! them unchanged.
//!
//! Everything is counted for accounts made up at random, so real counters are never touched, and what was written to Redis
//! is removed again: at once, or an hour later by itself should the process die.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use domain::{
    AccountId, AgentId, ApprovalBinding, BoundCall, Clock, Entropy, GrantId, PolicyId, Principal, ServerId, Timestamp,
};
use policy::simulation::{Ask, Entered, GiveBack, Ledger, Reserve};
use tokio::runtime::Runtime;

use crate::{
    ApprovalAnswer, ApprovalState, AskApproval, Charge, Counters, CountersUnavailable, Payer, RedisConfig, Reservation,
    Reserved, charges,
    redis::{KeyText, requests},
};

/// A counter store whose clock is set. It owns the runtime that it needs, so it cannot be used within another.
#[derive(Debug)]
pub struct CountersLedger {
    runtime: Runtime,
    counters: Counters,
    clock: Clock,
    entropy: Entropy,
    names: Names,
    last: Option<Reservation>,
    failure: Option<CountersUnavailable>,
}

/// Why there is no ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The runtime cannot be made.
    #[error("no runtime for the counters: {0}")]
    Runtime(#[from] io::Error),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] CountersUnavailable),
}

/// What stands for the texts of one test, and the keys that it wrote.
#[derive(Debug)]
struct Names {
    account: AccountId,
    server: ServerId,
    policy: PolicyId,
    grants: HashMap<String, GrantId>,
    agents: HashMap<String, AgentId>,
    keys: HashSet<String>,
}

impl CountersLedger {
    /// On the counters of this process.
    ///
    /// # Errors
    /// [`LedgerError::Runtime`].
    pub fn memory(entropy: Entropy) -> Result<Self, LedgerError> {
        let clock = Clock::fixed(Timestamp(0));
        Ok(Self::new(runtime()?, Counters::memory(clock.clone()), clock, entropy))
    }

    /// On a Redis.
    ///
    /// # Errors
    /// [`LedgerError::Store`] as [`Counters::redis`], [`LedgerError::Runtime`].
    pub fn redis(config: &RedisConfig, entropy: Entropy) -> Result<Self, LedgerError> {
        let (runtime, clock) = (runtime()?, Clock::fixed(Timestamp(0)));
        let counters = runtime.block_on(Counters::redis_with_clock(config, clock.clone()))?;
        Ok(Self::new(runtime, counters, clock, entropy))
    }

    /// The first thing that the store could not do. What was told since is worth nothing.
    #[must_use]
    pub fn failure(&self) -> Option<&CountersUnavailable> {
        self.failure.as_ref()
    }

    fn new(runtime: Runtime, counters: Counters, clock: Clock, entropy: Entropy) -> Self {
        let names = Names::new(&entropy);
        Self { runtime, counters, clock, entropy, names, last: None, failure: None }
    }

    fn set(&self, at: policy::Timestamp) {
        if let Clock::Fixed(now) = &self.clock {
            *now.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Timestamp(at.0);
        }
    }

    fn noted<T>(&mut self, answer: Result<T, CountersUnavailable>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.failure.get_or_insert(error);
                None
            }
        }
    }

    fn reserved(&mut self, charges: &[Charge], approval: Option<AskApproval>) -> Option<Reserved> {
        let account = self.names.account;
        let reserve = crate::Reserve { account, charges, stream: "", record: None, approval };
        let answer = self.runtime.block_on(self.counters.reserve(reserve));
        self.noted(answer)
    }

    /// Removes what the last test wrote.
    fn tidy(&mut self) {
        let keys: Vec<String> = self.names.keys.drain().collect();
        for some in keys.chunks(500) {
            let removed = self.runtime.block_on(self.counters.remove(some));
            self.noted(removed);
        }
    }
}

impl Ledger for CountersLedger {
    fn fresh(&mut self) {
        self.tidy();
        self.last = None;
        self.names = Names::new(&self.entropy);
    }

    fn reserve(&mut self, at: policy::Timestamp, reserve: &Reserve<'_>) -> Entered {
        self.set(at);
        let (payer, permit) = (reserve.payer, reserve.permit);
        let payer = Payer {
            account: self.names.account,
            server: self.names.server,
            grant: self.names.grant(payer.grant, &self.entropy),
            principal: Principal::Agent(self.names.agent(payer.member, &self.entropy)),
            session: payer.session,
        };
        let charges = charges(&payer, permit);
        self.names.keys.extend(charges.iter().map(|charge| KeyText(&charge.key).to_string()));
        let ask = reserve.ask.as_ref().map(|ask| self.names.ask(ask, &self.entropy));
        let enforced = permit.charges().len();
        match self.reserved(&charges, ask) {
            Some(Reserved::Granted { reservation, shadow_full, .. }) => {
                self.last = Some(reservation);
                let shadow_full = shadow_full.into_iter().filter_map(|index| index.checked_sub(enforced)).collect();
                Entered::Granted { shadow_full }
            }
            Some(Reserved::Full { index, retry_after_us }) => Entered::Full { index, retry_after_us },
            Some(Reserved::NotApproved(standing)) if standing.state == ApprovalState::Refused => Entered::Refused,
            Some(Reserved::NotApproved(_)) => Entered::NotApproved,
            None => Entered::Unavailable,
        }
    }

    fn give_back(&mut self, at: policy::Timestamp, what: GiveBack) {
        self.set(at);
        let Some(reservation) = self.last.take() else { return };
        let what = match what {
            GiveBack::All => crate::GiveBack::All,
            GiveBack::NotSuccessful => crate::GiveBack::NotSuccessful,
        };
        let given = self.runtime.block_on(self.counters.give_back(reservation, what));
        self.noted(given);
    }

    /// Asks as a call would, and answers what is pending then. An approval that stands unused is used up by the first ask.
    fn approve(&mut self, at: policy::Timestamp, ask: &Ask<'_>) {
        self.set(at);
        for _ in 0..2 {
            let ask = self.names.ask(ask, &self.entropy);
            let Some(Reserved::NotApproved(standing)) = self.reserved(&[], Some(ask)) else { continue };
            let Some(id) = standing.id else { return };
            let (account, binding) = (self.names.account, ask.binding);
            let answered = self.counters.answer_approval(account, binding, id, ApprovalAnswer::Approved);
            let answered = self.runtime.block_on(answered);
            self.noted(answered);
            return;
        }
    }
}

impl Drop for CountersLedger {
    fn drop(&mut self) {
        self.tidy();
    }
}

impl Names {
    fn new(entropy: &Entropy) -> Self {
        Self {
            account: AccountId::new(&Clock::System, entropy),
            server: ServerId::new(&Clock::System, entropy),
            policy: PolicyId::new(&Clock::System, entropy),
            grants: HashMap::new(),
            agents: HashMap::new(),
            keys: HashSet::new(),
        }
    }

    fn grant(&mut self, text: &str, entropy: &Entropy) -> GrantId {
        *self.grants.entry(text.to_owned()).or_insert_with(|| GrantId::new(&Clock::System, entropy))
    }

    fn agent(&mut self, text: &str, entropy: &Entropy) -> AgentId {
        *self.agents.entry(text.to_owned()).or_insert_with(|| AgentId::new(&Clock::System, entropy))
    }

    /// Every call that is asked for has a grant of its own here, so the bound on what waits in one is never met.
    fn ask(&mut self, ask: &Ask<'_>, entropy: &Entropy) -> AskApproval {
        let grant = self.grant(&format!("of {}", ask.binding), entropy);
        let bound = BoundCall { grant, policy: (self.policy, 1), tool: ask.binding, arguments: None };
        let binding = ApprovalBinding::of(&bound).unwrap_or(ApprovalBinding::from_bytes([0; 32]));
        self.keys.insert(requests::request_key(self.account, binding));
        self.keys.insert(requests::open_key(self.account, grant));
        let id = domain::ApprovalId::new(&Clock::System, entropy);
        AskApproval { binding, grant, id, stands_seconds: ask.stands_seconds }
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
