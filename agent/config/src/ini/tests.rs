use std::fmt::Write as _;

use super::Ini;

/// `[section] key=value|…`, with line feeds shown as `~`.
fn shown(text: &str) -> String {
    let mut ini = Ini::default();
    if let Err(fault) = ini.read("f", text, false) {
        return format!("! {fault}");
    }
    let mut out = String::new();
    for section in ini.sections() {
        let _ = write!(out, "[{}]", section.name);
        for key in ini.keys(&section.name) {
            let value = &ini.entry(&section.name, key).expect("it is listed").value;
            let _ = write!(out, " {key}={}|", value.replace('\n', "~"));
        }
    }
    out
}

#[test]
fn values_and_comments() {
    for (id, text, wanted) in [
        ("INI-01", "[a]\nk=v ;c\nj=v #c\ni=v\t;c\nq=\"a ; b\"", "[a] k=v| j=v| i=v| q=\"a|"),
        ("INI-02", "[a]\nk=v;c\nj=v#c", "[a] k=v;c| j=v#c|"),
        ("INI-03", "[a]\nk=;c\nj= ;c", "[a] k=;c| j=|"),
        ("INI-04", "[a]\nk=a;b ;c ; d", "[a] k=a;b|"),
        ("rounds", "[a]\nk=a;b ;c #d", "[a] k=a;b ;c|"),
        ("INI-05", "[a]\n  ; x\n # y\nk=v", "[a] k=v|"),
        ("INI-06", "[a]\nk=v\n; no\n  w", "[a] k=v~w|"),
        ("INI-07", "[a]\nk: v\nj : v\ni:v=w\nh=v:w", "[a] k=v| j=v| i=v=w| h=v:w|"),
        ("INI-08", "[Ab]\nKeY=V", "[Ab] key=V|"),
        ("INI-09", "[a]\nk=v\n  x=2\n  [b]", "[a] k=v~x=2~[b]|"),
        ("INI-10", "[a]\nk=v\n\n  cont\n\n\nj=1\n\n", "[a] k=v~~cont| j=1|"),
        ("INI-11", "[a]\n   k=v\n  j=w\n [b]\n  i=1", "[a] k=v| j=w|[b] i=1|"),
        ("INI-12", "[a]\nk=\nj = ", "[a] k=| j=|"),
        ("INI-15", "[a] trailing\n[b];c", "[a][b]"),
        ("INI-16", "[ a ]", "[ a ]"),
        ("INI-17", "[a]b]", "[a]b]"),
        ("INI-19", "[a]\nk=1\nj=2\nk=3", "[a] k=3| j=2|"),
        ("INI-20", "[a]\nk=1\n[b]\n[a]\nk=2\nj=1", "[a] k=2| j=1|[b]"),
        ("INI-21", "[DEFAULT]\nk=1\nj=2\n[a]\nk=3", "[a] k=3| j=2|"),
        ("INI-22", "[a]\r\nk=v\r\n  w\r\n", "[a] k=v~w|"),
        ("INI-24", "[a]\nk=\"q\"", "[a] k=\"q\"|"),
        ("INI-25", "[a]\nk=v\\\nj=w", "[a] k=v\\| j=w|"),
    ] {
        assert_eq!(shown(text), wanted, "{id}");
    }
}

#[test]
fn what_cannot_be_parsed() {
    for (id, text, wanted) in [
        ("INI-13", "[a]\nk", "! Source contains parsing errors: 'f'\n\t[line  2]: 'k'"),
        (
            "INI-14",
            "[a]\n=v\nk=1\n:v\n",
            "! Source contains parsing errors: 'f'\n\t[line  2]: '=v\\n'\n\t[line  4]: ':v\\n'",
        ),
        ("INI-18", "[]", "! File contains no section headers.\nfile: 'f', line: 1\n'[]'"),
        (
            "INI-23",
            "\u{feff}[a]\n",
            "! File contains no section headers.\nfile: 'f', line: 1\n'\\ufeff[a]\\n'",
        ),
        ("INI-30", "\nk=v\n", "! File contains no section headers.\nfile: 'f', line: 2\n'k=v\\n'"),
        (
            "INI-31",
            "[a]\n\n\n\n\ngarbage\nrem foo\n",
            "! Source contains parsing errors: 'f'\n\t[line  6]: 'garbage\\n'\n\t[line  7]: 'rem foo\\n'",
        ),
    ] {
        assert_eq!(shown(text), wanted, "{id}");
    }
}

#[test]
fn a_key_knows_its_file_and_line() {
    let mut ini = Ini::default();
    ini.read("main", "[a]\nk=1\n\nj=2\n", false).expect("parses");
    ini.read("more", "; x\n[b]\n[a]\nk=3\n", true).expect("parses");
    for (section, key, file, line) in [
        ("a", Some("k"), "more", 4),
        ("a", Some("j"), "main", 4),
        ("a", Some("absent"), "main", 1),
        ("b", None, "more", 2),
    ] {
        let place = ini.place(section, key);
        assert_eq!((place.file.as_deref(), place.line), (Some(file), Some(line)));
    }
    let from = |name| ini.section(name).and_then(|own| own.included_from.clone());
    assert_eq!((from("a"), from("b")), (None, Some("more".to_owned())));
}
