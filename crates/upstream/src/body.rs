//! The body of a request to an upstream: bytes in memory that remember whether they were asked for.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body in memory. Until it is polled, not a byte of it can have left: that is what makes a failure *undelivered*.
pub(crate) struct WatchedBody {
    bytes: Option<Bytes>,
    polled: Arc<AtomicBool>,
}

/// Whether the body was asked for.
#[derive(Clone)]
pub(crate) struct Watch(Arc<AtomicBool>);

impl WatchedBody {
    pub(crate) fn new(bytes: Bytes) -> (Self, Watch) {
        let polled = Arc::new(AtomicBool::new(false));
        let bytes = (!bytes.is_empty()).then_some(bytes);
        (Self { bytes, polled: Arc::clone(&polled) }, Watch(polled))
    }
}

impl Watch {
    pub(crate) fn was_polled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.polled.store(true, Ordering::Release);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |b| b.len() as u64))
    }
}
