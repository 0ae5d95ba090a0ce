//! Where a list over several servers goes on.

/// A cursor over several servers. Whoever hands it to a client seals it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergedCursor {
    /// The servers whose list goes on, with their own cursors.
    pub more: Vec<(String, String)>,
    /// The last server whose list was begun, in the order of slugs; none once all were.
    pub begun_to: Option<String>,
    /// How many pages there were before.
    pub pages: u32,
}

/// A cursor that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that was handed out here")]
pub struct CursorError;

impl MergedCursor {
    /// Whether nothing is left to ask for.
    pub fn is_end(&self) -> bool {
        self.more.is_empty() && self.begun_to.is_none()
    }

    /// The text to seal.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::json!([self.more, self.begun_to, self.pages]).to_string().into_bytes()
    }

    /// Reads what [`MergedCursor::encode`] made.
    ///
    /// # Errors
    /// When it is nothing of the kind.
    pub fn decode(text: &[u8]) -> Result<Self, CursorError> {
        let (more, begun_to, pages) = serde_json::from_slice(text).map_err(|_| CursorError)?;
        Ok(MergedCursor { more, begun_to, pages })
    }
}
