//! A bridged answer that is too large to be held: it passes while it is read and put into the client's era.

use bytes::{Bytes, BytesMut};
use mcp::{AnswerEditor, Era, Method};
use tokio::time::timeout_at;

use super::{
    respond::Said,
    work::{self, Flow, Work},
};
use crate::{
    failure::{Failure, UpstreamFailure},
    names::{self, Names},
    peer::Piece,
    relay::{Passing, settlement_of},
};

/// Most bytes of white space after a message.
const TAIL: usize = 4 << 10;

impl Work {
    /// The start of a large message is here. The result that is waited for passes; anything else is held.
    pub(super) async fn large(&mut self, start: Bytes) -> Result<Flow, Failure> {
        match self.begin(&start) {
            Some((passing, first)) => Ok(self.pass_on(passing, first, start.len()).await),
            None => {
                self.exchange.hold(&start)?;
                Ok(Flow::GoesOn)
            }
        }
    }

    fn begin(&self, start: &Bytes) -> Option<(Passing, Bytes)> {
        let lists = matches!(self.passage.kind, Method::Initialize | Method::Discover | Method::ToolsList);
        if lists {
            return None;
        }
        let (passing, first) = Passing::begin(start, Some(self.editor()))?;
        let another = passing.id().is_some_and(|id| !self.exchange.id.matches(&id));
        (!another && !passing.is_error() && !passing.is_over()).then_some((passing, first))
    }

    /// The edits that `Work::translated` makes of what is held.
    fn editor(&self) -> AnswerEditor {
        let passage = &self.passage;
        let editor = AnswerEditor::default().with_id(&passage.id);
        let editor = match (self.exchange.peer.era, passage.voice.era) {
            (Era::Initialize, Era::Stateless) => editor.completed(passage.kind),
            (Era::Stateless, Era::Initialize) => editor.plain(),
            _ => editor,
        };
        match &passage.names {
            Names::Own => editor,
            Names::Of(server) => names::passing(editor, server, passage.kind),
        }
    }

    /// Passes it on to its end. One that turns out to be no answer breaks off what the client reads.
    async fn pass_on(&mut self, passing: Passing, first: Bytes, size: usize) -> Flow {
        match self.pass_all(passing, first, size).await {
            Ok(Some(last)) => {
                self.out.say(Said::End(last)).await;
            }
            Ok(None) => {}
            Err(failure) => {
                let failure = work::failed(&mut self.passage, failure.into()).await;
                tracing::info!(reason = failure.reason(), error = %failure, "a large answer was cut off");
                self.out.say(Said::Cut).await;
            }
        }
        Flow::Ends
    }

    /// The last bytes, which wait until the whole is known and the call is settled; none if nobody waits for them.
    async fn pass_all(
        &mut self,
        mut passing: Passing,
        first: Bytes,
        mut size: usize,
    ) -> Result<Option<Bytes>, UpstreamFailure> {
        let limit = self.passage.shared.config.limits.streamed_bytes;
        self.received(size);
        self.part(first).await?;
        let mut last = BytesMut::new();
        loop {
            let piece = tokio::select! {
                biased;
                () = work::given_up(&self.out, self.run.as_ref()) => return Ok(None),
                piece = self.exchange.more() => piece?,
            };
            let broken = || UpstreamFailure::Broken("it ended too early".to_owned());
            let Piece { bytes, ends } = piece.ok_or_else(broken)?;
            size += bytes.len();
            self.received(bytes.len());
            if size > limit {
                return Err(UpstreamFailure::TooLarge { limit });
            }
            let edited = passing.read(&bytes)?;
            if !ends && !passing.is_over() {
                self.part(edited).await?;
                continue;
            }
            if last.len() > TAIL && edited.len() > TAIL {
                return Err(UpstreamFailure::Invalid("too much follows it".to_owned()));
            }
            last.extend_from_slice(&edited);
            if ends {
                break;
            }
        }
        let facts = passing.finish(Some(&self.exchange.id))?;
        self.exchange.finish();
        if let Some(settler) = &mut self.passage.settler {
            settler.settle(settlement_of(&facts)).await;
        }
        Ok(Some(last.freeze()))
    }

    /// Says some of it. A client that does not read has no longer than the whole answer may take.
    async fn part(&mut self, bytes: Bytes) -> Result<(), UpstreamFailure> {
        if bytes.is_empty() {
            return Ok(());
        }
        let said = self.out.say(Said::Part(bytes));
        timeout_at(self.exchange.until(), said).await.map(drop).map_err(|_| UpstreamFailure::Late)
    }

    pub(super) fn received(&mut self, bytes: usize) {
        if let Some(settler) = &mut self.passage.settler {
            settler.received(bytes);
        }
    }
}
