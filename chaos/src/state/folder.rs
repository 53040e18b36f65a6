//! Where does a lab keep its things, and who owns them?
//!
//! One folder a lab, under one folder a user, in the system's temporary folder. A lock in it is held as
//! long as the lab's owner lives; the system lets go of it when the owner dies, in whatever way.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// A lab's folder and the lock that says its owner lives. Dropping it removes the folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

/// What became of an attempt to own the lab of some name.
#[derive(Debug)]
pub enum Claim {
    /// It is ours now.
    Ours(Folder),
    /// Another tool owns it, and lives.
    Taken,
    /// Its owner died and left it behind; see [`Folder::inherit`].
    LeftBehind,
}

impl Folder {
    /// Makes the folder of the lab called `name`, if nobody has.
    ///
    /// # Errors
    /// If no lab can have this name, or the file system refuses.
    pub fn claim(name: &str) -> anyhow::Result<Claim> {
        let path = folder_of(name)?;
        // Until it has its name and its owner, nobody takes it for one that was left behind.
        let makers = lock_of_makers()?;
        makers.lock_shared().context("locking out who removes folders")?;
        // Made elsewhere and renamed into place with the lock already held: nobody ever sees a folder that
        // has an owner and no lock.
        let nursery = path.with_file_name(format!(".{name}-{}", uuid::Uuid::new_v4().simple()));
        private_folder(&nursery)?;
        let lock = File::create(nursery.join("lock")).context("making a lab's lock")?;
        lock.try_lock().context("locking a lab's lock")?;
        match fs::rename(&nursery, &path) {
            Ok(()) => Ok(Claim::Ours(Folder { path, _lock: lock })),
            Err(error) => {
                let _ = fs::remove_dir_all(&nursery);
                match error.kind() {
                    ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists if is_owned(name)? => {
                        Ok(Claim::Taken)
                    }
                    ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => Ok(Claim::LeftBehind),
                    _ => Err(error).with_context(|| format!("making {}", path.display())),
                }
            }
        }
    }

    /// Owns what a dead tool left behind; `None` if its owner lives, or it is gone.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn inherit(name: &str) -> anyhow::Result<Option<Folder>> {
        let path = folder_of(name)?;
        let Some(lock) = open_lock(&path)? else { return Ok(None) };
        match lock.try_lock() {
            // Another may have inherited it meanwhile, and yet another have taken the name.
            Ok(()) if is_at(&lock, &path)? => Ok(Some(Folder { path, _lock: lock })),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context("locking a lab's lock"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it where it is, for whoever inherits it next; its lock is let go when this process ends.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Renamed first, so that whoever takes the name next finds nothing half removed. What cannot be
        // removed now, `chaos heal` removes later.
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let doomed = self.path.with_file_name(format!(".{name}-{}", uuid::Uuid::new_v4().simple()));
        let _ = fs::rename(&self.path, &doomed).and_then(|()| fs::remove_dir_all(&doomed));
    }
}

/// Whether a living tool owns the lab of this name.
///
/// # Errors
/// If the file system refuses.
pub fn is_owned(name: &str) -> anyhow::Result<bool> {
    let Some(lock) = open_lock(&folder_of(name)?)? else { return Ok(false) };
    // Shared, so that two who only look do not take each other for an owner.
    Ok(matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The names of all labs that have a folder, owned or left behind.
///
/// # Errors
/// As [`labs`].
pub fn names() -> anyhow::Result<Vec<String>> {
    let mut names = entries()?;
    names.retain(|name| check_name(name).is_ok());
    Ok(names)
}

/// Removes folders whose owner died while it made or removed them; says how many.
///
/// # Errors
/// As [`labs`].
pub fn remove_doomed() -> anyhow::Result<usize> {
    let labs = labs()?;
    let makers = lock_of_makers()?;
    if makers.try_lock().is_err() {
        return Ok(0); // Somebody makes one just now, and it does not look owned yet.
    }
    let mut removed = 0;
    for doomed in entries()?.iter().filter(|name| name.starts_with('.')).map(|name| labs.join(name)) {
        let owned = match open_lock(&doomed)? {
            Some(lock) => lock.try_lock_shared().is_err(),
            None => false,
        };
        if !owned && fs::remove_dir_all(&doomed).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

/// The folder of the lab called `name`, whether or not there is one.
///
/// # Errors
/// As [`labs`], or if no lab can have this name.
pub fn folder_of(name: &str) -> anyhow::Result<PathBuf> {
    check_name(name)?;
    Ok(labs()?.join(name))
}

/// The folder all labs of this user lie in.
///
/// # Errors
/// As [`home`].
pub fn labs() -> anyhow::Result<PathBuf> {
    let labs = home()?.join("labs");
    private_folder(&labs)?;
    Ok(labs)
}

/// The folder for all that the tool keeps for this user.
///
/// # Errors
/// If the temporary folder cannot be written to, or somebody else made ours.
pub fn home() -> anyhow::Result<PathBuf> {
    let user = nix::unistd::Uid::current();
    let home = std::env::temp_dir().join(format!("amnesia-{user}"));
    private_folder(&home)?;
    // Where everybody can write, somebody else may have made ours first, to read our keys.
    let owner = fs::symlink_metadata(&home).with_context(|| format!("looking at {}", home.display()))?;
    if owner.uid() != user.as_raw() || !owner.is_dir() {
        bail!("{} belongs to somebody else: set TMPDIR to a folder of your own", home.display());
    }
    Ok(home)
}

fn entries() -> anyhow::Result<Vec<String>> {
    let labs = labs()?;
    let entries = fs::read_dir(&labs).with_context(|| format!("listing {}", labs.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// A lock: shared by all who make a lab's folder, and held alone by whoever removes those that nobody owns.
fn lock_of_makers() -> anyhow::Result<File> {
    let path = home()?.join("makers");
    File::create(&path).with_context(|| format!("opening {}", path.display()))
}

/// Whether this is the lock that lies in the folder now.
fn is_at(lock: &File, folder: &Path) -> anyhow::Result<bool> {
    let held = lock.metadata().context("looking at a lab's lock")?;
    Ok(fs::metadata(folder.join("lock"))
        .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())))
}

fn open_lock(folder: &Path) -> anyhow::Result<Option<File>> {
    let path = folder.join("lock");
    match File::open(&path) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("opening {}", path.display())),
    }
}

fn private_folder(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("making the folder {}; set TMPDIR to a folder of your own", path.display()))
}

/// A lab's name becomes a folder's.
fn check_name(name: &str) -> anyhow::Result<()> {
    let clean = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !clean || !(1..=32).contains(&name.len()) {
        bail!("a lab's name is 1 to 32 of a-z 0-9 -, not {name:?}");
    }
    Ok(())
}
