//! What a tunnel wants done, and what it has to say.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::site::Site;
use super::topic::Life;

/// What a tunnel wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Open a socket for a member of another site, and say by `handle_opened` where it is, or that there is none. What
    /// arrives there is for `handle_answer`.
    Open(Life),
    /// Close it.
    Close(Life),
    /// Send from that member's socket, in this site.
    Send {
        /// The member.
        from: Life,
        /// The group, or the address of a member.
        to: SocketAddr,
        /// The datagram, as it was sent in the other site.
        datagram: Vec<u8>,
    },
    /// Publish at the broker: at most once, not retained, and of no worth after [`EXPIRY`](super::EXPIRY).
    Publish {
        /// The topic.
        topic: String,
        /// The message.
        payload: Vec<u8>,
    },
    /// Tell whoever runs the tunnel.
    Tell(News),
}

/// What whoever runs a tunnel should know.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum News {
    /// A datagram in the clear went through. Told once.
    OpenGroup,
    /// A tunnel of another site answers.
    Met {
        /// Its site.
        site: Site,
        /// How long a message takes there and back.
        round_trip: Duration,
    },
    /// A tunnel of another site, the last of that site, is not heard any more.
    Lost(Site),
    /// There is another tunnel of this site.
    Companion,
    /// Messages to a site take so long that members of sealed groups may not come to believe each other.
    Slow {
        /// The site.
        site: Site,
        /// There and back.
        round_trip: Duration,
    },
    /// Members are passed over, since there are more than a tunnel was told to carry. Told once.
    Full {
        /// How many it carries.
        members: usize,
    },
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenGroup => f.write_str(
                "the group is open: whoever may publish under these topics at the broker can send in it here, and \
                 whoever may subscribe can read; let the broker tell sites by name and password, or seal the group",
            ),
            Self::Met { site, round_trip } => {
                write!(f, "site {site} is there, {} ms there and back", round_trip.as_millis())
            }
            Self::Lost(site) => write!(f, "site {site} is not heard any more"),
            Self::Companion => f.write_str(
                "another tunnel of this site is there. If it is in another LAN than this one, nothing passes between \
                 the two: give each site its own --site",
            ),
            Self::Slow { site, round_trip } => write!(
                f,
                "site {site} is {:.1} s away, there and back: above 4 s members of a sealed group come to believe each \
                 other late, and above 10 s never. Repair of lost messages takes as long",
                round_trip.as_secs_f64()
            ),
            Self::Full { members } => write!(
                f,
                "there are more than {members} members in other sites, or here: those beyond are not carried. Raise \
                 --members, and the limit of open files with it"
            ),
        }
    }
}
