//! The `system.` methods: what there is, and many calls in one.

use proto_words::FaultCode;
use proto_xmlrpc::{Fault, Value};

use super::args::Args;
use super::faults::{bare, with};
use super::table::Method;
use super::{Failure, Outcome, Xmlrpc};

const MULTICALL: &str = "system.multicall";

impl Xmlrpc {
    pub(super) fn list_methods(&self) -> Value {
        let names = self.methods().map(|method| method.name.into());
        names.collect::<Vec<Value>>().into()
    }

    pub(super) fn method_help(&self, args: &Args) -> Outcome {
        Ok(self.described(args)?.help().into())
    }

    pub(super) fn method_signature(&self, args: &Args) -> Outcome {
        let method = self.described(args)?;
        let types = method.signature().map(Value::from);
        Ok(types.collect::<Vec<_>>().into())
    }

    fn described(&self, args: &Args) -> Result<&'static Method, Failure> {
        let method = args.value(0).as_str().and_then(|name| self.find(name));
        method.ok_or_else(|| bare(FaultCode::SignatureUnsupported).into())
    }

    /// One call after the other. The results are bare values, not the lists of one that other
    /// servers give: supervisord's clients rely on it.
    pub(super) async fn multicall(&self, args: Args) -> Outcome {
        let calls = match args.into_first() {
            Value::Array(calls) => calls,
            Value::String(text) if text.is_empty() => Vec::new(),
            Value::String(_) => {
                return Err(Failure::Internal("a text is no list of calls".to_owned()));
            }
            Value::Nil
            | Value::Int(_)
            | Value::Boolean(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Struct(_) => return Err(bare(FaultCode::IncorrectParameters).into()),
        };
        let mut results = Vec::with_capacity(calls.len());
        for call in calls {
            let Value::Struct(members) = call else {
                return Err(Failure::Internal("a call that is no struct".to_owned()));
            };
            results.push(match self.one_of_many(members).await {
                Ok(value) => value,
                Err(Failure::Fault(fault)) => shown(fault),
                Err(Failure::Internal(why)) => shown(with(FaultCode::Failed, &why)),
            });
        }
        Ok(results.into())
    }

    async fn one_of_many(&self, members: Vec<(String, Value)>) -> Outcome {
        let (mut name, mut params) = (Value::Nil, Value::Array(Vec::new()));
        for (key, value) in members {
            match key.as_str() {
                "methodName" => name = value,
                "params" => params = value,
                _ => {}
            }
        }
        match name {
            Value::Nil => Err(with(FaultCode::IncorrectParameters, "No methodName").into()),
            Value::String(name) if name == MULTICALL => {
                let why = "Recursive system.multicall forbidden";
                Err(with(FaultCode::IncorrectParameters, why).into())
            }
            Value::String(name) => {
                // The name is looked at before the parameters.
                if self.find(&name).is_none() {
                    return Err(bare(FaultCode::UnknownMethod).into());
                }
                self.call(&name, spread(params)?).await
            }
            Value::Int(_)
            | Value::Boolean(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Array(_)
            | Value::Struct(_) => Err(Failure::Internal("a methodName that is no text".to_owned())),
        }
    }
}

/// Parameters as Python spreads them: a list's items, a struct's keys, a text's characters.
fn spread(params: Value) -> Result<Vec<Value>, Fault> {
    match params {
        Value::Array(items) => Ok(items),
        Value::Struct(members) => Ok(members.into_iter().map(|(key, _)| key.into()).collect()),
        Value::String(text) => Ok(text.chars().map(|c| c.to_string().into()).collect()),
        Value::Nil | Value::Int(_) | Value::Boolean(_) | Value::Double(_) | Value::DateTime(_) => {
            Err(bare(FaultCode::IncorrectParameters))
        }
    }
}

fn shown(fault: Fault) -> Value {
    Value::record([("faultCode", fault.code.into()), ("faultString", fault.text.into())])
}
