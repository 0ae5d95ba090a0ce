//! Bodies that are compressed although nobody asked for it: decoded, so that they can be looked at, and passed on plain.
//! What is coded in a way that is not known here does not pass.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::{failure::UpstreamFailure, shared::Shared};

/// Compressed bytes that are decoded at a time: they become at most about a thousand times as many.
const STEP_BYTES: usize = 1 << 10;
/// Most bytes of the start of an error's body.
const START_BYTES: usize = 64 << 10;

/// An upstream's body, plain.
pub(crate) struct Plain {
    body: Incoming,
    decoder: Option<Decoder>,
    /// Most bytes that one piece of the body may become.
    limit: usize,
}

enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
}

impl Plain {
    pub(crate) fn new(shared: &Shared, headers: &HeaderMap, body: Incoming) -> Result<Self, UpstreamFailure> {
        Ok(Self { body, decoder: Decoder::of(headers)?, limit: shared.config.limits.answer_bytes })
    }

    /// The next bytes; none at the end. Nothing is lost when this is dropped while it waits.
    pub(crate) async fn data(&mut self) -> Option<Result<Bytes, UpstreamFailure>> {
        loop {
            let frame = match self.body.frame().await {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Some(Err(UpstreamFailure::Broken(error.to_string()))),
                None => return self.decoder.take()?.end().err().map(Err),
            };
            let Ok(data) = frame.into_data() else { continue };
            return Some(match &mut self.decoder {
                None => Ok(data),
                Some(decoder) => decoder.decode(&data, self.limit),
            });
        }
    }
}

/// The start of an error's body, plain; empty if it cannot be decoded.
pub(super) fn start(headers: &HeaderMap, start: &Bytes) -> Bytes {
    match Decoder::of(headers) {
        Ok(None) => start.clone(),
        Ok(Some(mut decoder)) => decoder.decode(start, START_BYTES).unwrap_or_default(),
        Err(_) => Bytes::new(),
    }
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

    fn decode(&mut self, coded: &[u8], limit: usize) -> Result<Bytes, UpstreamFailure> {
        let damaged = |_| UpstreamFailure::Invalid("its compression is damaged".to_owned());
        for step in coded.chunks(STEP_BYTES) {
            let so_far = match self {
                Self::Gzip(decoder) => decoder.write_all(step).map(|()| decoder.get_ref().len()),
                Self::Zlib(decoder) => decoder.write_all(step).map(|()| decoder.get_ref().len()),
            };
            if so_far.map_err(damaged)? > limit {
                return Err(UpstreamFailure::TooLarge { limit });
            }
        }
        let plain = match self {
            Self::Gzip(decoder) => decoder.flush().map(|()| std::mem::take(decoder.get_mut())),
            Self::Zlib(decoder) => decoder.flush().map(|()| std::mem::take(decoder.get_mut())),
        };
        plain.map(Bytes::from).map_err(damaged)
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

    #[test]
    fn whatever_the_pieces_the_text_is_the_same() {
        let plain: Vec<u8> = (0..40_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        let twice = [gzip(&plain[..999]), gzip(&plain[999..])].concat();
        for (coding, coded) in [("gzip", gzip(&plain)), ("X-GZIP", twice), ("deflate", zlib.finish().unwrap())] {
            for size in [1, 7, 1_000, coded.len()] {
                let mut decoder = decoder(coding).unwrap().unwrap();
                let pieces = coded.chunks(size).flat_map(|piece| decoder.decode(piece, 1 << 20).unwrap());
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
        assert_eq!(decoder.decode(encoder.get_ref(), 100).unwrap(), "data: 1\n\n");
    }

    #[test]
    fn bombs_damage_and_other_codings_do_not_pass() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let told = decoder("gzip").unwrap().unwrap().decode(&bomb, 1 << 20);
        assert!(matches!(told, Err(UpstreamFailure::TooLarge { .. })));
        let mut cut = decoder("gzip").unwrap().unwrap();
        cut.decode(&gzip(b"whole")[..12], 100).unwrap();
        assert!(matches!(cut.end(), Err(UpstreamFailure::Broken(_))));
        let told = decoder("gzip").unwrap().unwrap().decode(b"not gzip at all", 100);
        assert!(matches!(told, Err(UpstreamFailure::Invalid(_))));
        for coding in ["br", "zstd", "gzip, gzip", "compress", ""] {
            assert!(decoder(coding).is_err(), "{coding}");
        }
        assert!(decoder("Identity").unwrap().is_none());
    }
}
