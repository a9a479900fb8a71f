//! What a program wrote last: the reason for a failed start is most often there.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use agent_core::command::LogFiles;

/// More lines than this nobody reads in a result.
const LINES_MAX: usize = 20;

/// Enough for those lines, and little enough for thousands of results in one operation.
const BYTES_MAX: u64 = 4096;

/// The last lines of stderr, or of stdout when stderr is empty. Blocks; a file that cannot be read
/// has none.
pub(crate) fn last_lines(files: &LogFiles) -> Vec<String> {
    [&files.stderr, &files.stdout]
        .into_iter()
        .flatten()
        .map(|path| tail(path).unwrap_or_default())
        .find(|lines| !lines.is_empty())
        .unwrap_or_default()
}

fn tail(path: &str) -> std::io::Result<Vec<String>> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(Vec::new()); // a terminal or a pipe has no past
    }
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line is a part of one when the file began earlier.
    let whole = match text.split_once('\n') {
        Some((_, rest)) if from > 0 && !rest.is_empty() => rest,
        Some(_) | None => &text,
    };
    let lines: Vec<_> = whole.lines().map(str::to_owned).collect();
    Ok(lines[lines.len().saturating_sub(LINES_MAX)..].to_vec())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use agent_core::command::LogFiles;

    use super::last_lines;

    #[test]
    fn the_end_of_stderr_counts_or_else_that_of_stdout() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| Some(dir.path().join(name).to_str().unwrap().to_owned());
        fs::write(dir.path().join("out"), "one\ntwo").unwrap();
        fs::write(dir.path().join("err"), "").unwrap();
        let files = LogFiles { stdout: path("out"), stderr: path("err") };
        assert_eq!(last_lines(&files), ["one", "two"]);
        let many: Vec<_> = (0..3000).map(|n| format!("line {n}")).collect();
        fs::write(dir.path().join("err"), many.join("\n")).unwrap();
        let lines = last_lines(&files);
        assert_eq!((lines.len(), lines[0].as_str()), (20, "line 2980"));
        fs::write(dir.path().join("err"), "x".repeat(9000)).unwrap();
        assert_eq!(last_lines(&files), ["x".repeat(4096)]);
    }

    #[test]
    fn what_is_no_file_has_no_lines() {
        let files =
            LogFiles { stdout: Some("/dev/null".into()), stderr: Some("/nowhere/at/all".into()) };
        assert!(last_lines(&files).is_empty());
    }
}
