//! How is load made? Keep-alive connections on one thread, each with one request on its way at a time
//! (no pipelining), request bytes made beforehand, every answer checked.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::http::{self, Answer, Frame};

/// Where to send what, and for how long.
#[derive(Debug)]
pub struct Load<'a> {
    /// Who is asked.
    pub address: SocketAddr,
    /// One entry a connection: the requests it sends, over and over.
    pub connections: &'a [Vec<Vec<u8>>],
    /// How long to run before anything is measured.
    pub warm: Duration,
    /// How long to measure.
    pub window: Duration,
    /// Which statuses are no errors.
    pub expected: fn(u16) -> bool,
}

/// What was seen in the window; `M` is what the caller's meter reads.
#[derive(Debug)]
pub struct Window<M> {
    /// How long it took from one reading of the meter to the other.
    pub took: Duration,
    /// The meter at its start and its end.
    pub meter: (M, M),
    /// How long each answer took, in microseconds, sorted.
    pub latencies_us: Vec<u32>,
    /// Answers that were not expected, and broken connections, warm-up included.
    pub errors: u64,
    /// What the first of them was.
    pub first_error: Option<String>,
}

impl<M> Window<M> {
    /// The latency that this share of the answers did not exceed, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        f64::from(percentile(&self.latencies_us, share)) / 1e3
    }
}

/// The value that this share of the sorted `values` does not exceed; zero if there are none.
pub fn percentile<T: Copy + Default>(values: &[T], share: f64) -> T {
    // Rounded up, so that no share is claimed that was not seen.
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Runs a load and reads `meter` at both ends of its window.
///
/// # Errors
/// If a connection cannot be opened. Whatever goes wrong later is counted.
pub fn run<M>(load: &Load, meter: impl Fn() -> Result<M>) -> Result<Window<M>> {
    let runtime = one_thread()?;
    LocalSet::new().block_on(&runtime, async {
        let shared = Rc::new(Shared::default());
        let mut tasks = Vec::new();
        for requests in load.connections {
            let connection = Connection::open(load.address).await?;
            let (shared, requests, expected) = (shared.clone(), requests.clone(), load.expected);
            tasks.push(tokio::task::spawn_local(repeat(connection, requests, expected, shared)));
        }
        tokio::time::sleep(load.warm).await;
        let (before, started) = (meter()?, Instant::now());
        shared.measuring.set(true);
        tokio::time::sleep(load.window).await;
        shared.measuring.set(false);
        let (after, took) = (meter()?, started.elapsed());
        shared.stop.set(true);
        for task in tasks {
            task.await?;
        }
        let mut latencies_us = shared.latencies_us.take();
        latencies_us.sort_unstable();
        let (errors, first_error) = (shared.errors.get(), shared.first_error.take());
        Ok(Window { took, meter: (before, after), latencies_us, errors, first_error })
    })
}

/// Sends each request once over a few connections; the answers come back in the order of the requests.
///
/// # Errors
/// If one is not answered with 2xx.
pub fn each_once(address: SocketAddr, connections: usize, requests: &[Vec<u8>]) -> Result<Vec<Answer>> {
    let runtime = one_thread()?;
    LocalSet::new().block_on(&runtime, async {
        let requests: Rc<[Vec<u8>]> = requests.into();
        let mut tasks = Vec::new();
        for first in 0..connections {
            let requests = requests.clone();
            tasks.push(tokio::task::spawn_local(async move {
                let mut connection = Connection::open(address).await?;
                let mut answers = Vec::new();
                for request in requests.iter().skip(first).step_by(connections) {
                    let frame = connection.send(request).await?;
                    answers.push(Answer::cut(frame, &connection.received).success()?);
                }
                anyhow::Ok(answers)
            }));
        }
        let mut columns = Vec::new();
        for task in tasks {
            columns.push(task.await??.into_iter());
        }
        Ok((0..requests.len()).filter_map(|at| columns[at % connections].next()).collect())
    })
}

#[derive(Default)]
struct Shared {
    measuring: Cell<bool>,
    stop: Cell<bool>,
    latencies_us: RefCell<Vec<u32>>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
}

impl Shared {
    fn count_error(&self, what: impl FnOnce() -> String) {
        self.errors.set(self.errors.get() + 1);
        self.first_error.borrow_mut().get_or_insert_with(what);
    }
}

async fn repeat(
    mut connection: Connection,
    requests: Vec<Vec<u8>>,
    expected: fn(u16) -> bool,
    shared: Rc<Shared>,
) {
    for request in requests.iter().cycle() {
        if shared.stop.get() {
            return;
        }
        let sent = Instant::now();
        match connection.send(request).await {
            Ok(frame) if expected(frame.status) => {}
            Ok(frame) => {
                let answer = Answer::cut(frame, &connection.received);
                shared.count_error(|| format!("{} {}", answer.status, answer.body));
            }
            Err(error) => return shared.count_error(|| format!("{error:#}")),
        }
        if shared.measuring.get() {
            let took_us = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
            shared.latencies_us.borrow_mut().push(took_us);
        }
    }
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, received: Vec::with_capacity(4096) })
    }

    /// Sends one request and reads its answer into `received`.
    async fn send(&mut self, request: &[u8]) -> Result<Frame> {
        self.received.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!("the connection was closed before the answer was whole");
            }
            if let Some(frame) = http::frame(&self.received)? {
                return Ok(frame);
            }
        }
    }
}

fn one_thread() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the load's runtime")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_claims_no_share_that_was_not_seen() {
        let values: Vec<u32> = (1..=100).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|share| percentile(&values, share)), [50, 99, 100]);
        assert_eq!(percentile(&[7], 0.5), 7);
        assert_eq!(percentile::<u32>(&[], 0.5), 0);
    }
}
