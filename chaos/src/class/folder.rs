//! Where do the files lie that a class hands in? All in one folder, one a student; perhaps on a drive that all
//! of them share.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::hand_in::HandIn;
use super::refused::Refused;

/// How large a file can be: a hundred times what ten labs need.
const SIZE_AT_MOST: u64 = 256 * 1024;

/// One file of the folder, and what came of reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its name, as somebody else has chosen it.
    pub file: String,
    /// What it says, or why it cannot be read.
    pub hand_in: Result<HandIn, Refused>,
}

/// Reads every file of a folder, in the order of their names. One that cannot be read is in no other's way.
/// Hidden files are nobody's hand-in: systems and editors put their own there, and so does [`put`].
///
/// # Errors
/// If the folder itself cannot be read.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Found>> {
    let what = || match folder.is_dir() {
        true => format!("reading the folder {}; see who may read it", folder.display()),
        false => format!(
            "there is no folder {}; make it, and let the class put their files there: chaos class hand-in DIR",
            folder.display()
        ),
    };
    let entries = fs::read_dir(folder).with_context(what)?;
    let mut paths =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>().with_context(what)?;
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with('.') {
            all.push(Found { file: name.into_owned(), hand_in: read_one(&path) });
        }
    }
    Ok(all)
}

fn read_one(path: &Path) -> Result<HandIn, Refused> {
    let refused = |error: std::io::Error| Refused::Unreadable(error.to_string());
    // Looked at before it is opened: opening a pipe waits for somebody to write into it.
    if !fs::metadata(path).map_err(refused)?.is_file() {
        return Err(Refused::NoFile);
    }
    let mut text = Vec::new();
    File::open(path).map_err(refused)?.take(SIZE_AT_MOST + 1).read_to_end(&mut text).map_err(refused)?;
    if text.len() as u64 > SIZE_AT_MOST {
        return Err(Refused::TooLarge);
    }
    HandIn::read(&text)
}

/// Puts a hand-in into a folder, whole or not at all, and says where it is.
///
/// # Errors
/// If the folder cannot be written to, or holds one of that name and it is not to be replaced.
pub fn put(folder: &Path, hand_in: &HandIn, replace: bool) -> anyhow::Result<PathBuf> {
    let name = hand_in.nickname.replace(' ', "-");
    let file = folder.join(format!("hand-in-{name}.json"));
    let why = || format!("handing in to {}: it must be a folder you may write to", folder.display());
    let fresh = folder.join(format!(".hand-in-{name}.{}", std::process::id()));
    let put = write(&fresh, &hand_in.to_json()?).with_context(why).and_then(|()| {
        if !replace {
            reserve(&file, why)?;
        }
        fs::rename(&fresh, &file).with_context(why)
    });
    if put.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    put.map(|()| file)
}

/// Takes the name before the file is moved to it: a move alone would replace somebody else's without a word.
fn reserve(file: &Path, why: impl Fn() -> String) -> anyhow::Result<()> {
    match File::create_new(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} is there already; if it is yours: --replace, if not, choose another name: --nickname NAME",
            file.display()
        ),
        made => made.map(drop).with_context(why),
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::progress::Progress;
    use crate::verdict::Verdict;

    fn hand_in(nickname: &str) -> HandIn {
        let mut progress = Progress::default();
        progress.predict(2, "stateful", Verdict::Lost);
        HandIn::of(nickname.to_owned(), &progress).unwrap()
    }

    #[test]
    fn what_is_put_is_read_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = put(folder.path(), &hand_in("ada 7"), false).unwrap();
        assert_eq!(file, folder.path().join("hand-in-ada-7.json"));
        let found = Found { file: "hand-in-ada-7.json".to_owned(), hand_in: Ok(hand_in("ada 7")) };
        assert_eq!(read(folder.path()).unwrap(), [found]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn nobody_elses_file_is_replaced_unless_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = put(folder.path(), &hand_in("ada"), false).unwrap();
        fs::write(&file, "another ada's").unwrap();
        let said = put(folder.path(), &hand_in("ada"), false).unwrap_err().to_string();
        assert!(said.contains("--replace") && said.contains("--nickname"), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "another ada's");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        put(folder.path(), &hand_in("ada"), true).unwrap();
        assert_eq!(read(folder.path()).unwrap()[0].hand_in, Ok(hand_in("ada")));
    }

    #[test]
    fn what_is_no_file_or_too_large_is_told_apart_and_a_pipe_does_not_hold_us_up() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("a folder")).unwrap();
        nix::unistd::mkfifo(&at("b pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        std::os::unix::fs::symlink("nowhere", at("c link")).unwrap();
        fs::write(at("d large"), " ".repeat(300 * 1024)).unwrap();
        fs::write(at(".hidden"), "an editor's").unwrap();
        let refused = read(folder.path()).unwrap().into_iter().map(|found| found.hand_in.unwrap_err());
        let refused: Vec<Refused> = refused.collect();
        assert!(
            matches!(
                &refused[..],
                [Refused::NoFile, Refused::NoFile, Refused::Unreadable(_), Refused::TooLarge]
            ),
            "{refused:?}"
        );
    }
}
