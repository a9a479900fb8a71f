//! The controller, over gRPC with certificates on both sides.

use std::sync::Arc;

use proto::v1::fleet_client::FleetClient;
use proto_mtls::{ConnectError, Credentials, Files, client_config};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::fleet::exit;

/// An answer that is larger is refused: the status of 100,000 processes has some 20 MiB.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Why there is no answer, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The code to end with.
    pub exit: u8,
    /// For the operator.
    pub text: String,
}

impl Trouble {
    /// Any trouble.
    pub fn new(exit: u8, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// What was typed or configured cannot be used.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(exit::USAGE, text)
    }
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        let text = status.message();
        match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => {
                Self::new(exit::NOT_AUTHORISED, format!("the controller refuses: {text}"))
            }
            Code::InvalidArgument | Code::NotFound | Code::Unimplemented => Self::usage(text),
            Code::Unavailable | Code::Cancelled | Code::Unknown => Self::new(
                exit::UNAVAILABLE,
                format!(
                    "the controller has gone ({text}); programs run on, try again when it is back"
                ),
            ),
            code => Self::new(
                exit::UNAVAILABLE,
                format!("the controller could not answer ({code:?}): {text}"),
            ),
        }
    }
}

/// A connected controller.
#[derive(Debug)]
pub struct Controller {
    /// Its methods.
    pub client: FleetClient<Channel>,
}

impl Controller {
    /// Dials `HOST:PORT` with an operator's certificate.
    ///
    /// # Errors
    ///
    /// [`Trouble`] that says which file, whose refusal, or what was not reached.
    pub async fn connect(address: &str, files: &Files) -> Result<Self, Trouble> {
        let credentials =
            Credentials::load(files).map_err(|error| Trouble::usage(error.to_string()))?;
        let config =
            client_config(&credentials).map_err(|error| Trouble::usage(error.to_string()))?;
        let channel = proto_mtls::pinged_channel(address, Arc::new(config))
            .await
            .map_err(|error| explained(&error, files))?;
        Ok(Self { client: FleetClient::new(channel).max_decoding_message_size(ANSWER_MAX_BYTES) })
    }
}

fn explained(error: &ConnectError, files: &Files) -> Trouble {
    match error {
        ConnectError::Refused { .. } => Trouble::new(
            exit::NOT_AUTHORISED,
            format!(
                "{error}\nours is {}; ask whoever runs the fleet's authority for an operator's \
                 certificate and name it with --certificate and --key",
                files.certificate.display()
            ),
        ),
        ConnectError::NotOurs { .. } => Trouble::new(
            exit::UNAVAILABLE,
            format!(
                "{error}\nlook at the address (-s) and at the authority's certificate (--ca {})",
                files.ca.display()
            ),
        ),
        ConnectError::TimedOut { .. } | ConnectError::Io { .. } | ConnectError::Http { .. } => {
            Trouble::new(
                exit::UNAVAILABLE,
                format!(
                    "no controller: {error}\nprograms run on without it; each host still answers \
                     fleetvisorctl with its own configuration (-c) or address (-s unix://…)"
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::Trouble;

    #[test]
    fn each_kind_of_refusal_has_its_exit_code() {
        for (code, exit) in [
            (Code::PermissionDenied, 19),
            (Code::InvalidArgument, 2),
            (Code::NotFound, 2),
            (Code::Unavailable, 20),
            (Code::Internal, 20),
        ] {
            let trouble = Trouble::from(Status::new(code, "because"));
            assert_eq!(trouble.exit, exit, "{code:?}");
            assert!(trouble.text.contains("because"));
        }
    }
}
