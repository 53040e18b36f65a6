//! Can a client tell the twins apart? The same random calls are sent to both, and every answer is compared:
//! status, headers and body, with ids, times and tokens replaced by the order in which they first came.
//! Nothing restarts here and no store goes away, so no difference is allowed at all.
//!
//! `CHAOS_SEED=7 cargo test -p chaos --test differential` sends the calls of an earlier run again.

mod calls;
mod canon;
mod twin;

#[path = "../../../shared/tests/support/postgres.rs"]
mod postgres;
#[path = "../../../shared/tests/support/skip.rs"]
mod skip;

use std::time::{Duration, Instant};

use chaos::draws::fresh_seed;
use chaos::driver::{Driver, LabSpec};
use chaos::service::{self, Service};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use calls::Step;
use skip::skip;
use twin::{Pair, Parted};

/// How long calls are made up and sent, without the shrinking of a failure.
const TIME: Duration = Duration::from_secs(15);

/// Fewer sequences than this prove too little; a busy machine takes longer for them.
const FEWEST: usize = 20;

/// More than so many sequences in which a store was late are not the machine's fault.
const LATE: u32 = 10;

/// What came of a comparison.
struct Compared {
    sequences: usize,
    /// Every status and code that was seen.
    seen: std::collections::BTreeSet<String>,
    /// The shortest sequence found whose answers differ, and how.
    difference: Option<String>,
}

#[test]
fn no_client_can_tell_the_twins_apart() {
    let compared = compare(&LabSpec::new(service::twins()));
    is_convincing(&compared);
}

#[test]
fn no_client_can_tell_the_twins_apart_on_postgres() {
    let Some(server) = postgres::Postgres::start() else { return };
    let on = |service: Service| service.with_env("LAB_DATABASE", &server.new_database());
    let compared = compare(&LabSpec::new(vec![on(service::stateful()), on(service::stateless())]));
    is_convincing(&compared);
}

/// The control: two services that differ in the name of a cookie, which one header of one answer shows.
#[test]
fn a_client_that_looks_closely_sees_the_smallest_difference() {
    let other = service::stateful().with_args(["--behind-tls"]);
    let other = Service { name: "other".to_owned(), ..other };
    let compared = compare(&LabSpec::new(vec![service::stateful(), other]));
    let difference = compared.difference.expect("the cookies have different names");
    assert!(difference.contains("__Host-sid="), "{difference}");
}

fn is_convincing(compared: &Compared) {
    if let Some(difference) = &compared.difference {
        panic!("the twins differ: {difference}");
    }
    let expected = [
        "200 GET /cart",
        "200 POST /session/renew",
        "201 POST /session",
        "201 POST /orders",
        "204 DELETE /session",
        "204 PUT /account/password",
        "400 malformed_json",
        "401 credentials_missing",
        "401 invalid_credentials",
        "401 session_revoked",
        "401 token_malformed",
        "403 password_wrong",
        "404 not_found",
        "409 account_exists",
        "409 cart_changed",
        "412 version_conflict",
        "422 idempotency_key_reused",
        "422 validation_failed",
    ];
    for outcome in expected {
        assert!(compared.seen.contains(outcome), "never saw {outcome}, only {:?}", compared.seen);
    }
}

/// Compares the two services of `spec`, which keep sessions where the machine lets them.
fn compare(spec: &LabSpec) -> Compared {
    let runtime = Runtime::new().expect("a runtime");
    let mut spec = spec.clone();
    spec.replicas = 1;
    let driver = runtime.block_on(Driver::start(&spec)).expect("a lab");
    if driver.store().why().contains("no redis-server") {
        skip("the twins compared with Redis", driver.store().why());
    }
    let urls: Vec<String> = spec.services.iter().map(|it| driver.replicas(&it.name)[0].url.clone()).collect();
    let seed =
        std::env::var("CHAOS_SEED").ok().map_or_else(fresh_seed, |seed| seed.parse().expect("a number"));
    #[expect(clippy::print_stdout, reason = "captured, and shown where the test fails")]
    {
        println!("seed {seed}: CHAOS_SEED={seed} cargo test -p chaos --test differential");
    }
    let outcome = run(&runtime, &urls, seed);
    runtime.block_on(driver.stop());
    #[expect(clippy::print_stdout, reason = "captured, and shown where the test fails")]
    {
        println!("{} sequences, {} kinds of answers", outcome.sequences, outcome.seen.len());
    }
    outcome
}

fn run(runtime: &Runtime, urls: &[String], seed: u64) -> Compared {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        failure_persistence: None,
        max_shrink_time: 15_000,
        max_global_rejects: LATE,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let strategy = proptest::collection::vec(Step::any(), 1..40);

    let seen = std::cell::RefCell::new(std::collections::BTreeSet::new());
    for (name, steps) in [("tour", calls::tour()), ("way found before", calls::found_before())] {
        let (pair, came) = (0..LATE)
            .map(|_| {
                let mut pair = Pair::new(&urls[0], &urls[1]);
                let came = runtime.block_on(pair.go(&steps));
                (pair, came)
            })
            .find(|(_, came)| !matches!(came, Err(Parted::Late)))
            .expect("a store that is not late every time");
        seen.borrow_mut().extend(pair.seen);
        if let Err(Parted::Differ(why)) = came {
            let difference = Some(format!("on the {name}, {why}"));
            return Compared { sequences: 0, seen: seen.into_inner(), difference };
        }
    }
    let (start, mut sequences) = (Instant::now(), 0);
    while start.elapsed() < TIME || sequences < FEWEST {
        let tree = strategy.new_tree(&mut runner).expect("steps can always be drawn");
        let compared = runner.run_one(tree, |steps| {
            let mut pair = Pair::new(&urls[0], &urls[1]);
            runtime.block_on(pair.go(&steps)).map_err(|parted| match parted {
                Parted::Differ(why) => TestCaseError::fail(why),
                Parted::Late => TestCaseError::reject("a store was late"),
            })?;
            seen.borrow_mut().extend(pair.seen);
            Ok(())
        });
        if let Err(TestError::Fail(why, steps)) = compared {
            let difference = Some(format!("{why}\nafter {steps:#?}\n(seed {seed})"));
            return Compared { sequences, seen: seen.into_inner(), difference };
        }
        sequences += usize::from(compared.expect("no store is late all the time"));
    }
    Compared { sequences, seen: seen.into_inner(), difference: None }
}
