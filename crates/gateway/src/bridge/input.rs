//! Questions of servers in the middle of a request, in the client's way.

use bytes::Bytes;
use mcp::{Era, Id, InputRequest, InputRequired, Message, Method, Outcome, Retry};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::{
    parked::{PARKED_FOR, Resume},
    respond::Said,
    ways::{Question, To, Way},
    work::{self, Flow, Inputs, KEPT_BYTES, KEPT_MESSAGES, ROUND, Work, refuse},
};
use crate::{
    admit,
    decide::{self, Decision, ToolCall},
    failure::{Failure, UpstreamFailure},
    methods,
    resolve::Place,
    rounds::Round,
    space::Held,
    standing::{self, Change},
};

/// Most questions of one round.
const MOST_QUESTIONS: usize = 32;

impl Work {
    /// A server of the `initialize` era asks. What the settings keep back, or the client cannot give, is refused for it.
    pub(super) async fn question(
        &mut self,
        id: Id<'static>,
        kind: Method,
        method: &str,
        message: &Bytes,
    ) -> Result<Flow, Failure> {
        if kind == Method::Ping {
            self.exchange.reply(mcp::result_response(&id, "{}")).await;
            return Ok(Flow::GoesOn);
        }
        let asked = InputRequest::of_request(message, "input");
        let passes = methods::passes_from_server(kind, &self.passage.place.server.settings);
        let wanted = asked.filter(|asked| passes && mcp::is_supported(asked, &self.passage.voice.capabilities));
        let Some(asked) = wanted.filter(|_| self.exchange.peer.era == Era::Initialize) else {
            refuse(&self.exchange, &id, method).await;
            return Ok(Flow::GoesOn);
        };
        match self.passage.voice.era {
            Era::Initialize => {
                let named = self.passage.names.notification(kind, message.clone())?;
                self.hand_on(&id, &named).await
            }
            Era::Stateless => self.park(id, &asked, method).await,
        }
    }

    /// Asks the client under an id that leads its answer to the server.
    async fn hand_on(&mut self, id: &Id<'_>, message: &Bytes) -> Result<Flow, Failure> {
        let (shared, place) = (&self.passage.shared, &self.passage.place);
        let to = To::Server { ours: self.passage.ours.to_string(), server: place.server.id, id: id.raw().to_owned() };
        let way = Way { gateway: shared.id, to };
        let Some(message) = mcp::with_id(message, &way.id(shared, place.owner().of_account())) else {
            return Err(UpstreamFailure::Invalid("its question is not readable".to_owned()).into());
        };
        self.out.say(Said::Event(message.into())).await;
        Ok(Flow::GoesOn)
    }

    /// Sends the client away with a round, and waits for it to come back.
    async fn park(&mut self, id: Id<'static>, asked: &InputRequest, method: &str) -> Result<Flow, Failure> {
        let (shared, owner) = (self.passage.shared.clone(), self.passage.place.owner());
        let room = if self.may_have_rounds() { shared.bridges.parked.take(&shared, owner) } else { None };
        let Some((mut place, mut back)) = room else {
            refuse(&self.exchange, &id, method).await;
            return Ok(Flow::GoesOn);
        };
        loop {
            let request = self.passage.bytes.clone();
            let Ok(Message::Request(read)) = mcp::read(&request) else { return Err(Failure::Round) };
            let state = place.state(&shared, &self.passage.place, &read).ok_or(Failure::Round)?;
            self.settle_round(&Value::String(state.clone())).await;
            let answer = mcp::input_required(&self.passage.id, std::slice::from_ref(asked), &state);
            self.out.say(Said::Last(answer.into())).await;
            self.kept = Default::default();
            let Some(resume) = self.until_back(&mut back).await? else { return Ok(Flow::Ends) };
            self.take_up(resume);
            let request = self.passage.bytes.clone();
            let Ok(Message::Request(read)) = mcp::read(&request) else { return Err(Failure::Round) };
            match read.input(&asked.key) {
                Some(raw) if raw.starts_with('{') => {
                    self.exchange.tell(mcp::result_response(&id, raw));
                    return Ok(Flow::GoesOn);
                }
                // What is missing is asked for again (2026-07-28 basic/patterns/mrtr "Error Handling").
                None => {}
                Some(_) => return Err(Failure::Round),
            }
            (place, back) = shared.bridges.parked.take(&shared, owner).ok_or(Failure::Round)?;
        }
    }

    /// Whether requests of this kind may have rounds (2026-07-28 basic/patterns/mrtr).
    pub(super) fn may_have_rounds(&self) -> bool {
        matches!(self.passage.kind, Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead)
    }

    /// Waits for the client; nothing if it does not come back in time, or the gateway closes.
    async fn until_back(
        &mut self,
        back: &mut tokio::sync::oneshot::Receiver<Resume>,
    ) -> Result<Option<Resume>, Failure> {
        let late = Instant::now() + PARKED_FOR;
        self.exchange.goes_on();
        let mut ended = false;
        loop {
            tokio::select! {
                biased;
                resume = &mut *back => return Ok(resume.ok()),
                () = sleep_until(late) => return Ok(None),
                () = self.passage.shared.closing.cancelled() => return Ok(None),
                message = self.exchange.next(), if !ended && self.keeps_more() => match message {
                    Ok(Some(message)) => self.later.push_back(message),
                    Ok(None) | Err(_) => ended = true,
                },
            }
        }
    }

    /// Whether more that the server says is kept for later; else it waits.
    fn keeps_more(&self) -> bool {
        self.later.len() < KEPT_MESSAGES
            && self.later.iter().map(|message| message.bytes.len()).sum::<usize>() < KEPT_BYTES
    }

    /// The client is back, with another request under another id.
    fn take_up(&mut self, resume: Resume) {
        let Resume { out, id, bytes, settler, kept } = resume;
        self.out = out;
        self.kept = kept;
        self.passage.id = id;
        self.passage.bytes = bytes;
        self.passage.settler = settler;
        if let Some(settler) = &mut self.passage.settler {
            settler.asks();
        }
        self.exchange.goes_on();
    }

    /// The call so far is settled, and its next round is open.
    async fn settle_round(&mut self, state: &Value) {
        let approved = self.passage.settler.as_ref().and_then(|settler| settler.approved());
        if self.passage.kind == Method::ToolsCall {
            let owner = self.passage.place.owner();
            self.passage.shared.rounds.open(owner, &self.passage.bytes, approved, state);
        }
        if let Some(settler) = &mut self.passage.settler {
            settler.settle(ROUND).await;
        }
    }

    /// A server of the stateless era asks for input with its answer: a client of that era is told so, one of the other is
    /// asked here, and the request is sent again with what it says.
    pub(super) async fn round(&mut self, message: Held) -> Result<Flow, Failure> {
        let required = InputRequired::read(&message.bytes)
            .ok_or_else(|| UpstreamFailure::Invalid("it asks for input that no client can give".to_owned()))?;
        let state = required.state.as_deref().map_or(Ok(Value::Null), serde_json::from_str).unwrap_or_default();
        if self.passage.voice.era == Era::Stateless {
            self.settle_round(&state).await;
            let answer = mcp::with_id(&message.bytes, &self.passage.id)
                .ok_or_else(|| UpstreamFailure::Invalid("its answer is not readable".to_owned()))?;
            let answer = self.passage.names.answer(self.passage.kind, answer)?;
            return Ok(self.end_with(message.edited(answer)).await);
        }
        drop(message);
        let Some(values) = self.ask_all(&required.requests).await? else { return Ok(Flow::Ends) };
        self.settle_round(&state).await;
        if let Some(denied) = self.judge_again(&state).await? {
            return Ok(self.end_with(denied.into()).await);
        }
        let inputs = Inputs { values, state: required.state };
        tokio::select! {
            biased;
            () = work::given_up(&self.out, self.run.as_ref()) => return Ok(Flow::Ends),
            begun = work::begin(&mut self.passage, Some(&inputs)) => self.exchange = begun?,
        }
        Ok(Flow::GoesOn)
    }

    /// Asks a client of the `initialize` era for everything, and waits for all of it. Nothing if it gave up meanwhile.
    async fn ask_all(&mut self, requests: &[InputRequest]) -> Result<Option<Vec<(String, String)>>, Failure> {
        let (shared, owner) = (self.passage.shared.clone(), self.passage.place.owner().of_account());
        if requests.len() > MOST_QUESTIONS {
            return Err(
                UpstreamFailure::Invalid(format!("it asks more than {MOST_QUESTIONS} questions at once")).into()
            );
        }
        let settings = &self.passage.place.server.settings;
        let cannot = requests.iter().find(|asked| {
            !methods::passes_from_server(asked.kind, settings)
                || !mcp::is_supported(asked, &self.passage.voice.capabilities)
        });
        if let Some(asked) = cannot {
            return Err(UpstreamFailure::Unsupported(asked.kind.name().unwrap_or("something unknown")).into());
        }
        let mut questions: Vec<(&InputRequest, Question)> = Vec::with_capacity(requests.len());
        for asked in requests {
            let (question, id) = shared.bridges.waiting.ask(&shared, owner);
            let message = asked.to_request(&id).ok_or_else(work::unreadable)?;
            questions.push((asked, question));
            self.out.say(Said::Event(message.into())).await;
        }
        let late = Instant::now() + PARKED_FOR;
        let mut values = Vec::with_capacity(questions.len());
        for (asked, question) in &mut questions {
            let answer = tokio::select! {
                biased;
                () = work::given_up(&self.out, self.run.as_ref()) => return Ok(None),
                () = sleep_until(late) => return Err(UpstreamFailure::NoInput.into()),
                () = shared.closing.cancelled() => return Err(UpstreamFailure::NoInput.into()),
                answer = &mut question.answer => answer.map_err(|_| UpstreamFailure::NoInput)?,
            };
            values.push((asked.key.clone(), value_of(asked, &answer)?));
        }
        Ok(Some(values))
    }

    /// Whether the call may still go on, under the policy of now: it is not charged again, but a denial stands.
    async fn judge_again(&mut self, state: &Value) -> Result<Option<Bytes>, Failure> {
        let shared = self.passage.shared.clone();
        match standing::renew(&shared, &mut self.passage.place).await {
            Change::Gone => return Err(Failure::NoServer),
            // What one server asked for is not told to another.
            Change::Moved => return Err(UpstreamFailure::Broken("it has moved meanwhile".to_owned()).into()),
            Change::None | Change::Tools => {}
        }
        if self.passage.kind != Method::ToolsCall {
            return Ok(None);
        }
        let bytes = self.passage.bytes.clone();
        let Ok(Message::Request(request)) = mcp::read(&bytes) else { return Err(Failure::Round) };
        let place: Place = self.passage.place.clone();
        let tool = request.params.as_ref().and_then(|params| params.name.as_deref()).unwrap_or_default();
        let arguments = request.params.as_ref().and_then(|params| params.arguments);
        let call = ToolCall {
            tool,
            arguments,
            client: self.passage.voice.client.as_ref(),
            session: self.passage.session.as_ref(),
            retry: Retry::Yes,
            repeats: Round::new(place.owner(), tool, arguments, state),
            arrived: Instant::now(),
        };
        match decide::decide(&shared, &place, call).await? {
            Decision::Admitted(settler) => {
                self.passage.settler = Some(settler);
                Ok(None)
            }
            Decision::Denied(told) => Ok(Some(admit::denial(Era::Initialize, &request, &told))),
        }
    }
}

/// What the client said, as the server is to have it.
fn value_of(asked: &InputRequest, answer: &Bytes) -> Result<String, UpstreamFailure> {
    match mcp::read(answer) {
        Ok(Message::Response(response)) => match response.outcome {
            Outcome::Result(raw) => Ok(raw.to_owned()),
            // A refusal has a form of its own for an elicitation only (2026-07-28 client/elicitation).
            Outcome::Error(_) if asked.kind == Method::ElicitationCreate => Ok(r#"{"action":"cancel"}"#.to_owned()),
            Outcome::Error(_) => Err(UpstreamFailure::NoInput),
        },
        _ => Err(UpstreamFailure::NoInput),
    }
}
