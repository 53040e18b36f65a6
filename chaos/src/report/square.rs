//! What does one square of the printed matrix say? Many cells share it, one for each moment; it shows the
//! worst of them, the first moment that came to that, and whether any of them deviates.

use crate::fault::RestartTimes;
use crate::flow::Flow;
use crate::moment::Moment;
use crate::results::{Cell, Observed, Results};
use crate::verdict::Verdict;
use crate::way::Way;

/// The cells of one flow, fault, service and way, summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct Square {
    /// The worst that was seen.
    pub observed: Observed,
    /// The worst that was predicted.
    pub predicted: Verdict,
    /// The first moment, in the order of the flow, that came to the worst.
    pub moment: Moment,
    /// The one word for it.
    pub reason: Option<String>,
    /// How many cells are not as predicted.
    pub deviated: usize,
    /// How many prove nothing.
    pub inconclusive: usize,
    /// How long the replica was away: the median over the restarts.
    pub down_ms: Option<f64>,
}

impl Square {
    /// Sums up the cells of a square; `None` if there are none.
    pub fn of(results: &Results, flow: Flow, fault: &str, service: &str, way: Way) -> Option<Square> {
        let fits = |cell: &&Cell| {
            let named = cell.flow == flow.name() && cell.fault == fault && cell.service == service;
            named && cell.way == way
        };
        let mut cells: Vec<&Cell> = results.cells.iter().filter(fits).collect();
        let order = Moment::sweep(flow.row().steps);
        cells.sort_by_key(|cell| order.iter().position(|moment| *moment == cell.moment));
        // `max_by_key` would give the last of equals; the first moment is the one that decided.
        let worst = cells.iter().rev().max_by_key(|cell| severity(cell.observed))?;
        let mut down: Vec<f64> = cells.iter().filter_map(|cell| down_ms(cell)).collect();
        down.sort_by(f64::total_cmp);
        Some(Square {
            observed: worst.observed,
            predicted: cells.iter().map(|cell| cell.predicted).max()?,
            moment: worst.moment,
            reason: worst.reason.clone(),
            deviated: cells
                .iter()
                .filter(|cell| matches!(cell.observed, Observed::Verdict(_)) && !cell.as_predicted)
                .count(),
            inconclusive: cells.iter().filter(|cell| cell.observed == Observed::Inconclusive).count(),
            down_ms: down.get(down.len() / 2).copied(),
        })
    }

    /// One sign: `=` as predicted, `!` deviates, `?` proves nothing, `–` not tried.
    pub fn sign(&self) -> &'static str {
        match self.observed {
            Observed::NotAvailable => "–",
            _ if self.deviated > 0 => "!",
            _ if self.inconclusive > 0 => "?",
            _ => "=",
        }
    }
}

/// From the signal to ready.
fn down_ms(cell: &Cell) -> Option<f64> {
    cell.restart.as_ref().map(RestartTimes::down_ms)
}

fn severity(observed: Observed) -> Option<Verdict> {
    match observed {
        Observed::Verdict(verdict) => Some(verdict),
        Observed::Inconclusive | Observed::NotAvailable => None,
    }
}
