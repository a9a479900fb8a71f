//! No text and no bytes, however strange, are more than an error.

use agent_config::{Ini, Names, Value, expand, pairs, split_command};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use crate::world::Place;

/// Pieces that mean something to one of the parsers, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("[program:x]\n".to_owned()),
        Just("[group:g]\nprograms=".to_owned()),
        Just("\ncommand=".to_owned()),
        Just("\nenvironment=".to_owned()),
        Just("\nnumprocs=2\nprocess_name=%(process_num)".to_owned()),
        Just("\nstdout_logfile=".to_owned()),
        Just("%(here)".to_owned()),
        Just("%(process_num)".to_owned()),
        "[-+ #0-9.*%()a-zA-Z]{0,6}",
        "[ \t=:;#\"',\\\\\r\n\\[\\]é\u{85}\u{1c}]{0,4}",
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in pieces()) {
        let place = Place::with(&format!("[supervisord]\n{text}"));
        let report = place.check();
        assert_eq!(report.error.is_some(), place.load().is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let place = Place::with("[supervisord]\n[include]\nfiles=more.conf\n");
        let place = place.and_bytes("more.conf", &bytes);
        let report = place.check();
        assert_eq!(report.error.is_some(), place.load().is_err());
    }

    /// What one part refuses may never have come to the next, so each is asked for itself.
    #[test]
    fn each_part_takes_any_text(text in prop_oneof![pieces(), "\\PC*", ".*"]) {
        let names = ["here", "process_num"].map(|name| (name.to_owned(), Value::Number(7)));
        let _ = expand(&text, &Names::from(names), "section.key");
        let _ = split_command(&text);
        let _ = pairs(&text);
        let mut ini = Ini::default();
        let _ = ini.read("first", &text, false);
        let _ = ini.read("second", &text, true);
        ini.replace_here("/etc");
    }
}
