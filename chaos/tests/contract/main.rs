//! Do both services keep the contract, whatever they keep their sessions and their accounts in?
//!
//! A column is one service with one session store and one database. In each column all rows are checked:
//! those that need nothing but HTTP, as `chaos contract` checks them, and those that need power over the
//! process, its keys, its stores or its settings. Slow rows wait side by side, so a column takes little
//! longer than its slowest row. `CONTRACT_ROWS=45,46` checks only these.

mod column;
mod table;
mod forge;
mod process;
mod login;
mod tokens;
mod session_life;
mod renewal;
mod idempotency;
mod redis;
mod sql;
mod shutdown;
mod trouble;
mod budget;

#[path = "../../../shared/tests/support/skip.rs"]
mod skip;
#[path = "../../../shared/tests/support/postgres.rs"]
mod postgres;

use column::Column;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateful_keeps_the_contract() {
    table::check(Column::stateful()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateful_keeps_the_contract_on_postgres() {
    let Some(server) = postgres::Postgres::start() else { return };
    table::check(Column::stateful().on(server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateless_keeps_the_contract_with_redis() {
    let Some(column) = Column::stateless_with_redis() else { return };
    table::check(column).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateless_keeps_the_contract_with_redis_on_postgres() {
    let Some(column) = Column::stateless_with_redis() else { return };
    let Some(server) = postgres::Postgres::start() else { return };
    table::check(column.on(server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateless_keeps_the_contract_with_a_file() {
    table::check(Column::stateless_with_a_file()).await;
}
