//! Why the program ends without success.

use std::io;
use std::process::ExitCode;

use groupcast::SendError;

use super::tty;
use crate::text::escape::escaped;

/// Why the program ends without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Trouble that makes going on impossible.
    Trouble(String),
    /// Something asked for cannot be.
    Settings(String),
    /// What was waited for did not come.
    Unmet(String),
    /// The doctor found a fault, and told it.
    Found,
    /// Nobody reads standard output any more: the end of a pipe such as `groupcast listen | head`, or a
    /// terminal that is gone.
    OutputClosed,
}

impl Failure {
    /// Says why on standard error, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Trouble(text) => (text, 1),
            Self::Settings(text) => (text, 2),
            Self::Unmet(text) => (text, 3),
            Self::Found => return ExitCode::from(2),
            Self::OutputClosed => return ExitCode::SUCCESS,
        };
        aside!("groupcast: {}", escaped(&text));
        ExitCode::from(code)
    }

    /// The network refused some of what was sent.
    pub(crate) fn refused(lost: u64, all: u64, trouble: &str) -> Self {
        Self::Trouble(format!(
            "{lost} of {all} datagrams were not sent: {trouble}"
        ))
    }

    /// With what went wrong after it. The first tells the exit code.
    pub(crate) fn and(self, then: Self) -> Self {
        let more = match &then {
            Self::Trouble(text) | Self::Settings(text) | Self::Unmet(text) => text,
            Self::Found | Self::OutputClosed => return self,
        };
        match self {
            Self::Trouble(text) => Self::Trouble(format!("{text}; {more}")),
            Self::Settings(text) => Self::Settings(format!("{text}; {more}")),
            Self::Unmet(text) => Self::Unmet(format!("{text}; {more}")),
            Self::Found => self,
            // Success, but for what comes after it.
            Self::OutputClosed => then,
        }
    }

    /// The first failure, which tells the exit code, with the others.
    pub(crate) fn all(results: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        let failures = results.into_iter().filter_map(Result::err);
        failures.reduce(Self::and).map_or(Ok(()), Err)
    }

    /// A failure to write to standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe || tty::output_is_gone() {
            Self::OutputClosed
        } else {
            Self::Trouble(format!("cannot write to standard output: {error}"))
        }
    }
}

impl From<groupcast_std::Error> for Failure {
    fn from(error: groupcast_std::Error) -> Self {
        if error.is_setting() {
            Self::Settings(error.to_string())
        } else {
            Self::Trouble(error.to_string())
        }
    }
}

impl From<groupcast_std::key_file::KeyFileError> for Failure {
    fn from(error: groupcast_std::key_file::KeyFileError) -> Self {
        Self::Settings(error.to_string())
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self::Settings(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_tells_the_code_and_all_are_told() {
        let all = |failures: [Result<(), Failure>; 3]| Failure::all(failures);
        let unmet = || Err(Failure::Unmet("a".to_owned()));
        let trouble = || Err(Failure::Trouble("b".to_owned()));
        assert!(all([Ok(()), Ok(()), Ok(())]).is_ok());
        let told = all([Ok(()), unmet(), trouble()]);
        assert!(matches!(told, Err(Failure::Unmet(text)) if text == "a; b"));
        let told = all([Err(Failure::OutputClosed), Ok(()), trouble()]);
        assert!(matches!(told, Err(Failure::Trouble(text)) if text == "b"));
        let told = all([trouble(), Err(Failure::OutputClosed), Ok(())]);
        assert!(matches!(told, Err(Failure::Trouble(text)) if text == "b"));
    }
}
