//! `environment=` (ENV-01 to ENV-18).

use serde_json::{Value, json};

use super::Row;

tables![pairs, oddities, uneven, merged];

/// `environment` of a program as written, and what it becomes.
fn env(ids: &'static [&'static str], written: &str, value: Value) -> Row {
    Row::program(ids, &format!("environment={written}")).is("environment", value)
}

fn pairs() -> Vec<Row> {
    vec![
        env(&["ENV-01"], "", json!({})),
        env(&["ENV-01"], " ", json!({})),
        env(&["ENV-02"], "A=1,B=2", json!({"A": "1", "B": "2"})),
        env(&["ENV-02"], "A=1 , B = 2", json!({"A": "1", "B": "2"})),
        env(&["ENV-02"], "A=1,\n B=2", json!({"A": "1", "B": "2"})),
        env(&["ENV-02"], "A=1,\tB=2\n  ,C=3", json!({"A": "1", "B": "2", "C": "3"})),
        env(&["ENV-02"], "A=1,A=2", json!({"A": "2"})),
        env(&["ENV-03"], "A=1,", json!({"A": "1"})),
        env(&["ENV-04"], "A=\"1,2\",B=3", json!({"A": "1,2", "B": "3"})),
        env(&["ENV-04"], "A='x y'", json!({"A": "x y"})),
        env(&["ENV-04"], "A=\"a=b\"", json!({"A": "a=b"})),
        env(&["ENV-04"], "A=\"a'b\"", json!({"A": "a'b"})),
        env(&["ENV-04"], "A='a\"b'", json!({"A": "a\"b"})),
        env(&["ENV-04"], "A=\"\"", json!({"A": ""})),
        env(&["ENV-04"], "A='a\n b'", json!({"A": "a\nb"})),
        env(&["ENV-05"], "A='\"x\"'", json!({"A": "x"})),
        env(&["ENV-05"], "A=\"''x'\"", json!({"A": "x"})),
        env(&["ENV-07"], "A=/p/a.b+c-(d):e", json!({"A": "/p/a.b+c-(d):e"})),
        env(&["ENV-07"], "A=http://x:80/y", json!({"A": "http://x:80/y"})),
        env(&["ENV-13"], "1A=x", json!({"1A": "x"})),
        env(&["ENV-13"], "A-B=x,A.B=y", json!({"A-B": "x", "A.B": "y"})),
        env(&["ENV-13"], "\"A\"=1", json!({"\"A\"": "1"})),
        env(&["ENV-13"], "$=1", json!({"$": "1"})),
    ]
}

/// What is taken and becomes something else than one would think.
fn oddities() -> Vec<Row> {
    vec![
        env(&["ENV-06"], "A=\"a\\\"b\"", json!({"A": "a\\"})),
        env(&["ENV-06"], "A=\"a\\n\"", json!({"A": "a\\n"})),
        env(&["ENV-08"], "A=x y", json!({"A": "x"})),
        env(&["ENV-08"], "A=a;B=2", json!({"A": "a", "B": "2"})),
        env(&["ENV-08"], "A=a|B=2", json!({"A": "a", "B": "2"})),
        env(&["ENV-08"], "A=a*B=2", json!({"A": "a", "B": "2"})),
        env(&["ENV-08"], "A=a\u{e9}B=2", json!({"A": "a", "B": "2"})),
        env(&["ENV-08"], "A=a and B=2", json!({"A": "a", "B": "2"})),
        env(&["ENV-09"], "A=a#b", json!({"A": "a"})),
        env(&["ENV-09"], "A=1#c,B=2", json!({"A": "1"})),
        env(&["ENV-09"], "A=1#c\n ,B=2", json!({"A": "1", "B": "2"})),
        env(&["ENV-09"], "A=1,#c\n B=2", json!({"A": "1", "B": "2"})),
        env(&["ENV-10"], "A=$HOME", json!({"A": "$"})),
        env(&["ENV-10"], "A=~/x", json!({"A": "~"})),
        env(&["ENV-10"], "A=*", json!({"A": "*"})),
        env(&["ENV-10"], "A=\\n", json!({"A": "\\"})),
        env(&["ENV-14"], "A=\"1\" \"2\"", json!({"A": "1"})),
        env(&["ENV-14"], "A=\"1\"x", json!({"A": "1"})),
        env(&["ENV-15"], "A=1 ;B=2", json!({"A": "1"})),
        env(&["ENV-15"], "A=1, #B=2", json!({"A": "1"})),
        env(&["ENV-17"], "A=x'y'z", json!({"A": "x'y'z"})),
        env(&["ENV-17"], "A=a\"b\"", json!({"A": "a\"b"})),
        env(&["ENV-17"], "A=a\"b c\"", json!({"A": "a\"b"})),
        env(&["ENV-18"], "A=\u{e9}a", json!({"A": "\u{e9}"})),
        env(&["ENV-18"], "A=\"\u{e9}a\"", json!({"A": "\u{e9}a"})),
    ]
}

fn uneven() -> Vec<Row> {
    let refused = |ids, written: &str, error: &str| {
        let suffix = " in section 'program:x' (file: '{dir}/s.conf')";
        Row::program(ids, &format!("environment={written}")).fails(&format!("{error}{suffix}"))
    };
    let mut rows = Vec::new();
    for written in [
        "A=a@b",
        "A=a;b",
        "A=a%%b",
        "A=a?b",
        "A=a&b",
        "A=a=b",
        "A=[1]",
        "A=x y,B=2",
        "A",
        "A=",
        "A=,B=1",
        "A=1,,B=2",
        ",A=1",
        "A=1\n B=2",
        "A='it' s=1",
        "A=\"'\"b=1",
    ] {
        let read = written.replace("\n ", "\n").replace("%%", "%");
        let error = format!("Unexpected end of key/value pairs in value '{read}'");
        rows.push(refused(&["ENV-11"], written, &error));
        let daemon = written.replace("%%", "%%%%");
        rows.push(Row::daemon(&["ENV-11"], &format!("environment={daemon}")).fails(&error));
    }
    for written in ["A=\"x", "A='x", "A=\"x,B='y'", "A,\"x", "\"", "A=\"1 ;2\"", "A=\"1 #2\""] {
        let ids: &'static [&'static str] =
            if written.contains("1 ") { &["ENV-12", "ENV-15"] } else { &["ENV-12"] };
        rows.push(refused(ids, written, "No closing quotation"));
    }
    rows
}

fn merged() -> Vec<Row> {
    let text = "[supervisord]\nenvironment=A=\"1\",B=\"2\"\n[program:x]\ncommand=c\nenvironment=B=\"3\",C=\"4\"\n\
                [program:y]\ncommand=c\n";
    vec![
        Row::whole(&["ENV-16"], text)
            .variable("D", "5")
            .is("environment", json!({"A": "1", "B": "3", "C": "4"}))
            .has("/groups/1/processes/0/environment", json!({"A": "1", "B": "2"}))
            .has("/daemon/environment", json!({"A": "1", "B": "2"})),
    ]
}
