//! A TCP relay between an agent and its controller, whose link can be cut, stalled and restored.
//!
//! No mock: both ends keep their real sockets, and see what they would see of a real network: a
//! reset, a refused connection, or nothing at all.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What one read carries at most; the same as a TLS record.
const PIECE_BYTES: usize = 16 * 1024;

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// They pass.
    Up,
    /// They are held back; connections stay, as with a cable that was pulled.
    Stalled,
    /// Connections are closed, and new ones closed at once, as with a host that is gone.
    Cut,
    /// The relay ends.
    Over,
}

#[derive(Debug)]
struct State {
    link: Link,
    /// Every connection's two ends, to be closed at a cut.
    streams: Vec<TcpStream>,
    /// Connections that were let through so far.
    accepted: usize,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A relay from a port of its own to one address.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1 and passes everything to `target`.
    ///
    /// # Panics
    ///
    /// When loopback has no free port.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = State { link: Link::Up, streams: Vec::new(), accepted: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, target, &accepting));
        Self { address, shared }
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were let through so far: a redial shows here.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.state().accepted
    }

    /// Closes every connection, and each new one, until [`Relay::restore`].
    pub fn cut(&self) {
        self.shared.turn(Link::Cut);
    }

    /// Holds every byte back, until [`Relay::restore`].
    pub fn stall(&self) {
        self.shared.turn(Link::Stalled);
    }

    /// Lets everything pass again, held bytes first.
    pub fn restore(&self) {
        self.shared.turn(Link::Up);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.turn(Link::Over);
        // Wakes the thread that accepts, so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// A panic elsewhere leaves the state whole: each change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, link: Link) {
        let mut state = self.state();
        state.link = link;
        if matches!(link, Link::Cut | Link::Over) {
            for stream in state.streams.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.changed.notify_all();
    }

    /// Waits while the link is stalled; whether bytes may pass then.
    fn may_pass(&self) -> bool {
        let state = self
            .changed
            .wait_while(self.state(), |state| state.link == Link::Stalled)
            .unwrap_or_else(PoisonError::into_inner);
        state.link == Link::Up
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, shared: &Arc<Shared>) {
    for near in listener.incoming().flatten() {
        if shared.state().link == Link::Over {
            return;
        }
        // A connection that fails is closed by the drop: the peer sees that nobody is there.
        let _ = join(near, target, shared);
    }
}

fn join(near: TcpStream, target: SocketAddr, shared: &Arc<Shared>) -> io::Result<()> {
    if shared.state().link == Link::Cut {
        return Ok(());
    }
    let far = TcpStream::connect(target)?;
    let pairs = [(near.try_clone()?, far.try_clone()?), (far.try_clone()?, near.try_clone()?)];
    let mut state = shared.state();
    if matches!(state.link, Link::Cut | Link::Over) {
        return Ok(());
    }
    state.accepted += 1;
    state.streams.extend([near, far]);
    drop(state);
    for (from, to) in pairs {
        let shared = Arc::clone(shared);
        thread::spawn(move || pump(from, to, &shared));
    }
    Ok(())
}

/// Copies until either side ends, then ends the other.
fn pump(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if !shared.may_pass() || to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Sends back each byte that it gets.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() {
                        let _ = stream.write_all(&byte);
                    }
                });
            }
        });
        address
    }

    fn ask(stream: &mut TcpStream, byte: u8) -> io::Result<u8> {
        stream.write_all(&[byte])?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    }

    #[test]
    fn a_cut_ends_connections_and_a_restored_link_takes_new_ones() {
        let relay = Relay::to(echo());
        let mut stream = TcpStream::connect(relay.address()).unwrap();
        assert_eq!(ask(&mut stream, 7).unwrap(), 7);
        relay.cut();
        assert!(ask(&mut stream, 8).is_err());
        let mut refused = TcpStream::connect(relay.address()).unwrap();
        assert!(ask(&mut refused, 9).is_err());
        relay.restore();
        let mut again = TcpStream::connect(relay.address()).unwrap();
        assert_eq!(ask(&mut again, 10).unwrap(), 10);
        assert_eq!(relay.accepted(), 2);
    }

    #[test]
    fn a_stalled_link_holds_bytes_back_and_then_delivers_them() {
        let relay = Relay::to(echo());
        let mut stream = TcpStream::connect(relay.address()).unwrap();
        assert_eq!(ask(&mut stream, 1).unwrap(), 1);
        relay.stall();
        stream.write_all(&[2]).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut answer = [0];
        assert!(stream.read_exact(&mut answer).is_err());
        relay.restore();
        stream.set_read_timeout(None).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[0], 2);
    }
}
