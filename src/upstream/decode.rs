//! Content codings. Identity is asked for; gzip that comes all the same is decoded in small bounded steps, and anything
//! else is not an answer.

use std::io::Write;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// Compressed bytes that are decoded at a time: gzip grows at most about a thousandfold, so a step gives at most some
/// megabytes however the input is made.
const STEP: usize = 4 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undecodable;

pub(super) enum Decoder {
    Identity,
    /// `left`: decoded bytes that may still come.
    Gzip {
        decoder: Box<MultiGzDecoder<Vec<u8>>>,
        input: Bytes,
        left: usize,
    },
}

impl Decoder {
    /// An answer that decodes to more than `limit` bytes is none.
    pub(super) fn for_answer(headers: &HeaderMap, limit: usize) -> Result<Self, Undecodable> {
        match headers.get(CONTENT_ENCODING).map(|coding| coding.as_bytes()) {
            None | Some(b"identity" | b"") => Ok(Self::Identity),
            Some(b"gzip" | b"x-gzip") => {
                Ok(Self::Gzip { decoder: Box::new(MultiGzDecoder::new(Vec::new())), input: Bytes::new(), left: limit })
            }
            Some(_) => Err(Undecodable),
        }
    }

    /// Puts the next piece of the body in. Everything must be taken out before the next one.
    pub(super) fn put(&mut self, piece: Bytes) -> Option<Bytes> {
        match self {
            Self::Identity => Some(piece),
            Self::Gzip { input, .. } => {
                *input = piece;
                None
            }
        }
    }

    /// Takes out what a step of the input decodes to; `None`: the input is used up.
    pub(super) fn take(&mut self) -> Option<Result<Bytes, Undecodable>> {
        let Self::Gzip { decoder, input, left } = self else {
            return None;
        };
        while !input.is_empty() {
            let step = input.split_to(input.len().min(STEP));
            let written = decoder.write_all(&step).and_then(|()| decoder.flush());
            if written.is_err() {
                return Some(Err(Undecodable));
            }
            let output = std::mem::take(decoder.get_mut());
            match left.checked_sub(output.len()) {
                Some(rest) => *left = rest,
                None => return Some(Err(Undecodable)),
            }
            if !output.is_empty() {
                return Some(Ok(output.into()));
            }
        }
        None
    }

    /// Whether the coded stream was whole when the body ended.
    pub(super) fn end(&mut self) -> Result<Bytes, Undecodable> {
        match self {
            Self::Identity => Ok(Bytes::new()),
            Self::Gzip { decoder, .. } => {
                decoder.try_finish().map_err(|_| Undecodable)?;
                Ok(std::mem::take(decoder.get_mut()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn gzip_decoder() -> Decoder {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"))]);
        Decoder::for_answer(&headers, usize::MAX).unwrap()
    }

    #[test]
    fn decodes_whatever_the_pieces() {
        let text = b"data: {\"a\":1}\n\n".repeat(50);
        for size in [1, 7, 10_000] {
            let mut decoder = gzip_decoder();
            let mut out = Vec::new();
            for piece in gzip(&text).chunks(size) {
                assert!(decoder.put(Bytes::copy_from_slice(piece)).is_none());
                while let Some(part) = decoder.take() {
                    out.extend(part.unwrap());
                }
            }
            out.extend(decoder.end().unwrap());
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_bomb_comes_out_in_small_steps() {
        let mut decoder = gzip_decoder();
        decoder.put(gzip(&vec![0; 64 << 20]).into());
        assert!(decoder.take().unwrap().unwrap().len() < 8 << 20);
    }

    #[test]
    fn more_than_the_limit_is_no_answer() {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"))]);
        let mut decoder = Decoder::for_answer(&headers, 1 << 20).unwrap();
        decoder.put(gzip(&vec![0; 2 << 20]).into());
        let parts: Vec<_> = std::iter::from_fn(|| decoder.take()).take(10).collect();
        assert!(parts.contains(&Err(Undecodable)));
    }

    #[test]
    fn lies_about_the_coding_are_found() {
        let mut decoder = gzip_decoder();
        decoder.put(Bytes::from_static(b"{\"plain\":true}"));
        assert_eq!(decoder.take(), Some(Err(Undecodable)));
        let mut decoder = gzip_decoder();
        let whole = gzip(b"hello");
        decoder.put(Bytes::copy_from_slice(&whole[..whole.len() - 4]));
        while let Some(part) = decoder.take() {
            part.unwrap();
        }
        assert_eq!(decoder.end(), Err(Undecodable));
        let brotli = HeaderMap::from_iter([(CONTENT_ENCODING, http::HeaderValue::from_static("br"))]);
        assert!(Decoder::for_answer(&brotli, usize::MAX).is_err());
    }
}
