//! Bytes → a small tree of elements, under limits.
//!
//! Only what XML-RPC needs is kept of an element: which of its tags it is, the text before its
//! first child, and its children. The parser underneath is lenient; what it lets pass and XML
//! does not (junk around the root, unclosed elements, bad names) is refused here.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::BadBody;
use crate::chars::{allowed, is_name};

/// Bytes of a call. Far above any real one (a `sendProcessStdin` of some MiB), and small enough
/// to be held for each of a few dozen connections.
pub const MAX_CALL_BYTES: usize = 16 << 20;
/// Bytes of an answer. A log may be fetched whole, and one of 50 MB is the default size.
pub const MAX_RESPONSE_BYTES: usize = 256 << 20;
/// Elements of a call: a multicall of ten thousand calls has about 200,000.
pub const MAX_CALL_ELEMENTS: usize = 500_000;
/// Elements of an answer: the state of a process has about eighty, so this is 60,000 processes.
pub const MAX_RESPONSE_ELEMENTS: usize = 5_000_000;
/// Elements within elements. A multicall with structs as parameters has about twenty; building
/// and dropping the tree recurses, so this also bounds the stack.
pub const MAX_DEPTH: usize = 128;
/// Attributes of one element. XML-RPC has none; looking for doubles is quadratic.
pub const MAX_ATTRIBUTES: usize = 16;

/// How much of whom we read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub bytes: usize,
    pub elements: usize,
    /// Whether a raw control character is an error. supervisord refuses them in calls but sends
    /// them in answers.
    pub strict_characters: bool,
}

/// The elements that XML-RPC knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Array,
    Base64,
    Boolean,
    Data,
    DateTime,
    Double,
    Fault,
    Int,
    MethodName,
    Param,
    Params,
    String,
    Struct,
    Value,
    Other,
}

impl Tag {
    fn of(name: &str) -> Self {
        match name {
            "array" => Self::Array,
            "base64" => Self::Base64,
            "boolean" => Self::Boolean,
            "data" => Self::Data,
            "dateTime.iso8601" => Self::DateTime,
            "double" => Self::Double,
            "fault" => Self::Fault,
            "int" | "i4" => Self::Int,
            "methodName" => Self::MethodName,
            "param" => Self::Param,
            "params" => Self::Params,
            "string" => Self::String,
            "struct" => Self::Struct,
            "value" => Self::Value,
            _ => Self::Other,
        }
    }
}

/// One element.
#[derive(Debug)]
pub(crate) struct Element {
    pub tag: Tag,
    /// The text before the first child; later text is dropped, as supervisord drops it.
    text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The text before the first child, if there is any.
    pub fn text(&self) -> Option<&str> {
        (!self.text.is_empty()).then_some(self.text.as_str())
    }
}

/// Reads a whole document and returns its root.
pub(crate) fn parse(body: &[u8], limits: Limits) -> Result<Element, BadBody> {
    if body.len() > limits.bytes {
        return Err(BadBody::TooLarge { bytes: body.len(), limit: limits.bytes });
    }
    let text = std::str::from_utf8(body).map_err(|e| BadBody::NotUtf8 { at: e.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if limits.strict_characters {
        text.chars().try_for_each(check_character)?;
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut builder = Builder::new(limits);
    loop {
        let start = reader.buffer_position();
        match reader.read_event().map_err(ill_formed)? {
            Event::Eof => return builder.finish(),
            event => builder.take(event, start == 0)?,
        }
    }
}

struct Builder {
    limits: Limits,
    elements: usize,
    open: Vec<Element>,
    root: Option<Element>,
}

impl Builder {
    fn new(limits: Limits) -> Self {
        Self { limits, elements: 0, open: Vec::new(), root: None }
    }

    fn take(&mut self, event: Event<'_>, first: bool) -> Result<(), BadBody> {
        match event {
            Event::Start(start) => self.begin(&start),
            Event::Empty(start) => {
                self.begin(&start)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) if text.contains("]]>") => Err(junk("]]> in text")),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(_) if self.open.is_empty() => Err(junk("CDATA outside the root")),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(_) if self.open.is_empty() => Err(junk("text outside the root")),
            Event::GeneralRef(reference) => {
                self.text(resolve(&reference)?.encode_utf8(&mut [0; 4]))
            }
            Event::DocType(_) => Err(BadBody::Doctype),
            Event::Decl(_) if !first => Err(junk("XML declaration not at the start")),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), BadBody> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(BadBody::TooManyElements { limit: self.limits.elements });
        }
        if self.open.len() == MAX_DEPTH {
            return Err(BadBody::TooDeep { limit: MAX_DEPTH });
        }
        if self.root.is_some() {
            return Err(junk("an element after the root"));
        }
        check_start(start)?;
        let tag = Tag::of(start.name().as_ref());
        self.open.push(Element { tag, text: String::new(), children: Vec::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), BadBody> {
        let element = self.open.pop().ok_or_else(|| junk("an end without a beginning"))?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), BadBody> {
        match self.open.last_mut() {
            Some(element) if element.children.is_empty() => element.text.push_str(text),
            Some(_) => {}
            None if text.chars().all(is_blank) => {}
            None => return Err(junk("text outside the root")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, BadBody> {
        if !self.open.is_empty() {
            return Err(junk("an element is not closed"));
        }
        self.root.ok_or_else(|| junk("no element"))
    }
}

fn check_start(start: &BytesStart<'_>) -> Result<(), BadBody> {
    if !is_name(start.name().as_ref()) {
        return Err(junk("bad name of an element"));
    }
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.map_err(|e| BadBody::NotWellFormed(e.to_string()))?;
        if count == MAX_ATTRIBUTES {
            return Err(junk("too many attributes"));
        }
        if attribute.value.contains('<') {
            return Err(junk("< in an attribute"));
        }
    }
    Ok(())
}

/// The character that a reference stands for. With no document type there are no others.
fn resolve(reference: &BytesRef<'_>) -> Result<char, BadBody> {
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        name => {
            let unknown = || BadBody::UnknownEntity(name.chars().take(40).collect());
            let c = reference.resolve_char_ref().map_err(|_| unknown())?.ok_or_else(unknown)?;
            check_character(c).map(|()| c)
        }
    }
}

fn check_character(c: char) -> Result<(), BadBody> {
    if allowed(c) { Ok(()) } else { Err(BadBody::ForbiddenCharacter(u32::from(c))) }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn junk(what: &str) -> BadBody {
    BadBody::NotWellFormed(what.to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "it is used with map_err")]
fn ill_formed(error: quick_xml::Error) -> BadBody {
    BadBody::NotWellFormed(error.to_string())
}
