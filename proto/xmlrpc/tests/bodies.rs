//! Calls and answers as bytes: what supervisord and Python's client send, and what they refuse.

use proto_xmlrpc::{
    BadBody, Call, Fault, MAX_CALL_BYTES, MAX_CALL_ELEMENTS, MAX_DEPTH, Value, parse_call,
    parse_response, write_call, write_fault, write_response,
};

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("we write UTF-8")
}

/// Reads a call with one parameter, written as the inside of `<param>`.
fn param(xml: &str) -> Result<Value, BadBody> {
    let body = format!(
        "<?xml version='1.0'?><methodCall><methodName>a.b</methodName>\
         <params><param>{xml}</param></params></methodCall>"
    );
    parse_call(body.as_bytes()).map(|call| call.params.into_iter().next().expect("one parameter"))
}

#[test]
fn an_answer_has_supervisords_layout() {
    assert_eq!(
        text(write_response(&9978.into())),
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n\
         <value><int>9978</int></value>\n</param>\n</params>\n</methodResponse>\n"
    );
    let nested = Value::Array(vec![Value::record([("k", "a<&>'\"b".into()), ("t", true.into())])]);
    assert_eq!(
        text(write_response(&nested)),
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n\
         <value><array><data>\n<value><struct>\n\
         <member>\n<name>k</name>\n<value><string>a&lt;&amp;&gt;'\"b</string></value>\n</member>\n\
         <member>\n<name>t</name>\n<value><boolean>1</boolean></value>\n</member>\n\
         </struct></value>\n</data></array></value>\n\
         </param>\n</params>\n</methodResponse>\n"
    );
}

#[test]
fn a_fault_has_supervisords_layout_and_length() {
    let body = write_fault(10, "BAD_NAME: zz");
    assert_eq!(body.len(), 268);
    assert_eq!(
        text(body),
        "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n\
         <member>\n<name>faultCode</name>\n<value><int>10</int></value>\n</member>\n\
         <member>\n<name>faultString</name>\n<value><string>BAD_NAME: zz</string></value>\n\
         </member>\n</struct></value>\n</fault>\n</methodResponse>\n"
    );
}

#[test]
fn a_call_has_pythons_layout() {
    assert_eq!(
        text(write_call("supervisor.startProcess", &["cat".into(), true.into()])),
        "<?xml version='1.0'?>\n<methodCall>\n<methodName>supervisor.startProcess</methodName>\n\
         <params>\n<param>\n<value><string>cat</string></value>\n</param>\n\
         <param>\n<value><boolean>1</boolean></value>\n</param>\n</params>\n</methodCall>\n"
    );
}

#[test]
fn what_xml_cannot_say_is_replaced_on_the_way_out() {
    let body = text(write_response(&"\0\u{1b}[1m\t\r\n\u{ffff}\u{e9}".into()));
    assert!(body.contains("<string>\u{fffd}\u{fffd}[1m\t\r\n\u{fffd}\u{e9}</string>"), "{body}");
}

#[test]
fn every_type_is_read_as_supervisord_reads_it() {
    for (xml, value) in [
        ("<value><int> +5 </int></value>", 5.into()),
        ("<value><i4>-5</i4></value>", (-5).into()),
        ("<value><int>5000000000</int></value>", "5000000000".into()),
        ("<value><boolean>1</boolean></value>", true.into()),
        ("<value><boolean>true</boolean></value>", false.into()),
        ("<value><string>a</string></value>", "a".into()),
        ("<value>a</value>", "a".into()),
        ("<value/>", "".into()),
        ("<value><string/></value>", "".into()),
        ("<value> <string> a </string> </value>", " a ".into()),
        ("<value><double>1.5</double></value>", Value::Double(1.5)),
        (
            "<value><dateTime.iso8601>20240229T23:59:59</dateTime.iso8601></value>",
            Value::DateTime("20240229T23:59:59".to_owned()),
        ),
        ("<value><base64>\naMOp\nbGxv\n</base64></value>", "h\u{e9}llo".into()),
        ("<value><i8>5</i8></value>", "5".into()),
        ("<value><nil/></value>", Value::Nil),
        ("<value><array><data/></array></value>", Value::Array(vec![])),
        (
            "<value><array><data><value>a</value><value><int>1</int></value></data></array></value>",
            Value::Array(vec!["a".into(), 1.into()]),
        ),
        ("<value><struct/></value>", Value::Struct(vec![])),
        (
            "<value><struct><member><name>a</name><value>1</value></member>\
             <member><name>b</name><value>2</value></member>\
             <member><name>a</name><value>3</value></member></struct></value>",
            Value::record([("a", "3".into()), ("b", "2".into())]),
        ),
        ("<value>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;</value>", "<&>\"'AB".into()),
        ("<value><![CDATA[<a>&amp;]]></value>", "<a>&amp;".into()),
        ("<value>a<!-- b -->c</value>", "ac".into()),
        ("<value>a\r\nb\rc&#13;</value>", "a\nb\nc\r".into()),
        ("<value a=\"1\">x</value>", "x".into()),
    ] {
        assert_eq!(param(xml), Ok(value), "{xml}");
    }
}

#[test]
fn what_is_not_xml_or_no_value_is_refused() {
    for xml in [
        "<value><int>abc</int></value>",
        "<value><int/></value>",
        "<value><double>x</double></value>",
        "<value><dateTime.iso8601>20230229T00:00:00</dateTime.iso8601></value>",
        "<value><dateTime.iso8601>today</dateTime.iso8601></value>",
        "<value><dateTime.iso8601>2024\u{e9}\u{e9}\u{e9}29:59:59</dateTime.iso8601></value>",
        "<value><base64>/w==</base64></value>",
        "<value><base64>a</base64></value>",
        "<value><array/></value>",
        "<value><struct><member><name>a</name></member></struct></value>",
        "",
        "<value>\u{1b}</value>",
        "<value>&#27;</value>",
        "<value>&#0;</value>",
        "<value>&nbsp;</value>",
        "<value>& </value>",
        "<value>]]></value>",
        "<value>a",
        "<value><int>1</string></value>",
        "<value a=\"1\" a=\"2\"/>",
        "<value a=\"<\"/>",
        "<1/>",
    ] {
        assert!(param(xml).is_err(), "{xml}: {:?}", param(xml));
    }
}

#[test]
fn the_frame_of_a_call_is_judged_leniently_but_must_be_xml() {
    let call = |method: &str, params| Ok(Call { method: method.to_owned(), params });
    for (body, read) in [
        ("<foo><methodName>a.b</methodName></foo>", call("a.b", vec![])),
        (
            "<?xml version='1.0' encoding='latin-1'?><m><methodName>\u{e9}</methodName></m>",
            call("\u{e9}", vec![]),
        ),
        ("\u{feff}<m><methodName> a.b </methodName><params/></m>\n", call(" a.b ", vec![])),
        ("<m><params/></m>", Err(BadBody::NoMethodName)),
        ("<m><methodName/></m>", Err(BadBody::NoMethodName)),
        ("<m/>", Err(BadBody::NoMethodName)),
    ] {
        assert_eq!(parse_call(body.as_bytes()), read, "{body}");
    }
    for body in [
        "",
        " ",
        "x",
        "<m><methodName>a.b</methodName></m>junk",
        "<m><methodName>a.b</methodName></m><m/>",
        "junk<m><methodName>a.b</methodName></m>",
        "<m><methodName>a.b</methodName></m>&amp;",
        "<m><methodName>a.b</methodName>",
        "<m/><?xml version='1.0'?>",
    ] {
        assert!(matches!(parse_call(body.as_bytes()), Err(BadBody::NotWellFormed(_))), "{body}");
    }
    assert_eq!(parse_call(b"<m>\xe9</m>"), Err(BadBody::NotUtf8 { at: 3 }));
}

#[test]
fn deep_large_and_laughing_bodies_are_refused() {
    let deep = format!("{}{}", "<value>".repeat(10_000), "</value>".repeat(10_000));
    assert_eq!(param(&deep), Err(BadBody::TooDeep { limit: MAX_DEPTH }));

    let laughs = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>\
                  <m><methodName>&lol2;</methodName></m>";
    assert_eq!(parse_call(laughs.as_bytes()), Err(BadBody::Doctype));

    let many = "<a/>".repeat(MAX_CALL_ELEMENTS + 1);
    assert_eq!(param(&many), Err(BadBody::TooManyElements { limit: MAX_CALL_ELEMENTS }));

    let attributes = ('a'..='q').map(|name| [" ", &name.to_string(), "=''"].concat());
    let attributes: String = attributes.collect();
    assert!(param(&format!("<value{attributes}/>")).is_err());

    let (bytes, limit) = (MAX_CALL_BYTES + 1, MAX_CALL_BYTES);
    assert_eq!(parse_call(&vec![b' '; bytes]), Err(BadBody::TooLarge { bytes, limit }));
}

#[test]
fn an_answer_is_a_value_or_a_fault() {
    assert_eq!(parse_response(&write_response(&"a".into())), Ok(Ok("a".into())));
    let fault = Fault { code: 10, text: "BAD_NAME: zz".to_owned() };
    assert_eq!(parse_response(&write_fault(10, "BAD_NAME: zz")), Ok(Err(fault)));
    for body in ["<methodResponse/>", "<m><fault/></m>", "<m><params/></m>", "<m><x/></m>"] {
        assert!(parse_response(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn an_answer_may_hold_the_control_characters_that_supervisord_sends() {
    let body = b"<m><params><param><value><string>\x1b[1m</string></value></param></params></m>";
    assert_eq!(parse_response(body), Ok(Ok("\u{1b}[1m".into())));
}
