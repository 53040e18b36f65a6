//! Where can a test build, break and mend without taking anybody's binaries or files away? In a copy of the tree,
//! as somebody has it who has just cloned it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::tool::words;

/// A copy of this tree, as a git clone of its own, with a target folder that begins as a copy of ours: so only what
/// differs is built.
pub struct FreshClone {
    folder: PathBuf,
    _lock: File,
}

impl FreshClone {
    /// Brought up to date with this tree. Nobody else uses it as long as this lives.
    pub fn take() -> FreshClone {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clone");
        fs::create_dir_all(&folder).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let clone = FreshClone { folder, _lock: lock };
        clone.bring_up_to_date();
        clone
    }

    /// Made once and brought up to date after that, so that cargo has little to do.
    fn bring_up_to_date(&self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        fs::create_dir_all(self.tree()).unwrap();
        let _ = fs::remove_dir_all(self.tree().join(".git"));
        // With what is not added yet: it builds here, so it must build there.
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = run(Command::new("git").args(list).current_dir(root));
        let listed = String::from_utf8(listed.stdout).unwrap();
        let names = listed.split('\0').filter(|name| root.join(name).is_file()).collect::<Vec<_>>();
        for name in &names {
            let (from, to) = (root.join(name), self.tree().join(name));
            let text = fs::read(&from).unwrap();
            // What has not changed keeps its time, and cargo builds it only once.
            if fs::read(&to).ok().as_ref() != Some(&text) {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                // With its rights: some of these are programs.
                fs::copy(&from, &to).unwrap();
            }
        }
        self.git(&["init", "--quiet"]);
        let mut add = Command::new("git");
        add.args(["add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"]);
        let mut add = add.current_dir(self.tree()).stdin(Stdio::piped()).spawn().unwrap();
        add.stdin.take().unwrap().write_all(names.join("\0").as_bytes()).unwrap();
        assert!(add.wait().unwrap().success(), "git add");
        self.git(&["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "a copy"]);
        // What is no longer in the tree would still be found by who looks into a folder.
        self.git(&["clean", "-fdxq", "--exclude=/target"]);
        self.borrow_what_is_built();
    }

    /// Its root. There is a blank in the path.
    pub fn tree(&self) -> PathBuf {
        self.folder.join("a tree")
    }

    fn target(&self) -> PathBuf {
        self.tree().join("target")
    }

    /// A place beside the tree, for what must outlive one use of it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Everything that is not ours is built already, beside this test's own binary.
    fn borrow_what_is_built(&self) {
        let ours = Path::new(env!("CARGO_BIN_EXE_chaos")).parent().unwrap();
        let theirs = self.target().join("debug");
        if theirs.exists() {
            return;
        }
        // Made elsewhere and renamed: half of it would be taken for all of it.
        let nursery = self.folder.join("nursery");
        let _ = fs::remove_dir_all(&nursery);
        fs::create_dir_all(nursery.join("deps")).unwrap();
        for folder in [".fingerprint", "build"] {
            run(Command::new("cp").arg("-a").arg(ours.join(folder)).arg(&nursery));
        }
        let libraries = ["rlib", "rmeta", "so", "dylib", "d"];
        for entry in fs::read_dir(ours.join("deps")).unwrap().map(Result::unwrap) {
            let ending = entry.path().extension().map(|ending| ending.to_string_lossy().into_owned());
            if ending.is_some_and(|ending| libraries.contains(&ending.as_str())) {
                // A link and not a copy: there are gigabytes of them, and the compiler replaces a library, it
                // never writes into one.
                fs::hard_link(entry.path(), nursery.join("deps").join(entry.file_name())).unwrap();
            }
        }
        fs::create_dir_all(self.target()).unwrap();
        fs::rename(nursery, theirs).unwrap();
    }

    /// Runs git in it, which must do what it is told.
    pub fn git(&self, args: &[&str]) {
        run(Command::new("git").args(args).current_dir(self.tree()));
    }

    /// Applies a patch to its files.
    pub fn apply(&self, patch: &str) {
        let file = self.beside("a.patch");
        fs::write(&file, patch).unwrap();
        self.git(&["apply", file.to_str().unwrap()]);
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    output
}
