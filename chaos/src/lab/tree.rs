//! Where is the code that a student changes, is it clean, and how is it built? The tool runs `git` and
//! `cargo` for that, in the tree the student stands in.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// The tree of this project that somebody stands in.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree the current folder lies in.
    ///
    /// # Errors
    /// If it lies in none.
    pub fn here() -> anyhow::Result<Tree> {
        let here = std::env::current_dir().context("asking for the current folder")?;
        let is_root = |folder: &&Path| folder.join("chaos/predictions.toml").is_file();
        match here.ancestors().find(is_root) {
            Some(root) => Ok(Tree { root: root.to_owned() }),
            None => bail!(
                "{} is not inside the tree of this project: change one thing where its code is",
                here.display()
            ),
        }
    }

    /// How one calls git here for this tree, whose files are named from its root on.
    pub fn git_as_typed(&self) -> String {
        match std::env::current_dir() {
            Ok(here) if here == self.root => "git".to_owned(),
            _ => format!("git -C \"{}\"", self.root.display()),
        }
    }

    /// Which files differ from the last commit; files git does not know do not count.
    ///
    /// # Errors
    /// If git cannot say.
    pub fn changed(&self) -> anyhow::Result<Vec<String>> {
        let listed = self.git(&["diff", "--name-only", "HEAD"], "")?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// Applies a patch to the files.
    ///
    /// # Errors
    /// If it does not fit; then nothing was changed.
    pub fn apply(&self, patch: &str) -> anyhow::Result<()> {
        // In a repository around this tree git would look for the files from its own root on, and skip them in silence.
        let inside = self.git(&["rev-parse", "--show-prefix"], "")?;
        if !inside.trim().is_empty() {
            bail!(
                "{} lies inside another git repository, as {}: clone this project beside that, and change it there",
                self.root.display(),
                inside.trim()
            );
        }
        self.git(&["apply", "--whitespace=nowarn", "-"], patch).map(drop)
    }

    /// Builds both services, and the tool too if `with_tool`; what cargo says goes to stderr. The folder the
    /// binaries lie in, or nothing if it does not build.
    ///
    /// # Errors
    /// If there is no cargo.
    pub fn build(&self, with_tool: bool) -> anyhow::Result<Option<PathBuf>> {
        // The whole workspace, of which only these are built: with fewer packages cargo would choose other
        // features for what they share, and build all of that anew.
        let mut args = vec!["build", "--workspace", "--bin", "stateful-svc", "--bin", "stateless-svc"];
        if with_tool {
            args.extend(["--bin", "chaos"]);
        }
        let built = self.cargo(&args).stdout(Stdio::null()).status().context("running cargo build")?;
        if !built.success() {
            return Ok(None);
        }
        let described = self.cargo(&["metadata", "--no-deps", "--format-version", "1"]).output();
        let described = described.context("running cargo metadata")?;
        let described: serde_json::Value =
            serde_json::from_slice(&described.stdout).context("reading what cargo metadata says")?;
        let target = described["target_directory"].as_str().context("cargo has no target directory")?;
        Ok(Some(Path::new(target).join("debug")))
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(args).current_dir(&self.root);
        cargo
    }

    fn git(&self, args: &[&str], stdin: &str) -> anyhow::Result<String> {
        let mut git = Command::new("git");
        git.args(args).current_dir(&self.root);
        git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut git = git.spawn().context("running git: apt install git")?;
        if let Some(mut input) = git.stdin.take() {
            input.write_all(stdin.as_bytes()).context("writing to git")?;
        }
        let output = git.wait_with_output().context("waiting for git")?;
        if !output.status.success() {
            bail!(
                "git {} in {}: {}; the tree must be a git clone, as it was checked out",
                args.join(" "),
                self.root.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_inside_another_repository_is_refused_where_git_would_change_nothing_and_say_nothing() {
        let outer = tempfile::tempdir().unwrap();
        let made = Command::new("git").args(["init", "--quiet"]).current_dir(outer.path()).status();
        assert!(made.unwrap().success());
        let tree = Tree { root: outer.path().join("amnesia") };
        std::fs::create_dir(&tree.root).unwrap();
        std::fs::write(tree.root.join("file"), "old\n").unwrap();
        let patch = "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-old\n+new\n";
        let refused = tree.apply(patch).unwrap_err().to_string();
        assert!(refused.contains("inside another git repository, as amnesia/"), "{refused}");
    }
}
