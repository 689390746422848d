//! The stack's view of the interfaces, renewed now and then.

use core::net::IpAddr;
use core::num::NonZeroU32;
use core::time::Duration;
use std::time::Instant;

use groupcast::multicast::Interface;

use crate::error::Error;
use crate::interface::{Choice, Family, InterfaceSelector, resolve};
use crate::interfaces::{self, NetworkInterface};

/// How often an idle stack looks whether its interfaces have changed.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often a stack in trouble looks.
const URGENT_INTERVAL: Duration = Duration::from_millis(250);

/// What a membership or a socket is tied to. When it changes, they must be made anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Link {
    pub(crate) index: NonZeroU32,
    /// For IPv4, whose options are set by address. IPv6 goes by index alone.
    pub(crate) address: Option<IpAddr>,
}

#[derive(Debug)]
pub(crate) struct Watch {
    selector: InterfaceSelector,
    group: IpAddr,
    interfaces: Vec<NetworkInterface>,
    choice: Choice,
    looked: Instant,
    /// Counts the looks, so that a socket knows whether it has acted on the last one.
    stamp: u64,
    /// Counts what became of the choice: see [`Watch::changes`].
    changes: u64,
}

impl Watch {
    pub(crate) fn new(selector: InterfaceSelector, group: IpAddr) -> Result<Self, Error> {
        let interfaces = interfaces::list()?;
        let route = interfaces::route_source(group);
        let choice = resolve(&selector, group, &interfaces, route, None)?;
        Ok(Self {
            selector,
            group,
            interfaces,
            choice,
            looked: Instant::now(),
            stamp: 0,
            changes: 0,
        })
    }

    /// How often the choice became another one, or something that is known of it.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) const fn choice(&self) -> &Choice {
        &self.choice
    }

    pub(crate) const fn stamp(&self) -> u64 {
        self.stamp
    }

    pub(crate) const fn family(&self) -> Family {
        Family::of(self.group)
    }

    /// Looks again if the last look is old enough.
    pub(crate) fn look(&mut self, urgent: bool) {
        let interval = if urgent { URGENT_INTERVAL } else { INTERVAL };
        let now = Instant::now();
        if now.duration_since(self.looked) < interval {
            return;
        }
        self.looked = now;
        // A system that cannot list its interfaces now may do so next time.
        if let Ok(interfaces) = interfaces::list() {
            self.renew(interfaces);
        }
    }

    fn renew(&mut self, interfaces: Vec<NetworkInterface>) {
        let before = self.choice.clone();
        self.choose(interfaces);
        // Why it was chosen may read differently, as the others come and go.
        let reason = self.choice.reason.clone();
        if self.choice != (Choice { reason, ..before }) {
            self.changes += 1;
        }
    }

    /// Looks at these, and never again.
    #[cfg(test)]
    pub(crate) fn pretend(&mut self, interfaces: Vec<NetworkInterface>) {
        self.looked = Instant::now() + Duration::from_secs(86_400);
        self.renew(interfaces);
    }

    fn choose(&mut self, interfaces: Vec<NetworkInterface>) {
        self.interfaces = interfaces;
        self.stamp += 1;
        let live = self.link(Interface::Default).is_some();
        // Automatic choice stays with an interface that works, and leaves loopback for a better one.
        let settled = live && !self.choice.loopback;
        let kept = Some(self.choice.address);
        if self.selector == InterfaceSelector::Auto && settled {
            let index = self.choice.index;
            let current = self.interfaces.iter().find(|i| i.index == index);
            let address = current.and_then(|i| i.address_for(self.group, kept));
            if let (Some(current), Some(address)) = (current, address) {
                let reason = core::mem::take(&mut self.choice.reason);
                self.choice = Choice::new(current, address, reason);
            }
            return;
        }
        let route = interfaces::route_source(self.group);
        // Without a result the old choice stands, and is watched for its return.
        if let Ok(choice) = resolve(&self.selector, self.group, &self.interfaces, route, kept) {
            let gives_up = self.selector == InterfaceSelector::Auto
                && choice.loopback
                && !self.choice.loopback;
            if !gives_up {
                self.choice = choice;
            }
        }
    }

    /// What `wanted` stands for now, or `None` while traffic cannot flow there.
    pub(crate) fn link(&self, wanted: Interface) -> Option<Link> {
        self.locate(wanted).filter(|_| self.is_live(wanted))
    }

    /// What `wanted` stands for now, even without a link (an unplugged cable), or `None` while it is
    /// absent, down or without an address.
    pub(crate) fn locate(&self, wanted: Interface) -> Option<Link> {
        let (found, kept) = self.find(wanted);
        let found = found.filter(|interface| interface.up)?;
        let address = found.address_for(self.group, kept)?;
        let address = (self.family() == Family::V4).then_some(address);
        Some(Link {
            index: found.index,
            address,
        })
    }

    fn is_live(&self, wanted: Interface) -> bool {
        let family = self.family();
        self.find(wanted)
            .0
            .is_some_and(|interface| interface.is_live(family))
    }

    /// The interface, and the address it is preferably used by.
    fn find(&self, wanted: Interface) -> (Option<&NetworkInterface>, Option<IpAddr>) {
        let of = |is: &dyn Fn(&&NetworkInterface) -> bool| self.interfaces.iter().find(is);
        match wanted {
            Interface::Default => (
                of(&|i| i.index == self.choice.index && i.name == self.choice.name),
                Some(self.choice.address),
            ),
            Interface::Index(index) => (of(&|i| i.index == index), None),
            Interface::Address(address) => (of(&|i| i.addresses.contains(&address)), Some(address)),
            _ => (None, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::tests::made_up;

    fn watch(selector: &str, interfaces: Vec<NetworkInterface>) -> Watch {
        let group = "239.1.2.3".parse().unwrap();
        let selector: InterfaceSelector = selector.parse().unwrap();
        let choice = resolve(&selector, group, &interfaces, None, None).unwrap();
        Watch {
            selector,
            group,
            interfaces,
            choice,
            looked: Instant::now(),
            stamp: 0,
            changes: 0,
        }
    }

    fn lo() -> NetworkInterface {
        made_up("lo", 1, &["127.0.0.1"])
    }

    #[test]
    fn automatic_choice_moves_when_its_interface_dies_but_never_to_loopback() {
        let eth = made_up("eth0", 2, &["10.0.0.1"]);
        let wlan = made_up("wlan0", 3, &["10.0.1.1"]);
        let mut watch = watch("auto", vec![lo(), eth.clone(), wlan.clone()]);
        assert_eq!(watch.choice().name, "eth0");
        let mut down = eth.clone();
        down.up = false;
        watch.renew(vec![lo(), down.clone(), wlan.clone()]);
        assert_eq!(watch.choice().name, "wlan0");
        watch.renew(vec![lo(), eth, wlan]);
        assert_eq!(watch.choice().name, "wlan0", "what works is kept");
        watch.renew(vec![lo(), down]);
        assert_eq!(watch.choice().name, "wlan0", "loopback is no substitute");
        assert_eq!(watch.link(Interface::Default), None);
    }

    #[test]
    fn automatic_choice_leaves_loopback_when_a_network_appears() {
        let mut watch = watch("auto", vec![lo()]);
        assert!(watch.choice().loopback);
        watch.renew(vec![lo(), made_up("eth0", 2, &["10.0.0.1"])]);
        assert_eq!(watch.choice().name, "eth0");
    }

    #[test]
    fn what_is_known_of_the_choice_follows_and_each_change_is_counted() {
        for selector in ["auto", "eth0"] {
            let eth = made_up("eth0", 2, &["10.0.0.1"]);
            let mut watch = watch(selector, vec![lo(), eth.clone()]);
            watch.renew(vec![lo(), eth.clone()]);
            assert_eq!(watch.changes(), 0, "nothing has changed");
            let mut narrow = eth.clone();
            narrow.mtu = Some(1280);
            watch.renew(vec![lo(), narrow.clone()]);
            assert_eq!((watch.choice().mtu, watch.changes()), (Some(1280), 1));
            narrow.addresses = vec!["10.0.0.2".parse().unwrap()];
            watch.renew(vec![lo(), narrow.clone()]);
            assert_eq!(watch.choice().address.to_string(), "10.0.0.2");
            assert_eq!(watch.changes(), 2);
            narrow.running = false;
            watch.renew(vec![lo(), narrow]);
            watch.renew(vec![lo()]);
            assert_eq!(watch.changes(), 2, "it is watched for its return");
            watch.renew(vec![lo(), made_up("eth0", 7, &["10.0.0.2"])]);
            assert_eq!((watch.choice().index.get(), watch.changes()), (7, 3));
        }
    }

    #[test]
    fn an_interface_that_returns_with_another_index_is_another_link() {
        let mut watch = watch("eth0", vec![lo(), made_up("eth0", 2, &["10.0.0.1"])]);
        let before = watch.link(Interface::Default).unwrap();
        watch.renew(vec![lo()]);
        assert_eq!(watch.link(Interface::Default), None);
        watch.renew(vec![lo(), made_up("eth0", 7, &["10.0.0.1"])]);
        let after = watch.link(Interface::Default).unwrap();
        assert_ne!(before, after);
        assert_eq!(after.index.get(), 7);
    }

    #[test]
    fn an_unplugged_interface_is_located_but_is_no_link() {
        let mut eth = made_up("eth0", 2, &["10.0.0.1"]);
        eth.running = false;
        let mut watch = watch("eth0", vec![eth.clone()]);
        assert_eq!(watch.link(Interface::Default), None);
        let located = watch.locate(Interface::Default);
        assert!(located.is_some());
        eth.running = true;
        watch.renew(vec![eth]);
        assert_eq!(watch.link(Interface::Default), located);
    }

    #[test]
    fn a_changed_address_is_another_link_and_an_added_one_is_not() {
        let mut watch = watch("eth0", vec![made_up("eth0", 2, &["10.0.0.1"])]);
        let before = watch.link(Interface::Default);
        watch.renew(vec![made_up("eth0", 2, &["10.0.0.9", "10.0.0.1"])]);
        assert_eq!(watch.link(Interface::Default), before);
        watch.renew(vec![made_up("eth0", 2, &["10.0.0.9"])]);
        assert_ne!(watch.link(Interface::Default), before);
    }
}
