//! Files that are no configuration (INI-13, INI-14, INI-30 to INI-34).

use integration::loaded::Case;

use super::Row;

tables![bad_lines, missing_parts, named_files];

fn bad(ids: &'static [&'static str], text: &str, lines: &str) -> Row {
    Row::whole(ids, text).fails(&format!("Source contains parsing errors: '{{dir}}/s.conf'{lines}"))
}

fn bad_lines() -> Vec<Row> {
    let many = format!("[supervisord]\n{}junk at the end\n", "\n".repeat(120));
    vec![
        bad(&["INI-13"], "[supervisord]\nk\n", "\n\t[line  2]: 'k\\n'"),
        bad(&["INI-13"], "[supervisord]\nminfds\n", "\n\t[line  2]: 'minfds\\n'"),
        bad(&["INI-14"], "[supervisord]\n=v\n", "\n\t[line  2]: '=v\\n'"),
        bad(&["INI-14"], "[supervisord]\n:v\n", "\n\t[line  2]: ':v\\n'"),
        bad(&["INI-14"], "[supervisord]\n  = v\n", "\n\t[line  2]: '  = v\\n'"),
        bad(
            &["INI-31"],
            "[supervisord]\nminfds=3\ngarbage\n[program:x]\ncommand=c\nmore \"'garbage\n",
            "\n\t[line  3]: 'garbage\\n'\n\t[line  6]: 'more \"\\'garbage\\n'",
        ),
        bad(&["INI-31"], &many, "\n\t[line 122]: 'junk at the end\\n'"),
        bad(&["INI-31"], "[supervisord]\nlast", "\n\t[line  2]: 'last'"),
        bad(&["INI-31"], "[supervisord]\nb\té\u{1b}\n", "\n\t[line  2]: 'b\\té\\x1b\\n'"),
        // The lines that are good do not count any more, not even a missing section.
        bad(&["INI-31"], "[a]\njunk\n", "\n\t[line  2]: 'junk\\n'"),
    ]
}

fn missing_parts() -> Vec<Row> {
    let no_header = "File contains no section headers.\nfile: '{dir}/s.conf', line";
    let no_supervisord = ".ini file does not include supervisord section";
    let no_files = ".ini file has [include] section, but no files setting";
    vec![
        Row::whole(&["INI-30"], "k=v\n[supervisord]\n").fails(&format!("{no_header}: 1\n'k=v\\n'")),
        Row::whole(&["INI-30"], "; c\n\njunk\n").fails(&format!("{no_header}: 3\n'junk\\n'")),
        Row::whole(&["INI-30"], "it's").fails(&format!("{no_header}: 1\n\"it's\"")),
        // Nothing but the first line is told.
        Row::whole(&["INI-30"], "a\nb\n").fails(&format!("{no_header}: 1\n'a\\n'")),
        Row::whole(&["INI-32"], "").fails(no_supervisord),
        Row::whole(&["INI-32"], "; nothing\n").fails(no_supervisord),
        Row::whole(&["INI-32"], "[program:x]\nstartsecs=x\n").fails(no_supervisord),
        Row::whole(&["INI-33"], "[supervisord]\n[include]\n").fails(no_files),
        Row::whole(&["INI-33"], "[include]\nfile=x\n").fails(no_files),
    ]
}

/// How the file is called in an error.
fn named_files() -> Vec<Row> {
    let mut relative = Case::new("[supervisord]\njunk\n");
    relative.typed = "../s.conf".to_owned();
    relative.cwd = "within".to_owned();
    let included = |file: &str, text: &str| {
        Row::whole(&["INI-34"], "[supervisord]\n[include]\nfiles=sub/*.conf ../0/more.conf\n")
            .file(file, text)
    };
    vec![
        Row::new(&["INI-34"], relative)
            .fails("Source contains parsing errors: '../s.conf'\n\t[line  2]: 'junk\\n'"),
        included("sub/a.conf", "[a]\njunk\n")
            .fails("Source contains parsing errors: '{dir}/sub/a.conf'\n\t[line  2]: 'junk\\n'"),
        included("sub/a.conf", "k=v\n").fails(
            "File contains no section headers.\nfile: '{dir}/sub/a.conf', line: 1\n'k=v\\n'",
        ),
        Row::whole(&["INI-34"], "[supervisord]\n[include]\nfiles=sub/../i.conf\n")
            .file("sub/", "")
            .file("i.conf", "[a]\njunk\n")
            .fails("Source contains parsing errors: '{dir}/sub/../i.conf'\n\t[line  2]: 'junk\\n'"),
    ]
}
