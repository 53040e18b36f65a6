//! Which ports does a lab use, so that no other lab takes them while a replica is down?
//!
//! Port 0 would not do: the system may give a dead replica's port to the next one who asks. So ports come
//! from a range the system does not hand out by itself, and each is locked by binding a Unix socket with a
//! name of the abstract kind: no file, seen by every user of the machine, and free again the moment the
//! tool is gone, however it went.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use anyhow::bail;

/// Where labs take their ports from. Linux gives clients' sockets 32768 and up.
pub const RANGE: RangeInclusive<u16> = 20_000..=29_999;

const SIZE: u16 = *RANGE.end() - *RANGE.start() + 1;

/// A port nobody else uses as long as this exists.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    _lock: UnixListener,
}

/// A walk over the range, so that the ports of one lab lie side by side.
#[derive(Debug)]
pub struct Walk {
    next: u16,
    left: u16,
}

impl Walk {
    /// From the lowest port on: a lab that people talk to gets the same addresses every time, if it can.
    pub fn from_the_lowest() -> Walk {
        Walk { next: *RANGE.start(), left: SIZE }
    }

    /// From any port on, so that the many labs of a matrix do not queue for the same low numbers.
    pub fn from_anywhere() -> Walk {
        let mut random = [0; 2];
        // Without randomness every walk starts at the same place, which is slower and not wrong.
        let _ = getrandom::fill(&mut random);
        Walk { next: RANGE.start() + u16::from_le_bytes(random) % SIZE, left: SIZE }
    }

    /// Takes the next free port.
    ///
    /// # Errors
    /// If there is none left in the whole range.
    pub fn take(&mut self) -> anyhow::Result<Port> {
        while self.left > 0 {
            let number = self.next;
            self.next = if number == *RANGE.end() { *RANGE.start() } else { number + 1 };
            self.left -= 1;
            if let Some(port) = try_take(number) {
                return Ok(port);
            }
        }
        bail!("no port is free from {} to {}: `chaos heal` ends leftovers", RANGE.start(), RANGE.end())
    }
}

/// How many ports are free right now.
pub fn free() -> usize {
    RANGE.filter_map(try_take).count()
}

/// Takes this port, of the range or not, if it is free.
pub fn try_take(number: u16) -> Option<Port> {
    let name = SocketAddr::from_abstract_name(format!("amnesia-port-{number}")).ok()?;
    let lock = UnixListener::bind_addr(&name).ok()?;
    // Somebody who knows nothing of our locks may use it as well.
    is_free(number).then_some(Port { number, _lock: lock })
}

/// Whether nobody listens on this port of loopback; a lab may have locked it.
pub fn is_free(number: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
}
