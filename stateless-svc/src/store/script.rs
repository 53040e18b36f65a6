//! Which scripts run inside Redis? One for each operation, so that check and act are one step there and
//! one round trip for us; a look needs its script only where there is something to do. Here they are put
//! together from their pieces.
//!
//! The first line makes Redis (7 or newer) refuse a script as a whole, before it has done anything: on a
//! replica, which would serve sessions that were ended elsewhere, and in a full store. Ending a session
//! is allowed even then; it frees memory, and a logout must not wait for an administrator.
//!
//! The second line is the limits, so that each is written once, in Rust, and no call carries it.
//!
//! `lab:store_id` is read without being declared as a key. Only a Redis Cluster would mind, and a session
//! and that id could not lie on one node of it anyway.

use redis::{Cmd, Script as Sha};
use shared::api::cart::{MAX_LINES, MAX_QUANTITY};
use shared::sessions::{Limits, MAX_SESSIONS_PER_ACCOUNT, RENEWAL_GRACE};

use super::millis;

const LAYOUT: &str = include_str!("../scripts/layout.lua");
const OPEN: &str = include_str!("../scripts/open.lua");
const CHECK: &str = include_str!("../scripts/check.lua");
const VERSION: &str = include_str!("../scripts/version.lua");
const ACCOUNT: &str = include_str!("../scripts/account.lua");

const ANY: &str = "#!lua";
const EVEN_IF_FULL: &str = "#!lua flags=allow-oom";

/// A script and the hash Redis knows it by.
#[derive(Debug)]
pub struct Script {
    source: String,
    sha: String,
}

/// All of them.
#[derive(Debug)]
pub struct Scripts {
    /// Opens a session.
    pub begin: Script,
    /// Shows it.
    pub look: Script,
    /// Changes a line of its cart.
    pub cart: Script,
    /// Changes how far its checkout has come.
    pub checkout: Script,
    /// Replaces its token.
    pub renew: Script,
    /// Ends it, or others of its account.
    pub end: Script,
    /// Lists those of its account.
    pub list: Script,
}

impl Scripts {
    /// Puts them together.
    pub fn new(limits: &Limits) -> Self {
        let script = |first_line: &str, pieces: &[&str]| {
            let source = format!("{first_line}\n{}\n{LAYOUT}{}", constants(limits), pieces.concat());
            Script { sha: Sha::new(&source).get_hash().to_owned(), source }
        };
        Scripts {
            begin: script(ANY, &[OPEN, ACCOUNT, include_str!("../scripts/begin.lua")]),
            look: script(ANY, &[OPEN, CHECK, include_str!("../scripts/look.lua")]),
            cart: script(ANY, &[OPEN, CHECK, VERSION, include_str!("../scripts/cart.lua")]),
            checkout: script(ANY, &[OPEN, CHECK, VERSION, include_str!("../scripts/checkout.lua")]),
            renew: script(ANY, &[OPEN, ACCOUNT, CHECK, include_str!("../scripts/renew.lua")]),
            end: script(EVEN_IF_FULL, &[OPEN, ACCOUNT, CHECK, include_str!("../scripts/end.lua")]),
            list: script(ANY, &[OPEN, ACCOUNT, CHECK, include_str!("../scripts/list.lua")]),
        }
    }

    /// Each of them once.
    pub fn all(&self) -> [&Script; 7] {
        [&self.begin, &self.look, &self.cart, &self.checkout, &self.renew, &self.end, &self.list]
    }
}

fn constants(limits: &Limits) -> String {
    format!(
        "local IDLE_MS, ABSOLUTE_MS, TOUCH_MS, GRACE_MS = {}, {}, {}, {} \
         local MAX_SESSIONS, MAX_LINES, MAX_QUANTITY = {MAX_SESSIONS_PER_ACCOUNT}, {MAX_LINES}, {MAX_QUANTITY}",
        millis(limits.idle),
        millis(limits.absolute),
        millis(limits.touch_every()),
        millis(RENEWAL_GRACE),
    )
}

impl Script {
    /// What makes Redis know it.
    pub fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(&self.source);
        command
    }

    /// A call by hash.
    pub fn call(&self, give_up_ms: i64, keys: &[&str], args: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.sha, give_up_ms, keys, args)
    }

    /// A call with the whole text, for a Redis that has forgotten the script. It knows it again then.
    pub fn call_by_text(&self, give_up_ms: i64, keys: &[&str], args: &[&[u8]]) -> Cmd {
        command("EVAL", &self.source, give_up_ms, keys, args)
    }
}

fn command(verb: &str, script: &str, give_up_ms: i64, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let of_keys: usize = keys.iter().map(|key| key.len()).sum();
    let of_args: usize = args.iter().map(|arg| arg.len()).sum();
    let mut command = Cmd::with_capacity(4 + keys.len() + args.len(), 32 + script.len() + of_keys + of_args);
    command.arg(verb).arg(script).arg(keys.len());
    for key in keys {
        command.arg(*key);
    }
    command.arg(give_up_ms);
    for arg in args {
        command.arg(*arg);
    }
    command
}
