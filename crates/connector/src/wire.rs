//! A WebSocket as a stream of bytes. Binary messages are its pieces; where one ends means nothing.

use std::{
    future::ready,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

/// How the other side closed the WebSocket, once it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseNote(Arc<OnceLock<Closed>>);

/// The other side's words at closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl CloseNote {
    pub(crate) fn get(&self) -> Option<&Closed> {
        self.0.get()
    }
}

/// The byte stream of `socket`; its closing is noted in `note`. If the first byte does not come within `silence`, that is an
/// error: pings find out about a silent peer only once it has spoken.
pub(crate) fn byte_stream<S>(
    socket: WebSocketStream<S>,
    note: CloseNote,
    silence: Duration,
) -> impl AsyncRead + AsyncWrite + Unpin + Send + 'static
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sink, pieces) = socket.split();
    let pieces = pieces.filter_map(move |message| ready(piece(message, &note)));
    let pieces = stream::unfold((Box::pin(pieces), Some(silence)), |(mut pieces, silence)| async move {
        let piece = match silence {
            Some(silence) => timeout(silence, pieces.next()).await.unwrap_or_else(|_| Some(Err(silent()))),
            None => pieces.next().await,
        };
        Some((piece?, (pieces, None)))
    });
    let messages = sink.sink_map_err(io::Error::other).with(|piece: Bytes| ready(as_message(piece)));
    tokio::io::join(StreamReader::new(Box::pin(pieces)), SinkWriter::new(CopyToBytes::new(messages)))
}

fn piece(message: Result<Message, Error>, note: &CloseNote) -> Option<io::Result<Bytes>> {
    match message {
        Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
        Ok(Message::Text(_)) => Some(Err(io::Error::new(io::ErrorKind::InvalidData, "a text message in the tunnel"))),
        Ok(Message::Close(frame)) => {
            if let Some(frame) = frame {
                note.0.get_or_init(|| Closed { code: frame.code.into(), reason: frame.reason.to_string() });
            }
            None
        }
        // Pings are answered by the WebSocket library.
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => None,
        Err(Error::ConnectionClosed | Error::AlreadyClosed) => None,
        Err(Error::Io(error)) => Some(Err(error)),
        Err(error) => Some(Err(io::Error::other(error))),
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the gateway accepted the connection and then said nothing")
}

fn as_message(piece: Bytes) -> io::Result<Message> {
    Ok(Message::Binary(piece))
}
