//! What is counted of a stream, and what a member that asks for everything can do to it.

use core::time::Duration;

use groupcast::wire::{self, Frame, Nack};
use groupcast::{Channel, Pace};

use crate::hub::{Hub, Puppet, config, hear, member, ms};

const COMMANDS: Channel = Channel::reliable_ordered(1);

#[test]
fn what_is_lost_asked_for_and_sent_again_is_counted_at_both_ends() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(2));
    let (ana, ben) = (*hub.group(0).counters(), *hub.group(1).counters());
    let send = |hub: &mut Hub, text: &str| {
        let now = hub.now;
        hub.group(0).queue(now, COMMANDS, text.as_bytes()).unwrap();
        hub.settle();
    };
    hub.cut_off = vec![1];
    send(&mut hub, "one");
    hub.cut_off.clear();
    send(&mut hub, "two");
    hub.run(Duration::from_secs(3));
    assert_eq!(hub.log(1), ["ana joined", "ana: one", "ana: two"]);

    let after = hub.group(0).counters();
    assert_eq!(after.messages_sent, ana.messages_sent + 2);
    assert_eq!(after.nacks_received, 1);
    assert_eq!(after.repairs_sent, 1);
    let (sent, octets) = (
        after.datagrams_sent - ana.datagrams_sent,
        after.bytes_sent - ana.bytes_sent,
    );
    let beats = after.syncs_sent - ana.syncs_sent;
    assert!((3..sent).contains(&beats), "{beats} of {sent}");
    assert!(octets > 38 * sent && octets < 150 * sent, "{octets}");

    let after = hub.group(1).counters();
    assert_eq!(after.messages_received, ben.messages_received + 2);
    assert_eq!(after.nacks_sent, 1);
    assert!(
        after.fragments_duplicate >= 2,
        "heartbeats carry what was there before: {after:?}"
    );
    assert_eq!((after.gaps, after.gap_fragments), (0, 0));
}

/// PROTOCOL S6.
#[test]
fn whoever_asks_for_everything_without_end_does_not_stop_what_is_new() {
    let mut ana = member(config("ana").with_pace(Pace::BOARD), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1), &ben.hello("ben"));
    let (id, session) = (ana.id().get(), ana.session().get() as u32);
    let (mut fresh, mut again, mut sent) = (0, 0, 0_u32);
    let mut buffer = [0; 1472];
    for now in 100..10_100 {
        let now = ms(now);
        while ana.queue(now, COMMANDS, &[7; 100]).is_ok() {
            sent += 1;
        }
        let mut nack = Nack::new(id, session, sent.saturating_sub(40));
        (0..40).for_each(|n| assert!(nack.add(nack.base.wrapping_add(n))));
        hear(&mut ana, now, &ben.say(&[Frame::Nack(nack)]));
        while let Some(transmit) = ana.poll_transmit(now, &mut buffer).unwrap() {
            let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
            for frame in frames {
                match frame.unwrap() {
                    Frame::Data(data) if data.repair => again += data.payload.len(),
                    Frame::Data(data) if !data.copy => fresh += data.payload.len(),
                    _ => {}
                }
            }
        }
    }
    // With nobody who asks it is all of the pace, 600,000 octets. Of a quarter, the least that the pace
    // sinks to where much is asked for, half is left to what is new.
    assert!(again > 50_000, "{fresh} and {again} again");
    assert!(fresh > 75_000, "{fresh} and {again} again");
}
