use super::{
    autorestart, boolean, byte_size, exit_codes, inet_address, integer, level, name, octal, signal,
    strings,
};
use crate::fault::Fault;

fn shown<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(fault) => format!("! {fault}"),
    }
}

#[test]
fn booleans_and_the_like() {
    for (text, wanted) in [
        ("YES", "true"),
        ("on", "true"),
        ("0", "false"),
        ("y", "! not a valid boolean value: 'y'"),
        ("", "! not a valid boolean value: ''"),
    ] {
        assert_eq!(shown(boolean(text)), wanted, "TYP-01 {text:?}");
    }
    for (text, wanted) in [
        ("Unexpected", "Unexpected"),
        ("TRUE", "Always"),
        ("off", "Never"),
        ("Maybe", "! invalid 'autorestart' value 'maybe'"),
    ] {
        assert_eq!(shown(autorestart(text)), wanted, "TYP-08 {text:?}");
    }
    for (text, wanted) in [
        ("WARN", "Warn"),
        ("blather", "Blather"),
        ("Warning", "! bad logging level name 'Warning'"),
    ] {
        assert_eq!(shown(level(text)), wanted, "TYP-12 {text:?}");
    }
}

#[test]
fn numbers() {
    for (text, wanted) in [
        (" -7 ", "-7"),
        ("1.5", "! invalid literal for int() with base 10: '1.5'"),
        ("", "! invalid literal for int() with base 10: ''"),
    ] {
        assert_eq!(shown(integer(text)), wanted, "TYP-02 {text:?}");
    }
    for (text, wanted) in [
        ("1 KB", "1024"),
        ("50MB", "52428800"),
        ("2gb", "2147483648"),
        ("-1", "-1"),
        ("5XB", "! invalid literal for int() with base 10: '5xb'"),
        ("KB", "! invalid literal for int() with base 10: ''"),
        ("1.5MB", "! invalid literal for int() with base 10: '1.5'"),
    ] {
        assert_eq!(shown(byte_size(text)), wanted, "TYP-03 {text:?}");
    }
    for (text, wanted) in [
        ("022", "18"),
        ("0o22", "18"),
        ("1777", "1023"),
        ("999", "! 999 can not be converted to an octal type"),
    ] {
        assert_eq!(shown(octal(text)), wanted, "TYP-04 {text:?}");
    }
    let long = "x".repeat(300);
    let cut = format!("! invalid literal for int() with base 10: '{}", "x".repeat(199));
    assert_eq!(shown(integer(&long)), cut);
}

#[test]
fn signals_and_exit_codes() {
    for (text, wanted) in [
        ("term", "Signal(15)"),
        (" SIGUSR1 ", "Signal(10)"),
        ("0_9", "Signal(9)"),
        ("64", "Signal(64)"),
        ("NOPE", "! value 'NOPE' is not a valid signal name"),
        ("40", "! value '40' is not a valid signal number"),
        ("99999999999", "! value '99999999999' is not a valid signal number"),
    ] {
        assert_eq!(shown(signal(text)), wanted, "TYP-05 {text:?}");
    }
    for (text, wanted) in [
        ("0, 2,2", "[0, 2, 2]"),
        ("", "[]"),
        ("0,", "! not a valid list of exit codes: '0,'"),
        ("256", "! not a valid list of exit codes: '256'"),
        ("0 1", "! not a valid list of exit codes: '0 1'"),
    ] {
        assert_eq!(shown(exit_codes(text)), wanted, "TYP-07 {text:?}");
    }
}

#[test]
fn names_and_addresses() {
    for (text, wanted) in [
        (" x ", "\"x\""),
        ("", "\"\""),
        ("a\tb[", "\"a\\tb[\""),
        (" a b", "! Invalid name: ' a b' because of character: ' '"),
        ("a/b:c", "! Invalid name: 'a/b:c' because of character: ':'"),
    ] {
        assert_eq!(shown(name(text)), wanted, "TYP-16 {text:?}");
    }
    for (text, wanted) in [
        ("9001", "(\"\", 9001)"),
        (":9001", "(\"\", 9001)"),
        ("*:9001", "(\"\", 9001)"),
        ("Host:9001", "(\"host\", 9001)"),
        ("::1:9001", "(\"::1\", 9001)"),
        ("x", "! not a valid port number: 'x' "),
        ("0", "! not a valid port number: '0' "),
        ("h:", "! no port number specified in ''"),
        ("h:0", "! 0 is below lower bound (1)"),
        ("h:65536", "! 65536 is above upper bound (65535)"),
        ("h:x", "! invalid literal for int() with base 10: 'x'"),
    ] {
        assert_eq!(shown(inet_address(text)), wanted, "TYP-15 {text:?}");
    }
    assert_eq!(strings(" a ,,b"), ["a", "", "b"], "TYP-17");
    assert!(strings("").is_empty());
}
