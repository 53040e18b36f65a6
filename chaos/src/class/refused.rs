//! Why can a file that was handed in not be read? Each reason in one line, with what to try.

/// The reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A folder, a pipe, a device.
    NoFile,
    /// The system does not let us read it, and says why.
    Unreadable(String),
    /// More bytes than any hand-in has.
    TooLarge,
    /// There is nothing in it.
    Empty,
    /// It is not UTF-8.
    NotText,
    /// It is not JSON, or not all of it.
    NotJson(String),
    /// It is JSON of something else.
    NoHandIn,
    /// It is a student's progress file itself.
    Progress,
    /// It is a hand-in of another form.
    AnotherVersion {
        /// Its version, as it says it.
        theirs: String,
        /// The one that this tool reads.
        ours: u64,
    },
    /// Its form is ours, and something in it is not as it must be.
    Damaged(String),
    /// What it calls the student is no nickname.
    Nickname(String),
    /// It speaks of labs or questions that this tool does not have.
    AnotherAge(String),
}

impl Refused {
    /// What to try next.
    pub fn cure(&self) -> &'static str {
        match self {
            Refused::NoFile => "put the files themselves into the folder",
            Refused::Unreadable(_) => "see who may read it",
            Refused::TooLarge | Refused::NoHandIn => "hand in what `chaos class hand-in` writes",
            Refused::Empty | Refused::NotJson(_) | Refused::Damaged(_) => "hand it in again",
            Refused::NotText => "hand in with `chaos class hand-in DIR`, which writes UTF-8",
            Refused::Progress => "hand in with `chaos class hand-in`, which leaves out what concerns nobody",
            Refused::AnotherVersion { .. } | Refused::AnotherAge(_) => {
                "build the student's tool and this one from the same commit"
            }
            Refused::Nickname(_) => "choose another with `chaos class hand-in --nickname`",
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::NoFile => write!(f, "is not a file"),
            Refused::Unreadable(why) => write!(f, "cannot be read ({why})"),
            Refused::TooLarge => write!(f, "is larger than any hand-in"),
            Refused::Empty => write!(f, "is empty"),
            Refused::NotText => write!(f, "is not UTF-8 text"),
            Refused::NotJson(why) => write!(f, "is not whole JSON ({why})"),
            Refused::NoHandIn => write!(f, "is JSON, but no hand-in"),
            Refused::Progress => write!(f, "is a student's progress file itself"),
            Refused::AnotherVersion { theirs, ours } => {
                write!(f, "is of version {theirs}, and this tool reads {ours}")
            }
            Refused::Damaged(why) => write!(f, "is damaged {why}"),
            Refused::Nickname(why) => write!(f, "has no nickname that can be shown ({why})"),
            Refused::AnotherAge(why) => write!(f, "is from a tool of another age ({why})"),
        }
    }
}
