//! Each request and its answer.

use std::time::Duration;

use agent_core::spec::Credentials;
use tokio::time::timeout;

use super::{PATIENCE, World, dateless, post};
use crate::http::patience::BOUNDS;
use crate::played::log;

#[tokio::test]
async fn calls_are_answered_one_after_the_other_and_the_connection_stays() {
    let world = World::new(None);
    let mut client = world.connect().await;
    client.send((post("echo 1") + &post("echo two")).as_bytes()).await;
    for (length, text) in [(1, "1"), (3, "two")] {
        let (head, body) = client.response().await;
        let expected = format!(
            "HTTP/1.1 200 OK\nServer: Medusa/1.12\nContent-Type: text/xml\n\
             Content-Length: {length}\n"
        );
        assert_eq!((dateless(&head), body.as_str()), (expected, text));
    }
}

#[tokio::test]
async fn requests_that_are_none_have_their_status() {
    let world = World::new(None);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n\r\n");
    for (request, status) in [
        (get("/ok.html"), "200"),
        ("POST /ok.html HTTP/1.1\r\n\r\n".to_owned(), "411"),
        (get("/"), "404"),
        ("POST / HTTP/1.1\r\n\r\n".to_owned(), "411"),
        ("PUT / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (get("/RPC2"), "400"),
        (get("/logtail/cat"), "404"),
        (get("/logtail/cat/stderr"), "404"),
        (get("/mainlogtail"), "404"),
        ("POST /RPC2 HTTP/1.1\r\n\r\n".to_owned(), "411"),
        ("POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), "411"),
        ("POST /RPC2 HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(), "400"),
        (post(""), "400"),
        (post("status 400"), "400"),
        (post("status 413"), "413"),
        (post("status 500"), "500"),
        ("garbage\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(300_000)), "431"),
    ] {
        let shown: String = request.chars().take(60).collect();
        assert_eq!(world.status(&request).await, status, "{shown:?}");
    }
}

#[tokio::test]
async fn an_error_page_is_the_originals() {
    let world = World::new(None);
    let (head, body) = world.ask("GET /x HTTP/1.1\r\n\r\n").await;
    let expected = "HTTP/1.1 404 Not Found\nServer: Medusa/1.12\nContent-Length: 134\n\
                    Content-Type: text/html\n";
    assert_eq!(dateless(&head), expected);
    assert_eq!(
        body,
        "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n\
         <h1>Error response</h1>\r\n<p>Error code 404.\r\n<p>Message: Not Found.\r\n</body>\r\n"
    );
}

#[tokio::test]
async fn every_path_wants_the_password() {
    let world = World::new(Some(&Credentials { username: "joe".into(), password: "pw".into() }));
    for request in ["GET /ok.html", "GET /", "GET /logtail/cat", "PUT /"] {
        let mut client = world.connect().await;
        client.send(format!("{request} HTTP/1.1\r\n\r\n").as_bytes()).await;
        let (head, body) = client.response().await;
        let expected = "HTTP/1.1 401 Unauthorized\nServer: Medusa/1.12\nConnection: close\n\
                        Www-Authenticate: Basic realm=\"default\"\nContent-Length: 137\n\
                        Content-Type: text/html\n";
        assert_eq!(dateless(&head), expected);
        assert_eq!(body.len(), 137);
        assert!(client.is_closed().await);
    }
    let with = |cookie: &str| format!("GET /ok.html HTTP/1.1\r\nAuthorization: {cookie}\r\n\r\n");
    assert_eq!(world.status(&with("Basic am9lOnB3")).await, "200");
    assert_eq!(world.status(&with("Basic am9lOnB4")).await, "401");
    assert_eq!(world.status(&with("Basic abc")).await, "400");
    assert_eq!(world.status(&post("echo x")).await, "401");
}

#[tokio::test]
async fn a_log_is_streamed_until_the_client_goes() {
    let world = World::new(None);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    for (path, unbuffered) in [("/logtail/cat", true), ("/mainlogtail", false)] {
        let mut client = world.connect().await;
        client.send(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.contains("Content-Type: text/plain;charset=utf-8\r\n"), "{head}");
        assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
        assert_eq!(head.contains("X-Accel-Buffering: no\r\n"), unbuffered);
        assert!(head.contains("Last-Modified: "), "{head}");
        assert_eq!(client.until("one\n\r\n").await, "4\r\none\n\r\n");
        std::fs::write(world.path("out.log"), "one\ntwo\n").unwrap();
        let more = client.until("two\n\r\n").await;
        assert!(more.ends_with("two\n\r\n"), "{more}");
        std::fs::write(world.path("out.log"), "one\n").unwrap();
    }
}

#[tokio::test]
async fn over_http_1_0_a_log_comes_at_once() {
    let world = World::new(None);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    let mut client = world.connect().await;
    client.send(b"GET /mainlogtail HTTP/1.0\r\n\r\n").await;
    let all = client.until("one\n").await;
    assert!(all.ends_with("\r\n\r\none\n"), "{all}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_stream() {
    let (log, lines) = log();
    let world = World::with(BOUNDS, None, log);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    let mut client = world.connect().await;
    client.send(b"GET /mainlogtail HTTP/1.1\r\n\r\n").await;
    client.until("one\n\r\n").await;
    drop(client);
    let gone = async {
        while !lines.lock().unwrap().iter().any(|(_, line)| line.ends_with("200 4")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the stream ends");
}
