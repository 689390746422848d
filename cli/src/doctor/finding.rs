//! What a check found, and what all of them together come to.

use core::fmt;

use serde::Serialize;

use crate::escape::escaped;
use crate::failure::Failure;
use crate::json;
use crate::output::Output;

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

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            check,
            status,
            detail,
            ..
        } = self;
        write!(f, "{status:4}  {check:11}  {}", escaped(detail))
    }
}

/// The checks' results, told as they come.
#[derive(Debug)]
pub(crate) struct Chart {
    findings: Vec<Finding>,
    output: Output,
    voice: Voice,
}

/// How results are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Voice {
    Plain,
    Json,
    /// Plain, on standard error: standard output is for the report.
    Aside,
}

impl Chart {
    pub(crate) fn new(voice: Voice) -> Self {
        Self {
            findings: Vec::new(),
            output: Output::new(false),
            voice,
        }
    }

    pub(crate) fn ok(
        &mut self,
        check: &'static str,
        detail: impl Into<String>,
    ) -> Result<(), Failure> {
        self.add(check, Status::Ok, detail, None)
    }

    pub(crate) fn skip(
        &mut self,
        check: &'static str,
        detail: impl Into<String>,
    ) -> Result<(), Failure> {
        self.add(check, Status::Skip, detail, None)
    }

    pub(crate) fn warn(
        &mut self,
        check: &'static str,
        detail: impl Into<String>,
        remedy: Remedy,
    ) -> Result<(), Failure> {
        self.add(check, Status::Warn, detail, Some(remedy))
    }

    pub(crate) fn fail(
        &mut self,
        check: &'static str,
        detail: impl Into<String>,
        remedy: Option<Remedy>,
    ) -> Result<(), Failure> {
        self.add(check, Status::Fail, detail, remedy)
    }

    fn add(
        &mut self,
        check: &'static str,
        status: Status,
        detail: impl Into<String>,
        remedy: Option<Remedy>,
    ) -> Result<(), Failure> {
        let finding = Finding {
            check,
            status,
            detail: detail.into(),
            remedy,
        };
        match self.voice {
            Voice::Plain => self.output.line(&finding.to_string())?,
            Voice::Json => self.output.line(&json::to_line(&finding))?,
            Voice::Aside => aside!("{finding}"),
        }
        self.findings.push(finding);
        Ok(())
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Tells what all of it comes to. A `report` comes last.
    pub(crate) fn conclude(&mut self, report: Option<&str>) -> Result<(), Failure> {
        let verdict = Verdict::of(&self.findings);
        match self.voice {
            Voice::Plain => {
                for line in verdict.lines() {
                    self.output.line(&line)?;
                }
            }
            Voice::Json => self.output.line(&json::to_line(&verdict))?,
            Voice::Aside => {}
        }
        match (report, self.voice) {
            (None, _) => {}
            (Some(report), Voice::Json) => {
                #[derive(Serialize)]
                struct Report<'a> {
                    report: &'a str,
                }
                self.output.line(&json::to_line(&Report { report }))?;
            }
            (Some(report), _) => {
                for line in report.lines() {
                    self.output.line(line)?;
                }
            }
        }
        if verdict.verdict == Status::Fail {
            return Err(Failure::Found);
        }
        Ok(())
    }
}

/// What all findings together come to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Verdict {
    verdict: Status,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    remedy: Option<Remedy>,
}

impl Verdict {
    /// The first thing that fails is likely behind what fails after it; warnings count only if nothing
    /// fails.
    pub(crate) fn of(findings: &[Finding]) -> Self {
        let worst = [Status::Fail, Status::Warn]
            .into_iter()
            .find(|status| findings.iter().any(|finding| finding.status == *status));
        let verdict = worst.unwrap_or(Status::Ok);
        let mut remedies = findings.iter().filter(|finding| finding.status == verdict);
        let remedy = remedies.find_map(|finding| finding.remedy.clone());
        Self { verdict, remedy }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match (&self.remedy, self.verdict) {
            (Some(Remedy { cause, fix }), _) => {
                lines.push(format!("most likely cause: {}", escaped(cause)));
                if let Some(fix) = fix {
                    lines.push(format!("fix: {}", escaped(fix)));
                }
            }
            (None, Status::Fail) => lines.push("no cause is known".to_owned()),
            (None, _) => lines.push("no fault found".to_owned()),
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(check: &'static str, status: Status, cause: Option<&str>) -> Finding {
        Finding {
            check,
            status,
            detail: "detail".to_owned(),
            remedy: cause.map(|cause| Remedy::new(cause, "fix it")),
        }
    }

    #[test]
    fn the_first_failure_with_a_cause_is_the_cause_and_warnings_come_after() {
        let findings = [
            finding("a", Status::Warn, Some("warned")),
            finding("b", Status::Fail, None),
            finding("c", Status::Fail, Some("first")),
            finding("d", Status::Fail, Some("second")),
        ];
        let cause = |findings| Verdict::of(findings).lines()[0].clone();
        assert_eq!(cause(&findings), "most likely cause: first");
        assert_eq!(cause(&findings[..2]), "no cause is known");
        assert_eq!(cause(&findings[..1]), "most likely cause: warned");
        assert_eq!(cause(&[]), "no fault found");
        assert_eq!(cause(&[finding("a", Status::Skip, None)]), "no fault found");
    }

    #[test]
    fn json_has_cause_and_fix_beside_the_rest() {
        let line = json::to_line(&finding("port", Status::Fail, Some("taken")));
        let expected =
            r#"{"check":"port","status":"fail","detail":"detail","cause":"taken","fix":"fix it"}"#;
        assert_eq!(line, expected);
        let line = json::to_line(&Verdict::of(&[]));
        assert_eq!(line, r#"{"verdict":"ok"}"#);
    }
}
