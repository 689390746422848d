//! What Linux tells about itself in files that everybody may read. Elsewhere there are none, and nothing
//! is known.

use core::net::{IpAddr, Ipv4Addr};
use std::fs;
use std::path::PathBuf;

/// The files below `/proc`, `/sys` and a few others.
#[derive(Clone, Debug)]
pub(crate) struct System {
    root: PathBuf,
}

/// What an interface is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Ethernet,
    WiFi,
    Bridge,
    Tunnel,
    Virtual,
    Unknown,
}

impl Kind {
    pub(crate) const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Ethernet => "Ethernet",
            Self::WiFi => "Wi-Fi",
            Self::Bridge => "bridge",
            Self::Tunnel => "tunnel",
            Self::Virtual => "virtual",
            Self::Unknown => return None,
        })
    }
}

/// A bridge of this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Bridge {
    pub(crate) name: String,
    pub(crate) snooping: bool,
    pub(crate) querier: bool,
}

/// A line of the IPv4 routing table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    pub(crate) interface: String,
    pub(crate) destination: Ipv4Addr,
    pub(crate) mask: Ipv4Addr,
    pub(crate) gateway: Ipv4Addr,
}

impl Route {
    pub(crate) fn leads_to(&self, address: Ipv4Addr) -> bool {
        address & self.mask == self.destination
    }

    pub(crate) const fn is_default(&self) -> bool {
        self.mask.is_unspecified()
    }
}

/// Who is bound to a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Holder {
    pub(crate) user: u32,
    /// Process id and name: only of processes that we may look into.
    pub(crate) process: Option<(u32, String)>,
}

/// What a machine can be inside of.
pub(crate) const WSL: &str = "WSL";
pub(crate) const DOCKER: &str = "a Docker container";
pub(crate) const PODMAN: &str = "a Podman container";

/// What filters packets here, as far as everybody can tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Firewall {
    Ufw,
    Firewalld,
}

impl System {
    pub(crate) fn here() -> Self {
        Self::below("/")
    }

    pub(crate) fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Whether there is anything to read.
    pub(crate) fn is_linux(&self) -> bool {
        self.exists("proc/sys/net")
    }

    /// The value of `net/ipv4/…`.
    pub(crate) fn sysctl(&self, name: &str) -> Option<i64> {
        self.read(&format!("proc/sys/{name}"))?.trim().parse().ok()
    }

    /// The larger of the values for all interfaces and for this one, which is the one that counts for
    /// the settings that have a `conf` of their own.
    pub(crate) fn strictest(&self, interface: &str, name: &str) -> Option<i64> {
        let value = |scope| self.sysctl(&format!("net/ipv4/conf/{scope}/{name}"));
        value("all").max(value(interface))
    }

    /// A count of `/proc/net/snmp` or `/proc/net/netstat`: a line of names, then one of numbers.
    pub(crate) fn count(&self, protocol: &str, name: &str) -> Option<u64> {
        ["proc/net/snmp", "proc/net/netstat"]
            .into_iter()
            .filter_map(|path| self.read(path))
            .find_map(|text| {
                let mut lines = text.lines().filter_map(|line| {
                    let (of, rest) = line.split_once(':')?;
                    (of == protocol).then_some(rest)
                });
                let (names, numbers) = (lines.next()?, lines.next()?);
                let at = names.split_whitespace().position(|word| word == name)?;
                numbers.split_whitespace().nth(at)?.parse().ok()
            })
    }

    /// How many packets left by the interface.
    pub(crate) fn sent_packets(&self, interface: &str) -> Option<u64> {
        let path = format!("sys/class/net/{interface}/statistics/tx_packets");
        self.read(&path)?.trim().parse().ok()
    }

    /// The version of IGMP that is spoken on the interface, such as `V3`: the newest, unless an older
    /// querier was heard or the system is told so.
    pub(crate) fn igmp_version(&self, index: u32) -> Option<String> {
        let text = self.read("proc/net/igmp")?;
        let line = text
            .lines()
            .find(|line| line.split_whitespace().next() == Some(index.to_string().as_str()))?;
        line.split_whitespace().last().map(str::to_owned)
    }

    /// Whether the interface is a member of the group.
    pub(crate) fn is_member(&self, index: u32, group: IpAddr) -> Option<bool> {
        match group {
            IpAddr::V4(group) => {
                let text = self.read("proc/net/igmp")?;
                let wanted = format!("{:08X}", u32::from_ne_bytes(group.octets()));
                let mut current = None;
                Some(text.lines().any(|line| {
                    let first = line.split_whitespace().next().unwrap_or_default();
                    if line.starts_with(char::is_whitespace) {
                        return current == Some(index) && first == wanted;
                    }
                    current = first.parse().ok();
                    false
                }))
            }
            IpAddr::V6(group) => {
                let text = self.read("proc/net/igmp6")?;
                let wanted = format!("{:032x}", u128::from(group));
                Some(text.lines().any(|line| {
                    let mut words = line.split_whitespace();
                    words.next() == Some(index.to_string().as_str())
                        && words.nth(1) == Some(wanted.as_str())
                }))
            }
        }
    }

    pub(crate) fn kind(&self, interface: &str) -> Kind {
        let has = |file: &str| self.exists(&format!("sys/class/net/{interface}/{file}"));
        let told = self
            .read(&format!("sys/class/net/{interface}/uevent"))
            .unwrap_or_default();
        let told = told.lines().find_map(|line| line.strip_prefix("DEVTYPE="));
        if told == Some("wlan") || has("wireless") || has("phy80211") {
            Kind::WiFi
        } else if has("bridge") {
            Kind::Bridge
        } else if told == Some("wireguard") || has("tun_flags") {
            Kind::Tunnel
        } else if has("device") {
            Kind::Ethernet
        } else if has("uevent") {
            Kind::Virtual
        } else {
            Kind::Unknown
        }
    }

    /// The bridge that the interface is, or is a port of.
    pub(crate) fn bridge(&self, interface: &str) -> Option<Bridge> {
        let own = format!("sys/class/net/{interface}/bridge");
        let (name, path) = if self.exists(&own) {
            (interface.to_owned(), own)
        } else {
            let path = format!("sys/class/net/{interface}/brport/bridge");
            let target = fs::canonicalize(self.root.join(&path)).ok()?;
            let name = target.file_name()?.to_str()?.to_owned();
            (name, format!("{path}/bridge"))
        };
        let flag = |file: &str| Some(self.read(&format!("{path}/{file}"))?.trim() != "0");
        Some(Bridge {
            name,
            snooping: flag("multicast_snooping")?,
            querier: flag("multicast_querier")?,
        })
    }

    /// The IPv4 routes of the main table.
    pub(crate) fn routes(&self) -> Option<Vec<Route>> {
        let text = self.read("proc/net/route")?;
        let address = |word: &str| {
            let number = u32::from_str_radix(word, 16).ok()?;
            Some(Ipv4Addr::from(number.to_ne_bytes()))
        };
        let route = |line: &str| {
            let words: Vec<_> = line.split_whitespace().collect();
            Some(Route {
                interface: (*words.first()?).to_owned(),
                destination: address(words.get(1)?)?,
                gateway: address(words.get(2)?)?,
                mask: address(words.get(7)?)?,
            })
        };
        Some(text.lines().skip(1).filter_map(route).collect())
    }

    /// The sockets that are bound to a UDP port, but not those of this process.
    pub(crate) fn holders(&self, port: u16) -> Vec<Holder> {
        let wanted = format!("{port:04X}");
        let tables = ["proc/net/udp", "proc/net/udp6"].map(|path| self.read(path));
        let sockets = tables
            .iter()
            .flatten()
            .flat_map(|text| text.lines().skip(1));
        let bound = sockets.filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let (_, port) = words.get(1)?.rsplit_once(':')?;
            let (user, inode) = (words.get(7)?.parse().ok()?, (*words.get(9)?).to_owned());
            (port == wanted).then_some((user, inode))
        });
        bound
            .map(|(user, inode): (u32, String)| Holder {
                user,
                process: self.owner(&inode),
            })
            .filter(|holder| !matches!(holder.process, Some((pid, _)) if pid == std::process::id()))
            .collect()
    }

    /// The process that has the socket open.
    fn owner(&self, inode: &str) -> Option<(u32, String)> {
        let link = format!("socket:[{inode}]");
        self.processes()
            .find(|pid| {
                let handles = fs::read_dir(self.root.join(format!("proc/{pid}/fd")));
                let mut handles = handles.into_iter().flatten().flatten();
                handles.any(|handle| {
                    fs::read_link(handle.path())
                        .is_ok_and(|target| target.as_os_str() == link.as_str())
                })
            })
            .map(|pid| (pid, self.process_name(pid)))
    }

    fn processes(&self) -> impl Iterator<Item = u32> {
        let entries = fs::read_dir(self.root.join("proc"));
        let entries = entries.into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    fn process_name(&self, pid: u32) -> String {
        let name = self.read(&format!("proc/{pid}/comm")).unwrap_or_default();
        name.trim().to_owned()
    }

    pub(crate) fn firewall(&self) -> Option<Firewall> {
        let ufw = self.read("etc/ufw/ufw.conf").unwrap_or_default();
        if ufw.lines().any(|line| line.trim() == "ENABLED=yes") {
            return Some(Firewall::Ufw);
        }
        self.processes()
            .any(|pid| self.process_name(pid) == "firewalld")
            .then_some(Firewall::Firewalld)
    }

    /// The kernel's version.
    pub(crate) fn kernel(&self) -> Option<String> {
        let release = self.read("proc/sys/kernel/osrelease")?;
        Some(release.trim().to_owned())
    }

    /// The distribution's name.
    pub(crate) fn distribution(&self) -> Option<String> {
        let text = self.read("etc/os-release")?;
        let name = text
            .lines()
            .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(name.trim_matches('"').to_owned())
    }

    /// What this machine is inside of, if it is no machine.
    pub(crate) fn enclosure(&self) -> Option<&'static str> {
        if self
            .kernel()
            .is_some_and(|kernel| kernel.to_ascii_lowercase().contains("microsoft"))
        {
            return Some(WSL);
        }
        if self.exists(".dockerenv") {
            return Some(DOCKER);
        }
        self.exists("run/.containerenv").then_some(PODMAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicU32, Ordering};

    /// A tree of files below a directory of its own, which is removed with it.
    struct Tree(System);

    impl Tree {
        fn new(files: &[(&str, &str)]) -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("groupcast-doctor-{}-{number}", std::process::id());
            let root = std::env::temp_dir().join(name);
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(System::below(root))
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0.root);
        }
    }

    #[test]
    fn where_there_is_nothing_to_read_nothing_is_known() {
        let nowhere = System::below("/nonexistent");
        assert!(!nowhere.is_linux());
        assert_eq!(nowhere.strictest("eth0", "rp_filter"), None);
        assert_eq!(nowhere.count("Udp", "InErrors"), None);
        assert_eq!(nowhere.is_member(2, "239.1.2.3".parse().unwrap()), None);
        assert_eq!(nowhere.kind("eth0"), Kind::Unknown);
        assert_eq!(nowhere.bridge("eth0"), None);
        assert_eq!(nowhere.routes(), None);
        assert_eq!(nowhere.holders(12345), []);
        assert_eq!((nowhere.enclosure(), nowhere.firewall()), (None, None));
    }

    #[test]
    fn of_the_settings_for_all_and_for_one_the_stricter_counts() {
        let tree = Tree::new(&[
            ("proc/sys/net/ipv4/conf/all/rp_filter", "0\n"),
            ("proc/sys/net/ipv4/conf/eth0/rp_filter", "1\n"),
        ]);
        assert_eq!(tree.0.strictest("eth0", "rp_filter"), Some(1));
        assert_eq!(tree.0.strictest("eth1", "rp_filter"), Some(0));
    }

    #[test]
    fn counts_are_found_by_their_names() {
        let tree = Tree::new(&[
            (
                "proc/net/snmp",
                "Ip: A B\nIp: 1 2\nUdp: InDatagrams InErrors\nUdp: 3 4\n",
            ),
            (
                "proc/net/netstat",
                "TcpExt: X IPReversePathFilter\nTcpExt: 5 6\n",
            ),
        ]);
        assert_eq!(tree.0.count("Udp", "InErrors"), Some(4));
        assert_eq!(tree.0.count("TcpExt", "IPReversePathFilter"), Some(6));
        assert_eq!(tree.0.count("Udp", "Nothing"), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn memberships_and_routes_are_read() {
        let tree = Tree::new(&[
            (
                "proc/net/igmp",
                "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                 1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
                 4\teth0      :     1      V2\n\t\t\t\t030201EF     1 0:00000000\t\t0\n",
            ),
            (
                "proc/net/igmp6",
                "4    eth0  ff020000000000000000000000001234  1 00000004 0\n",
            ),
            (
                "proc/net/route",
                "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                 eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                 eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
            ),
        ]);
        let group: IpAddr = "239.1.2.3".parse().unwrap();
        assert_eq!(tree.0.is_member(4, group), Some(true));
        assert_eq!(tree.0.is_member(1, group), Some(false));
        assert_eq!(
            tree.0.is_member(4, "ff02::1234".parse().unwrap()),
            Some(true)
        );
        assert_eq!(
            tree.0.is_member(4, "ff02::1235".parse().unwrap()),
            Some(false)
        );
        assert_eq!(tree.0.igmp_version(4).as_deref(), Some("V2"));
        let routes = tree.0.routes().unwrap();
        assert!(routes[0].is_default() && routes[0].interface == "eth0");
        assert_eq!(routes[0].gateway, Ipv4Addr::new(192, 0, 2, 1));
        assert!(routes[1].leads_to(Ipv4Addr::new(192, 0, 2, 9)));
        assert!(!routes[1].leads_to(Ipv4Addr::new(192, 0, 3, 9)));
    }

    #[test]
    fn a_bridge_tells_whether_it_snoops_and_asks() {
        let tree = Tree::new(&[
            ("sys/class/net/br0/bridge/multicast_snooping", "1\n"),
            ("sys/class/net/br0/bridge/multicast_querier", "0\n"),
            (
                "sys/class/net/wlan0/uevent",
                "DEVTYPE=wlan\nINTERFACE=wlan0\n",
            ),
        ]);
        let bridge = tree.0.bridge("br0").unwrap();
        assert!(bridge.name == "br0" && bridge.snooping && !bridge.querier);
        assert_eq!(tree.0.bridge("wlan0"), None);
        assert_eq!(tree.0.kind("br0"), Kind::Bridge);
        assert_eq!(tree.0.kind("wlan0"), Kind::WiFi);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_holder_of_a_port_is_found_but_not_this_process() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(System::here().holders(port), []);
    }
}
