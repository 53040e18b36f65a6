//! What do all hand-ins say together? Counted once, here; the terminal, the page and `--json` only show it.

use serde::Serialize;

use super::folder::Found;
use super::hand_in::HandIn;
use super::questions::{Question, Questions};
use crate::lab::step::Step;
use crate::verdict::Verdict;

/// How many must share a wrong verdict before it is called common, however small the class: one alone is a slip.
pub const COMMON_FROM: usize = 2;

/// One in so many of those who answered must share it, however large the class: five verdicts given at random
/// would be shared by one in five each.
pub const COMMON_ONE_IN: usize = 5;

/// A class.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Class {
    /// Who has handed in, by name.
    pub students: Vec<Student>,
    /// Wrong verdicts that several share, the most common first.
    pub misconceptions: Vec<Misconception>,
    /// Every question that anybody has predicted, in the order of the labs.
    pub questions: Vec<Answers>,
    /// Files that say what another file says already, or carry a name that another carries too.
    pub notes: Vec<String>,
    /// Files that could not be read.
    pub unread: Vec<Unread>,
}

/// Where one student is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Student {
    /// The nickname; with the file's name, if two have the same.
    pub name: String,
    /// The lab last worked on, and how far it is.
    pub now: Option<Place>,
    /// Every lab that was begun, in order.
    pub labs: Vec<Place>,
}

/// How far a student is in one lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The lab's number.
    pub lab: u8,
    /// At which step.
    pub step: Step,
    /// How many hints were taken.
    pub hints: usize,
    /// How often it was checked.
    pub checks: u32,
    /// Whether the answer was shown.
    pub shown: bool,
}

/// What a class has predicted for one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// The question.
    #[serde(flatten)]
    pub question: Question,
    /// How many have answered it.
    pub of: usize,
    /// Each verdict that somebody has predicted, mildest first.
    pub verdicts: Vec<SaidBy>,
}

/// Who has predicted one verdict, before they looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SaidBy {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it is the one that comes.
    pub right: bool,
    /// Who.
    pub who: Vec<Who>,
}

/// One who has predicted something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    /// As in [`Student::name`].
    pub name: String,
    /// What they say by now, if that is something else.
    pub now: Option<Verdict>,
}

/// A wrong verdict that several share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misconception {
    /// The lab's number.
    pub lab: u8,
    /// The question's key.
    pub key: String,
    /// The question, in words.
    pub ask: String,
    /// What was predicted.
    pub said: Verdict,
    /// What comes.
    pub right: Verdict,
    /// How many have predicted it.
    pub count: usize,
    /// How many have answered the question.
    pub of: usize,
    /// The idea behind it, and what is wrong with the idea.
    pub idea: String,
}

/// A file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Its name.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
    /// What to try.
    pub cure: &'static str,
}

impl Class {
    /// What was found in a folder, counted.
    pub fn of(questions: &Questions, found: Vec<Found>) -> Class {
        let mut class = Class::default();
        let mut handed_in: Vec<(String, HandIn)> = Vec::new();
        for Found { file, hand_in } in found {
            let file = printable(&file);
            match hand_in {
                Err(refused) => {
                    let (why, cure) = (printable(&refused.to_string()), refused.cure());
                    class.unread.push(Unread { file, why, cure });
                }
                Ok(hand_in) => match handed_in.iter().find(|(_, known)| *known == hand_in) {
                    Some((known, _)) => {
                        class.notes.push(format!("{file} says the same as {known}, and is counted once"));
                    }
                    None => handed_in.push((file, hand_in)),
                },
            }
        }
        let named = class.with_names(handed_in);
        class.students = named.iter().map(|(name, hand_in)| student(name, hand_in)).collect();
        class.questions = questions.iter().filter_map(|question| answers(question, &named)).collect();
        class.misconceptions = misconceptions(questions, &class.questions);
        class
    }

    /// 1 if a file could not be read, 2 if nobody has handed in.
    pub fn exit_code(&self) -> u8 {
        match (self.unread.is_empty(), self.students.is_empty()) {
            (false, _) => 1,
            (true, true) => 2,
            (true, false) => 0,
        }
    }

    /// Gives everybody a name of their own, in order. Two of the same nickname are two people, until somebody
    /// who knows them says otherwise.
    fn with_names(&mut self, handed_in: Vec<(String, HandIn)>) -> Vec<(String, HandIn)> {
        let nicknames: Vec<String> = handed_in.iter().map(|(_, hand_in)| hand_in.nickname.clone()).collect();
        let mut named = Vec::new();
        for (file, hand_in) in handed_in {
            let nickname = hand_in.nickname.clone();
            if nicknames.iter().filter(|known| **known == nickname).count() == 1 {
                named.push((nickname, hand_in));
                continue;
            }
            self.notes.push(format!(
                "{file} is not the only hand-in of a {nickname}: both count; if they are one person's, \
                 remove the older"
            ));
            named.push((format!("{nickname} ({file})"), hand_in));
        }
        named.sort_by_key(|(name, _)| name.to_lowercase());
        named
    }
}

fn student(name: &str, hand_in: &HandIn) -> Student {
    let labs = hand_in.labs.iter().map(|(number, lab)| Place {
        lab: *number,
        step: lab.step,
        hints: lab.hints,
        checks: lab.checks,
        shown: lab.shown,
    });
    let labs: Vec<Place> = labs.collect();
    let now = labs.iter().find(|place| Some(place.lab) == hand_in.lab).cloned();
    Student { name: name.to_owned(), now, labs }
}

/// What was predicted first counts: what one thinks before one looks is the idea one came with.
fn answers(question: &Question, named: &[(String, HandIn)]) -> Option<Answers> {
    let mut said = Vec::new();
    for (name, hand_in) in named {
        let predicted = hand_in.labs.get(&question.lab).and_then(|lab| lab.predictions.get(&question.key));
        let Some(predicted) = predicted else { continue };
        let now = Some(predicted.said).filter(|now| *now != predicted.first);
        said.push((predicted.first, Who { name: name.clone(), now }));
    }
    let by = |verdict: Verdict| {
        let who = said.iter().filter(|(first, _)| *first == verdict).map(|(_, who)| who.clone());
        SaidBy { verdict, right: verdict == question.right, who: who.collect() }
    };
    let verdicts = Verdict::ALL.into_iter().map(by).filter(|by| !by.who.is_empty()).collect();
    (!said.is_empty()).then(|| Answers { question: question.clone(), of: said.len(), verdicts })
}

fn misconceptions(questions: &Questions, answers: &[Answers]) -> Vec<Misconception> {
    let mut all = Vec::new();
    for Answers { question, of, verdicts } in answers {
        let common = |count: usize| count >= COMMON_FROM && count * COMMON_ONE_IN >= *of;
        for wrong in verdicts.iter().filter(|said| !said.right && common(said.who.len())) {
            all.push(Misconception {
                lab: question.lab,
                key: question.key.clone(),
                ask: question.ask.clone(),
                said: wrong.verdict,
                right: question.right,
                count: wrong.who.len(),
                of: *of,
                idea: questions.idea(question, wrong.verdict).unwrap_or_default().to_owned(),
            });
        }
    }
    // The sort keeps the order of the labs among those that are equally common.
    all.sort_by_key(|misconception| std::cmp::Reverse(misconception.count));
    all
}

/// A text that somebody else has chosen, as it can be shown: what would move the cursor or colour the
/// terminal is written out.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::refused::Refused;
    use crate::lab::progress::Progress;

    /// What somebody hands in who has predicted this of lab 2.
    fn found(file: &str, nickname: &str, said: &[(&str, Verdict)]) -> Found {
        let mut progress = Progress::default();
        progress.start(2, None);
        for (key, verdict) in said {
            progress.predict(2, key, *verdict);
        }
        Found { file: file.to_owned(), hand_in: Ok(HandIn::of(nickname.to_owned(), &progress).unwrap()) }
    }

    fn class(found: Vec<Found>) -> Class {
        Class::of(&Questions::builtin().unwrap(), found)
    }

    fn counted(class: &Class) -> Vec<(u8, &str, Verdict, usize, usize)> {
        let told = class.misconceptions.iter();
        told.map(|it| (it.lab, it.key.as_str(), it.said, it.count, it.of)).collect()
    }

    #[test]
    fn a_wrong_verdict_is_common_if_several_share_it_and_only_then() {
        use Verdict::{Lost, Recovered, Survived, Unknown};
        // Of lab 2, `stateful` and `polite` are Lost, `stateless` is Survived.
        let class = class(vec![
            found("a", "ada", &[("stateful", Survived), ("polite", Survived), ("stateless", Survived)]),
            found("b", "bo", &[("stateful", Survived), ("polite", Recovered), ("stateless", Survived)]),
            found("c", "cy", &[("stateful", Survived), ("polite", Unknown), ("stateless", Lost)]),
            found("d", "dee", &[("stateful", Lost), ("polite", Recovered)]),
        ]);
        // Not `polite` Survived or Unknown, nor `stateless` Lost: one alone has said each. And not
        // `stateless` Survived, which two have said, and rightly.
        let common = [(2, "stateful", Survived, 3, 4), (2, "polite", Recovered, 2, 4)];
        assert_eq!(counted(&class), common);
        assert!(class.misconceptions[0].idea.contains("memory ends with its process"));
        assert_eq!(class.questions.len(), 3);
    }

    #[test]
    fn two_who_are_wrong_in_different_ways_share_nothing() {
        let class = class(vec![
            found("a", "ada", &[("stateful", Verdict::Survived)]),
            found("b", "bo", &[("stateful", Verdict::Unknown)]),
        ]);
        assert_eq!(counted(&class), []);
        assert_eq!(class.questions[0].verdicts.len(), 2);
    }

    #[test]
    fn in_a_large_class_two_are_not_many() {
        let of = |many: usize| {
            let right = (2..many)
                .map(|at| found(&format!("{at}"), &format!("s{at}"), &[("stateful", Verdict::Lost)]));
            let wrong = ["ada", "bo"].map(|name| found(name, name, &[("stateful", Verdict::Survived)]));
            class(right.chain(wrong).collect())
        };
        assert_eq!(counted(&of(10)), [(2, "stateful", Verdict::Survived, 2, 10)]);
        assert_eq!(counted(&of(11)), []);
    }

    #[test]
    fn what_was_said_first_counts_and_what_is_said_now_is_told() {
        let mut progress = Progress::default();
        progress.predict(2, "stateful", Verdict::Survived);
        progress.predict(2, "stateful", Verdict::Lost);
        let changed = HandIn::of("ada".to_owned(), &progress).unwrap();
        let changed = Found { file: "a".to_owned(), hand_in: Ok(changed) };
        let class = class(vec![changed, found("b", "bo", &[("stateful", Verdict::Survived)])]);
        assert_eq!(counted(&class), [(2, "stateful", Verdict::Survived, 2, 2)]);
        let who = |name: &str, now| Who { name: name.to_owned(), now };
        assert_eq!(class.questions[0].verdicts[0].who, [who("ada", Some(Verdict::Lost)), who("bo", None)]);
    }

    #[test]
    fn the_same_file_twice_counts_once_and_two_of_one_name_count_as_two() {
        let wrong = [("stateful", Verdict::Survived)];
        let twice = class(vec![found("a", "ada", &wrong), found("a (1)", "ada", &wrong)]);
        assert_eq!((counted(&twice), twice.students.len(), twice.notes.len()), (vec![], 1, 1));
        assert!(twice.notes[0].contains("a (1) says the same as a"), "{:?}", twice.notes);

        let other = [wrong[0], ("polite", Verdict::Lost)];
        let two = class(vec![found("x", "ada", &wrong), found("y", "ada", &other)]);
        let names: Vec<&str> = two.students.iter().map(|student| student.name.as_str()).collect();
        assert_eq!(names, ["ada (x)", "ada (y)"]);
        assert_eq!(counted(&two), [(2, "stateful", Verdict::Survived, 2, 2)]);
        assert_eq!(two.notes.len(), 2);
    }

    #[test]
    fn a_file_that_is_refused_is_counted_and_in_no_others_way() {
        let refused =
            Found { file: "b\u{1b}[2J".to_owned(), hand_in: Err(Refused::Damaged("\u{7}".to_owned())) };
        let class = class(vec![refused, found("c", "cy", &[])]);
        assert_eq!((class.students.len(), class.unread.len(), class.exit_code()), (1, 1, 1));
        assert_eq!(class.unread[0].file, "b\\u{1b}[2J");
        assert!(!class.unread[0].why.contains('\u{7}'), "{:?}", class.unread);
        assert_eq!(Class::default().exit_code(), 2);
    }
}
