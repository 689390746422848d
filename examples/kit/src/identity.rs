//! Which board this is, and with what it becomes a member of the group.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

#[cfg(not(feature = "seal"))]
use groupcast::Seed;
#[cfg(feature = "seal")]
use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::{Config, ConfigError, Error, MemberId, Session};

use crate::options::Options;
use crate::{host, key, log};

/// The member's id, but for the board's number. It is fixed, so that the others see a restart.
const ID: u32 = 0xb0a2_d000;

/// What a member starts with: the keys of the group and entropy, or in an open group a seed.
#[cfg(feature = "seal")]
pub type Start<'a> = Seal<'a>;
/// What a member starts with: the keys of the group and entropy, or in an open group a seed.
#[cfg(not(feature = "seal"))]
pub type Start<'a> = Seed;

/// Why it is refused without random bytes.
#[cfg(feature = "seal")]
const NOT_NEW: ConfigError = ConfigError::NotEnoughEntropy;
#[cfg(not(feature = "seal"))]
const NOT_NEW: ConfigError = ConfigError::SeedIsZero;

/// A board's number, and what follows from it: its name, its addresses, and its id.
pub struct Identity {
    /// What was asked for.
    pub options: Options,
    number: u8,
    name: [u8; 7],
}

impl Identity {
    /// The address of the group of all programs here.
    pub const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
    const PORT: u16 = 12345;

    /// Asks the host which board this is.
    pub fn read() -> Self {
        let options = Options::read();
        let number = options.number();
        let name = [b'b', b'o', b'a', b'r', b'd', b'-', b'0' + number];
        Self {
            options,
            number,
            name,
        }
    }

    /// What it is called: `board-1`.
    pub fn name(&self) -> &str {
        core::str::from_utf8(&self.name).unwrap_or_default()
    }

    /// What is said to this board: all of it, or what follows the board's name. `None`: another is meant.
    pub fn hears<'t>(&self, text: &'t str) -> Option<&'t str> {
        if !text.starts_with("board-") {
            return Some(text);
        }
        text.strip_prefix(self.name())?.strip_prefix(' ')
    }

    /// Its hardware address.
    pub const fn hardware(&self) -> [u8; 6] {
        [0x02, 0, 0, 0, 0, self.number]
    }

    /// Its address, of a network of 24 bits.
    pub const fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
    }

    /// Opens a member by `join`, with the settings of this board and what it starts with. `burst` is how many datagrams
    /// its stack receives at once; 0: the stack says. Ends the program if that cannot be: without random bytes it is
    /// refused, because a session that was there before would give away what it says.
    pub fn open<T, E: core::fmt::Debug>(
        &self,
        burst: u8,
        join: impl FnOnce(Config, Start<'_>) -> Result<T, Error<E>>,
    ) -> T {
        let config = Config::new(SocketAddr::new(IpAddr::V4(Self::GROUP), Self::PORT))
            .with_group_name(key::GROUP_NAME)
            .with_name(self.name())
            .with_receive_burst(burst);
        let config = match MemberId::new(ID | u32::from(self.number)) {
            Some(id) => config.with_id(id),
            None => config,
        };
        let random = host::random().filter(|_| !self.options.has("no-entropy"));
        #[cfg(feature = "seal")]
        let hardware = self.hardware();
        #[cfg(feature = "seal")]
        let keys = KeySet::new(GroupKey::new(key::KEY));
        #[cfg(feature = "seal")]
        let start = Seal::new(
            &keys,
            Entropy::new()
                .with_device(&hardware)
                .with_random(random.as_ref().map_or(&[], |octets| &octets[..])),
        );
        #[cfg(not(feature = "seal"))]
        let start = Seed::from(random.unwrap_or_default());
        match join(config, start) {
            Ok(node) => node,
            Err(error) => {
                if matches!(error, Error::Config(NOT_NEW)) {
                    log!("refused: nothing here is new at every start");
                } else {
                    log!("refused: the settings or the network");
                }
                host::exit(false);
            }
        }
    }

    /// Logs as what it joins the group.
    pub fn log_joined(&self, id: MemberId, session: Session) {
        log_joined(self.number, id, session);
    }
}

fn log_joined(number: u8, id: MemberId, session: Session) {
    #[cfg(not(feature = "seal"))]
    log!(
        "joins 239.1.2.3:12345 from 10.0.0.{}, open, id {:08x}, session {:016x}",
        u32::from(number),
        id.get(),
        session.get()
    );
    #[cfg(feature = "seal")]
    log!(
        "joins 239.1.2.3:12345 from 10.0.0.{}, sealed, id {:08x}, session {:016x}",
        u32::from(number),
        id.get(),
        session.get()
    );
}
