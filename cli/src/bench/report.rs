//! What a measurement of throughput came to, as tables for people and as JSON.

use groupcast::Class;
use serde::Serialize;

use super::account::Received;
use super::options::{Load, Throughput};
use super::processes::Run;
use super::sender::Sent;
use crate::options::Common;
use crate::output::Output;
use crate::process::failure::Failure;

/// Messages with more bytes are compared with datagrams of so many: what the network carries in one.
pub(super) const LARGE: u32 = 1200;

/// What a run of plain sockets gave.
#[derive(Debug, Serialize)]
pub(super) struct FloorLine {
    size: u32,
    receivers: u8,
    floor_sent_per_second: f64,
    /// At the slowest receiver.
    floor_per_second: f64,
    sent: u64,
    delivered: u64,
    lost: u64,
    duplicates: u64,
    sender_cpu_us_per_message: Option<f64>,
    per_receiver: Vec<Received>,
}

/// What a run of members gave, beside plain sockets.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    size: u32,
    class: String,
    sealed: bool,
    receivers: u8,
    leaves: u8,
    sent: u64,
    pub(super) sent_per_second: f64,
    /// At the slowest receiver.
    pub(super) delivered_per_second: f64,
    /// Bytes of messages.
    octets_per_second: f64,
    /// Of all receivers together.
    delivered: u64,
    pub(super) lost: u64,
    pub(super) gaps: u64,
    duplicates: u64,
    /// Of plain sockets, at the slowest receiver.
    pub(super) floor_per_second: f64,
    floor_sent_per_second: f64,
    floor_lost: u64,
    floor_size: u32,
    /// Bytes delivered for each that plain sockets deliver.
    pub(super) ratio: f64,
    /// The same by processor time at the end that takes more of it. A busy machine changes it little.
    pub(super) cpu_ratio: Option<f64>,
    datagrams: u64,
    repairs: u64,
    pub(super) sender_cpu_us_per_message: Option<f64>,
    pub(super) receiver_cpu_us_per_message: Option<f64>,
    floor_sender_cpu_us_per_message: Option<f64>,
    floor_receiver_cpu_us_per_message: Option<f64>,
    per_receiver: Vec<Received>,
}

impl FloorLine {
    pub(super) fn new(load: &Load, size: u32, run: Run) -> Self {
        let Run { sent, received } = run;
        let sum = |count: fn(&Received) -> u64| received.iter().map(count).sum();
        Self {
            size,
            receivers: load.receivers,
            floor_sent_per_second: rate(sent.sent_per_second),
            floor_per_second: rate(slowest(&received)),
            sent: sent.sent,
            delivered: sum(|r| r.delivered),
            lost: sum(|r| r.lost),
            duplicates: sum(|r| r.duplicates),
            sender_cpu_us_per_message: sent.cpu_us_per_message,
            per_receiver: received,
        }
    }

    pub(super) fn say(&self, output: &mut Output, common: &Common) -> Result<(), Failure> {
        if common.json {
            return output.json(self);
        }
        output.line(&format!(
            "floor       {:>10.0} datagrams/s of {} bytes by plain sockets, {:.0} sent, {} of {} lost",
            self.floor_per_second,
            self.size,
            self.floor_sent_per_second,
            self.lost,
            self.sent * u64::from(self.receivers)
        ))
    }
}

impl Line {
    pub(super) fn new(common: &Common, options: &Throughput, members: Run, floors: &[Run]) -> Self {
        let Throughput {
            load,
            size,
            how,
            leaves,
            ..
        } = *options;
        let Run { sent, received } = members;
        let floor_size = size.min(LARGE);
        let sum = |count: fn(&Received) -> u64| received.iter().map(count).sum();
        let mean = |value: &dyn Fn(&Run) -> f64| {
            floors.iter().map(value).sum::<f64>() / floors.len().max(1) as f64
        };
        let floor = mean(&|run| slowest(&run.received));
        let delivered_per_second = slowest(&received);
        let sender_cpu = sent.cpu_us_per_message;
        let receiver_cpu = average(received.iter().map(|r| r.cpu_us_per_message));
        let floor_sender_cpu = average(floors.iter().map(|run| run.sent.cpu_us_per_message));
        let floor_receivers = floors.iter().flat_map(|run| &run.received);
        let floor_receiver_cpu = average(floor_receivers.map(|r| r.cpu_us_per_message));
        let cpu_ratio = greater(floor_sender_cpu, floor_receiver_cpu)
            .zip(greater(sender_cpu, receiver_cpu))
            .map(|(floor, ours)| ratio(floor * f64::from(size), ours * f64::from(floor_size)));
        Self {
            size,
            class: how.class.to_string(),
            sealed: how.sealed || common.key_file.is_some(),
            receivers: load.receivers,
            leaves,
            sent: sent.sent,
            sent_per_second: rate(sent.sent_per_second),
            delivered_per_second: rate(delivered_per_second),
            octets_per_second: (delivered_per_second * f64::from(size)).round(),
            delivered: sum(|r| r.delivered),
            lost: sum(|r| r.lost),
            gaps: sum(|r| r.gaps),
            duplicates: sum(|r| r.duplicates),
            floor_per_second: rate(floor),
            floor_sent_per_second: rate(mean(&|run| run.sent.sent_per_second)),
            floor_lost: floors
                .iter()
                .flat_map(|run| &run.received)
                .map(|r| r.lost)
                .sum(),
            floor_size,
            ratio: ratio(
                delivered_per_second * f64::from(size),
                floor * f64::from(floor_size),
            ),
            datagrams: sent.datagrams,
            repairs: sent.repairs,
            sender_cpu_us_per_message: sender_cpu,
            receiver_cpu_us_per_message: receiver_cpu,
            floor_sender_cpu_us_per_message: floor_sender_cpu,
            floor_receiver_cpu_us_per_message: floor_receiver_cpu,
            cpu_ratio,
            per_receiver: received,
        }
    }

    pub(super) fn say(&self, output: &mut Output, common: &Common) -> Result<(), Failure> {
        if common.json {
            return output.json(self);
        }
        self.lines().iter().try_for_each(|line| output.line(line))
    }

    /// For people.
    fn lines(&self) -> Vec<String> {
        let sealed = if self.sealed { "sealed" } else { "open" };
        let mut lines = vec![format!(
            "{} messages of {} bytes, {}, {sealed}, {} datagrams, {} fragments repaired",
            self.sent, self.size, self.class, self.datagrams, self.repairs
        )];
        lines.push(format!(
            "sent        {:>10.0} messages/s{}",
            self.sent_per_second,
            cpu(self.sender_cpu_us_per_message)
        ));
        for (nth, received) in self.per_receiver.iter().enumerate() {
            lines.push(format!("receiver {:<3}{}", nth + 1, summary(received)));
        }
        lines.push(format!(
            "floor       {:>10.0} datagrams/s of {} bytes by plain sockets, {:.0} sent{}",
            self.floor_per_second,
            self.floor_size,
            self.floor_sent_per_second,
            cpu(greater(
                self.floor_sender_cpu_us_per_message,
                self.floor_receiver_cpu_us_per_message
            ))
        ));
        lines.push(format!(
            "ratio       {:>10.2} bytes delivered for each of plain sockets{}; {:.1} MB/s",
            self.ratio,
            self.cpu_ratio.map_or_else(String::new, |ratio| format!(
                ", {ratio:.2} by processor time"
            )),
            self.octets_per_second / 1e6
        ));
        lines
    }
}

/// One digit behind the point.
fn rate(per_second: f64) -> f64 {
    (per_second * 10.0).round() / 10.0
}

/// Three digits behind the point.
pub(super) fn ratio(value: f64, floor: f64) -> f64 {
    if floor > 0.0 {
        (value / floor * 1000.0).round() / 1000.0
    } else {
        0.0
    }
}

/// The mean of those that are known.
fn average(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values
        .flatten()
        .fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn greater(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.zip(other).map(|(one, other)| one.max(other))
}

fn slowest(received: &[Received]) -> f64 {
    let rates = received.iter().map(|r| r.delivered_per_second);
    let slowest = rates.fold(f64::INFINITY, f64::min);
    if slowest.is_finite() { slowest } else { 0.0 }
}

fn cpu(micros: Option<f64>) -> String {
    micros.map_or_else(String::new, |micros| {
        format!(", {micros:.2} µs of processor time each")
    })
}

/// What became of the messages at a receiver.
fn summary(received: &Received) -> String {
    let mut text = format!(
        "{:>10.0} messages/s delivered{}; {} in all, {} lost, {} in gaps, {} twice",
        received.delivered_per_second,
        cpu(received.cpu_us_per_message),
        received.delivered,
        received.lost,
        received.gaps,
        received.duplicates
    );
    for (name, count) in [
        ("out of order", received.out_of_order),
        ("damaged", received.damaged),
        ("both delivered and in gaps", received.contradicted),
    ] {
        if count > 0 {
            text += &format!(", {count} {name}");
        }
    }
    text
}

/// What the sending end alone says.
pub(super) fn say_sent(output: &mut Output, common: &Common, sent: &Sent) -> Result<(), Failure> {
    if common.json {
        return output.json(sent);
    }
    output.line(&format!(
        "tx sent={} rate={:.0} datagrams={} repairs={} cpu_us={:.3}",
        sent.sent,
        sent.sent_per_second,
        sent.datagrams,
        sent.repairs,
        sent.cpu_us_per_message.unwrap_or_default()
    ))
}

/// What a receiving end alone says.
pub(super) fn say_received(
    output: &mut Output,
    common: &Common,
    received: &Received,
) -> Result<(), Failure> {
    if common.json {
        return output.json(received);
    }
    let all = received.delivered + received.lost + received.gaps;
    let missing = received.lost + received.gaps;
    let loss = missing as f64 * 100.0 / all.max(1) as f64;
    output.line(&format!(
        "rx delivered={} rate={:.0} loss={loss:.2}% lost={} gaps={} duplicates={} out_of_order={} \
         damaged={} cpu_us={:.3}",
        received.delivered,
        received.delivered_per_second,
        received.lost,
        received.gaps,
        received.duplicates,
        received.out_of_order,
        received.damaged,
        received.cpu_us_per_message.unwrap_or_default()
    ))
}

/// Whether what was promised was kept.
pub(super) fn check(class: Class, received: &[Received]) -> Result<(), Failure> {
    let is_ordered = !matches!(class, Class::BestEffort | Class::ReliableUnordered);
    let is_complete = matches!(class, Class::ReliableUnordered | Class::ReliableOrdered);
    for one in received {
        let broken = [
            ("damaged", one.damaged),
            ("delivered twice", one.duplicates),
            ("both delivered and reported as lost", one.contradicted),
            (
                "out of order",
                if is_ordered { one.out_of_order } else { 0 },
            ),
            (
                "neither delivered nor reported",
                if is_complete { one.lost } else { 0 },
            ),
        ];
        if let Some((what, count)) = broken.into_iter().find(|(_, count)| *count > 0) {
            return Err(Failure::Unmet(format!("{count} messages were {what}")));
        }
    }
    Ok(())
}
