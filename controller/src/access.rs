//! Who may call what: the one table, asked before every call.

use std::net::SocketAddr;

use proto_words::{Identity, Role};
use tonic::service::Interceptor;
use tonic::{Request, Status};
use tracing::warn;

/// Each service and the role that may call its methods. What is not here may be called by nobody.
const TABLE: [(Service, Role); 2] = [(Service::Link, Role::Host), (Service::Fleet, Role::Operator)];

/// The services of this port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// For agents.
    Link,
    /// For operators.
    Fleet,
}

/// Who calls: the listener puts it on every connection, and so on every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The certificate's one URI name.
    pub identity: Identity,
    /// When the certificate ends, milliseconds since the epoch.
    pub certificate_ends_ms: i64,
    /// Where the connection comes from.
    pub address: SocketAddr,
}

/// The check of one service, which tonic asks before every call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Only(pub Service);

impl Interceptor for Only {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let caller = caller(&request)?;
        let needed = TABLE.iter().find(|(known, _)| *known == self.0).map(|(_, role)| *role);
        match needed {
            Some(role) if role == caller.identity.role => Ok(request),
            _ => Err(refused(self.0, caller)),
        }
    }
}

/// Who sent a request.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<&Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .ok_or_else(|| Status::internal("the connection has no identity"))
}

fn refused(service: Service, caller: &Caller) -> Status {
    let identity = &caller.identity;
    let text = match service {
        Service::Link => format!(
            "{identity} is no host: agents need a host's certificate, spiffe://{}/host/NAME; \
             operators call the Fleet service",
            identity.fleet
        ),
        Service::Fleet => format!(
            "{identity} is no operator: use an operator's certificate, spiffe://{}/operator/NAME \
             (fleetvisorctl: --certificate and --key)",
            identity.fleet
        ),
    };
    warn!(who = %identity, from = %caller.address, service = ?service, "refused: {text}");
    Status::permission_denied(text)
}

#[cfg(test)]
mod tests {
    use proto_words::Identity;
    use tonic::{Code, Request};

    use super::{Caller, Interceptor as _, Only, Service};

    fn ask(service: Service, uri: &str) -> Result<(), (Code, String)> {
        let mut request = Request::new(());
        request.extensions_mut().insert(Caller {
            identity: Identity::parse(uri).unwrap(),
            certificate_ends_ms: 0,
            address: "127.0.0.1:1".parse().unwrap(),
        });
        Only(service).call(request).map(|_| ()).map_err(|s| (s.code(), s.message().to_owned()))
    }

    #[test]
    fn a_role_opens_its_own_service_and_no_other() {
        for (service, role, is_let_in) in [
            (Service::Link, "host", true),
            (Service::Link, "operator", false),
            (Service::Link, "controller", false),
            (Service::Fleet, "operator", true),
            (Service::Fleet, "host", false),
            (Service::Fleet, "hook", false),
        ] {
            let result = ask(service, &format!("spiffe://shop/{role}/x"));
            assert_eq!(result.is_ok(), is_let_in, "{service:?} {role}");
        }
        let (code, text) = ask(Service::Fleet, "spiffe://shop/host/web-1").unwrap_err();
        assert_eq!(code, Code::PermissionDenied);
        assert!(text.contains("use an operator's certificate, spiffe://shop/operator/NAME"));
    }
}
