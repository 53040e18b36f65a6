//! What of an output differs from run to run? All of it, in one place:
//!
//! - times (`1.3 ms`, `0.4 s`), also the parts of a restart (`stop 1.8, gone 0.0, ready 8.3`), what a request
//!   costs more (`(+0.23)`), and the last column of a matrix (`down ms`),
//! - seeds (`seed 7`, `--seed 7`),
//! - which run of a replica answered (`run 0ab2`, `stateful-1.0ab2d9e464676dc0`),
//! - ids of orders (`/orders/0199…`), of a Redis and of what it holds, and ports (`http://127.0.0.1:29999`),
//! - how much memory is taken (`101 MiB`),
//! - how many blanks stand between two words.
//!
//! Everything else counts: statuses, codes, reasons, verdicts, names, and how many calls to Redis there were.

use chaos::fault::Fault;

/// A line with what differs replaced by `#`.
pub fn masked(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    // A row of a matrix begins with its fault.
    let row = words.first().is_some_and(|first| Fault::ALL.iter().any(|fault| fault.name() == *first));
    let masked = words.iter().enumerate().map(|(at, word)| {
        let before = at.checked_sub(1).map_or("", |at| bare(words[at]));
        let after = words.get(at + 1).map_or("", |word| bare(word));
        let number = bare(word).parse::<f64>().is_ok();
        let differs = match bare(word) {
            it if number
                && (matches!(after, "ms" | "s" | "MiB") || it.starts_with('+') || it.starts_with('-')) =>
            {
                true
            }
            _ if number && matches!(before, "stop" | "gone" | "ready" | "seed" | "--seed") => true,
            it if number && row && !it.contains('.') => true,
            it if before == "run" => it.len() == 4 && is_hex(it),
            it => it.len() >= 32 && is_hex(&it.replace('-', "")),
        };
        if differs { word.replace(bare(word), "#") } else { without_ids(word) }
    });
    masked.collect::<Vec<_>>().join(" ")
}

/// A word without what stands around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c| "(),;:".contains(c))
}

fn without_ids(word: &str) -> String {
    for begin in ["/orders/", "http://127.0.0.1:"] {
        if let Some((before, rest)) = word.split_once(begin)
            && rest.starts_with(|c: char| c.is_ascii_digit())
        {
            return format!("{before}{begin}#");
        }
    }
    match word.split_once('.') {
        Some((name, run)) if run.len() >= 16 && is_hex(&run[..16]) => format!("{name}.#{}", &run[16..]),
        _ => word.to_owned(),
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[test]
fn what_differs_is_masked_and_what_counts_is_not() {
    for (line, expected) in [
        (
            "  look  GET /session  401  0.8 ms  stateful-1 run 5708  session_lost (restart)",
            "look GET /session 401 # ms stateful-1 run # session_lost (restart)",
        ),
        ("     down 10 ms: stop 1.8, gone 0.0, ready 8.3", "down # ms: stop #, gone #, ready #"),
        (
            " undisturbed  p50 0.71 ms, no Redis call  p50 0.94 ms (+0.23), 1.0 Redis calls",
            "undisturbed p50 # ms, no Redis call p50 # ms (#), 1.0 Redis calls",
        ),
        (
            " kill  Lost = committed add-pen  87  Survived =  161",
            "kill Lost = committed add-pen # Survived = #",
        ),
        ("proof: new boot id stateful-1.5708b024ebb29043 after", "proof: new boot id stateful-1.# after"),
        ("2 cells as predicted · 0.3 s · seed 3471944991", "2 cells as predicted · # s · seed #"),
        ("memory: 101 MiB of at most 512 (bar: 512):", "memory: # MiB of at most 512 (bar: 512):"),
        ("chaos run cart kill --seed 7", "chaos run cart kill --seed #"),
        ("GET /orders/019abc…  200", "GET /orders/# 200"),
        ("run_id 2f7b271421c56a38e1e81d3ecba79203fee00ac9, before", "run_id #, before"),
        ("store id 01a210b7-4902-4c3e-9c5d-2f7b271421c5", "store id #"),
    ] {
        assert_eq!(masked(line), expected);
    }
}
