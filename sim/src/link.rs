//! The link model: how datagrams fare on the way from one host to another.

use core::time::Duration;

/// How datagrams fare on the way from one host to another.
///
/// A link is directed, and every link has luck of its own: the receivers of one multicast datagram
/// lose it independently of each other, except by [`with_shared_loss`](Self::with_shared_loss).
/// Two sockets on one host share the link and its luck.
///
/// The faults apply in this order: the rate's queue, the shared loss, bursts, the independent loss,
/// duplication; then to each copy on its own: truncation, corruption, jitter, reordering. Whether a
/// datagram is lost does not depend on how the faults after loss are set.
///
/// ```
/// use core::time::Duration;
/// use groupcast_sim::Link;
///
/// const BAD_WIFI: Link = Link::wifi().with_loss(0.2).with_reorder(0.05, Duration::from_millis(40));
/// ```
///
/// # Panics
///
/// Every method that takes a probability panics unless it is in `0.0..=1.0`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Link {
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    pub(crate) in_order: bool,
    pub(crate) loss: f64,
    pub(crate) shared_loss: f64,
    pub(crate) burst: Option<Burst>,
    pub(crate) duplicate: f64,
    pub(crate) reorder: f64,
    pub(crate) reorder_by: Duration,
    pub(crate) corrupt: f64,
    pub(crate) truncate: f64,
    pub(crate) mtu: usize,
    pub(crate) rate: Option<Rate>,
    pub(crate) multicast_loss: f64,
    pub(crate) multicast_delay: Duration,
}

/// A Gilbert–Elliott channel that loses everything in its bad state and nothing in its good one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Burst {
    /// The share of datagrams that find the channel bad.
    pub(crate) fraction: f64,
    /// The probability, at each datagram, of a good channel turning bad.
    pub(crate) enter: f64,
    /// The probability, at each datagram, of a bad channel turning good.
    pub(crate) leave: f64,
}

/// A bottleneck.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// Nanoseconds that a byte takes, headers included.
    pub(crate) nanos_per_byte: f64,
    /// How long a datagram may have to wait before it is dropped instead.
    pub(crate) longest_wait: Duration,
}

impl Link {
    /// No delay and no fault; datagrams up to UDP's own limit of 65,507 bytes.
    pub const fn perfect() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            in_order: false,
            loss: 0.0,
            shared_loss: 0.0,
            burst: None,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_by: Duration::ZERO,
            corrupt: 0.0,
            truncate: 0.0,
            mtu: usize::MAX,
            rate: None,
            multicast_loss: 0.0,
            multicast_delay: Duration::ZERO,
        }
    }

    /// A wired network: 0.2 ms and an exponential jitter of 0.1 ms, an MTU of 1500, no loss.
    pub const fn lan() -> Self {
        Self::perfect()
            .with_delay(Duration::from_micros(200))
            .with_jitter(Duration::from_micros(100))
            .with_mtu(1500)
    }

    /// A wireless network: 3 ms and an exponential jitter of 3 ms, an MTU of 1500, no loss.
    pub const fn wifi() -> Self {
        Self::perfect()
            .with_delay(Duration::from_millis(3))
            .with_jitter(Duration::from_millis(3))
            .with_mtu(1500)
    }

    /// The same way without its faults: what is left are delay, jitter and order, MTU and rate.
    pub const fn without_faults(self) -> Self {
        Self {
            loss: 0.0,
            shared_loss: 0.0,
            burst: None,
            duplicate: 0.0,
            reorder: 0.0,
            corrupt: 0.0,
            truncate: 0.0,
            ..self
        }
    }

    /// The time that every datagram takes at least. Default: zero.
    ///
    /// With neither delay nor jitter a datagram arrives in the very call that sends it.
    pub const fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The mean of an exponentially distributed time that is added to the delay. Default: zero.
    ///
    /// A datagram may so overtake an earlier one, unless the link is [`in_order`](Self::in_order).
    pub const fn with_jitter(mut self, mean: Duration) -> Self {
        self.jitter = mean;
        self
    }

    /// Jitter no longer reorders: a datagram arrives no earlier than those sent before it.
    ///
    /// Datagrams that [`with_reorder`](Self::with_reorder) holds back are still overtaken.
    pub const fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// The probability that a datagram is lost, independent of all others. Default: 0.
    #[track_caller]
    pub const fn with_loss(mut self, probability: f64) -> Self {
        self.loss = checked(probability);
        self
    }

    /// The probability that a datagram is lost for all receivers at once. Default: 0.
    ///
    /// It models what happens before the ways part: the sender's own radio, a switch. One number is
    /// drawn for each datagram and every link compares it with its own probability; so links with
    /// the same probability, which are all of them unless some were set apart, lose the same
    /// datagrams.
    #[track_caller]
    pub const fn with_shared_loss(mut self, probability: f64) -> Self {
        self.shared_loss = checked(probability);
        self
    }

    /// Loss in bursts (Gilbert–Elliott). Default: none.
    ///
    /// `fraction` of all datagrams are lost this way, in bursts of `mean_length` datagrams on
    /// average (geometrically distributed). The channel is a Markov chain that takes one step per
    /// datagram: from bad to good with probability `1 / mean_length`, from good to bad with
    /// `fraction / (mean_length * (1 - fraction))`. In the bad state everything is lost, in the
    /// good state nothing. Independent loss comes on top.
    ///
    /// # Panics
    ///
    /// If `mean_length` is below 1 or `fraction` is above `mean_length / (mean_length + 1)`: bursts
    /// so short cannot fill so large a part.
    #[track_caller]
    pub const fn with_burst(mut self, fraction: f64, mean_length: f64) -> Self {
        let fraction = checked(fraction);
        assert!(mean_length >= 1.0, "a burst has at least one datagram");
        let enter = fraction / (mean_length * (1.0 - fraction));
        assert!(
            enter <= 1.0,
            "bursts this short cannot fill this large a fraction"
        );
        self.burst = Some(Burst {
            fraction,
            enter,
            leave: 1.0 / mean_length,
        });
        self
    }

    /// The probability that a datagram arrives twice. Default: 0.
    ///
    /// Either copy has jitter and damage of its own.
    #[track_caller]
    pub const fn with_duplicate(mut self, probability: f64) -> Self {
        self.duplicate = checked(probability);
        self
    }

    /// The probability that a datagram is held back, and by how much at most. Default: 0.
    ///
    /// The extra time is uniform from 1 µs to `by`.
    #[track_caller]
    pub const fn with_reorder(mut self, probability: f64, by: Duration) -> Self {
        self.reorder = checked(probability);
        self.reorder_by = by;
        self
    }

    /// The probability that 1 to 8 bits of a datagram are flipped. Default: 0.
    ///
    /// Real stacks discard most of these by UDP's checksum. This is what is left.
    /// An empty datagram has no bit to flip.
    #[track_caller]
    pub const fn with_corrupt(mut self, probability: f64) -> Self {
        self.corrupt = checked(probability);
        self
    }

    /// The probability that a datagram loses a part of its end, or all of it. Default: 0.
    #[track_caller]
    pub const fn with_truncate(mut self, probability: f64) -> Self {
        self.truncate = checked(probability);
        self
    }

    /// The probability that a datagram to a group is lost, beside all other loss. Default: 0.
    ///
    /// On many wireless networks multicast is neither acknowledged nor repeated, and unicast is. With 1 only
    /// unicast passes.
    #[track_caller]
    pub const fn with_multicast_loss(mut self, probability: f64) -> Self {
        self.multicast_loss = checked(probability);
        self
    }

    /// How much later datagrams to groups arrive than those to one host. Default: zero.
    ///
    /// An access point keeps multicast back while a station sleeps.
    pub const fn with_multicast_delay(mut self, delay: Duration) -> Self {
        self.multicast_delay = delay;
        self
    }

    /// The largest IP packet in bytes. Default: no limit but UDP's.
    ///
    /// UDP payload is 28 bytes less over IPv4, 48 over IPv6. The simulated network never fragments.
    /// The MTU of the network's default link is that of every interface: to send more fails with
    /// [`MessageTooLong`](groupcast::multicast::UdpErrorKind::MessageTooLong). What passes there but
    /// not on the link taken disappears (counted as
    /// [`oversized`](crate::NetworkCounters::oversized)), as on a path that reports nothing back.
    pub const fn with_mtu(mut self, bytes: usize) -> Self {
        self.mtu = bytes;
        self
    }

    /// The rate of the link and the queue before it, both in bytes. Default: no limit.
    ///
    /// Every datagram counts with its IP and UDP headers. It waits until those before it have
    /// passed; one that does not fit the queue is dropped (counted as
    /// [`congested`](crate::NetworkCounters::congested)). A queue of 0 has room for the one on the way.
    /// Each link has a queue of its own: hosts do not compete for one medium.
    ///
    /// # Panics
    ///
    /// If the rate is 0.
    #[track_caller]
    pub const fn with_rate(mut self, bytes_per_second: u32, queue: u32) -> Self {
        assert!(
            bytes_per_second > 0,
            "a link without any rate is a blocked one"
        );
        let nanos_per_byte = 1e9 / bytes_per_second as f64;
        let longest_wait = Duration::from_nanos((nanos_per_byte * queue as f64) as u64);
        self.rate = Some(Rate {
            nanos_per_byte,
            longest_wait,
        });
        self
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::perfect()
    }
}

/// A probability.
#[track_caller]
pub(crate) const fn checked(probability: f64) -> f64 {
    assert!(
        probability >= 0.0 && probability <= 1.0,
        "a probability is a fraction from 0.0 to 1.0: 20 % is 0.2"
    );
    probability
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "20 % is 0.2")]
    fn a_percentage_is_not_a_probability() {
        let _ = Link::perfect().with_loss(20.0);
    }

    #[test]
    #[should_panic(expected = "at least one datagram")]
    fn a_burst_of_nothing_is_none() {
        let _ = Link::perfect().with_burst(0.1, 0.5);
    }

    #[test]
    #[should_panic(expected = "cannot fill")]
    fn single_losses_cannot_make_up_most_of_the_traffic() {
        let _ = Link::perfect().with_burst(0.6, 1.0);
    }
}
