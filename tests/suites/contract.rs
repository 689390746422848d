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

/// smoltcp in each version: on its own loopback device, where what a host sends comes back to it, and on simulated
/// Ethernet hosts, one for every stack.
macro_rules! smoltcp {
    ($($module:ident: $version:ident;)*) => {$(
        mod $module {
            mod loopback {
                use groupcast_tests::smoltcp_rig::$version::SmoltcpLoopback;
                groupcast_tests::unicast_contract!(SmoltcpLoopback);
                groupcast_tests::multicast_contract!(SmoltcpLoopback);
            }
            mod ethernet {
                use groupcast_tests::smoltcp_rig::$version::EthernetHosts;
                groupcast_tests::unicast_contract!(EthernetHosts);
                groupcast_tests::multicast_contract!(EthernetHosts);
            }
        }
    )*};
}

smoltcp! {
    smoltcp_0_12: v0_12;
    smoltcp_0_13: v0_13;
    smoltcp_0_14: v0_14;
}

/// embassy-net on simulated Ethernet hosts, without the promises that need a port which two sockets share, or a host
/// that hears itself: embassy-net has neither. `suites/embassy` has what remains of these.
mod embassy_ethernet {
    groupcast_tests::unicast_contract!(groupcast_tests::EmbassyHosts);
    groupcast_tests::contract_tests! { multicast groupcast_tests::EmbassyHosts:
        the_source_of_a_group_datagram_can_be_answered
        segments_arrive_as_datagrams
        the_local_address_is_where_a_datagram_was_sent
    }
}

/// A stack that is not ours, for the part without multicast. It truncates in silence, reports
/// IPv4-mapped sources and shares no ports: the rig says so, and the tests hold it to that.
mod std_embedded_nal {
    groupcast_tests::unicast_contract!(groupcast_tests::rig::StdNal);
}
