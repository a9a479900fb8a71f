//! Which handler a request is for, by supervisord's order of prefixes.

use hyper::{Method, Uri};
use proto_words::{Namespec, ProcessPart};

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// POST to `/RPC2…`.
    Rpc,
    /// `/logtail/NAME[/CHANNEL]`.
    Logtail {
        /// The process.
        name: Namespec,
        /// Whether stderr is wanted instead of stdout.
        stderr: bool,
    },
    /// `/mainlogtail`.
    MainLogtail,
    /// `/ok.html`.
    Ok,
    /// A page of the web interface, which this agent does not have.
    Page,
    /// There is nothing; 404.
    Nothing,
    /// That cannot be done with it; 400.
    BadRequest,
}

/// Finds the handler. supervisord looks at prefixes, so `/RPC2x` is `/RPC2`.
pub(super) fn route(method: &Method, uri: &Uri) -> Route {
    let decoded = decode(uri.path());
    let if_method = |right: bool, route: Route| if right { route } else { Route::BadRequest };
    // A target with a host in it is no path that supervisord knows.
    let path = if uri.scheme().is_some() { "*" } else { &decoded };
    if path.starts_with("/RPC2") {
        return if_method(method == Method::POST, Route::Rpc);
    }
    if path.starts_with("/logtail") {
        return if_method(method == Method::GET, logtail(path));
    }
    if path.starts_with("/mainlogtail") {
        return if_method(method == Method::GET, Route::MainLogtail);
    }
    let page = path.trim_start_matches('/');
    match (page, method) {
        ("ok.html", &Method::GET | &Method::POST) => Route::Ok,
        ("" | "index.html" | "tail.html", &Method::GET | &Method::POST) => Route::Page,
        (_, &Method::GET | &Method::HEAD) => Route::Nothing,
        _ => Route::BadRequest,
    }
}

/// The first segment may be any text that begins with `logtail`.
fn logtail(path: &str) -> Route {
    let mut parts = path.trim_start_matches('/').splitn(3, '/').skip(1);
    let (Some(name), channel) = (parts.next(), parts.next()) else {
        return Route::Nothing;
    };
    let stderr = match channel {
        None | Some("stdout") => false,
        Some("stderr") => true,
        Some(_) => return Route::Nothing,
    };
    let name = Namespec::parse(name);
    match name.process {
        ProcessPart::Every => Route::Nothing,
        ProcessPart::One(_) => Route::Logtail { name, stderr },
    }
}

/// Takes `%XX` for the byte; what is no text afterwards is shown with U+FFFD and names nothing.
fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |at: usize| after.get(at).and_then(|d| char::from(*d).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use hyper::{Method, Uri};
    use proto_words::Namespec;

    use super::Route::{BadRequest, MainLogtail, Nothing, Ok, Page, Rpc};
    use super::{Route, route};

    fn log(group: &str, process: &str, stderr: bool) -> Route {
        Route::Logtail { name: Namespec::one(group, process), stderr }
    }

    #[test]
    fn the_matrix_of_methods_and_paths() {
        for (request, expected) in [
            ("POST /RPC2", Rpc),
            ("POST /RPC2foo?x", Rpc),
            ("POST /%52PC2", Rpc),
            ("GET /RPC2", BadRequest),
            ("POST /rpc2", BadRequest),
            ("POST //RPC2", BadRequest),
            ("GET /logtail/cat", log("cat", "cat", false)),
            ("GET /logtail/grp%3Aa/stderr?x", log("grp", "a", true)),
            ("GET /logtailx/cat/stdout", log("cat", "cat", false)),
            ("GET /logtail/cat/stdin", Nothing),
            ("GET /logtail/cat/stdout/x", Nothing),
            ("GET /logtail/grp:*", Nothing),
            ("GET /logtail", Nothing),
            ("POST /logtail/cat", BadRequest),
            ("GET /mainlogtail", MainLogtail),
            ("GET /mainlogtail/x", MainLogtail),
            ("HEAD /mainlogtail", BadRequest),
            ("GET /ok.html", Ok),
            ("GET /ok%2ehtml", Ok),
            ("GET //ok.html", Ok),
            ("POST /ok.html", Ok),
            ("GET /ok.html;a", Nothing),
            ("HEAD /ok.html", Nothing),
            ("PUT /ok.html", BadRequest),
            ("get /ok.html", BadRequest),
            ("GET http://h/ok.html", Nothing),
            ("GET /", Page),
            ("HEAD /", Nothing),
            ("POST //index.html?x", Page),
            ("DELETE /", BadRequest),
            ("GET /../../etc/passwd", Nothing),
            ("GET /%zz%f", Nothing),
        ] {
            let (method, uri) = request.split_once(' ').unwrap();
            let method: Method = method.parse().unwrap();
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(route(&method, &uri), expected, "{request}");
        }
    }
}
