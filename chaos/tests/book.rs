//! Is the book of labs whole? It can be built, every link in it leads somewhere, and no page needs a network.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use browser::{Browser, DESKTOP, PHONE};
use serde_json::json;
use support::files;
use tempfile::TempDir;
use url::Url;

/// Builds the book that lies in a folder. `None`, and a loud line, where there is no mdbook.
fn built(source: &Path) -> Option<TempDir> {
    let Some(mdbook) = mdbook() else {
        support::skip("the book of labs", "no mdbook; ci/tools installs it");
        return None;
    };
    let book = tempfile::tempdir().unwrap();
    let output = Command::new(mdbook).arg("build").arg(source).arg("-d").arg(book.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(book)
}

/// On the path, or where cargo puts what it installs.
fn mdbook() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let path = std::env::var_os("PATH").unwrap();
    let folders = std::env::split_paths(&path).chain(cargo.map(|cargo| cargo.join("bin")));
    folders.map(|folder| folder.join("mdbook")).find(|mdbook| mdbook.is_file())
}

fn labs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("labs")
}

/// What stands in an attribute, wherever it occurs, with the name of the tag it occurs in.
fn attributes<'h>(html: &'h str, name: &str) -> Vec<(&'h str, &'h str)> {
    let tags = html.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
    let with_it = tags.filter_map(|tag| {
        let (_, value) = tag.split_once(&format!(" {name}=\""))?;
        Some((tag.split_whitespace().next()?, value.split('"').next()?))
    });
    with_it.collect()
}

/// Everything in a book that leads nowhere, or outside while the page is loaded.
fn faults(book: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for page in files(book, ".html") {
        let (html, name) = (fs::read_to_string(&page).unwrap(), page.strip_prefix(book).unwrap().display());
        let here = Url::from_file_path(&page).unwrap();
        let mut links = attributes(&html, "href");
        links.extend(attributes(&html, "src"));
        // Where the book would be served from, for the page that says that there is no such page.
        links.retain(|(tag, _)| *tag != "base");
        for (tag, link) in links {
            let to = here.join(link).unwrap();
            if to.scheme() == "data" {
                continue;
            }
            if to.scheme() != "file" {
                // One may follow a link to a page outside. Everything else is loaded.
                if tag != "a" {
                    wrong.push(format!("{name} loads {link}"));
                }
                continue;
            }
            let Ok(there) = fs::read(to.to_file_path().unwrap()) else {
                wrong.push(format!("{name} has a link to {link}, and there is no such file"));
                continue;
            };
            let there = String::from_utf8_lossy(&there);
            let lands = |at: &str| attributes(&there, "id").iter().any(|(_, id)| *id == at);
            if to.fragment().is_some_and(|at| !at.is_empty() && !lands(at)) {
                wrong.push(format!("{name} has a link to {link}, and the page has no such place"));
            }
        }
    }
    for sheet in files(book, ".css") {
        let css = fs::read_to_string(&sheet).unwrap();
        let loaded = css.split("url(").skip(1).map(|rest| rest.trim_start_matches(['"', '\'']));
        let outside = loaded.filter(|it| it.starts_with("http") || it.starts_with("//"));
        wrong.extend(outside.map(|it| format!("{} loads {:.40}", sheet.display(), it)));
    }
    wrong
}

#[test]
fn every_link_of_the_book_leads_somewhere_and_nothing_is_loaded_from_outside() {
    let Some(book) = built(&labs()) else { return };
    assert_eq!(faults(book.path()), [""; 0]);
    let pages: BTreeSet<PathBuf> = files(&labs(), ".md").into_iter().collect();
    for page in pages.iter().filter(|page| !page.ends_with("SUMMARY.md")) {
        let page = page.strip_prefix(labs()).unwrap().with_extension("html");
        let page = if page.ends_with("README.html") { page.with_file_name("index.html") } else { page };
        assert!(book.path().join(&page).is_file(), "the book lacks {}", page.display());
    }
}

#[test]
fn a_link_that_leads_nowhere_and_a_picture_from_outside_are_found() {
    let source = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(source.path().join(name), text).unwrap();
    write("book.toml", "[book]\nsrc = \".\"\n");
    write("SUMMARY.md", "# Summary\n\n- [One](one.md)\n");
    write(
        "one.md",
        "# One\n\n[here](#one) [away](https://example.invalid/) [gone](two.html) [nowhere](#two) \
         ![seen](http://example.invalid/a.png)\n",
    );
    let Some(book) = built(source.path()) else { return };
    let found = faults(book.path());
    for expected in [
        "one.html has a link to two.html, and there is no such file",
        "one.html has a link to #two, and the page has no such place",
        "one.html loads http://example.invalid/a.png",
    ] {
        assert!(found.iter().any(|it| it == expected), "{expected:?} is not in {found:?}");
    }
    // The first chapter is the index too.
    assert!(found.iter().all(|it| it.contains("two") || it.contains("a.png")), "{found:?}");
}

#[tokio::test]
async fn a_browser_shows_every_page_from_files_alone_and_does_not_complain() {
    let Some(book) = built(&labs()) else { return };
    for size in [DESKTOP, PHONE] {
        let Some(browser) = Browser::open(size).await else { return };
        for page in files(book.path(), ".html") {
            if page.ends_with("404.html") || page.ends_with("toc.html") {
                continue; // For a server, and for a browser without scripts.
            }
            browser.client.goto(Url::from_file_path(&page).unwrap().as_str()).await.unwrap();
            let outside = "return performance.getEntriesByType('resource').map((it) => it.name)
                .filter((name) => !name.startsWith('file:') && !name.startsWith('data:'))";
            assert_eq!(browser.ask(outside).await, json!([]), "{}", page.display());
            let wide = "return document.documentElement.scrollWidth <= window.innerWidth";
            assert_eq!(browser.ask(wide).await, true, "{} is wider than its window", page.display());
            assert_eq!(browser.complaints().await, [""; 0], "{}", page.display());
        }
        browser.client.clone().close().await.unwrap();
    }
}
