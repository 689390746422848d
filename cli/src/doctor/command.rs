//! The commands that mend something, as each system has them: pure functions, so that all of them are tested
//! everywhere.

use super::nft::Chain;
use super::system::Firewall;

/// What is known of the rules of this machine's firewall.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) manager: Option<Firewall>,
    /// The chains that can drop what is at stake; `None`: not known.
    pub(crate) chains: Option<Vec<Chain>>,
    /// The arguments of this doctor.
    pub(crate) again: String,
}

impl Rules {
    /// Whether it is known what to do.
    pub(crate) const fn is_known(&self) -> bool {
        self.manager.is_some() || self.chains.is_some()
    }

    /// Whether anything is there that can drop, as far as is known.
    pub(crate) fn may_drop(&self) -> bool {
        let has_chains = self.chains.as_ref().is_none_or(|chains| !chains.is_empty());
        self.manager.is_some() || has_chains
    }
}

/// A system, as far as its commands differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Os {
    Linux,
    Android,
    Apple,
    Windows,
    /// FreeBSD and its relatives.
    Bsd,
}

impl Os {
    /// The one that this program runs on.
    pub(crate) const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_vendor = "apple") {
        Self::Apple
    } else if cfg!(target_os = "android") {
        Self::Android
    } else if cfg!(target_os = "linux") {
        Self::Linux
    } else {
        Self::Bsd
    };

    /// Shows who holds a port.
    pub(crate) fn who_holds(self, port: u16) -> String {
        match self {
            Self::Windows => format!("netstat -abp udp | findstr :{port}"),
            Self::Linux | Self::Android => format!("sudo ss -ulpn sport = :{port}"),
            Self::Apple | Self::Bsd => format!("sudo lsof -nP -iUDP:{port}"),
        }
    }

    /// Ends a process.
    pub(crate) fn end(self, process: u32) -> String {
        match self {
            Self::Windows => format!("taskkill /PID {process}"),
            _ => format!("kill {process}"),
        }
    }

    pub(crate) fn bring_up(self, name: &str) -> String {
        let name = self.quoted(name);
        match self {
            Self::Windows => format!("netsh interface set interface {name} admin=enabled"),
            Self::Linux | Self::Android => format!("sudo ip link set {name} up"),
            Self::Apple | Self::Bsd => format!("sudo ifconfig {name} up"),
        }
    }

    pub(crate) fn bring_down(self, name: &str) -> String {
        let name = self.quoted(name);
        match self {
            Self::Windows => format!("netsh interface set interface {name} admin=disabled"),
            Self::Linux | Self::Android => format!("sudo ip link set {name} down"),
            Self::Apple | Self::Bsd => format!("sudo ifconfig {name} down"),
        }
    }

    pub(crate) fn set_mtu(self, name: &str, mtu: usize) -> String {
        let name = self.quoted(name);
        match self {
            Self::Windows => {
                format!("netsh interface ipv4 set subinterface {name} mtu={mtu} store=persistent")
            }
            Self::Linux | Self::Android => format!("sudo ip link set {name} mtu {mtu}"),
            Self::Apple | Self::Bsd => format!("sudo ifconfig {name} mtu {mtu}"),
        }
    }

    /// Gives an interface a multicast flag, where that can be done.
    pub(crate) fn multicast_on(self, name: &str) -> String {
        match self {
            Self::Linux => format!("sudo ip link set {} multicast on", self.quoted(name)),
            _ => "groupcast interfaces".to_owned(),
        }
    }

    /// Gives an interface an address that serves machines on one link; `salt` makes it another than others'.
    pub(crate) fn add_address(self, name: &str, salt: [u8; 2]) -> Option<String> {
        let [high, low] = salt.map(|octet| octet.clamp(1, 254));
        let name = self.quoted(name);
        match self {
            Self::Linux => Some(format!(
                "sudo ip addr add 169.254.{high}.{low}/16 dev {name}"
            )),
            _ => None,
        }
    }

    /// A route to all IPv4 groups, for programs that do not choose the interface.
    pub(crate) fn add_route(self, name: &str) -> String {
        let name = self.quoted(name);
        match self {
            Self::Linux | Self::Android => format!("sudo ip route add 224.0.0.0/4 dev {name}"),
            Self::Windows => format!("netsh interface ipv4 add route 224.0.0.0/4 {name}"),
            Self::Apple | Self::Bsd => {
                format!("sudo route add -net 224.0.0.0/4 -interface {name}")
            }
        }
    }

    /// Lets a socket join more groups, where a setting limits that.
    pub(crate) const fn more_groups(self) -> Option<&'static str> {
        match self {
            Self::Linux => Some("sudo sysctl -w net.ipv4.igmp_max_memberships=100"),
            _ => None,
        }
    }

    /// Lets datagrams to the group's port in.
    pub(crate) fn let_in(self, port: u16, rules: &Rules) -> String {
        match self {
            Self::Windows => format!(
                "New-NetFirewallRule -DisplayName groupcast -Direction Inbound -Protocol UDP -LocalPort \
                 {port} -Action Allow"
            ),
            Self::Apple => APPLE_FIREWALL.to_owned(),
            Self::Bsd => PF.to_owned(),
            Self::Linux | Self::Android => {
                let manager = rules.manager.map(|manager| match manager {
                    Firewall::Ufw => format!("sudo ufw allow {port}/udp"),
                    Firewall::Firewalld => format!("sudo firewall-cmd --add-port={port}/udp"),
                });
                self.pass(port, manager, rules)
            }
        }
    }

    /// Lets datagrams to the group's port out.
    pub(crate) fn let_out(self, port: u16, rules: &Rules) -> String {
        match self {
            Self::Windows => format!(
                "New-NetFirewallRule -DisplayName groupcast -Direction Outbound -Protocol UDP -RemotePort \
                 {port} -Action Allow"
            ),
            // The application firewall lets everything out. What does not is the packet filter, which
            // programs of third parties fill.
            Self::Apple | Self::Bsd => PF.to_owned(),
            Self::Linux | Self::Android => {
                let manager = match rules.manager {
                    Some(Firewall::Ufw) => Some(format!("sudo ufw allow out {port}/udp")),
                    _ => None,
                };
                self.pass(port, manager, rules)
            }
        }
    }

    /// What the manager of the rules does, and a rule in each chain that it does not manage.
    fn pass(self, port: u16, manager: Option<String>, rules: &Rules) -> String {
        let managed = match rules.manager {
            Some(Firewall::Ufw) => "filter",
            Some(Firewall::Firewalld) => "firewalld",
            None => "",
        };
        let is_managed = |chain: &&Chain| manager.is_some() && chain.table == managed;
        let chains = rules.chains.as_deref();
        let foreign = chains
            .unwrap_or_default()
            .iter()
            .filter(|chain| !is_managed(chain));
        let foreign = foreign.map(
            |Chain {
                 family,
                 table,
                 name,
             }| {
                let (table, name) = (self.quoted(table), self.quoted(name));
                format!("sudo nft insert rule {family} {table} {name} udp dport {port} accept")
            },
        );
        let all: Vec<_> = manager.iter().cloned().chain(foreign).collect();
        match (all.is_empty(), chains) {
            (false, _) => all.join(" && "),
            (true, Some(_)) => "sudo nft list ruleset".to_owned(),
            // As administrator it can read which chain that is.
            (true, None) => format!("sudo \"$(command -v groupcast)\" {}", rules.again),
        }
    }

    /// Names the interface to use from now on.
    pub(crate) fn use_interface(self, name: &str) -> String {
        let name = self.quoted(name);
        match self {
            Self::Windows => format!("$env:GROUPCAST_INTERFACE = {name}"),
            _ => format!("export GROUPCAST_INTERFACE={name}"),
        }
    }

    /// Takes back a variable of the environment.
    pub(crate) fn unset(self, name: &str) -> String {
        match self {
            Self::Windows => format!("Remove-Item Env:{name}"),
            _ => format!("unset {name}"),
        }
    }

    /// An interface's name as the shell takes it. On Windows in the quotation marks that cmd, PowerShell and
    /// netsh all know; no name there has them.
    pub(crate) fn quoted(self, name: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:".contains(c);
        if self == Self::Windows {
            format!("\"{}\"", name.replace('"', ""))
        } else if !name.is_empty() && name.chars().all(plain) {
            name.to_owned()
        } else {
            format!("'{}'", name.replace('\'', r"'\''"))
        }
    }
}

const APPLE_FIREWALL: &str =
    "sudo /usr/libexec/ApplicationFirewall/socketfilterfw --unblockapp \"$(which groupcast)\"";

/// What to pass depends on the rules that are there, so they are shown.
const PF: &str = "sudo pfctl -s rules";

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Os; 5] = [Os::Linux, Os::Android, Os::Apple, Os::Windows, Os::Bsd];

    /// All that is advised on a system.
    fn everything(os: Os) -> Vec<String> {
        let name = "Ethernet 2";
        let mut all = vec![
            os.who_holds(7),
            os.end(42),
            os.bring_up(name),
            os.bring_down(name),
            os.set_mtu(name, 1500),
            os.multicast_on(name),
            os.add_route(name),
            os.let_in(7, &unseen()),
            os.let_out(7, &unseen()),
            os.let_in(7, &chains(None, &["filter"])),
            os.let_out(7, &chains(None, &[])),
            os.use_interface(name),
            os.unset("GROUPCAST_INTERFACE"),
        ];
        all.extend(os.add_address(name, [7, 255]));
        all.extend(os.more_groups().map(str::to_owned));
        all
    }

    #[test]
    fn no_system_is_told_the_commands_of_another() {
        let foreign = |os| match os {
            Os::Linux | Os::Android => {
                ["netsh", "ifconfig", "pfctl", "New-Net", "$env:"].as_slice()
            }
            Os::Apple | Os::Bsd => [
                "netsh", "nft", "ip link", "ufw", "sysctl", "New-Net", "ss -",
            ]
            .as_slice(),
            Os::Windows => ["sudo", "nft", "ifconfig", "export", "unset", "kill 42"].as_slice(),
        };
        for os in ALL {
            for command in everything(os) {
                let wrong = foreign(os).iter().find(|word| command.contains(**word));
                let wrong = wrong.filter(|_| !command.starts_with("taskkill"));
                assert_eq!(wrong, None, "{os:?}: {command}");
            }
        }
    }

    fn unseen() -> Rules {
        Rules {
            again: "doctor --group 239.1.2.3:7".to_owned(),
            ..Rules::default()
        }
    }

    /// A chain `guard` in each of these tables.
    fn chains(manager: Option<Firewall>, tables: &[&str]) -> Rules {
        let chain = |table: &&str| Chain {
            family: "inet".to_owned(),
            table: (*table).to_owned(),
            name: "guard".to_owned(),
        };
        Rules {
            manager,
            chains: Some(tables.iter().map(chain).collect()),
            ..unseen()
        }
    }

    #[test]
    fn who_is_on_a_mac_is_not_told_of_nft() {
        assert!(Os::Apple.let_out(7, &unseen()).contains("pfctl"));
        assert!(Os::Apple.let_in(7, &unseen()).contains("socketfilterfw"));
    }

    #[test]
    fn a_rule_goes_into_the_chain_that_is_there() {
        let fix = |rules: &Rules| Os::Linux.let_in(7, rules);
        assert_eq!(
            fix(&chains(None, &["mine"])),
            "sudo nft insert rule inet mine guard udp dport 7 accept"
        );
        assert_eq!(
            fix(&chains(None, &["a", "b"])),
            "sudo nft insert rule inet a guard udp dport 7 accept && \
             sudo nft insert rule inet b guard udp dport 7 accept"
        );
        assert_eq!(fix(&chains(None, &[])), "sudo nft list ruleset");
        let ufw = chains(Some(Firewall::Ufw), &["filter", "mine"]);
        assert_eq!(
            fix(&ufw),
            "sudo ufw allow 7/udp && sudo nft insert rule inet mine guard udp dport 7 accept"
        );
        let out = Os::Linux.let_out(7, &chains(Some(Firewall::Ufw), &["filter"]));
        assert_eq!(out, "sudo ufw allow out 7/udp");
        let firewalld = chains(Some(Firewall::Firewalld), &["firewalld"]);
        assert_eq!(fix(&firewalld), "sudo firewall-cmd --add-port=7/udp");
    }

    #[test]
    fn whoever_cannot_read_the_rules_is_told_how_to() {
        assert_eq!(
            Os::Linux.let_in(7, &unseen()),
            "sudo \"$(command -v groupcast)\" doctor --group 239.1.2.3:7"
        );
    }

    #[test]
    fn netsh_is_given_a_name_in_the_quotation_marks_that_it_knows() {
        assert_eq!(
            Os::Windows.bring_up("Wi-Fi 2"),
            "netsh interface set interface \"Wi-Fi 2\" admin=enabled"
        );
    }

    #[test]
    fn names_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(Os::Linux.quoted("eth0.10"), "eth0.10");
        assert_eq!(Os::Linux.quoted("Ethernet 2"), "'Ethernet 2'");
        assert_eq!(Os::Linux.quoted("a'b;"), r"'a'\''b;'");
        assert_eq!(Os::Windows.quoted("Ethernet 2"), "\"Ethernet 2\"");
    }
}
