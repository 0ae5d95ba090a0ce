//! Reading a list, strictly: what one client shows must be what another would.

use std::borrow::Cow;
use std::ops::Range;

use super::{Annotations, ListError, Tool};
use crate::fault::Finding;
use crate::json::{Kind, Raw, Rigour, Scanner};
use crate::read::{ENVELOPE_KEYS, ReadError, text_of};
use crate::response::{ResponseKind, response_facts};

const RESULT_KEYS: &[&str] = &["_meta", "tools", "nextCursor", "resultType", "cacheScope", "ttlMs"];
const TOOL_KEYS: &[&str] =
    &["_meta", "annotations", "description", "execution", "icons", "inputSchema", "name", "outputSchema", "title"];
const ANNOTATION_KEYS: &[&str] = &["destructiveHint", "idempotentHint", "openWorldHint", "readOnlyHint", "title"];

/// Nesting of a list with its schemas; what common parsers stop at.
const LIST_DEPTH: usize = 128;

/// Every tool of a `tools/list` answer, in order.
///
/// # Errors
/// When the answer is an error, or a list that two clients could read differently.
pub fn tools_of(bytes: &[u8]) -> Result<Vec<Tool<'_>>, ListError> {
    Ok(ToolList::read(bytes)?.items.into_iter().map(|item| item.tool).collect())
}

/// A list and where its parts stand.
#[derive(Debug, Default)]
pub(super) struct ToolList<'a> {
    pub text: &'a str,
    pub items: Vec<Item<'a>>,
    pub cache_scope: Option<Range<usize>>,
    pub next_cursor: Option<Cow<'a, str>>,
    found: bool,
    wrong: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Item<'a> {
    pub tool: Tool<'a>,
    pub at: Range<usize>,
    pub name_at: Range<usize>,
}

impl<'a> ToolList<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, ListError> {
        if let ResponseKind::Error { code } = response_facts(bytes)?.kind {
            return Err(ListError::Refused { code });
        }
        let unreadable = |Finding { fault, offset }: Finding| ReadError { fault, offset, id: None };
        let list = Self::scan(bytes).map_err(unreadable)?;
        match list.wrong {
            Some(reason) => Err(ListError::Malformed(reason)),
            None if !list.found => Err(ListError::Malformed("the result has no `tools`")),
            None => Ok(list),
        }
    }

    fn scan(bytes: &'a [u8]) -> Result<Self, Finding> {
        let text = text_of(bytes, usize::MAX)?;
        let mut list = ToolList { text, ..ToolList::default() };
        let mut scanner = Scanner::new(text, Rigour::Strict, LIST_DEPTH);
        scanner.object(ENVELOPE_KEYS, |scanner, key| match key {
            "result" => list.result(scanner),
            _ => scanner.value().map(drop),
        })?;
        scanner.end()?;
        scanner.take_noted().map_or(Ok(list), Err)
    }

    fn result(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Finding> {
        if scanner.peek()? != Kind::Object {
            self.wrong = Some("the result is not an object");
            return scanner.value().map(drop);
        }
        scanner.object(RESULT_KEYS, |scanner, key| {
            match key {
                "tools" => self.tools(scanner)?,
                "cacheScope" => self.cache_scope = Some(scanner.value()?.range()),
                "nextCursor" => self.next_cursor = scanner.value()?.as_string(),
                _ => drop(scanner.value()?),
            }
            Ok(())
        })?;
        Ok(())
    }

    fn tools(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Finding> {
        self.found = true;
        if scanner.peek()? != Kind::Array {
            self.wrong = Some("`tools` is not an array");
            return scanner.value().map(drop);
        }
        scanner.array(|scanner| {
            match tool(scanner)? {
                Some(item) => self.items.push(item),
                None => self.wrong = Some("a tool is not an object with a `name`"),
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// One tool; none if it is not an object or has no name.
fn tool<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Item<'a>>, Finding> {
    if scanner.peek()? != Kind::Object {
        scanner.value()?;
        return Ok(None);
    }
    let (mut name, mut title, mut description) = (None, None, None);
    let (mut input_schema, mut output_schema) = (None, None);
    let mut annotations = (Annotations::default(), None);
    let whole = scanner.object(TOOL_KEYS, |scanner, key| {
        if key == "annotations" {
            annotations = read_annotations(scanner)?;
            return Ok(());
        }
        let value = scanner.value()?;
        match key {
            "name" => name = Some(value),
            "title" => title = value.as_string(),
            "description" => description = value.as_string(),
            "inputSchema" => input_schema = Some(value.text),
            "outputSchema" => output_schema = Some(value.text),
            _ => {}
        }
        Ok(())
    })?;
    let Some((name, text)) = name.and_then(|name: Raw<'a>| Some((name, name.as_string()?))) else { return Ok(None) };
    let (annotations, hinted_title) = annotations;
    let title = title.or(hinted_title);
    let tool = Tool { raw: whole.text, name: text, title, description, input_schema, output_schema, annotations };
    Ok(Some(Item { tool, at: whole.range(), name_at: name.range() }))
}

fn read_annotations<'a>(scanner: &mut Scanner<'a>) -> Result<(Annotations, Option<Cow<'a, str>>), Finding> {
    let (mut hints, mut title) = (Annotations::default(), None);
    if scanner.peek()? != Kind::Object {
        scanner.value()?;
        return Ok((hints, title));
    }
    scanner.object(ANNOTATION_KEYS, |scanner, key| {
        let value = scanner.value()?;
        let hint = (value.kind == Kind::Bool).then(|| value.is_true());
        match key {
            "readOnlyHint" => hints.read_only_hint = hint,
            "destructiveHint" => hints.destructive_hint = hint,
            "idempotentHint" => hints.idempotent_hint = hint,
            "openWorldHint" => hints.open_world_hint = hint,
            "title" => title = value.as_string(),
            _ => {}
        }
        Ok(())
    })?;
    Ok((hints, title))
}
