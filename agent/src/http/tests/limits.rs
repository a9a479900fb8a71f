//! Slow, large, many, and the end.

use std::io::ErrorKind;
use std::time::Duration;

use agent_core::spec::Level;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, World, post};
use crate::http::body::REQUEST_BYTES_MAX;
use crate::http::patience::{BOUNDS, Bounds};
use crate::played::log;

#[tokio::test]
async fn a_request_of_more_than_16_mib_is_413_and_the_next_one_is_answered() {
    let world = World::new(None);
    let large = " ".repeat(REQUEST_BYTES_MAX + 1);
    let (head, _) = world.ask(&post(&large)).await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(world.status("GET /ok.html HTTP/1.1\r\n\r\n").await, "200");
}

#[tokio::test]
async fn a_request_that_announces_too_much_and_sends_nothing_is_413() {
    let world = World::new(None);
    let mut silent = world.connect().await;
    let announced = REQUEST_BYTES_MAX + 1;
    let head = format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {announced}\r\n\r\n");
    silent.send(head.as_bytes()).await;
    let (head, _) = silent.response().await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
}

#[tokio::test]
async fn a_stop_finishes_what_is_asked_and_removes_the_socket() {
    let world = World::new(None);
    let mut idle = world.connect().await;
    idle.send(b"GET /ok.html HTTP/1.1\r\n\r\n").await;
    idle.response().await;
    let mut tcp = TcpStream::connect(("127.0.0.1", world.port)).await.unwrap();
    tcp.write_all(b"GET /ok.html HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nOK"), "{answer}");
    world.stop.send(true).unwrap();
    assert!(idle.is_closed().await);
    timeout(PATIENCE, world.serving).await.unwrap().unwrap().unwrap();
    assert!(!world.dir.path().join("s.sock").exists());
}

#[tokio::test]
async fn slow_clients_are_cut_off_and_idle_ones_are_not() {
    let soon = Duration::from_millis(50);
    let bounds = Bounds { head: soon, piece: soon, body: soon, taking: soon, ..BOUNDS };
    let world = World::with(bounds, None, log().0);
    let mut idle = world.connect().await;
    idle.send(b"GET /ok.html HTTP/1.1\r\n\r\n").await;
    idle.response().await;
    let mut slow = world.connect().await;
    slow.send(b"GET /ok.html HTTP/1.1\r\nX").await;
    assert!(slow.is_closed().await);
    let mut slow = world.connect().await;
    slow.send(b"POST /RPC2 HTTP/1.1\r\nContent-Length: 9\r\n\r\n<").await;
    let (head, _) = slow.response().await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    idle.send(b"GET /ok.html HTTP/1.1\r\n\r\n").await;
    let (head, _) = idle.response().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let bounds = Bounds { taking: Duration::from_millis(50), ..BOUNDS };
    let world = World::with(bounds, None, log().0);
    let mut deaf = world.connect().await;
    deaf.send(post("large").as_bytes()).await;
    let given_up = async {
        // A write tells whether the other side is still there without reading anything.
        while !matches!(deaf.0.try_write(b"x"), Err(e) if e.kind() != ErrorKind::WouldBlock) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, given_up).await.expect("it ends");
}

#[tokio::test]
async fn a_fault_of_ours_is_500_and_the_server_lives() {
    let (log, lines) = log();
    let world = World::with(BOUNDS, None, log);
    assert_eq!(world.status(&post("die")).await, "500");
    assert_eq!(world.status(&post("echo x")).await, "200");
    let lines = lines.lock().unwrap();
    let critical = lines.iter().find(|(level, _)| *level == Level::Critical);
    assert!(critical.is_some_and(|(_, text)| text.contains("/RPC2")), "{lines:?}");
}

#[tokio::test]
async fn whoever_comes_when_all_seats_are_taken_gets_the_longest_idle_ones() {
    let bounds = Bounds { connections: 2, ..BOUNDS };
    let world = World::with(bounds, None, log().0);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    let mut follower = world.connect().await;
    follower.send(b"GET /mainlogtail HTTP/1.1\r\n\r\n").await;
    follower.until("one\n\r\n").await;
    let mut idle = world.connect().await;
    idle.send(b"GET /ok.html HTTP/1.1\r\n\r\n").await;
    idle.response().await;
    assert_eq!(world.status("GET /ok.html HTTP/1.1\r\n\r\n").await, "200");
    assert!(idle.is_closed().await);
    std::fs::write(world.path("out.log"), "one\ntwo\n").unwrap();
    follower.until("two\n\r\n").await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_whoever_follows_a_log() {
    let bounds = Bounds { farewell: Duration::from_hours(1), ..BOUNDS };
    let world = World::with(bounds, None, log().0);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    let mut follower = world.connect().await;
    follower.send(b"GET /mainlogtail HTTP/1.1\r\n\r\n").await;
    follower.until("one\n\r\n").await;
    world.stop.send(true).unwrap();
    timeout(PATIENCE, world.serving).await.unwrap().unwrap().unwrap();
    assert!(follower.is_closed().await);
}
