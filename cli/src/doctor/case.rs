//! What is examined: the group, the machine and its interfaces.

use core::net::{IpAddr, SocketAddr};

use groupcast_std::interfaces::{NetworkInterface, Verdict};
use groupcast_std::{Builder, Choice, InterfaceSelector, StdStack};

use super::command::{Os, Rules};
use super::nft;
use super::system::System;
use crate::network::framing::Framing;
use crate::process::failure::Failure;

/// What is examined.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) group: SocketAddr,
    pub(crate) selector: InterfaceSelector,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) system: System,
    /// What members say and read with the same options.
    pub(crate) framing: Framing,
}

impl Case {
    /// A stack on the interface that is asked for.
    pub(crate) fn builder(&self) -> Builder {
        self.builder_on(self.selector.clone())
    }

    /// A stack on another interface.
    pub(crate) fn builder_on(&self, selector: InterfaceSelector) -> Builder {
        StdStack::builder()
            .group(self.group)
            .interface(selector)
            .hop_limit(1)
    }

    /// Whether the interface is chosen rather than asked for.
    pub(crate) fn is_automatic(&self) -> bool {
        let scoped = matches!(self.group, SocketAddr::V6(group) if group.scope_id() != 0);
        self.selector == InterfaceSelector::Auto && !scoped
    }

    /// What of this machine's firewall is on this way.
    pub(crate) fn rules(&self, way: nft::Way) -> Rules {
        Rules {
            manager: self.system.firewall(),
            chains: self
                .system
                .is_linux()
                .then(|| nft::chains(way, self.group.is_ipv6()))
                .flatten(),
            again: self.again(self.group),
        }
    }

    /// Refuses what cannot be the address of another machine. On loopback the other one is on this machine.
    pub(crate) fn check_other(
        &self,
        address: IpAddr,
        choice: Option<&Choice>,
    ) -> Result<(), Failure> {
        if address.is_loopback() && choice.is_some_and(|choice| choice.loopback) {
            return Ok(());
        }
        let mut interfaces = self.verdicts.iter().map(|verdict| &verdict.interface);
        let own = interfaces.find(|interface| interface.addresses.contains(&address));
        let what = match own {
            Some(own) => format!("this machine's own address, of {}", own.label()),
            None if address.is_loopback() || address.is_unspecified() => {
                "this machine itself".to_owned()
            }
            None if address.is_multicast() => "a group, not a machine".to_owned(),
            None => return Ok(()),
        };
        Err(Failure::Settings(format!(
            "--peer {address}: that is {what}; name the other machine's address, as `groupcast interfaces` shows it \
             there, or none"
        )))
    }

    /// What is said after `groupcast` to examine a group on the same interface.
    pub(crate) fn again(&self, group: SocketAddr) -> String {
        let mut again = format!("doctor --group {group}");
        let asked = match &self.selector {
            InterfaceSelector::Name(name) => Some(Os::HERE.quoted(name)),
            InterfaceSelector::Index(index) => Some(index.to_string()),
            InterfaceSelector::Address(address) => Some(address.to_string()),
            _ => None,
        };
        if let Some(asked) = asked {
            again += &format!(" --interface {asked}");
        }
        again
    }

    pub(crate) fn interface(&self, choice: &Choice) -> Option<&NetworkInterface> {
        let mut interfaces = self.verdicts.iter().map(|verdict| &verdict.interface);
        interfaces.find(|interface| interface.index == choice.index)
    }

    /// The other interfaces that could carry the group to other machines.
    pub(crate) fn others(&self, choice: &Choice) -> impl Iterator<Item = &Verdict> {
        let index = choice.index;
        self.verdicts.iter().filter(move |verdict| {
            let interface = &verdict.interface;
            verdict.score.is_some() && !interface.loopback && interface.index != index
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::options::Common;
    use clap::Parser;

    /// A case on the loopback interface, of nothing that a system tells.
    pub(crate) fn case_of(common: &Common) -> Case {
        let group = common.group.parse().unwrap();
        Case {
            group,
            selector: "127.0.0.1".parse().unwrap(),
            verdicts: Vec::new(),
            system: System::below("/nonexistent"),
            framing: Framing::new(common, group).unwrap(),
        }
    }

    #[test]
    fn the_other_machine_is_neither_this_one_nor_a_group() {
        let common = crate::cli::Cli::try_parse_from(["groupcast", "doctor"]);
        let mut case = case_of(&common.unwrap().common);
        case.verdicts = groupcast_std::interfaces::survey(case.group.ip()).unwrap();
        let why = |address: &str, choice: Option<&Choice>| {
            let refused = case.check_other(address.parse().unwrap(), choice);
            refused.map_err(|failure| match failure {
                Failure::Settings(why) => why,
                _ => String::new(),
            })
        };
        assert!(
            why("127.0.0.1", None)
                .unwrap_err()
                .contains("own address, of lo")
        );
        assert!(
            why("127.0.0.2", None)
                .unwrap_err()
                .contains("this machine itself")
        );
        assert!(why("239.1.2.3", None).unwrap_err().contains("a group"));
        assert!(why("192.0.2.7", None).is_ok());
        let loopback = case.builder().build().unwrap();
        assert!(why("127.0.0.1", Some(loopback.choice())).is_ok());
    }
}
