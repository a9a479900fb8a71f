//! What holds for every value and for every byte.

use proptest::prelude::*;
use proto_xmlrpc::{
    Call, Fault, Value, parse_call, parse_response, write_call, write_fault, write_response,
};

/// Text that XML can say; without CR, which a reader takes for LF.
fn said() -> impl Strategy<Value = String> {
    "[\\t\\n -~\u{80}-\u{d7ff}\u{10000}-\u{10ffff}]{0,20}"
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<i32>().prop_map(Value::Int),
        any::<bool>().prop_map(Value::Boolean),
        said().prop_map(Value::String),
        prop::num::f64::NORMAL.prop_map(Value::Double),
        Just(Value::DateTime("20000229T00:00:00".to_owned())),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(said(), inner, 0..6)
                .prop_map(|members| Value::Struct(members.into_iter().collect())),
        ]
    })
}

/// Pieces of XML-RPC, so that random sequences come far into the parser.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "<?xml version='1.0'?>",
        "<methodCall>",
        "</methodCall>",
        "<methodName>a</methodName>",
        "<params>",
        "</params>",
        "<param>",
        "</param>",
        "<value>",
        "</value>",
        "<int>",
        "1",
        "</int>",
        "<array>",
        "<data>",
        "</data>",
        "</array>",
        "<struct>",
        "<member>",
        "</member>",
        "</struct>",
        "<name/>",
        "<![CDATA[",
        "]]>",
        "&",
        "&#",
        "&amp;",
        ";",
        "<",
        ">",
        "<!--",
        "-->",
        "<!DOCTYPE",
        "\u{e9}",
        " ",
        "=",
        "\"",
        "<base64>",
        "<dateTime.iso8601>",
        "/",
    ])
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in value(), method in "[a-z]{1,9}\\.[A-Za-z]{1,9}") {
        prop_assert_eq!(parse_response(&write_response(&value)), Ok(Ok(value.clone())));
        let params = vec![value.clone(), value];
        let call = Call { method, params };
        prop_assert_eq!(parse_call(&write_call(&call.method, &call.params)), Ok(call));
    }

    #[test]
    fn faults_are_read_back(code in any::<i32>(), text in said()) {
        prop_assert_eq!(parse_response(&write_fault(code, &text)), Ok(Err(Fault { code, text })));
    }

    #[test]
    fn any_text_is_written_as_something_that_can_be_read(text in any::<String>()) {
        let read = parse_response(&write_response(&Value::String(text)));
        prop_assert!(matches!(read, Ok(Ok(Value::String(_)))), "{:?}", read);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_call(&bytes);
        let _ = parse_response(&bytes);
    }

    #[test]
    fn random_pieces_never_panic(pieces in prop::collection::vec(piece(), 0..60)) {
        let body = pieces.concat();
        let _ = parse_call(body.as_bytes());
        let _ = parse_response(body.as_bytes());
    }
}
