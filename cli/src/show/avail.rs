//! The lines of `avail`.

use proto_words::Namespec;
use proto_xmlrpc::Value;

use super::answer::{int_of, member, text_of};
use crate::reach::trouble::Trouble;

/// One item of `getAllConfigInfo` as a line.
///
/// # Errors
///
/// A member is missing or of another type.
pub fn line(info: &Value) -> Result<String, Trouble> {
    let name = Namespec::one(text_of(info, "group")?, text_of(info, "name")?);
    let used = if member(info, "inuse")?.is_true() { "in use" } else { "avail" };
    let start = if member(info, "autostart")?.is_true() { "auto" } else { "manual" };
    let (group, process) = (int_of(info, "group_prio")?, int_of(info, "process_prio")?);
    Ok(format!("{name:32} {used:9} {start:9} {group}:{process}"))
}

#[cfg(test)]
mod tests {
    use proto_xmlrpc::Value;

    #[test]
    fn a_line_is_supervisorctls() {
        let info = |group: &str, used: bool| {
            let line = super::line(&Value::record([
                ("group", group.into()),
                ("name", "a".into()),
                ("inuse", used.into()),
                ("autostart", used.into()),
                ("group_prio", 20.into()),
                ("process_prio", 999.into()),
            ]));
            line.expect("complete")
        };
        assert_eq!(
            info("grp", true),
            "grp:a                            in use    auto      20:999"
        );
        assert_eq!(info("a", false), "a                                avail     manual    20:999");
    }
}
