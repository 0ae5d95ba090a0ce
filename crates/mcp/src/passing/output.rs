//! What becomes of one piece: runs of its own bytes with others between them.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// The edited bytes of a piece. One that only passes is not even copied.
pub(super) struct Output<'p> {
    piece: &'p Bytes,
    /// What passes and was not yet copied.
    run: Range<usize>,
    made: BytesMut,
}

impl<'p> Output<'p> {
    pub(super) fn new(piece: &'p Bytes) -> Self {
        Self { piece, run: 0..0, made: BytesMut::new() }
    }

    /// These bytes of the piece pass.
    pub(super) fn pass(&mut self, bytes: Range<usize>) {
        if self.run.end != bytes.start {
            self.copy();
            self.run.start = bytes.start;
        }
        self.run.end = bytes.end;
    }

    /// Other bytes come next.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.copy();
        self.made.extend_from_slice(bytes);
    }

    pub(super) fn finish(mut self) -> Bytes {
        if self.made.is_empty() {
            return self.piece.slice(self.run);
        }
        self.copy();
        self.made.freeze()
    }

    fn copy(&mut self) {
        self.made.extend_from_slice(&self.piece[self.run.clone()]);
        self.run.start = self.run.end;
    }
}
