//! Lines of a limited length.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// What was read of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// All of it, without its line feed.
    Line(Bytes),
    /// So much that the rest is left to whoever wants it.
    Start(Bytes),
}

/// The next line, or its start if it is longer than `limit` bytes; `None` at the end. What stands behind the last line feed
/// is no line: whoever wrote it was cut off in the middle.
///
/// # Errors
/// What reading gave.
pub(crate) async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), limit: usize) -> io::Result<Option<Read>> {
    let mut line = BytesMut::new();
    while let Some((part, ends)) = next_part(reader, limit + 1 - line.len()).await? {
        line.extend_from_slice(&part);
        if ends {
            return Ok(Some(Read::Line(line.freeze())));
        }
        if line.len() > limit {
            return Ok(Some(Read::Start(line.freeze())));
        }
    }
    Ok(None)
}

/// The whole of a line whose start is here; `None` when it has no end.
///
/// # Errors
/// `FileTooLarge` for a line over `limit` bytes, else what reading gave.
pub(crate) async fn read_rest(
    reader: &mut (impl AsyncBufRead + Unpin),
    start: Bytes,
    limit: usize,
) -> io::Result<Option<Bytes>> {
    let mut line = BytesMut::from(start);
    while line.len() <= limit {
        let Some((part, ends)) = next_part(reader, limit + 1 - line.len()).await? else { return Ok(None) };
        line.extend_from_slice(&part);
        if ends {
            return Ok(Some(line.freeze()));
        }
    }
    Err(io::Error::from(io::ErrorKind::FileTooLarge))
}

/// The next bytes of a line, without its line feed, and whether it ends with them; `None` at the end.
///
/// # Errors
/// What reading gave.
pub(crate) async fn next_part(
    reader: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> io::Result<Option<(Bytes, bool)>> {
    let part = reader.fill_buf().await?;
    if part.is_empty() {
        return Ok(None);
    }
    let part = &part[..part.len().min(limit)];
    let end = part.iter().position(|byte| *byte == b'\n');
    let bytes = Bytes::copy_from_slice(&part[..end.unwrap_or(part.len())]);
    reader.consume(end.map_or(bytes.len(), |end| end + 1));
    Ok(Some((bytes, end.is_some())))
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
                Ok(Some(Read::Line(line))) => found.push(line),
                Ok(Some(Read::Start(start))) => match read_rest(&mut reader, start, 2 * limit).await {
                    Ok(line) => found.extend(line),
                    Err(error) => return (found, Some(error.kind())),
                },
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
            let (found, error) = lines("ab\nabcdef\nabcdefg\n", 3, buffer).await;
            assert_eq!(found, ["ab", "abcdef"], "buffer of {buffer}");
            assert_eq!(error, Some(io::ErrorKind::FileTooLarge));
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
