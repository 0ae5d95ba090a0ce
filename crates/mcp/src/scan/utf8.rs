//! Whether bytes that come in pieces are UTF-8.

/// Most bytes of one character.
const CHARACTER: usize = 4;

/// What of a character was cut off by the end of a piece.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    cut: [u8; CHARACTER],
    length: usize,
}

impl Utf8 {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// Where in them the text stops being UTF-8.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut taken = 0;
        while self.length > 0 && taken < bytes.len() {
            self.cut[self.length] = bytes[taken];
            self.length += 1;
            taken += 1;
            match std::str::from_utf8(&self.cut[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(taken - 1),
            }
        }
        let rest = &bytes[taken..];
        let Err(error) = std::str::from_utf8(rest) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(taken + error.valid_up_to());
        }
        let cut = &rest[error.valid_up_to()..];
        self.cut[..cut.len()].copy_from_slice(cut);
        self.length = cut.len();
        Ok(())
    }

    /// Whether the text may end here.
    pub(super) fn is_whole(&self) -> bool {
        self.length == 0
    }
}
