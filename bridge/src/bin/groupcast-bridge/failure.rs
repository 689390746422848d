//! Why the program ends without success.

use core::fmt;
use std::process::ExitCode;

use groupcast_std::Error;

use crate::log::{Level, say};

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
        let event = match self {
            Self::Trouble(_) => "trouble",
            Self::Settings(_) => "settings",
            Self::Unmet(_) => "unmet",
        };
        say(Level::Error, event, &self.to_string());
        ExitCode::from(code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Trouble(text) | Self::Settings(text) | Self::Unmet(text)) = self;
        f.write_str(text)
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
