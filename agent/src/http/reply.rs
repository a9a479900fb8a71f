//! Responses: their headers, and the page that every error has.

use bytes::Bytes;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, LAST_MODIFIED, SERVER,
    WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::tail::Follower;

/// What the original calls itself; scripts may look for it.
const SERVER_NAME: HeaderValue = HeaderValue::from_static("Medusa/1.12");

/// What a handler says; `body` makes a stream of it.
pub(super) enum Content {
    /// All of it.
    Whole(Bytes),
    /// A log, for as long as the client listens.
    Followed(Box<Follower>),
}

/// A response with the headers that every one has.
fn started(status: StatusCode) -> hyper::http::response::Builder {
    Response::builder()
        .status(status)
        .header(SERVER, SERVER_NAME)
        .header(DATE, http_date(Timestamp::now()))
}

/// As RFC 1123 writes a moment.
fn http_date(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn finished(built: hyper::http::Result<Response<Content>>) -> Response<Content> {
    built.expect("every header is a constant, a number or a date")
}

/// The page of an error.
pub(super) fn error(status: StatusCode) -> Response<Content> {
    error_with(started(status), status)
}

/// An error after which the connection ends.
pub(super) fn last_error(status: StatusCode) -> Response<Content> {
    error_with(started(status).header(CONNECTION, "close"), status)
}

/// 401, after which the connection ends.
pub(super) fn unauthorized() -> Response<Content> {
    let status = StatusCode::UNAUTHORIZED;
    let builder = started(status)
        .header(CONNECTION, "close")
        .header(WWW_AUTHENTICATE, "Basic realm=\"default\"");
    error_with(builder, status)
}

fn error_with(builder: hyper::http::response::Builder, status: StatusCode) -> Response<Content> {
    let body = format!(
        "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n\
         <h1>Error response</h1>\r\n<p>Error code {}.\r\n<p>Message: {}.\r\n</body>\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or("Error"),
    );
    finished(
        builder
            .header(CONTENT_LENGTH, body.len())
            .header(CONTENT_TYPE, "text/html")
            .body(Content::Whole(body.into())),
    )
}

/// `OK`, for health probes.
pub(super) fn ok() -> Response<Content> {
    finished(
        started(StatusCode::OK)
            .header(CONTENT_TYPE, "text/plain")
            .header(CONTENT_LENGTH, 2)
            .body(Content::Whole(Bytes::from_static(b"OK"))),
    )
}

/// An XML-RPC answer.
pub(super) fn xml(body: Vec<u8>) -> Response<Content> {
    finished(
        started(StatusCode::OK)
            .header(CONTENT_TYPE, "text/xml")
            .header(CONTENT_LENGTH, body.len())
            .body(Content::Whole(body.into())),
    )
}

/// A log that is followed; `unbuffered` tells reverse proxies not to gather it.
pub(super) fn followed(follower: Follower, unbuffered: bool) -> Response<Content> {
    let mut builder = started(StatusCode::OK)
        .header(LAST_MODIFIED, http_date(follower.modified()))
        .header(CONTENT_TYPE, "text/plain;charset=utf-8");
    if unbuffered {
        builder = builder.header("X-Accel-Buffering", "no");
    }
    finished(builder.body(Content::Followed(Box::new(follower))))
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use jiff::Timestamp;

    use super::{Content, error, http_date};

    #[test]
    fn error_pages_have_supervisords_length() {
        for (code, length) in [(400, 136), (401, 137), (404, 134), (411, 140), (500, 146)] {
            let response = error(StatusCode::from_u16(code).unwrap());
            assert_eq!(response.headers()["content-length"], length.to_string());
            let Content::Whole(body) = response.into_body() else {
                panic!("an error is no stream");
            };
            assert_eq!(body.len(), length);
        }
    }

    #[test]
    fn dates_are_rfc_1123() {
        let moment = Timestamp::from_second(1_795_176_297).unwrap();
        assert_eq!(http_date(moment), "Fri, 20 Nov 2026 12:04:57 GMT");
    }
}
