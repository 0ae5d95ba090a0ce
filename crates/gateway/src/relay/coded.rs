//! Bodies that are compressed although nobody asked for it: decoded, so that they can be looked at, and passed on plain.
//! What is coded in a way that is not known here does not pass.

use std::io::Write as _;

use bytes::Bytes;
use domain::AccountId;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::task::coop::consume_budget;

use crate::{account::Server, failure::UpstreamFailure, pot::Pot, shared::Shared, space::Space};

/// Compressed bytes that are decoded at a time: they become at most about a thousand times as many.
const STEP_BYTES: usize = 1 << 10;
/// What is decoded is given on when it has so many bytes.
const PIECE_BYTES: usize = 64 << 10;

/// A server's body, plain. However well it is compressed, no more than about a MiB of it is decoded before it is taken.
pub(crate) struct Plain {
    body: Incoming,
    /// Whose server's it is, and where room is taken for what has to be held of it.
    account: AccountId,
    held: Pot<AccountId>,
    decoder: Option<Decoder>,
    /// What has come and is not decoded yet.
    coded: Bytes,
}

enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
}

impl Plain {
    pub(crate) fn new(
        shared: &Shared,
        server: &Server,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Self, UpstreamFailure> {
        let (account, held) = (server.account, shared.held.clone());
        Ok(Self { body, account, held, decoder: Decoder::of(headers)?, coded: Bytes::new() })
    }

    /// For what has to be held of it.
    pub(crate) fn space(&self) -> Space {
        Space::new(&self.held, self.account)
    }

    /// The next bytes; none at the end. Nothing is lost when this is dropped while it waits.
    pub(crate) async fn data(&mut self) -> Option<Result<Bytes, UpstreamFailure>> {
        loop {
            if let Some(decoder) = self.decoder.as_mut().filter(|_| !self.coded.is_empty()) {
                // Much may be here already, and others want their turn, too.
                consume_budget().await;
                return Some(decoder.piece(&mut self.coded));
            }
            let frame = match self.body.frame().await {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Some(Err(UpstreamFailure::Broken(error.to_string()))),
                None => return self.decoder.take()?.end().err().map(Err),
            };
            let Ok(data) = frame.into_data() else { continue };
            if self.decoder.is_none() {
                return Some(Ok(data));
            }
            self.coded = data;
        }
    }
}

/// The start of an error's body, plain; empty if it cannot be decoded, or becomes too much.
pub(super) fn start(headers: &HeaderMap, start: &Bytes) -> Bytes {
    let Ok(decoder) = Decoder::of(headers) else { return Bytes::new() };
    let Some(mut decoder) = decoder else { return start.clone() };
    let mut coded = start.clone();
    decoder.piece(&mut coded).ok().filter(|_| coded.is_empty()).unwrap_or_default()
}

impl Decoder {
    fn of(headers: &HeaderMap) -> Result<Option<Self>, UpstreamFailure> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(coding) = codings.next() else { return Ok(None) };
        let coding = coding.to_str().unwrap_or_default().trim().to_ascii_lowercase();
        match coding.as_str() {
            _ if codings.next().is_some() => Err(unknown()),
            "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip(MultiGzDecoder::new(Vec::new())))),
            "deflate" => Ok(Some(Self::Zlib(ZlibDecoder::new(Vec::new())))),
            _ => Err(unknown()),
        }
    }

    /// The body is over; one that was not begun has no end either.
    fn end(self) -> Result<(), UpstreamFailure> {
        let ended = match self {
            Self::Gzip(mut decoder) => decoder.try_finish(),
            Self::Zlib(mut decoder) => decoder.try_finish(),
        };
        ended.map_err(|_| UpstreamFailure::Broken("its compression is cut off".to_owned()))
    }

    /// Decodes as much as makes a piece, and leaves the rest.
    fn piece(&mut self, coded: &mut Bytes) -> Result<Bytes, UpstreamFailure> {
        let damaged = |_| UpstreamFailure::Invalid("its compression is damaged".to_owned());
        loop {
            let step = coded.split_to(coded.len().min(STEP_BYTES));
            let plain = match self {
                Self::Gzip(decoder) => {
                    decoder.write_all(&step).and_then(|()| decoder.flush()).map(|()| decoder.get_mut())
                }
                Self::Zlib(decoder) => {
                    decoder.write_all(&step).and_then(|()| decoder.flush()).map(|()| decoder.get_mut())
                }
            };
            let plain = plain.map_err(damaged)?;
            if coded.is_empty() || plain.len() >= PIECE_BYTES {
                return Ok(std::mem::take(plain).into());
            }
        }
    }
}

fn unknown() -> UpstreamFailure {
    UpstreamFailure::Invalid("it is compressed, which was not asked for, in a way that is not known here".to_owned())
}

#[cfg(test)]
mod tests {
    use flate2::{
        Compression,
        write::{GzEncoder, ZlibEncoder},
    };
    use http::HeaderValue;

    use super::*;

    fn decoder(coding: &'static str) -> Result<Option<Decoder>, UpstreamFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        Decoder::of(&headers)
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    /// Everything that these bytes become.
    fn all(decoder: &mut Decoder, coded: &[u8]) -> Vec<u8> {
        let (mut coded, mut plain) = (Bytes::copy_from_slice(coded), Vec::new());
        while !coded.is_empty() {
            plain.extend_from_slice(&decoder.piece(&mut coded).unwrap());
        }
        plain
    }

    #[test]
    fn whatever_the_pieces_the_text_is_the_same() {
        let plain: Vec<u8> = (0..40_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        let twice = [gzip(&plain[..999]), gzip(&plain[999..])].concat();
        for (coding, coded) in [("gzip", gzip(&plain)), ("X-GZIP", twice), ("deflate", zlib.finish().unwrap())] {
            for size in [1, 7, 1_000, coded.len()] {
                let mut decoder = decoder(coding).unwrap().unwrap();
                let pieces = coded.chunks(size).flat_map(|piece| all(&mut decoder, piece));
                assert_eq!(pieces.collect::<Vec<u8>>(), plain, "{coding} {size}");
                decoder.end().unwrap();
            }
        }
    }

    #[test]
    fn what_is_written_is_read_before_the_end() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"data: 1\n\n").unwrap();
        encoder.flush().unwrap();
        let mut decoder = decoder("gzip").unwrap().unwrap();
        assert_eq!(all(&mut decoder, encoder.get_ref()), b"data: 1\n\n");
    }

    #[test]
    fn a_bomb_is_decoded_no_faster_than_it_is_taken() {
        let mut bomb = Bytes::from(gzip(&vec![0; 64 << 20]));
        assert!(bomb.len() < 100_000);
        let (mut decoder, mut plain) = (decoder("gzip").unwrap().unwrap(), 0);
        while !bomb.is_empty() {
            let piece = decoder.piece(&mut bomb).unwrap();
            assert!(piece.len() < 2 << 20, "{} bytes at once", piece.len());
            plain += piece.len();
        }
        assert_eq!(plain, 64 << 20);
    }

    #[test]
    fn an_errors_start_that_becomes_too_much_is_none() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(start(&headers, &Bytes::from(gzip(b"why"))), "why");
        assert_eq!(start(&headers, &Bytes::from(gzip(&vec![b'x'; 8 << 20]))), "");
    }

    #[test]
    fn damage_and_other_codings_do_not_pass() {
        let mut cut = decoder("gzip").unwrap().unwrap();
        all(&mut cut, &gzip(b"whole")[..12]);
        assert!(matches!(cut.end(), Err(UpstreamFailure::Broken(_))));
        let told = decoder("gzip").unwrap().unwrap().piece(&mut Bytes::from_static(b"not gzip at all"));
        assert!(matches!(told, Err(UpstreamFailure::Invalid(_))));
        for coding in ["br", "zstd", "gzip, gzip", "compress", ""] {
            assert!(decoder(coding).is_err(), "{coding}");
        }
        assert!(decoder("Identity").unwrap().is_none());
    }
}
