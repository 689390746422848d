//! What happens, for somebody to read.

use groupcast::Instant;
use groupcast_sim::{TraceEntry, TraceEvent};

pub(super) fn clock(now: Instant) -> String {
    format!("{:.6}", now.as_micros() as f64 / 1e6)
}

pub(super) fn short(event: &groupcast::OwnedEvent) -> String {
    match event {
        groupcast::OwnedEvent::Message(message) => format!(
            "{:?} {} of {}, {} octets, label {:?}",
            message.channel,
            message.sequence,
            message.sender,
            message.payload.len(),
            super::world::label(&message.payload)
        ),
        event => event.to_string(),
    }
}

pub(super) fn print_entry(entry: &TraceEntry) {
    if !matches!(entry.event, TraceEvent::Sent | TraceEvent::Delivered) {
        return;
    }
    print!("{entry}");
    if let Ok((header, frames)) = groupcast::wire::parse(&entry.payload) {
        print!(" #{}", header.counter);
        for frame in frames.flatten() {
            use groupcast::wire::Frame;
            match frame {
                Frame::Data(d) => print!(
                    " DATA({} c{} {}/{} h{}{}{})",
                    d.sequence,
                    d.class,
                    d.fragment,
                    d.last,
                    d.horizon,
                    if d.repair { " repair" } else { "" },
                    if d.copy { " copy" } else { "" }
                ),
                Frame::Nack(n) => {
                    print!(" NACK({} {:?})", n.target, n.iter().collect::<Vec<_>>());
                }
                Frame::Sync(s) => print!(
                    " SYNC({}..{} s{} t{})",
                    s.low, s.next, s.states, s.round_trip
                ),
                Frame::Hello(h) => print!(" HELLO({})", h.name.as_str()),
                Frame::Time(t) => {
                    print!(
                        " TIME({} {:?})",
                        t.stamp,
                        t.iter_echoes().collect::<Vec<_>>()
                    );
                }
                frame => print!(" {frame:?}"),
            }
        }
    }
    println!();
}
