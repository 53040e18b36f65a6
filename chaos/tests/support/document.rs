//! Which commands does a document show?
//!
//! A block that begins with three backquotes and `console` is a terminal: after `$ ` comes a command, and below
//! it what it prints. A block that begins with `sh` holds commands alone, one a line; what stands behind ` #` is
//! for the reader.

/// One command of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The line it stands on, from 1.
    pub line: usize,
    /// What is typed.
    pub command: String,
    /// What it prints; nothing is said about that in a block of commands alone.
    pub prints: Option<Vec<String>>,
}

/// All commands in the blocks of a document, in the order in which they are typed.
pub fn shown(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let (mut block, mut fresh) = (None, true);
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        if let Some(kind) = line.strip_prefix("```") {
            block = if block.is_none() { Some(kind) } else { None };
            fresh = true;
            continue;
        }
        match block {
            Some("console") => {
                if let Some(command) = line.strip_prefix("$ ") {
                    found.push(Shown { line: number, command: command.to_owned(), prints: Some(Vec::new()) });
                    fresh = false;
                } else {
                    assert!(!fresh, "line {number}: a console block begins with a command, `$ …`");
                    found.last_mut().and_then(|last| last.prints.as_mut()).unwrap().push(line.to_owned());
                }
            }
            Some("sh") => {
                let command = line.split(" #").next().unwrap_or_default().trim();
                if !command.is_empty() && !command.starts_with('#') {
                    found.push(Shown { line: number, command: command.to_owned(), prints: None });
                }
            }
            Some(kind) => {
                // Whatever else looks like a command would be one that nobody types.
                let hidden = ["", "bash", "shell"].contains(&kind) || line.starts_with("$ ");
                assert!(
                    !hidden,
                    "line {number}: commands stand in blocks of `sh` or `console`, not of {kind:?}"
                );
            }
            None => {}
        }
    }
    found
}

/// Those that a document shows without what they print.
pub fn typed(text: &str) -> Vec<String> {
    let typed = shown(text).into_iter().filter(|shown| shown.prints.is_none());
    typed.map(|shown| shown.command).collect()
}
