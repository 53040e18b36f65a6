//! What does whoever teaches read on the terminal? The same facts as on the page, as text that fits.

use std::fmt::Write;
use std::path::Path;

use super::tally::{Answers, Class, Place, SaidBy, Who};
use crate::report::paint::Paint;
use crate::report::wrap::wrapped_at;

/// A class, in lines of at most so many columns.
pub fn class(class: &Class, folder: &Path, columns: usize, paint: Paint) -> String {
    let mut out = Text { out: String::new(), columns, paint };
    out.line(0, &summary(class, folder));
    if !class.students.is_empty() {
        out.head("Who is where");
        for student in &class.students {
            let at = student.now.as_ref().map_or("between two labs".to_owned(), place);
            out.line(2, &format!("{}: {at}", student.name));
        }
        out.head("Common misconceptions");
        misconceptions(&mut out, class);
        out.head("Who predicted what");
        predictions(&mut out, &class.questions);
    }
    if !class.notes.is_empty() {
        out.head("To look at");
        class.notes.iter().for_each(|note| out.line(2, note));
    }
    if !class.unread.is_empty() {
        out.head("Not read");
        for unread in &class.unread {
            out.line(2, &format!("{} {}: {}", unread.file, unread.why, unread.cure));
        }
    }
    out.out
}

/// How far somebody is in a lab: `lab 2, look; hints: 1; the answer was shown`.
fn place(place: &Place) -> String {
    let mut words = format!("lab {}, {}", place.lab, place.step);
    if place.hints > 0 {
        let _ = write!(words, "; hints: {}", place.hints);
    }
    if place.shown {
        words.push_str("; the answer was shown");
    }
    words
}

fn summary(class: &Class, folder: &Path) -> String {
    let folder = folder.display();
    let unread = match class.unread.len() {
        0 => String::new(),
        many => format!(", {many} not read"),
    };
    match class.students.len() {
        0 if class.unread.is_empty() => {
            format!(
                "Nobody has handed in to {folder} yet. A student does it with: chaos class hand-in {folder}"
            )
        }
        students => format!("{students} handed in to {folder}{unread}"),
    }
}

fn misconceptions(out: &mut Text, class: &Class) {
    if class.misconceptions.is_empty() {
        out.line(2, "None: no wrong verdict is shared by two, and by a fifth of those who answered.");
    }
    for it in &class.misconceptions {
        let (lab, key, right) = (it.lab, &it.key, it.right);
        out.line(2, &format!("lab {lab}, {key}: {} of {} said {}; it is {right}", it.count, it.of, it.said));
        out.sentence(4, &it.idea);
    }
}

fn predictions(out: &mut Text, questions: &[Answers]) {
    let mut lab = None;
    for answers in questions {
        let question = &answers.question;
        if lab != Some(question.lab) {
            lab = Some(question.lab);
            out.line(2, &format!("Lab {}: {}", question.lab, question.title));
        }
        out.line(4, &format!("{} · {}", question.key, question.cell));
        for said in &answers.verdicts {
            out.line(6, &said_by(said));
        }
    }
}

/// `Survived, 2: ada, bo (now Lost)`
fn said_by(said: &SaidBy) -> String {
    let names: Vec<String> = said.who.iter().map(name).collect();
    let right = if said.right { " (right)" } else { "" };
    format!("{}{right}, {}: {}", said.verdict, said.who.len(), names.join(", "))
}

fn name(who: &Who) -> String {
    who.now.map_or(who.name.clone(), |now| format!("{} (now {now})", who.name))
}

/// Text that grows line by line.
struct Text {
    out: String,
    columns: usize,
    paint: Paint,
}

impl Text {
    fn head(&mut self, text: &str) {
        let _ = writeln!(self.out, "\n{}", self.paint.bold(text));
    }

    /// One entry of a list, moved to the right; what does not fit goes on two columns further in.
    fn line(&mut self, indent: usize, text: &str) {
        self.text(indent, indent + 2, text);
    }

    /// A sentence or more, moved to the right.
    fn sentence(&mut self, indent: usize, text: &str) {
        self.text(indent, indent, text);
    }

    fn text(&mut self, indent: usize, hanging: usize, text: &str) {
        let wrapped = wrapped_at(text, hanging, self.columns);
        let _ = writeln!(self.out, "{}{wrapped}", " ".repeat(indent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::folder::Found;
    use crate::class::hand_in::HandIn;
    use crate::class::questions::Questions;
    use crate::class::refused::Refused;
    use crate::lab::progress::Progress;
    use crate::verdict::Verdict;

    fn told(columns: usize) -> String {
        let hand_in = |nickname: &str| {
            let mut progress = Progress::default();
            for key in ["stateful", "stateless", "polite"] {
                progress.predict(2, key, Verdict::Survived);
            }
            progress.take_hint(2, 3);
            let hand_in = Ok(HandIn::of(nickname.to_owned(), &progress).unwrap());
            Found { file: format!("{nickname}.json"), hand_in }
        };
        let refused = Found { file: "cy.json".to_owned(), hand_in: Err(Refused::Empty) };
        let all = Class::of(&Questions::builtin().unwrap(), vec![hand_in("ada"), hand_in("bo"), refused]);
        class(&all, Path::new("handed-in"), columns, Paint::dry())
    }

    #[test]
    fn a_class_is_told_in_full() {
        let told = told(100);
        for line in [
            "2 handed in to handed-in, 1 not read\n",
            "\n  ada: lab 2, run; hints: 1\n",
            "\n  lab 2, stateful: 2 of 2 said Survived; it is Lost\n",
            "\n    stateless · whoami × kill × stateless, before look\n      Survived (right), 2: ada, bo\n",
            "\n  cy.json is empty: hand it in again\n",
        ] {
            assert!(told.contains(line), "{line:?} is not in:\n{told}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_no_word_is_lost() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for columns in [24, 40, 80] {
            let narrow = told(columns);
            for line in narrow.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line:?}");
            }
            assert_eq!(words(&narrow), words(&told(100)));
        }
    }
}
