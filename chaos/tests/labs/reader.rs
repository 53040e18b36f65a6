//! How does a test read a document? It types everything that stands there, in its order, and compares what is printed.
//!
//! `LAB_BLESS=1` writes what was printed into the documents instead of comparing; read the difference before you commit
//! it.

use std::fs;
use std::path::Path;

use chaos::driver::local::{haproxy, redis_server};
use chaos::lab::catalogue::Lab;
use chaos::predict::Predictions;

use crate::compare::{compare, rewritten};
use crate::support::document::shown;
use crate::support::tool::Place;
use crate::terminal::{Lasting, Terminal};
use crate::typist::{Typist, typist};
use crate::{predicted, read, root, support};

/// Reads these documents, each as somebody who stands in `folder` and has never been here. `LAB_ONLY` names a part of
/// the only ones to read.
///
/// # Panics
/// With everything that is not as they say.
pub fn reads<'n>(names: impl IntoIterator<Item = &'n str>, folder: &Path) {
    let only = std::env::var("LAB_ONLY").unwrap_or_default();
    let names: Vec<&str> = names.into_iter().filter(|name| name.contains(&only)).collect();
    let missing = [
        (redis_server::find().is_none(), "no redis-server; apt install redis-server"),
        (haproxy::find().is_none(), "no haproxy; apt install haproxy"),
    ];
    if let Some((_, cure)) = missing.iter().find(|(missing, _)| *missing) {
        return support::skip(&format!("the commands of {}", names.join(", ")), cure);
    }
    let mut wrong = Vec::new();
    for name in names {
        let mut terminal = Terminal::open(folder, Place::new());
        // The folder that a class hands in to.
        let class = terminal.own("class");
        fs::create_dir(&class).unwrap();
        terminal.fills_in.insert("/mnt/class".to_owned(), class.display().to_string());
        wrong.extend(typed_as_shown(name, &mut terminal));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

/// Types everything that a document shows. What is not as it says.
pub fn typed_as_shown(name: &str, terminal: &mut Terminal) -> Vec<String> {
    let bless = std::env::var_os("LAB_BLESS").is_some();
    let mut text = read(name);
    let mut wrong = Vec::new();
    let mut lasting: Option<(Lasting, usize)> = None;
    for at in 0..shown(&text).len() {
        let line = shown(&text).swap_remove(at);
        let mut complain =
            |why: String| wrong.push(format!("{name}:{}: $ {}\n{why}", line.line, line.command));
        if let Some(prints) = &line.prints {
            match as_shown(&line.command, prints, terminal) {
                Ok(()) => {}
                Err((_, Some(printed))) if bless => text = rewritten(&text, &line, &printed),
                Err((why, _)) => complain(why),
            }
        } else {
            match typist(name, &line.command) {
                None => complain("nobody types it".to_owned()),
                Some(Typist::ElsewhereIn { .. }) => {}
                Some(Typist::ToItsEnd) => ends_well(&line.command, terminal).unwrap_or_else(complain),
                Some(Typist::AndThen(proof)) => ends_well(&line.command, terminal)
                    .and_then(|()| {
                        ends_well(proof, terminal).map_err(|why| format!("and then `{proof}`: {why}"))
                    })
                    .unwrap_or_else(complain),
                Some(Typist::UntilCtrlC(lines)) => {
                    let started = terminal.starts(&line.command, "Ctrl-C ends");
                    let port = started.addresses()[0].rsplit(':').next().unwrap().to_owned();
                    terminal.fills_in.insert(":PORT".to_owned(), format!(":{port}"));
                    // As many more lines, and this one.
                    lasting = Some((started, lines + 1));
                }
            }
        }
        lasting = match lasting {
            Some((ends, 1)) => {
                terminal.ends(ends);
                None
            }
            goes_on => goes_on.map(|(it, lines)| (it, lines - 1)),
        };
    }
    assert!(lasting.is_none(), "{name} has no line for what lasts");
    if bless {
        fs::write(root().join(name), text).unwrap();
    }
    wrong
}

/// Whether a command prints this. On a busy machine a cell can be late, and says so: what is wrong is wrong twice.
///
/// # Errors
/// What differs, and what was printed.
fn as_shown(
    command: &str,
    prints: &[String],
    terminal: &mut Terminal,
) -> Result<(), (String, Option<Vec<String>>)> {
    let mut last = Ok(());
    for _ in 0..2 {
        let came = terminal.types(command);
        // Who predicts that all survives is told that it does not, and with this exit code.
        let checks = command.strip_prefix("chaos lab check ").and_then(|number| number.parse().ok());
        if came.code != 0 && (checks.is_none() || came.code != 1) {
            last = Err((format!("exit {}: {}", came.code, came.complained), None));
            continue;
        }
        last = compare(prints, &came.printed)
            .and_then(|()| checks.map_or(Ok(()), |number| finds_what_is_predicted(number, &came.printed)))
            .map_err(|why| (why, Some(came.printed)));
        if last.is_ok() {
            break;
        }
    }
    last
}

/// Whether a command ends well, at the latest when it is typed again.
fn ends_well(command: &str, terminal: &mut Terminal) -> Result<(), String> {
    let mut came = terminal.types(command);
    if came.code != 0 {
        came = terminal.types(command);
    }
    // What a login answers is what its reader writes into the next line.
    if let Some((_, rest)) = came.printed.join("").split_once("\"token\":\"") {
        let token = rest.split('"').next().unwrap_or_default();
        terminal.fills_in.insert("Bearer TOKEN".to_owned(), format!("Bearer {token}"));
    }
    match came.code {
        0 => Ok(()),
        code => Err(format!("exit {code}: {}{}", came.printed.join("\n"), came.complained)),
    }
}

/// The text of a lab shows nothing of what `chaos lab check` finds, for its reader is to find it; so it is compared with
/// `predictions.toml`.
fn finds_what_is_predicted(number: u8, printed: &[String]) -> Result<(), String> {
    let predictions = Predictions::builtin().unwrap();
    for ask in Lab::numbered(number).unwrap().predict {
        let right = predicted(&predictions, &ask.cell.cell().unwrap()).verdict;
        let question = format!("{} · ", ask.key);
        let told = printed.iter().skip_while(|line| !line.starts_with(&question)).nth(1);
        if !told.is_some_and(|line| line.contains(&format!("Seen: {right}"))) {
            return Err(format!("{}: it is {right}, and it is told {told:?}", ask.key));
        }
    }
    Ok(())
}
