//! HTTP+SSE (2024-11-05 basic/transports "HTTP with SSE"): messages are posted to one URL, and all answers come on one
//! stream, from which they are handed to whoever waits for them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use domain::Transport;
use http::{HeaderMap, Method, Uri};
use mcp::{Frame, Id, SseEvent};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::source::Source;
use crate::{
    account::Server,
    failure::UpstreamFailure,
    link::{self, Link, upstream_headers},
    relay::{Media, Plain},
    shared::Shared,
    space::Held,
    words,
};

/// Messages that may wait for one reader before it is given up.
const WAITING: usize = 64;

/// One connection to such a server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct EventsWire {
    endpoint: Uri,
    switch: Arc<Switch>,
    _open: DropGuard,
}

/// Who waits for what.
#[derive(Debug, Default)]
struct Switch {
    /// By the id of the request, which is its progress token too.
    requests: Mutex<BTreeMap<u64, mpsc::Sender<Held>>>,
    listener: Mutex<Option<mpsc::Sender<Held>>>,
    over: CancellationToken,
}

impl EventsWire {
    /// Opens the stream and waits for the URL to post to.
    pub(crate) async fn open(shared: &Arc<Shared>, server: &Server, link: &Link) -> Result<Arc<Self>, UpstreamFailure> {
        let times = shared.config.times;
        let Transport::Http { url } = &server.transport else { return Err(no_endpoint()) };
        let headers = upstream_headers(server, &HeaderMap::new(), &Method::GET, None)?;
        let response = link.send(Method::GET, headers, Bytes::new(), times.upstream_silence).await?;
        if let Some(refused) = link::refused(shared, server, &response).await {
            return Err(refused);
        }
        let (head, body) = response.into_parts();
        if !head.status.is_success() || Media::of(&head.headers) != Media::Events {
            return Err(UpstreamFailure::Status { status: head.status.as_u16(), words: words::of_body(body).await });
        }
        let messages = Source::events(shared, Plain::new(shared, server, &head.headers, body)?);
        let mut reader = Reader { shared: shared.clone(), messages, switch: Arc::default() };
        let named = timeout(times.aggregate_part, reader.endpoint()).await.map_err(|_| UpstreamFailure::Late)??;
        let endpoint = upstream::events_endpoint(url, &named).ok_or_else(no_endpoint)?;
        let open = CancellationToken::new();
        let wire = Self { endpoint, switch: reader.switch.clone(), _open: open.clone().drop_guard() };
        let closing = shared.closing.clone();
        shared.tracker.spawn(async move {
            tokio::select! {
                () = open.cancelled() => {}
                () = closing.cancelled() => {}
                () = reader.run() => {}
            }
            reader.switch.close();
        });
        Ok(Arc::new(wire))
    }

    /// Whether the stream is still there.
    pub(crate) fn is_open(&self) -> bool {
        !self.switch.over.is_cancelled()
    }

    /// Posts what has no answer.
    pub(crate) async fn post(
        &self,
        shared: &Shared,
        server: &Server,
        link: &Link,
        message: Bytes,
    ) -> Result<(), UpstreamFailure> {
        let Link::Http(to) = link else { return Err(no_endpoint()) };
        let link = Link::Http(Box::new((to.0.clone(), self.endpoint.clone())));
        let headers = upstream_headers(server, &HeaderMap::new(), &Method::POST, None)?;
        let response = link.send(Method::POST, headers, message, shared.config.times.upstream_silence).await?;
        if let Some(refused) = link::refused(shared, server, &response).await {
            return Err(refused);
        }
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        Err(UpstreamFailure::Status { status: status.as_u16(), words: words::of_body(response.into_body()).await })
    }

    /// What comes for a request, from now on.
    pub(crate) fn line(&self, id: &Id<'_>) -> mpsc::Receiver<Held> {
        let (sender, line) = mpsc::channel(WAITING);
        if let Ok(number) = id.raw().parse()
            && self.is_open()
        {
            let mut requests = self.switch.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.retain(|_, sender| !sender.is_closed());
            requests.insert(number, sender);
        }
        line
    }

    /// What comes for nobody in particular, from now on.
    pub(crate) fn listen(&self) -> mpsc::Receiver<Held> {
        let (sender, line) = mpsc::channel(WAITING);
        if self.is_open() {
            *self.switch.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        }
        line
    }

    /// Posts a request and waits for its answer.
    pub(crate) async fn ask(
        &self,
        shared: &Shared,
        (server, link): (&Server, &Link),
        id: &Id<'_>,
        message: Bytes,
    ) -> Result<Bytes, UpstreamFailure> {
        let mut line = self.line(id);
        self.post(shared, server, link, message).await?;
        let answer = async {
            while let Some(message) = line.recv().await {
                if matches!(mcp::frame(&message.bytes), Ok(Frame::Response(facts)) if facts.answers(id)) {
                    return Ok(message.into_bytes());
                }
            }
            Err(UpstreamFailure::Broken("its stream ended".to_owned()))
        };
        timeout(shared.config.times.upstream_silence, answer).await.unwrap_or(Err(UpstreamFailure::Late))
    }
}

struct Reader {
    shared: Arc<Shared>,
    messages: Source,
    switch: Arc<Switch>,
}

impl Reader {
    /// The URL that the server names first.
    async fn endpoint(&mut self) -> Result<String, UpstreamFailure> {
        match self.messages.event().await? {
            Some(SseEvent { name: Some(name), data: Some(data), .. }) if name == "endpoint" => {
                Ok(String::from_utf8_lossy(&data).trim().to_owned())
            }
            _ => Err(no_endpoint()),
        }
    }

    /// Hands over what comes. A message that there is no room for ends the stream, since nobody knows whose it is.
    async fn run(&mut self) {
        while let Ok(Some(message)) = self.messages.next(&self.shared).await {
            self.switch.hand_over(message);
        }
    }
}

impl Switch {
    /// Gives a message to whom it is for: an answer or progress to its request, a question or a log line to the request
    /// that came last, as no more is known, anything else to the listener.
    fn hand_over(&self, message: Held) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = || requests.keys().next_back().copied();
        let number = |id: Option<Id<'_>>| id.and_then(|id| id.raw().parse().ok());
        let to = match mcp::frame(&message.bytes) {
            Ok(Frame::Response(facts)) => number(facts.id),
            Ok(Frame::Request { .. }) => newest(),
            Ok(Frame::Notification { kind: mcp::Method::Progress, .. }) => number(mcp::progress_of(&message.bytes)),
            Ok(Frame::Notification { kind: mcp::Method::LogMessage, .. }) => newest(),
            Ok(Frame::Notification { .. }) | Err(_) => None,
        };
        match to {
            Some(number) => {
                let lost = requests.get(&number).is_some_and(|sender| sender.try_send(message).is_err());
                if lost {
                    requests.remove(&number);
                }
            }
            None => {
                let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(listener) = &*listener {
                    let _full_or_gone = listener.try_send(message);
                }
            }
        }
    }

    fn close(&self) {
        self.over.cancel();
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn no_endpoint() -> UpstreamFailure {
    UpstreamFailure::Invalid("its stream does not begin with an endpoint at its own origin".to_owned())
}
