//! What can an operator see? A request id and a trace for each request, log lines, and metrics whose
//! labels are bounded, so that no client can make the registry grow.

use std::fmt;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

use crate::config::LogFormat;
use crate::keys::hex;

/// Names a request, on the way in and on the way out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Says where a request stands in a trace.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The id of a request: the client's `X-Request-Id` if it is a UUID, else one of ours. Anything else a
/// client sends there is never echoed.
pub fn request_id(headers: &HeaderMap) -> Uuid {
    headers
        .get(REQUEST_ID)
        .and_then(|value| Uuid::try_parse_ascii(value.as_bytes()).ok())
        .unwrap_or_else(Uuid::new_v4)
}

/// Where a request stands in a distributed trace (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    sampled: bool,
}

impl Trace {
    /// Continues the trace a client sent, under a span id of our own. A `traceparent` that breaks the
    /// rules is ignored and a new trace starts; none at all means that nobody traces.
    pub fn continued(headers: &HeaderMap) -> Option<Self> {
        let sent = headers.get(TRACEPARENT)?;
        let (trace_id, sampled) = sent
            .to_str()
            .ok()
            .and_then(parse_traceparent)
            .unwrap_or_else(|| (Uuid::new_v4().into_bytes(), false));
        let mut parent_id = [0; 8];
        parent_id.copy_from_slice(&Uuid::new_v4().as_bytes()[..8]);
        Some(Trace { trace_id, parent_id, sampled })
    }

    /// As a header.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).expect("hexadecimal digits and dashes")
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{}-{}-{flags:02x}", hex(&self.trace_id), hex(&self.parent_id))
    }
}

/// Reads `version-traceid-parentid-flags`; upper case, zero ids and version `ff` are invalid.
fn parse_traceparent(text: &str) -> Option<([u8; 16], bool)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lower_hex = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let well_formed = [(version, 2), (trace, 32), (parent, 16), (flags, 2)]
        .iter()
        .all(|(part, length)| part.len() == *length && lower_hex(part));
    // Later versions may append fields; version 00 may not.
    let ends = version != "00" || parts.next().is_none();
    let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0);
    let parent_is_zero = parent.bytes().all(|b| b == b'0');
    if !well_formed || !ends || version == "ff" || parent_is_zero {
        return None;
    }
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    Some((trace_id?.to_be_bytes(), sampled))
}

/// Sends log lines to stderr; stdout belongs to the line that says where we listen.
///
/// # Errors
/// If `level` is not a level or a tracing filter.
pub fn start_logging(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|e| format!("--log-level {level:?}: {e}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A line that cannot be written, because the disk of the log is full, is lost. The library would complain about that
    // where it has just failed, and panic: in the middle of a request.
    let lines = lines.log_internal_errors(false);
    let started = match format {
        LogFormat::Pretty => lines.with_target(false).with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|e| format!("logging could not start: {e}"))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: &'static str,
}

#[derive(Debug, Clone)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
    }
}

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: RwLock<Registry>,
    requests: Family<Answered, Counter>,
    seconds: Family<ByRoute, Histogram, Buckets>,
    in_flight: Gauge,
    sessions: Gauge,
}

impl Metrics {
    /// Registers everything with `registry`; no global is involved, so tests can have several.
    pub fn new(mut registry: Registry) -> Self {
        let requests = Family::default();
        let seconds = Family::new_with_constructor(Buckets);
        let (in_flight, sessions) = (Gauge::default(), Gauge::default());
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register("http_request_seconds", "Time from head read to answer made", seconds.clone());
        registry.register("http_requests_in_flight", "Requests being answered", in_flight.clone());
        registry.register("sessions_live", "Live sessions in this process", sessions.clone());
        Metrics { registry: RwLock::new(registry), requests, seconds, in_flight, sessions }
    }

    /// A request began; it counts as in flight until the returned guard is dropped.
    pub fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request was answered.
    pub fn answered(&self, route: &'static str, method: &Method, status: StatusCode, took: Duration) {
        let labels = Answered { route, method: method_label(method), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&ByRoute { route }).observe(took.as_secs_f64());
    }

    /// The Prometheus text; `live_sessions` is what the process holds, where it holds any.
    pub fn render(&self, live_sessions: Option<usize>) -> String {
        if let Some(live) = live_sessions {
            self.sessions.set(i64::try_from(live).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        match encode(&mut text, &self.registry.read()) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}

/// Counts a request as in flight, also one whose client left.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Methods are the client's to invent; labels are not.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
