//! Which scripts run inside Redis? One for each operation, so that check and act are one step there and
//! one round trip for us. The pieces they share are put in front of them here.
//!
//! The first line makes Redis (7 or newer) refuse a script as a whole, before it has done anything: on a
//! replica, which would serve sessions that were ended elsewhere, and in a full store. Ending a session
//! is allowed even then; it frees memory, and a logout must not wait for an administrator.
//!
//! `lab:store_id` is read without being declared as a key. Only a Redis Cluster would mind, and a session
//! and that id could not lie on one node of it anyway.

use redis::{Cmd, Script as Sha};

/// A script and the hash Redis knows it by.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    sha: String,
}

/// All of them.
#[derive(Debug)]
pub struct Scripts {
    /// Opens a session.
    pub begin: Script,
    /// Shows it.
    pub look: Script,
    /// Changes what it holds.
    pub change: Script,
    /// Replaces its token.
    pub renew: Script,
    /// Ends it, or others of its account.
    pub end: Script,
    /// Lists those of its account.
    pub list: Script,
}

impl Scripts {
    /// Puts them together.
    pub fn new() -> Self {
        Scripts {
            begin: Script::new(concat!(
                "#!lua\n",
                include_str!("../scripts/open.lua"),
                include_str!("../scripts/account.lua"),
                include_str!("../scripts/begin.lua")
            )),
            look: Script::new(concat!(
                "#!lua\n",
                include_str!("../scripts/open.lua"),
                include_str!("../scripts/check.lua"),
                include_str!("../scripts/look.lua")
            )),
            change: Script::new(concat!(
                "#!lua\n",
                include_str!("../scripts/open.lua"),
                include_str!("../scripts/check.lua"),
                include_str!("../scripts/change.lua")
            )),
            renew: Script::new(concat!(
                "#!lua\n",
                include_str!("../scripts/open.lua"),
                include_str!("../scripts/account.lua"),
                include_str!("../scripts/check.lua"),
                include_str!("../scripts/renew.lua")
            )),
            end: Script::new(concat!(
                "#!lua flags=allow-oom\n",
                include_str!("../scripts/open.lua"),
                include_str!("../scripts/account.lua"),
                include_str!("../scripts/check.lua"),
                include_str!("../scripts/end.lua")
            )),
            list: Script::new(concat!(
                "#!lua\n",
                include_str!("../scripts/open.lua"),
                include_str!("../scripts/account.lua"),
                include_str!("../scripts/check.lua"),
                include_str!("../scripts/list.lua")
            )),
        }
    }

    /// Each of them once.
    pub fn all(&self) -> [&Script; 6] {
        [&self.begin, &self.look, &self.change, &self.renew, &self.end, &self.list]
    }
}

impl Script {
    fn new(source: &'static str) -> Self {
        Script { source, sha: Sha::new(source).get_hash().to_owned() }
    }

    /// What makes Redis know it.
    pub fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(self.source);
        command
    }

    /// A call by hash.
    pub fn call(&self, give_up_ms: i64, keys: &[&str], args: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.sha, give_up_ms, keys, args)
    }

    /// A call with the whole text, for a Redis that has forgotten the script. It knows it again then.
    pub fn call_by_text(&self, give_up_ms: i64, keys: &[&str], args: &[&[u8]]) -> Cmd {
        command("EVAL", self.source, give_up_ms, keys, args)
    }
}

fn command(verb: &str, script: &str, give_up_ms: i64, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let size_bytes = 64
        + script.len()
        + keys.iter().map(|k| k.len()).sum::<usize>()
        + args.iter().map(|a| a.len()).sum::<usize>();
    let mut command = Cmd::with_capacity(4 + keys.len() + args.len(), size_bytes);
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
