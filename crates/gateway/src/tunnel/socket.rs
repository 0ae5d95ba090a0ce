//! A WebSocket as one byte stream: binary messages in their order, their borders mean nothing.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::{Buf as _, Bytes};
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Most bytes of one message that is sent.
const CHUNK: usize = 64 << 10;

/// The stream. When `refused` is cancelled it says so to the connector (close code `CLOSE_REFUSED`) and ends.
pub(crate) struct SocketStream {
    socket: WebSocket,
    unread: Bytes,
    refused: Pin<Box<WaitForCancellationFutureOwned>>,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    Telling,
    Told,
}

impl SocketStream {
    pub(crate) fn new(socket: WebSocket, refused: CancellationToken) -> Self {
        Self { socket, unread: Bytes::new(), refused: Box::pin(refused.cancelled_owned()), end: End::NotYet }
    }

    /// Sends the close frame; ready once it is out, or cannot be.
    fn poll_tell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.end == End::NotYet {
            if ready!(Pin::new(&mut self.socket).poll_ready(cx)).is_ok() {
                let frame = CloseFrame { code: domain::tunnel::CLOSE_REFUSED, reason: "the token is revoked".into() };
                let _gone = Pin::new(&mut self.socket).start_send(Message::Close(Some(frame)));
            }
            self.end = End::Telling;
        }
        if self.end == End::Telling {
            let _gone = ready!(Pin::new(&mut self.socket).poll_flush(cx));
            self.end = End::Told;
        }
        Poll::Ready(())
    }

    /// The next bytes; none at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "text in a tunnel")));
                }
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for SocketStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.end != End::NotYet || self.refused.as_mut().poll(cx).is_ready() {
            ready!(self.poll_tell(cx));
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_fill(cx))?;
        let some = self.unread.len().min(into.remaining());
        into.put_slice(&self.unread[..some]);
        self.unread.advance(some);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SocketStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.end != End::NotYet {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(io::Error::other)?;
        let some = bytes.len().min(CHUNK);
        let message = Message::Binary(Bytes::copy_from_slice(&bytes[..some]));
        Pin::new(&mut self.socket).start_send(message).map_err(io::Error::other)?;
        Poll::Ready(Ok(some))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(io::Error::other)
    }
}
