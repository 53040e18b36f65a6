//! Does the repository keep its own rules? The arrows between its parts, the words in its documents, the
//! first line of every file: what ARCHITECTURE.md calls an invariant is checked here.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::files;

const CRATES: [&str; 5] = ["shared", "stateful-svc", "stateless-svc", "chaos", "broken-svc"];
const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "BENCHMARKS.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The code of a file without its comments: what the compiler sees.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Does this word stand in the code as a name of its own?
fn names(code: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.split(|c| !is_name(c)).any(|name| name == word)
}

#[test]
fn no_sibling_imports_another() {
    for member in CRATES {
        let manifest = read(format!("{member}/Cargo.toml"));
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
        for other in CRATES.iter().filter(|other| **other != member && **other != "shared") {
            let imports = dependencies.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(other));
            assert!(!imports, "{member} imports its sibling {other}");
        }
        if member == "chaos" {
            assert!(
                !dependencies.lines().any(|line| line.starts_with("shared")),
                "chaos speaks to the services over HTTP only; it must not link even `shared`"
            );
        }
    }
}

#[test]
fn a_flow_knows_neither_faults_nor_drivers_and_a_fault_knows_no_flow() {
    let flow_files = files(&root().join("chaos/src/flow"), ".rs");
    let fault_files = files(&root().join("chaos/src/fault"), ".rs");
    assert!(flow_files.len() >= 9 && fault_files.len() >= 9, "the folders are where this test looks");
    for (files, forbidden) in
        [(flow_files, &["fault", "driver", "Fault", "Driver"][..]), (fault_files, &["flow", "Flow"][..])]
    {
        for file in files {
            let code = code(&fs::read_to_string(&file).unwrap());
            for word in forbidden {
                assert!(!names(&code, word), "{} names `{word}`", file.display());
            }
        }
    }
}

#[test]
fn no_command_knows_the_list_of_all_commands() {
    let all = files(&root().join("chaos/src"), ".rs");
    let knows = |file: &&PathBuf| {
        let code = code(&fs::read_to_string(file).unwrap());
        code.contains("crate::cli::") || code.contains("crate::command::")
    };
    let who: Vec<_> = all.iter().filter(knows).map(|file| file.file_name().unwrap().to_owned()).collect();
    assert_eq!(who, ["command.rs"], "what commands share is in args.rs, usage.rs and attempt.rs");
}

#[test]
fn containers_are_driven_by_the_engine_itself_and_no_program_is_run() {
    let driver = root().join("chaos/src/driver");
    let mut driver_files =
        [files(&driver.join("docker"), ".rs"), files(&driver.join("swarm"), ".rs")].concat();
    assert!(driver_files.len() >= 20, "the folders are where this test looks");
    driver_files.push(driver.join("swarm.rs"));
    for file in driver_files {
        let code = code(&fs::read_to_string(&file).unwrap());
        assert!(!names(&code, "Command"), "{} runs a program", file.display());
    }
}

#[test]
fn the_arrow_test_itself_can_fail() {
    assert!(names("let run = std::process::Command::new(\"docker\");", "Command"));
    assert!(names("use crate::fault::Kill;", "fault"));
    assert!(!names("let default = 1;", "fault"));
    assert_eq!(code("let a = 1; // fault\n"), "let a = 1; ");
}

#[test]
fn every_source_file_opens_with_the_question_it_answers() {
    for member in CRATES {
        for file in files(&root().join(member).join("src"), ".rs") {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//! "), "{} does not open with //!", file.display());
        }
    }
}

#[test]
fn every_path_named_in_a_document_exists() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = read(document);
        let quoted = text.split('`').skip(1).step_by(2);
        let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let paths = quoted.chain(linked).filter(|word| looks_like_a_path(word));
        missing.extend(
            paths.filter(|path| !root().join(path).exists()).map(|path| format!("{document}: {path}")),
        );
    }
    assert_eq!(missing, [] as [String; 0], "named, and not there");
}

/// A path of this repository, as opposed to a route (`/cart`), a URL, a pattern or a sentence.
fn looks_like_a_path(word: &str) -> bool {
    let endings = [".rs", ".md", ".toml", ".lua", ".sql", ".json", ".yml"];
    let clean = !word.is_empty()
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        && !word.starts_with('/')
        && !word.starts_with("results/")
        && !word.starts_with("target/");
    let top = word.split('/').next().unwrap_or("");
    let in_the_tree = word.contains('/') && (CRATES.contains(&top) || ["ci", "bench", "labs"].contains(&top));
    clean && (in_the_tree || endings.iter().any(|ending| word.ends_with(ending) && word.len() > ending.len()))
}

#[test]
fn the_tables_in_the_documents_are_what_chaos_list_prints() {
    let list = Command::new(env!("CARGO_BIN_EXE_chaos")).args(["list", "--markdown"]).output().unwrap();
    assert!(list.status.success(), "chaos list --markdown: {}", String::from_utf8_lossy(&list.stderr));
    let printed = String::from_utf8(list.stdout).unwrap();
    let document = read("ARCHITECTURE.md");
    let (_, rest) = document.split_once("<!-- chaos list -->\n").expect("a marker before the tables");
    let (tables, _) = rest.split_once("<!-- end -->").expect("a marker after the tables");
    assert!(printed.contains("| cart"), "the tables hold the flows");
    assert_eq!(tables.trim(), printed.trim(), "run `chaos list --markdown` and put it between the markers");
}

#[test]
fn the_readme_is_short_enough_to_be_read() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "README.md has {lines} lines");
}

#[test]
fn what_the_readme_measured_stands_in_a_table_of_measurements() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("On 2 cores: ").expect("the README says what containers cost");
    let sentence = rest.split_once("`deploy/README.md`").expect("and where more is said").0;
    let measured = read("deploy/README.md");
    let (_, table) = measured.split_once("## Measured").unwrap();
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let numbers: Vec<String> = words
        .windows(2)
        .filter(|pair| pair[0].parse::<f64>().is_ok())
        .map(|pair| format!("{} {}", pair[0], pair[1].trim_end_matches([',', '.', ')'])))
        .collect();
    assert!(numbers.len() >= 5, "the numbers of the README were not found: {numbers:?}");
    for number in numbers {
        assert!(table.contains(&number), "the README says {number:?}, which nobody measured");
    }
}

#[test]
fn a_clone_where_git_makes_windows_line_ends_still_has_the_ones_that_programs_want() {
    let folder = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "--quiet", "tree"]);
    git(&["-C", "tree", "config", "core.autocrlf", "true"]);
    for name in
        [".gitattributes", "ci/tools", "deploy/haproxy.cfg", "labs/02-restart-after-login/broken.patch"]
    {
        let file = folder.path().join("tree").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, read(name)).unwrap();
        git(&["-C", "tree", "add", name]);
        fs::remove_file(&file).unwrap();
    }
    git(&["-C", "tree", "checkout", "--", "."]);
    for file in files(&folder.path().join("tree"), "")
        .iter()
        .filter(|file| !file.to_string_lossy().contains("/.git/"))
    {
        assert!(!fs::read_to_string(file).unwrap().contains('\r'), "{}", file.display());
    }
}
