//! What all checks found, told as they come, and what it comes to.

use serde::Serialize;

use super::finding::{ENDED, Finding, Remedy, Status};
use super::looks::Looks;
use crate::output::Output;
use crate::output::json;
use crate::process::failure::Failure;

/// The checks' results, told as they come.
#[derive(Debug)]
pub(crate) struct Chart {
    findings: Vec<Finding>,
    output: Output,
    voice: Voice,
    looks: Looks,
    /// Checks that were skipped for one reason, and are told together.
    skipped: Vec<&'static str>,
    why: String,
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
        let looks = match voice {
            Voice::Plain => Looks::of_output(),
            Voice::Aside => Looks::of_aside(),
            Voice::Json => Looks::default(),
        };
        Self {
            findings: Vec::new(),
            output: Output::new(false),
            voice,
            looks,
            skipped: Vec::new(),
            why: String::new(),
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
        if self.voice == Voice::Json {
            self.output.line(&json::to_line(&finding))?;
        } else if status == Status::Skip {
            if self.why != finding.detail {
                self.tell_skipped()?;
                self.why.clone_from(&finding.detail);
            }
            self.skipped.push(check);
        } else {
            self.tell_skipped()?;
            self.tell(&self.looks.finding(&finding))?;
        }
        self.findings.push(finding);
        Ok(())
    }

    fn tell_skipped(&mut self) -> Result<(), Failure> {
        let skipped = core::mem::take(&mut self.skipped);
        if skipped.is_empty() {
            return Ok(());
        }
        self.tell(&self.looks.skipped(&skipped, &self.why))
    }

    fn tell(&mut self, lines: &[String]) -> Result<(), Failure> {
        for line in lines {
            match self.voice {
                Voice::Aside => aside!("{line}"),
                _ => self.output.line(line)?,
            }
        }
        Ok(())
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Tells what all of it comes to. A `report` comes last.
    pub(crate) fn conclude(&mut self, report: Option<&str>) -> Result<(), Failure> {
        self.tell_skipped()?;
        let verdict = Verdict::of(&self.findings);
        match self.voice {
            Voice::Plain => self.tell(&verdict.lines(self.looks))?,
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

/// Warnings, those first that more likely are why nothing arrives. The last ones matter only to other programs.
const WARNINGS: [&str; 12] = [
    "peers",
    "interface",
    "environment",
    "rp_filter",
    "igmp",
    "snooping",
    "mtu",
    "buffers",
    "port",
    "local",
    "cross-talk",
    "route",
];

/// What all findings together come to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Verdict {
    verdict: Status,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    remedy: Option<Remedy>,
    /// The check that has the remedy.
    #[serde(skip)]
    check: &'static str,
    /// Whether nobody else was heard.
    #[serde(skip)]
    is_alone: bool,
    /// Whether a signal ended it.
    #[serde(skip)]
    is_ended: bool,
}

impl Verdict {
    /// The first thing that fails is likely behind what fails after it; warnings count only if nothing
    /// fails.
    pub(crate) fn of(findings: &[Finding]) -> Self {
        let worst = [Status::Fail, Status::Warn]
            .into_iter()
            .find(|status| findings.iter().any(|finding| finding.status == *status));
        let verdict = worst.unwrap_or(Status::Ok);
        let weight = |finding: &&Finding| match verdict {
            Status::Warn => {
                let found = WARNINGS.iter().position(|check| *check == finding.check);
                found.unwrap_or(WARNINGS.len())
            }
            _ => 0,
        };
        let remedies = findings
            .iter()
            .filter(|finding| finding.status == verdict && finding.remedy.is_some());
        // Of those that weigh the same, the first.
        let found = remedies.min_by_key(weight);
        let of_peers = || findings.iter().filter(|finding| finding.check == "peers");
        Self {
            verdict,
            remedy: found.and_then(|finding| finding.remedy.clone()),
            check: found.map_or("", |finding| finding.check),
            is_alone: of_peers().next().is_some()
                && of_peers().all(|finding| finding.status == Status::Skip),
            is_ended: findings.iter().any(|finding| finding.detail == ENDED),
        }
    }

    pub(crate) fn lines(&self, looks: Looks) -> Vec<String> {
        let well = if self.is_ended {
            "no fault found before it was ended"
        } else if self.is_alone {
            "nothing wrong found on this machine alone"
        } else {
            "no fault found"
        };
        let Some(Remedy { cause, fix }) = &self.remedy else {
            return match self.verdict {
                Status::Fail => looks.verdict("no cause is known", ""),
                _ => looks.verdict(well, ""),
            };
        };
        let mut lines = match (self.verdict, self.check) {
            (Status::Fail, _) | (_, "peers") => looks.verdict("most likely cause: ", cause),
            _ => looks.verdict(&format!("{well}; "), &format!("what may matter: {cause}")),
        };
        lines.extend(fix.as_ref().map(|fix| looks.fix(fix)));
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

    fn lines(findings: &[Finding]) -> Vec<String> {
        Verdict::of(findings).lines(Looks::default())
    }

    #[test]
    fn the_first_failure_with_a_cause_is_the_cause_and_warnings_come_after() {
        let findings = [
            finding("a", Status::Warn, Some("warned")),
            finding("b", Status::Fail, None),
            finding("c", Status::Fail, Some("first")),
            finding("d", Status::Fail, Some("second")),
        ];
        let cause = |findings: &[Finding]| lines(findings)[0].clone();
        assert_eq!(cause(&findings), "most likely cause: first");
        assert_eq!(cause(&findings[..2]), "no cause is known");
        assert_eq!(
            cause(&findings[..1]),
            "no fault found; what may matter: warned"
        );
        assert_eq!(cause(&[]), "no fault found");
        assert_eq!(cause(&[finding("a", Status::Skip, None)]), "no fault found");
    }

    #[test]
    fn a_harmless_warning_is_no_cause_and_comes_after_what_others_show() {
        let route = finding("route", Status::Warn, Some("no route"));
        let peers = finding("peers", Status::Warn, Some("another key"));
        let told = lines(&[route.clone(), peers]);
        assert_eq!(told, ["most likely cause: another key", "fix: fix it"]);
        let mtu = finding("mtu", Status::Warn, Some("small"));
        let told = lines(&[route, mtu, finding("peers", Status::Ok, None)]);
        assert_eq!(told[0], "no fault found; what may matter: small");
    }

    #[test]
    fn whoever_heard_nobody_knows_of_this_machine_alone() {
        let alone = finding("peers", Status::Skip, None);
        let told = lines(core::slice::from_ref(&alone));
        assert_eq!(told, ["nothing wrong found on this machine alone"]);
        let told = lines(&[finding("route", Status::Warn, Some("no route")), alone]);
        let expected = "nothing wrong found on this machine alone; what may matter: no route";
        assert_eq!(told[0], expected);
        let heard = finding("peers", Status::Ok, None);
        assert_eq!(lines(&[heard]), ["no fault found"]);
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
