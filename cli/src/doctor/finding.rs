//! What a check found.

use core::fmt;

use serde::Serialize;

/// Why a check was not made that a signal ended.
pub(crate) const ENDED: &str = "ended before it was known";

/// How a check ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// It works, but for somebody else or later it may not.
    Warn,
    /// Messages are lost because of this.
    Fail,
    /// It could not be looked at, or there is nothing to look at.
    Skip,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::Skip => "skip",
        })
    }
}

/// Why something is wrong, and the one command that mends it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Remedy {
    pub(crate) cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

impl Remedy {
    pub(crate) fn new(cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            fix: Some(fix.into()),
        }
    }

    /// For what no command mends.
    pub(crate) fn without_command(cause: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            fix: None,
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) status: Status,
    pub(crate) detail: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<Remedy>,
}
