//! Section B, where a restart or a look into the store is needed.

use chaos::contract::login::anonymous;
use chaos::contract::login::guessing::rush;
use chaos::contract::site::Account;
use chaos::contract::{Pace, Site};
use chaos::service::Twin;

use crate::column::{Column, Lab};
use crate::table::{LabRow, everywhere};

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 13,
        claim: "the limit on guessing is kept in SQL: a restart does not reset it",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(a_restart_forgives_nothing(column)),
    },
    LabRow {
        number: 14,
        claim: "200 parallel logins at the full cost: most are told login_busy, other calls do not stand in line",
        pace: Pace::Alone,
        applies: everywhere,
        run: |column| Box::pin(everybody_at_once(column)),
    },
    LabRow {
        number: 18,
        claim: "10,000 anonymous requests leave the store as large as it was",
        pace: Pace::Alone,
        applies: |column| column.twin == Twin::Stateful || column.has_redis(),
        run: |column| Box::pin(nobody_is_given_a_session(column)),
    },
];

async fn a_restart_forgives_nothing(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let (known, unknown) = (lab.site().account().await?, Account::unknown());
    for account in [&known, &unknown] {
        for _ in 0..10 {
            let guess = lab.site().post("/session").json(&account.mistyped());
            guess.refused(401, "invalid_credentials", None).await?;
        }
    }
    lab.kill().await?;
    lab.start_again().await?;
    for account in [&known, &unknown] {
        let login = lab.site().post("/session").json(&account.credentials());
        login.refused(429, "rate_limited", None).await?;
    }
    Ok(())
}

async fn everybody_at_once(column: Column) -> anyhow::Result<()> {
    let lab = column.lab_with(["--password-cost", "owasp"]).await?;
    let rush = rush(&lab.site()).await?;
    // As many as are hashed at the same time, and the line behind them, come through; a second wave may.
    anyhow::ensure!(rush.busy >= 100, "few were told login_busy: {rush:?}");
    anyhow::ensure!(rush.worst_aside < rush.one_login * 40, "another call stood in line: {rush:?}");
    Ok(())
}

async fn nobody_is_given_a_session(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let nothing = size(&column, &lab).await?;
    let _guest = lab.site().guest().await?;
    let one = size(&column, &lab).await?;
    anyhow::ensure!(one > nothing, "a login does not show in the size of the store: {nothing}, then {one}");
    anonymous(lab.site(), 10_000).await?;
    let after = size(&column, &lab).await?;
    anyhow::ensure!(after == one, "the store held {one} before 10,000 anonymous requests, and {after} after");
    Ok(())
}

/// How much the store holds: live sessions in the process, or keys in Redis.
async fn size(column: &Column, lab: &Lab) -> anyhow::Result<u64> {
    if column.has_redis() {
        let said = lab.driver.redis_ask(&["DBSIZE"]).await?.unwrap_or_default();
        return Ok(said.parse()?);
    }
    metric(&lab.site(), "sessions_live").await
}

/// The value of a metric without labels.
pub async fn metric(site: &Site, name: &str) -> anyhow::Result<u64> {
    let answer = site.get("/metrics").send().await?;
    let text = String::from_utf8_lossy(&answer.is(200)?.body).into_owned();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.ok_or_else(|| anyhow::anyhow!("there is no metric {name} in {text}"))
}
