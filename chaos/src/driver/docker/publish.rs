//! On which ports of this machine do a lab's boxes answer? A lab that people talk to has those of the compose
//! file, where they are free; every other lab has ports of the range that all labs share.

use anyhow::bail;

use crate::driver::local::ports::{self, Port, Walk};

/// Gives ports to the boxes of one lab.
#[derive(Debug)]
pub struct Publisher {
    walk: Walk,
    // The compose file's own ports are wanted, if they are free.
    usual: bool,
    locked: Vec<Port>,
}

impl Publisher {
    /// For a lab that people talk to.
    pub fn as_usual() -> Publisher {
        Publisher { walk: Walk::from_the_lowest(), usual: true, locked: Vec::new() }
    }

    /// For a lab that nobody will ask for.
    pub fn anywhere() -> Publisher {
        Publisher { walk: Walk::from_anywhere(), usual: false, locked: Vec::new() }
    }

    /// A port instead of `wanted`, or that one.
    ///
    /// # Errors
    /// If `wanted` was asked for by a variable and is taken, or no port is left.
    pub fn publish(&mut self, wanted: u16) -> anyhow::Result<u16> {
        if self.usual {
            if let Some(port) = ports::try_take(wanted) {
                self.locked.push(port);
                return Ok(wanted);
            }
            let ours = self.locked.iter().any(|port| port.number == wanted);
            if !ours && let Some(variable) = asked_for(wanted) {
                bail!("port {wanted} ({variable}) is in use: end what uses it, or choose another");
            }
        }
        let port = self.walk.take()?;
        let number = port.number;
        self.locked.push(port);
        Ok(number)
    }

    /// The ports that stay ours as long as these values live.
    pub fn into_locked(self) -> Vec<Port> {
        self.locked
    }
}

/// The variable by which somebody asked for this port.
fn asked_for(port: u16) -> Option<String> {
    let port = port.to_string();
    let asked = std::env::vars().find(|(name, value)| name.starts_with("LAB_PORT_") && *value == port);
    asked.map(|(name, _)| name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_usual_port_that_is_taken_is_replaced_and_none_is_given_twice() {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = listen();
        let taken_port = taken.local_addr().unwrap().port();
        let free_port = listen().local_addr().unwrap().port();
        let mut publisher = Publisher::as_usual();
        assert_ne!(publisher.publish(taken_port).unwrap(), taken_port);
        assert_eq!(publisher.publish(free_port).unwrap(), free_port);
        assert_ne!(publisher.publish(free_port).unwrap(), free_port);
        assert_ne!(Publisher::anywhere().publish(free_port).unwrap(), free_port);
    }
}
