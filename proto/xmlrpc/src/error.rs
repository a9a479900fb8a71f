//! Why a body is not XML-RPC.

use thiserror::Error;

/// A body that cannot be understood. A door answers it with 400 (or 413 for [`TooLarge`]),
/// never with a fault.
///
/// [`TooLarge`]: BadBody::TooLarge
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadBody {
    /// More bytes than we read.
    #[error("body of {bytes} bytes; at most {limit} are read")]
    TooLarge {
        /// How many came.
        bytes: usize,
        /// How many may come.
        limit: usize,
    },
    /// Not UTF-8; no other encoding is spoken, whatever the XML declaration says.
    #[error("byte {at} is not UTF-8, the only encoding that is read")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// Elements within elements within elements.
    #[error("elements nested more than {limit} deep")]
    TooDeep {
        /// How deep they may be.
        limit: usize,
    },
    /// More elements than we build.
    #[error("more than {limit} elements")]
    TooManyElements {
        /// How many may come.
        limit: usize,
    },
    /// A document type: it could define entities, so it is refused as such.
    #[error("a document type (<!DOCTYPE …>) is not accepted")]
    Doctype,
    /// A reference to something that XML does not predefine.
    #[error("unknown entity &{0};: use &amp; &lt; &gt; &quot; &apos; or a number")]
    UnknownEntity(String),
    /// A character that XML 1.0 does not have, such as ESC.
    #[error("character U+{0:04X} is not allowed in XML")]
    ForbiddenCharacter(u32),
    /// Not XML.
    #[error("not well-formed: {0}")]
    NotWellFormed(String),
    /// XML, but its text is no such value.
    #[error("{text:?} is no {kind}")]
    BadValue {
        /// What it should have been.
        kind: &'static str,
        /// What came, shortened.
        text: String,
    },
    /// XML, but built otherwise than XML-RPC builds values.
    #[error("{0}")]
    BadShape(&'static str),
    /// A call without a `<methodName>`, or with an empty one.
    #[error("no method name")]
    NoMethodName,
}

impl BadBody {
    /// A value's text is no `kind`. Long texts are shortened: errors end up in logs.
    pub(crate) fn value(kind: &'static str, text: Option<&str>) -> Self {
        /// Enough to recognise what came.
        const SHOWN_CHARS: usize = 40;
        Self::BadValue { kind, text: text.unwrap_or("").chars().take(SHOWN_CHARS).collect() }
    }
}
