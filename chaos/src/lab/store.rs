//! Where does a student's progress lie? In one file of the student's own, which nobody else can read:
//! `$XDG_STATE_HOME/amnesia/labs.json`, or `~/.local/state/amnesia/labs.json`.
//!
//! It is replaced as a whole, so that a cut power line leaves the old file or the new one. A file that
//! cannot be understood is set aside under another name, and the tool says so.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::progress::{Progress, VERSION};

/// The place of one student's progress.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// The place of whoever runs this tool. Nothing is made yet.
    ///
    /// # Errors
    /// If the system does not say where that is.
    pub fn of_this_user() -> anyhow::Result<Store> {
        // The specification of these folders says that a path that is not absolute does not count.
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let Some(folder) =
            absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        else {
            bail!("there is no place for your progress: set HOME, or XDG_STATE_HOME to a folder of your own");
        };
        Ok(Store::at(&folder.join("amnesia")))
    }

    /// In this folder.
    pub fn at(folder: &Path) -> Store {
        Store { path: folder.join("labs.json") }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is written there; nothing, if there is no file.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn read(&self) -> anyhow::Result<Progress> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Progress::default()),
            Err(error) => return Err(error).with_context(|| self.refused("read")),
        };
        match understood(&text) {
            Ok(progress) if progress.version == VERSION => Ok(progress),
            Ok(progress) => {
                self.set_aside(&format!("is of version {}, and this tool writes {VERSION}", progress.version))
            }
            Err(error) => self.set_aside(&format!("cannot be understood ({error})")),
        }
    }

    /// What is written there, for one who only looks: a file that cannot be understood is as good as none, and
    /// is left where it is.
    pub fn look(&self) -> Option<Progress> {
        let progress = understood(&fs::read(&self.path).ok()?).ok()?;
        Some(progress).filter(|progress| progress.version == VERSION)
    }

    /// Changes it, all of it or nothing, and returns what is there now. Two who change it wait for each
    /// other.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn change(&self, change: impl FnOnce(&mut Progress)) -> anyhow::Result<Progress> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| self.refused("make the folder of"))?;
        let turn = private(&folder.join("labs.lock")).with_context(|| self.refused("write"))?;
        turn.lock().context("waiting for another chaos lab")?;
        let mut progress = self.read()?;
        change(&mut progress);
        self.write(&progress).with_context(|| self.refused("write"))?;
        Ok(progress)
    }

    fn write(&self, progress: &Progress) -> anyhow::Result<()> {
        let fresh = self.path.with_extension(format!("json.{}", std::process::id()));
        let mut file = private(&fresh)?;
        file.set_len(0)?;
        file.write_all(serde_json::to_string_pretty(progress)?.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        Ok(fs::rename(&fresh, &self.path)?)
    }

    fn set_aside(&self, why: &str) -> anyhow::Result<Progress> {
        let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let aside = self.path.with_file_name(format!("labs.json.set-aside-{stamp}"));
        fs::rename(&self.path, &aside).with_context(|| self.refused("set aside"))?;
        let _ = writeln!(
            std::io::stderr(),
            "chaos: {} {why}; it is kept as {}, and you begin anew",
            self.path.display(),
            aside.display()
        );
        Ok(Progress::default())
    }

    fn refused(&self, what: &str) -> String {
        format!(
            "cannot {what} {}: it must be yours, and have room; set XDG_STATE_HOME to a folder of your own",
            self.path.display()
        )
    }
}

fn understood(text: &[u8]) -> serde_json::Result<Progress> {
    // Windows line ends are no different to JSON.
    serde_json::from_slice(without_mark(text))
}

/// A file's text: some editors begin it with a mark (U+FEFF) that is none of it.
pub fn without_mark(file: &[u8]) -> &[u8] {
    file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file)
}

/// A file that nobody else can read, also if it was there before and they could.
fn private(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(&folder.path().join("a place/amnesia"));
        (folder, store)
    }

    #[test]
    fn what_is_changed_is_read_again_and_only_by_its_owner() {
        let (_folder, store) = store();
        assert_eq!(store.read().unwrap(), Progress::default());
        let written = store.change(|progress| progress.predict(2, "stateful", Verdict::Lost)).unwrap();
        assert_eq!(store.read().unwrap(), written);
        let mode = fs::metadata(store.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let folder = fs::metadata(store.path().parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(folder & 0o777, 0o700);
    }

    #[test]
    fn a_file_that_was_saved_by_another_editor_is_the_same_file() {
        let (_folder, store) = store();
        let written = store.change(|progress| progress.predict(2, "stateful", Verdict::Lost)).unwrap();
        let text = fs::read_to_string(store.path()).unwrap();
        fs::write(store.path(), format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
        assert_eq!((store.look(), store.read().unwrap()), (Some(written.clone()), written));
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_set_aside_and_kept() {
        for text in ["", "{ \"version\": 1, \"labs\": ", "[]", "{ \"version\": 99 }", "\u{0}\u{1}"] {
            let (_folder, store) = store();
            store.change(|_| ()).unwrap();
            fs::write(store.path(), text).unwrap();
            assert_eq!(store.look(), None, "{text:?}");
            assert_eq!(store.read().unwrap(), Progress::default(), "{text:?}");
            let kept = fs::read_dir(store.path().parent().unwrap()).unwrap().filter_map(Result::ok);
            let kept: Vec<_> =
                kept.filter(|it| it.file_name().to_string_lossy().contains("set-aside")).collect();
            assert_eq!(kept.len(), 1, "{text:?}");
            assert_eq!(fs::read_to_string(kept[0].path()).unwrap(), text);
        }
    }

    #[test]
    fn two_who_change_it_at_once_both_count() {
        let (_folder, store) = store();
        std::thread::scope(|scope| {
            for lab in 1..=8 {
                let store = store.clone();
                scope.spawn(move || store.change(|progress| progress.show(lab)).unwrap());
            }
        });
        assert_eq!(store.read().unwrap().labs.len(), 8);
    }
}
