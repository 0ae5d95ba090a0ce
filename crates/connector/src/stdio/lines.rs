//! Lines of a limited length.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// The next line without its line feed; `None` at the end. What stands behind the last line feed is no line: whoever
/// wrote it was cut off in the middle.
///
/// # Errors
/// `FileTooLarge` for a line over `limit` bytes, else what reading gave.
pub(crate) async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), limit: usize) -> io::Result<Option<Bytes>> {
    let mut line = BytesMut::new();
    loop {
        let part = reader.fill_buf().await?;
        if part.is_empty() {
            return Ok(None);
        }
        let end = part.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(part.len());
        if line.len() + taken > limit {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        line.extend_from_slice(&part[..taken]);
        reader.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(Some(line.freeze()));
        }
    }
}

/// The next line, or the next `limit` bytes of it when it is longer; also what stands behind the last line feed.
///
/// # Errors
/// What reading gave.
pub(crate) async fn read_piece(reader: &mut (impl AsyncBufRead + Unpin), limit: usize) -> io::Result<Option<Bytes>> {
    let mut line = BytesMut::new();
    loop {
        let part = reader.fill_buf().await?;
        if part.is_empty() {
            return Ok((!line.is_empty()).then(|| line.freeze()));
        }
        let room = part.len().min(limit - line.len());
        let end = part[..room].iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(room);
        line.extend_from_slice(&part[..taken]);
        reader.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() || line.len() == limit {
            return Ok(Some(line.freeze()));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    async fn lines(text: &str, limit: usize, buffer: usize) -> (Vec<Bytes>, Option<io::ErrorKind>) {
        let mut reader = BufReader::with_capacity(buffer, text.as_bytes());
        let mut found = Vec::new();
        loop {
            match read_line(&mut reader, limit).await {
                Ok(Some(line)) => found.push(line),
                Ok(None) => return (found, None),
                Err(error) => return (found, Some(error.kind())),
            }
        }
    }

    #[tokio::test]
    async fn lines_are_the_same_however_the_bytes_arrive() {
        for buffer in 1..9 {
            let (found, error) = lines("one\n\ntwo\nthr", 3, buffer).await;
            assert_eq!(found, ["one", "", "two"], "buffer of {buffer}");
            assert_eq!(error, None);
        }
    }

    #[tokio::test]
    async fn a_line_over_the_limit_is_an_error() {
        for buffer in 1..9 {
            let (found, error) = lines("ab\nabcd\n", 3, buffer).await;
            assert_eq!((found.len(), error), (1, Some(io::ErrorKind::FileTooLarge)), "buffer of {buffer}");
        }
    }

    #[tokio::test]
    async fn pieces_cut_what_is_long() {
        let mut reader = BufReader::with_capacity(2, &b"abcde\nf"[..]);
        let mut found = Vec::new();
        while let Some(piece) = read_piece(&mut reader, 3).await.unwrap() {
            found.push(piece);
        }
        assert_eq!(found, ["abc", "de", "f"]);
    }
}
