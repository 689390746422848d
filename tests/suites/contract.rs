//! The contract of `groupcast::multicast`, on every stack there is.

/// Our stack on the system's sockets.
mod std_stack {
    groupcast_tests::unicast_contract!(groupcast_tests::rig::Loopback);
    groupcast_tests::multicast_contract!(groupcast_tests::rig::Loopback);
}

/// The same, lent: every trait is forwarded through `&mut`.
mod lent_std_stack {
    groupcast_tests::unicast_contract!(groupcast_tests::rig::Lent);
    groupcast_tests::multicast_contract!(groupcast_tests::rig::Lent);
}

/// The simulated network, with a host for every stack.
mod sim_stack {
    groupcast_tests::unicast_contract!(groupcast_tests::Simulated);
    groupcast_tests::multicast_contract!(groupcast_tests::Simulated);
}

/// smoltcp on its own loopback device: what a host sends comes back to it.
mod smoltcp_loopback {
    groupcast_tests::unicast_contract!(groupcast_tests::SmoltcpLoopback);
    groupcast_tests::multicast_contract!(groupcast_tests::SmoltcpLoopback);
}

/// smoltcp on simulated Ethernet hosts, one for every stack.
mod smoltcp_ethernet {
    groupcast_tests::unicast_contract!(groupcast_tests::EthernetHosts);
    groupcast_tests::multicast_contract!(groupcast_tests::EthernetHosts);
}

/// A stack that is not ours, for the part without multicast. It truncates in silence, reports
/// IPv4-mapped sources and shares no ports: the rig says so, and the tests hold it to that.
mod std_embedded_nal {
    groupcast_tests::unicast_contract!(groupcast_tests::rig::StdNal);
}
