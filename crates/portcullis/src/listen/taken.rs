//! Answers on their way to who reads them: one that nobody comes back for is let go, and so is one that is taken too slowly
//! while all of it is held.
//!
//! Over HTTP/2 many answers share a connection. A client that stops reading one of them does not stop the connection, so
//! [`Patient`](super::patient::Patient) sees nothing of it, and the connection asks the answer for nothing while there is no
//! room for more. So it is noted when an answer gave something away and nobody has come back since; one for which that is
//! too long ago is dropped, and with it whatever it holds: an upstream, memory, a place. The other answers go on.
//!
//! What an answer gives in one large piece it holds until the last of it is taken. For that there is a time as well, over
//! HTTP/1 too: whoever takes a byte now and then does not keep the rest for ever.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hyper::{
    Version,
    body::{Body as _, Frame, SizeHint},
};
use tokio::time::{Instant, sleep};

/// An answer is given away in pieces of at most this size, so that who takes a large one slowly is seen to take it.
const PIECE: usize = 16 << 10;

/// The answers that are being read.
#[derive(Debug)]
pub(super) struct Readers {
    open: Mutex<Open>,
    patience: Patience,
}

/// How long readers may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// To come back for more.
    pub away: Duration,
    /// For a large piece that was given at once.
    pub whole: Duration,
}

#[derive(Debug, Default)]
struct Open {
    answers: HashMap<u64, Weak<Mutex<Answer>>>,
    next: u64,
}

/// An answer's body, for as long as somebody takes it.
#[derive(Debug)]
pub(super) struct Taken {
    answer: Arc<Mutex<Answer>>,
    number: u64,
    readers: Arc<Readers>,
}

#[derive(Debug)]
struct Answer {
    /// None: it was let go, or has failed.
    body: Option<Body>,
    /// What is left of a piece that was too large.
    rest: Bytes,
    /// When that came.
    came: Instant,
    /// When something was given away that nobody came back from; none while the reader waits for the answer.
    given: Option<Instant>,
}

impl Readers {
    /// As long as this is used, readers that take longer are let go.
    pub(super) fn new(patience: Patience) -> Arc<Self> {
        let readers = Arc::new(Self { open: Mutex::default(), patience });
        tokio::spawn(look_after(Arc::downgrade(&readers), patience.away.min(patience.whole) / 4));
        readers
    }

    /// A body that is let go when nobody takes it. A small one on a connection of its own needs nobody to look after it.
    pub(super) fn body(self: &Arc<Self>, version: Version, body: Body) -> Body {
        let small = body.size_hint().upper().is_some_and(|size| size <= PIECE as u64);
        if small && version != Version::HTTP_2 {
            return body;
        }
        let now = Instant::now();
        let answer = Answer { body: Some(body), rest: Bytes::new(), came: now, given: Some(now) };
        let answer = Arc::new(Mutex::new(answer));
        let mut open = locked(&self.open);
        let number = open.next;
        open.next += 1;
        open.answers.insert(number, Arc::downgrade(&answer));
        drop(open);
        Body::new(Taken { answer, number, readers: self.clone() })
    }

    /// Lets go of what nobody has come back for by then.
    fn let_go(&self, now: Instant) {
        let answers: Vec<_> = locked(&self.open).answers.values().filter_map(Weak::upgrade).collect();
        for answer in answers {
            let mut answer = locked(&answer);
            if answer.is_late(now, self.patience)
                && let Some(body) = answer.body.take()
            {
                answer.rest = Bytes::new();
                // Being dropped may take other locks.
                drop(answer);
                drop(body);
                tracing::debug!("an answer that nobody takes, or too slowly, was let go");
            }
        }
    }
}

async fn look_after(readers: Weak<Readers>, every: Duration) {
    loop {
        sleep(every).await;
        let Some(readers) = readers.upgrade() else { return };
        readers.let_go(Instant::now());
    }
}

impl Answer {
    fn is_late(&self, now: Instant, patience: Patience) -> bool {
        let away = self.given.is_some_and(|given| now.duration_since(given) >= patience.away);
        away || (!self.rest.is_empty() && now.duration_since(self.came) >= patience.whole)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.given = None;
        if self.rest.is_empty() {
            let Some(body) = &mut self.body else { return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into()))) };
            let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else { return Poll::Pending };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => {
                    self.rest = data;
                    self.came = Instant::now();
                }
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => return Poll::Ready(None),
            }
        }
        self.given = Some(Instant::now());
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl hyper::body::Body for Taken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        locked(&self.answer).poll(cx)
    }

    fn is_end_stream(&self) -> bool {
        let answer = locked(&self.answer);
        answer.rest.is_empty() && answer.body.as_ref().is_some_and(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let answer = locked(&self.answer);
        let (rest, left) = (answer.rest.len() as u64, answer.body.as_ref().map(|body| body.size_hint()));
        let left = left.unwrap_or_default();
        let mut hint = SizeHint::new();
        hint.set_lower(left.lower() + rest);
        if let Some(upper) = left.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        locked(&self.readers.open).answers.remove(&self.number);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;
    use tokio::sync::mpsc;

    use super::*;

    const AWAY: Duration = Duration::from_secs(3_600);
    const PATIENCE: Patience = Patience { away: AWAY, whole: Duration::from_secs(36_000) };

    /// An answer, who says what is in it, and whoever waits for its end.
    fn answer(readers: &Arc<Readers>) -> (Body, mpsc::Sender<Bytes>) {
        let (say, said) = mpsc::channel::<Bytes>(8);
        let stream = futures_util::stream::unfold(said, |mut said| async move {
            let bytes = said.recv().await?;
            Some((Ok::<_, Infallible>(bytes), said))
        });
        (readers.body(Version::HTTP_2, Body::from_stream(stream)), say)
    }

    async fn piece(body: &mut Body) -> Option<Result<usize, axum::Error>> {
        body.frame().await.map(|frame| frame.map(|frame| frame.into_data().map_or(0, |data| data.len())))
    }

    #[tokio::test]
    async fn what_nobody_comes_back_for_is_let_go_with_all_that_it_holds() {
        let readers = Readers::new(PATIENCE);
        let (mut body, say) = answer(&readers);
        say.send(Bytes::from(vec![0; 3 * PIECE + 1])).await.unwrap();
        assert_eq!(piece(&mut body).await.unwrap().unwrap(), PIECE);
        readers.let_go(Instant::now() + AWAY / 2);
        assert!(!say.is_closed(), "it may take its time");
        readers.let_go(Instant::now() + AWAY);
        assert!(say.is_closed());
        assert!(piece(&mut body).await.unwrap().is_err(), "and the stream is broken, not ended");
    }

    #[tokio::test]
    async fn an_answer_that_is_never_asked_for_is_let_go() {
        let readers = Readers::new(PATIENCE);
        let (_body, say) = answer(&readers);
        readers.let_go(Instant::now() + AWAY);
        assert!(say.is_closed());
    }

    #[tokio::test]
    async fn who_takes_slowly_and_who_waits_for_more_is_left_alone() {
        let readers = Readers::new(PATIENCE);
        let (mut body, say) = answer(&readers);
        say.send(Bytes::from(vec![0; 5 * PIECE])).await.unwrap();
        for _ in 0..5 {
            assert_eq!(piece(&mut body).await.unwrap().unwrap(), PIECE);
            readers.let_go(Instant::now() + AWAY / 2);
        }
        let waits = piece(&mut body).now_or_never();
        assert!(waits.is_none(), "there is nothing yet");
        readers.let_go(Instant::now() + 100 * AWAY);
        say.send(Bytes::from_static(b"late")).await.unwrap();
        assert_eq!(piece(&mut body).await.unwrap().unwrap(), 4);
    }

    #[tokio::test]
    async fn a_large_piece_is_not_held_for_ever_for_who_takes_a_little_now_and_then() {
        let readers = Readers::new(Patience { away: AWAY, whole: AWAY / 2 });
        let (mut body, say) = answer(&readers);
        say.send(Bytes::from(vec![0; 5 * PIECE])).await.unwrap();
        assert_eq!(piece(&mut body).await.unwrap().unwrap(), PIECE);
        readers.let_go(Instant::now() + AWAY / 4);
        assert_eq!(piece(&mut body).await.unwrap().unwrap(), PIECE, "it may take its time");
        readers.let_go(Instant::now() + AWAY / 2);
        assert!(say.is_closed());
        assert!(piece(&mut body).await.unwrap().is_err(), "the stream is broken, not ended");
    }

    #[tokio::test]
    async fn all_of_an_answer_is_given_and_it_is_forgotten() {
        let readers = Readers::new(PATIENCE);
        let body = readers.body(Version::HTTP_11, Body::from(vec![7; 2 * PIECE + 5]));
        assert_eq!(body.size_hint().exact(), Some(2 * PIECE as u64 + 5));
        assert_eq!(locked(&readers.open).answers.len(), 1);
        let whole = body.collect().await.unwrap().to_bytes();
        assert_eq!(whole, vec![7; 2 * PIECE + 5]);
        assert!(readers.body(Version::HTTP_2, Body::empty()).is_end_stream());
        assert_eq!(locked(&readers.open).answers.len(), 0);
    }
}
