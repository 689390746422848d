//! Others who are heard and not understood: why, and what mends it.

use std::collections::BTreeSet;
use std::time::Instant;

use groupcast::GroupTag;
use groupcast::wire::VERSION;
use groupcast_std::Stranger;

use super::case::Case;
use super::finding::Remedy;
use super::probe::Speaks;
use crate::network::framing::Read;
use crate::network::unreadable::{Unreadable, Why};
use crate::options::Common;
use crate::options::origin::Origin;

/// Those that are told apart.
const MOST: usize = 64;

/// What somebody sends.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Speech {
    Ours,
    Strange(Why),
    Damaged,
    Raw,
    Doctor,
}

impl Speech {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "member",
            Self::Strange(Why::OtherKey) => "another key or group name",
            Self::Strange(Why::OtherName) => "another group name",
            Self::Strange(Why::Sealed) => "sealed",
            Self::Strange(Why::Open) => "open",
            Self::Strange(Why::Version) => "another version",
            Self::Damaged => "damaged",
            Self::Raw => "raw",
            Self::Doctor => "doctor",
        }
    }
}

/// Those who were heard and are not understood.
#[derive(Debug, Default)]
pub(crate) struct Strange {
    heard: BTreeSet<Stranger>,
}

impl Strange {
    /// Tells what a datagram is that no doctor sent, and notes whose. One that is sealed is opened in place.
    pub(crate) fn hear(&mut self, case: &Case, datagram: &mut [u8]) -> Speech {
        let sender = Stranger::of(datagram);
        let is_sealed = case.framing.is_sealed();
        let stranger = match (case.framing.read(datagram), sender) {
            (Read::Framed(..), _) => return Speech::Ours,
            (Read::Raw, _) => return Speech::Raw,
            (Read::Foreign(stranger), _) => stranger,
            // Its tag is ours, and our keys do not open it: networks damage nothing that UDP's checksum lets pass.
            (Read::Damaged, Some(sender)) if is_sealed && sender.suite == 1 => sender,
            (Read::Damaged, _) => return Speech::Damaged,
        };
        if self.heard.len() < MOST {
            self.heard.insert(stranger);
        }
        Speech::Strange(Why::of(stranger.version, stranger.suite, is_sealed))
    }

    /// Why they are not understood, and what mends it; `None`: there is nobody.
    pub(crate) fn remedy(&self, case: &Case, common: &Common) -> Option<Remedy> {
        let is_sealed = case.framing.is_sealed();
        let mut unreadable = Unreadable::new(case.group, is_sealed);
        let now = Instant::now();
        for stranger in &self.heard {
            unreadable.hear(now, stranger);
        }
        let text = unreadable.text(now)?;
        let most = unreadable.count().into_iter().max_by_key(|(_, n)| *n)?.0;
        let is_nameless = self.heard.iter().all(|stranger| {
            let why = Why::of(stranger.version, stranger.suite, is_sealed);
            why != most || case.framing.is_nameless(GroupTag::new(stranger.tag))
        });
        Some(remedy(&text, most, is_nameless, case, common))
    }
}

/// As [`Strange::remedy`], for another doctor, which states what it speaks.
pub(crate) fn of_doctor(
    case: &Case,
    common: &Common,
    address: core::net::IpAddr,
    speaks: Speaks,
) -> Option<Remedy> {
    let framing = &case.framing;
    let tag = GroupTag::new(speaks.tag);
    let is_sealed = framing.is_sealed();
    if speaks.is_sealed == is_sealed && framing.knows(tag) {
        return None;
    }
    let why = Why::of(VERSION, speaks.is_sealed.into(), is_sealed);
    let text = format!("{address} {}", why.said(true));
    let is_nameless = framing.is_nameless(tag);
    Some(remedy(&text, why, is_nameless, case, common))
}

/// What mends it that others are as `text` says, for this reason. `is_nameless`: but for a name that they do not
/// have, they would be understood.
fn remedy(text: &str, why: Why, is_nameless: bool, case: &Case, common: &Common) -> Remedy {
    let name = common.group_name.as_deref();
    let again = |keep_key: bool, more: &str| again(case, common, keep_key, more);
    let (more, fix) = match (why, name) {
        (Why::OtherKey | Why::OtherName, Some(name)) if is_nameless => (
            format!("their group has no name, and here it is {name:?}"),
            again(true, without(&common.origins.group_name)),
        ),
        (Why::OtherName, Some(name)) => (
            format!("their group's name is not {name:?}"),
            again(true, " --group-name NAME"),
        ),
        (Why::OtherName, None) => (
            "their group has a name, and none is given here".to_owned(),
            again(true, " --group-name NAME"),
        ),
        (Why::OtherKey, _) => (
            "a copy of their key file is needed here, or of this one there".to_owned(),
            again(false, " --key-file FILE"),
        ),
        (Why::Sealed, _) => (
            "a copy of their key file is needed here".to_owned(),
            again(false, " --key-file FILE"),
        ),
        (Why::Open, _) => {
            let fix = match &common.origins.key_file {
                Origin::Variable(name) => super::command::Os::HERE.unset(name),
                origin => again(false, without(origin)),
            };
            let more = "give them a copy of the key file, or use none here";
            (more.to_owned(), fix)
        }
        (Why::Version, _) => (
            "the same version is needed everywhere".to_owned(),
            "groupcast --version".to_owned(),
        ),
    };
    Remedy::new(format!("{text}: {more}"), fix)
}

/// What takes back a setting from there; what is on the command line is left out.
const fn without(origin: &Origin) -> &'static str {
    match origin {
        Origin::File { .. } => " --config /dev/null",
        Origin::Plain | Origin::Variable(_) => "",
    }
}

/// The doctor's command with other options than now.
fn again(case: &Case, common: &Common, keep_key: bool, more: &str) -> String {
    let mut command = format!("groupcast {}", case.again(case.group));
    let is_given = common.origins.key_file == Origin::Plain;
    if let Some(path) = common.key_file.as_ref().filter(|_| keep_key && is_given) {
        let path = super::command::Os::HERE.quoted(&path.to_string_lossy());
        command += &format!(" --key-file {path}");
    }
    command + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::doctor::case::tests::case_of;
    use crate::network::framing::Framing;
    use clap::Parser;
    use groupcast::{MemberId, Session};

    /// Options of a command in the group of `case_of`.
    fn common(line: &str) -> Common {
        let line = format!("groupcast members {line}");
        Cli::try_parse_from(line.split_whitespace()).unwrap().common
    }

    /// What a doctor with these options makes of members with those.
    fn cause(own: &str, others: &[&str]) -> Option<Remedy> {
        let own = common(own);
        let case = case_of(&own);
        let mut strange = Strange::default();
        for (number, other) in (1..).zip(others) {
            let framing = Framing::new(&common(other), case.group).unwrap();
            let id = MemberId::new(number).unwrap();
            let mut datagram = framing.write(id, Session::new(1), 1, &[]).unwrap();
            strange.hear(&case, &mut datagram);
        }
        strange.remedy(&case, &own)
    }

    #[test]
    fn those_who_are_understood_and_those_who_speak_otherwise_are_no_fault() {
        assert_eq!(cause("", &["", ""]), None);
        assert_eq!(cause("--group-name a", &["--group-name a"]), None);
        let own = common("");
        let case = case_of(&own);
        let mut strange = Strange::default();
        assert_eq!(strange.hear(&case, &mut b"hello".to_vec()), Speech::Raw);
        assert_eq!(strange.hear(&case, &mut [0xc1; 9]), Speech::Damaged);
        assert_eq!(strange.remedy(&case, &own), None);
    }

    #[test]
    fn another_name_is_told_from_none() {
        let told = |own, other: &[&str]| cause(own, other).unwrap();
        let remedy = told("", &["--group-name kitchen", "--group-name kitchen"]);
        assert_eq!(
            remedy.cause,
            "2 members here use another group name: their group has a name, and none is given here"
        );
        assert!(remedy.fix.unwrap().ends_with(" --group-name NAME"));
        let remedy = told("--group-name kitchen", &[""]);
        assert!(remedy.cause.contains("has no name, and here it is"));
        assert!(!remedy.fix.unwrap().contains("--group-name"));
        let remedy = told("--group-name kitchen", &["--group-name cellar"]);
        assert!(remedy.cause.contains("is not \"kitchen\""));
    }

    #[test]
    fn a_datagram_of_another_version_is_told_as_such() {
        let own = common("");
        let case = case_of(&own);
        let mut strange = Strange::default();
        let mut datagram = vec![0xc1, 0x20, 1, 2, 0, 0, 0, 9];
        datagram.resize(40, 0);
        let speech = strange.hear(&case, &mut datagram);
        assert_eq!(speech, Speech::Strange(Why::Version));
        let remedy = strange.remedy(&case, &own).unwrap();
        assert!(remedy.cause.contains("another version of the protocol"));
    }

    #[test]
    fn what_another_doctor_speaks_is_compared() {
        let own = common("--group-name kitchen");
        let case = case_of(&own);
        let address = "10.0.0.7".parse().unwrap();
        let with = |is_sealed, tag: GroupTag| {
            let tag = tag.get();
            of_doctor(&case, &own, address, Speaks { is_sealed, tag })
        };
        assert_eq!(with(false, case.framing.tag()), None);
        let nameless = Framing::new(&common(""), case.group).unwrap().tag();
        let told = with(false, nameless).unwrap().cause;
        assert!(told.starts_with("10.0.0.7 uses another group name: their group has no name"));
        let told = with(true, case.framing.tag()).unwrap().cause;
        assert!(told.starts_with("10.0.0.7 has a key, and none is given here"));
    }
}
