//! Pids, uptimes, times and paths replaced by words, so that two texts can be compared.

/// Months as supervisord's clients print them.
const MONTHS: &[&str] =
    &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `text` with `names` replaced first (paths, mostly), then:
///
/// - `pid 123` becomes `pid PID`, `(123) with SIGKILL` `(PID) with SIGKILL`, a line of nothing but a positive number `PID`;
/// - `uptime 1 day, 0:00:43` becomes `uptime UPTIME`;
/// - `Nov 20 10:02 AM` and `2026-11-20 10:02:03,123` become `WHEN`;
/// - the place in a Python client's own complaint, `file: … line: 17`, becomes `file: FILE line: N`.
#[must_use]
pub fn text(text: &str, names: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in names {
        text = text.replace(from, to);
    }
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let (body, end) = match line.strip_suffix('\n') {
        Some(body) => (body, "\n"),
        None => (line, ""),
    };
    if body != "0" && is_number(body) {
        return format!("PID{end}");
    }
    let body = killed(&pid(&stamp(body)));
    let body = python_place(&day(&uptime(&body)));
    format!("{body}{end}")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `pid 12` anywhere, 0 excepted: that a process has none is a fact.
fn pid(line: &str) -> String {
    let mut parts = line.split("pid ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        out.push_str("pid ");
        out.push_str(if digits > 0 && &part[..digits] != "0" { "PID" } else { &part[..digits] });
        out.push_str(&part[digits..]);
    }
    out
}

/// `killing 'x' (12) with SIGKILL`.
fn killed(line: &str) -> String {
    match line.split_once(" (") {
        Some((before, after)) => match after.split_once(") with SIG") {
            Some((number, signal)) if is_number(number) => {
                format!("{before} (PID) with SIG{signal}")
            }
            _ => line.to_owned(),
        },
        None => line.to_owned(),
    }
}

fn uptime(line: &str) -> String {
    match line.split_once(", uptime ") {
        Some((before, _)) => format!("{before}, uptime UPTIME"),
        None => line.to_owned(),
    }
}

/// `2026-11-20 10:02:03,123` at the start of a line.
fn stamp(line: &str) -> String {
    const SHAPE: &str = "dddd-dd-dd dd:dd:dd,ddd";
    match line.get(..SHAPE.len()) {
        Some(head) if has_shape(head, SHAPE) => format!("WHEN{}", &line[SHAPE.len()..]),
        _ => line.to_owned(),
    }
}

/// `Nov 20 10:02 AM`, the description of a process that has ended.
fn day(line: &str) -> String {
    const LENGTH: usize = "Nov 20 10:02 AM".len();
    let is_day = |word: &str| {
        MONTHS.iter().any(|month| word.starts_with(month))
            && (has_shape(&word[3..], " dd dd:dd AM") || has_shape(&word[3..], " dd dd:dd PM"))
    };
    let start = line.len().saturating_sub(LENGTH);
    match line.get(start..) {
        Some(end) if end.len() == LENGTH && is_day(end) => format!("{}WHEN", &line[..start]),
        _ => line.to_owned(),
    }
}

fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, want)| match want {
            b'd' => byte.is_ascii_digit(),
            want => byte == want,
        })
}

fn python_place(line: &str) -> String {
    match line.split_once(": file: ") {
        Some((before, after)) if after.contains(" line: ") => {
            format!("{before}: file: FILE line: N")
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_differs_from_run_to_run_becomes_a_word() {
        let table = [
            ("cat   RUNNING   pid 30020, uptime 0:00:43", "cat   RUNNING   pid PID, uptime UPTIME"),
            (
                "a     RUNNING   pid 1, uptime 2 days, 0:00:43",
                "a     RUNNING   pid PID, uptime UPTIME",
            ),
            ("quick EXITED    Nov 20 10:02 AM", "quick EXITED    WHEN"),
            (
                "2026-11-20 10:02:03,123 INFO spawned: 'x' with pid 7",
                "WHEN INFO spawned: 'x' with pid PID",
            ),
            ("killing 'x' (12) with SIGKILL", "killing 'x' (PID) with SIGKILL"),
            ("9978\n0\n", "PID\n0\n"),
            ("at /tmp/x/s.sock", "at {dir}/s.sock"),
            (
                "error: <class 'X'>, y: file: /a/b.py line: 5",
                "error: <class 'X'>, y: file: FILE line: N",
            ),
            ("manual STOPPED   Not started", "manual STOPPED   Not started"),
            ("from_state:STOPPING pid 0", "from_state:STOPPING pid 0"),
        ];
        for (from, to) in table {
            assert_eq!(text(from, &[("/tmp/x", "{dir}")]), to);
        }
    }
}
