//! What supervisord does, expected of Supervisor 4.3.0 and of our agent alike.

mod broken;
mod command_line;
mod companions;
mod compare;
mod config;
mod configurations;
mod corpora;
mod daemonizing;
mod events;
mod fastcgi;
mod logs;
mod processes;
mod reread;
mod restart;
mod scenarios;
mod search;
mod shutdown_order;
mod signals;
mod startup;
mod stopping;

/// A script for a listener that writes down the head of each event.
const EAR: &str = "echo READY
while read -r head; do
    echo \"$head\" >> {dir}/heard
    printf 'RESULT 2\\nOKREADY\\n'
done
";

/// All phrases stand in the text, one after the other.
fn in_order(text: &str, phrases: &[&str]) {
    let mut rest = text;
    for phrase in phrases {
        let found = rest.split_once(phrase);
        rest = found.unwrap_or_else(|| panic!("no {phrase:?} in this place:\n{text}")).1;
    }
}
