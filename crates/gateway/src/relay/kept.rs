//! A body that keeps something alive until it has been sent or dropped.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

/// Bytes with something that lives as long as they are being sent.
pub(crate) struct Keeping<K> {
    bytes: Full<Bytes>,
    _kept: K,
}

impl<K> Keeping<K> {
    pub(crate) fn new(bytes: Bytes, kept: K) -> Self {
        Self { bytes: Full::new(bytes), _kept: kept }
    }
}

impl<K: Unpin> Body for Keeping<K> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.bytes).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.size_hint()
    }
}
