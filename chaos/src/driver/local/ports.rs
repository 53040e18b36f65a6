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

/// A port nobody else uses as long as this exists.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    _lock: UnixListener,
}

impl Port {
    /// Takes a free port.
    ///
    /// # Errors
    /// If all ten thousand are taken.
    pub fn take() -> anyhow::Result<Port> {
        match walk().find_map(Port::try_take) {
            Some(port) => Ok(port),
            None => {
                bail!(
                    "no port is free from {} to {}: `chaos heal` ends leftovers",
                    RANGE.start(),
                    RANGE.end()
                )
            }
        }
    }

    fn try_take(number: u16) -> Option<Port> {
        let name = SocketAddr::from_abstract_name(format!("amnesia-port-{number}")).ok()?;
        let lock = UnixListener::bind_addr(&name).ok()?;
        // Somebody who knows nothing of our locks may use it as well.
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Port { number, _lock: lock })
    }

    /// `127.0.0.1:20123`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}

/// How many ports are free right now.
pub fn free() -> usize {
    RANGE.filter_map(Port::try_take).count()
}

/// Every port once, from a random one on, so that labs do not queue for the same low numbers.
fn walk() -> impl Iterator<Item = u16> {
    let mut random = [0; 2];
    // Without randomness every walk starts at the same place, which is slower and not wrong.
    let _ = getrandom::fill(&mut random);
    let (size, from) = (RANGE.end() - RANGE.start() + 1, u16::from_le_bytes(random));
    (0..size).map(move |step| RANGE.start() + (from % size + step) % size)
}
