//! Calls against a played core: what is asked, and what is answered.

mod answers;
mod orders;

use proto_words::Namespec;
use proto_xmlrpc::{Value, parse_response, write_call};

use super::Xmlrpc;
use crate::mailbox::Mailbox;
use crate::played::log;

fn door(mailbox: Mailbox) -> Xmlrpc {
    Xmlrpc::new(mailbox, log().0)
}

/// A value, `code text` of a fault, or the status in its place.
async fn call(door: &Xmlrpc, method: &str, params: &[Value]) -> Result<Value, String> {
    match door.answer(write_call(method, params).into()).await {
        Ok(body) => parse_response(&body)
            .expect("the door writes XML-RPC")
            .map_err(|fault| format!("{} {}", fault.code, fault.text)),
        Err(status) => Err(format!("{status:?}")),
    }
}

async fn fault(door: &Xmlrpc, method: &str, params: &[Value]) -> String {
    match call(door, method, params).await {
        Err(text) => text,
        Ok(value) => panic!("{method} has a value: {value:?}"),
    }
}

fn web() -> Namespec {
    Namespec::one("web", "api")
}
