//! Why the program ends without success.

use core::fmt;
use std::process::ExitCode;

use groupcast_std::Error;

/// Why the program ends without success.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// Trouble that makes going on impossible, or that may pass.
    Trouble(String),
    /// Something asked for cannot be.
    Settings(String),
    /// What was waited for did not come.
    Unmet(String),
}

impl Failure {
    /// Says why on standard error, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let code = match self {
            Self::Trouble(_) => 1,
            Self::Settings(_) => 2,
            Self::Unmet(_) => 3,
        };
        eprintln!("groupcast-bridge: {self}");
        ExitCode::from(code)
    }
}

impl fmt::Display for Failure {
    /// What others wrote, as a broker's name, may hold what a terminal takes for commands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Trouble(text) | Self::Settings(text) | Self::Unmet(text)) = self;
        text.chars().try_for_each(|c| match c {
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => fmt::Write::write_char(f, c),
        })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_setting() {
            Self::Settings(error.to_string())
        } else {
            Self::Trouble(error.to_string())
        }
    }
}
