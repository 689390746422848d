//! A report as a table for people, and as JSON.

use groupcast_sim::Report;
use serde::Serialize;

use super::mix::in_words;
use super::options::Sim;

/// The line of `--json`.
#[derive(Debug, Serialize)]
struct Line {
    sent: u64,
    receivers: u64,
    delivered: u64,
    gap_messages: u64,
    duplicates: u64,
    unaccounted: u64,
    lost: u64,
    refused: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    nacks_per_message: Option<f64>,
    repairs_per_message: Option<f64>,
    datagrams_per_message: Option<f64>,
    bytes_per_message: Option<f64>,
    control_datagrams_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nacks_per_loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_place: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mix: Option<Vec<Part>>,
}

/// The members of one profile.
#[derive(Debug, Serialize)]
struct Part {
    profile: &'static str,
    members: usize,
    senders: usize,
    takes: bool,
    owed: u64,
    delivered: u64,
    no_place: u64,
}

impl Part {
    fn row(&self, options: &Sim) -> String {
        if !self.takes {
            let meaning = format!("takes no messages of the class {}", options.class);
            return row(self.profile, "-", &meaning);
        }
        let mut meaning = format!("of {} delivered", self.owed);
        if self.no_place > 0 {
            meaning += &format!(", no place for {}", self.no_place);
        }
        row(self.profile, &self.delivered.to_string(), &meaning)
    }
}

/// What became of the messages at the members of each profile, if there is a mix.
fn parts(options: &Sim, report: &Report) -> Option<Vec<Part>> {
    let mix = options.mix.as_ref()?;
    let class = options.class.class();
    let senders = mix.senders(class, options.senders);
    let parts = mix.parts().iter().zip(senders);
    let parts = parts.map(|((profile, members), (_, senders))| {
        let outcome = report.profiles.get(profile).copied().unwrap_or_default();
        Part {
            profile: profile.name(),
            members: *members,
            senders,
            takes: profile.supports(class),
            owed: outcome.owed,
            delivered: outcome.delivered,
            no_place: outcome.no_place,
        }
    });
    Some(parts.collect())
}

/// Three digits behind the point.
fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|value| (value * 1000.0).round() / 1000.0)
}

pub(super) fn json(options: &Sim, report: &Report) -> String {
    let line = Line {
        sent: report.sent,
        receivers: report.receivers,
        delivered: report.delivered,
        gap_messages: report.gap_messages,
        duplicates: report.duplicates,
        unaccounted: report.unaccounted,
        lost: report.lost,
        refused: report.refused,
        p50_ms: rounded(report.latency_ms(0.5)),
        p99_ms: rounded(report.latency_ms(0.99)),
        max_ms: rounded(report.latency_ms(1.0)),
        nacks_per_message: rounded(report.nacks_per_message()),
        repairs_per_message: rounded(report.repairs_per_message()),
        datagrams_per_message: rounded(report.datagrams_per_message()),
        bytes_per_message: rounded(report.bytes_per_message()),
        control_datagrams_per_second: rounded(report.control_datagrams_per_second()),
        nacks_per_loss: rounded(report.nacks_per_loss()).filter(|_| options.one_loss),
        no_place: options.mix.as_ref().map(|_| report.no_place),
        mix: parts(options, report),
    };
    serde_json::to_string(&line).expect("numbers can be written")
}

pub(super) fn lines(options: &Sim, report: &Report) -> Vec<String> {
    let mut lines = vec![summary(options), network(options), String::new()];
    let pairs = report.sent * report.receivers;
    let count = |name: &str, count: u64, of: &str| row(name, &count.to_string(), of);
    lines.push(count("sent", report.sent, "messages"));
    let others = match &options.mix {
        Some(_) => "every other member that takes it",
        None => "every other member",
    };
    let of = format!("of {pairs}: every message at {others}");
    lines.push(count("delivered", report.delivered, &of));
    lines.push(count(
        "in gaps",
        report.gap_messages,
        "reported as never to come",
    ));
    if !options.class.class().is_reliable() || report.lost > 0 {
        lines.push(count("lost", report.lost, "as the class allows"));
    }
    lines.push(count(
        "unaccounted",
        report.unaccounted,
        "neither delivered nor reported",
    ));
    lines.push(count("duplicates", report.duplicates, "delivered again"));
    let extraordinary = [
        (
            "no place",
            report.no_place,
            "at members without a place for the sender",
        ),
        ("out of order", report.out_of_order, "older after newer"),
        ("damaged", report.damaged, "not what was sent"),
        (
            "contradicted",
            report.contradicted,
            "delivered and reported",
        ),
        ("unknown", report.unknown, "that nobody sent"),
        (
            "refused",
            report.refused,
            "had to wait for room until the end",
        ),
        (
            "strangers",
            report.strangers,
            "pairs of members without room for each other: nothing is promised",
        ),
    ];
    for (name, number, meaning) in extraordinary {
        if number > 0 {
            lines.push(count(name, number, meaning));
        }
    }
    if let Some(parts) = parts(options, report) {
        lines.push(String::new());
        lines.extend(parts.iter().map(|part| part.row(options)));
    }
    lines.push(String::new());
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        lines.push(row(
            name,
            &fixed(report.latency_ms(share)),
            "ms from send to delivery",
        ));
    }
    lines.push(String::new());
    let costs = [
        ("NACKs", report.nacks_per_message()),
        ("repairs", report.repairs_per_message()),
        ("datagrams", report.datagrams_per_message()),
        ("bytes", report.bytes_per_message()),
    ];
    for (name, cost) in costs {
        lines.push(row(name, &fixed(cost), "per message"));
    }
    let control = fixed(report.control_datagrams_per_second());
    lines.push(row(
        "control",
        &control,
        "datagrams/s of the whole group without new messages",
    ));
    if options.one_loss {
        let nacks = fixed(report.nacks_per_loss());
        lines.push(row("NACKs", &nacks, "per datagram that everybody lost"));
    }
    lines
}

/// What is simulated.
pub(super) fn summary(options: &Sim) -> String {
    let mut members = format!("{} members", options.members);
    let mut senders = options.senders.to_string();
    if let Some(mix) = &options.mix {
        members = format!("{} members ({})", mix.members(), in_words(mix.parts()));
        let of_each = in_words(&mix.senders(options.class.class(), options.senders));
        senders = format!("{senders} ({of_each})");
    }
    format!(
        "{members}, {senders} of them sending {} messages/s of {} bytes for {} s, {}",
        options.rate,
        options.size,
        options.seconds.as_secs_f64(),
        options.class
    )
}

/// On what network, with what memory and luck.
pub(super) fn network(options: &Sim) -> String {
    let seeds = match options.seeds {
        1 => format!("seed {}", options.seed),
        n => format!(
            "seeds {} to {}",
            options.seed,
            options.seed.saturating_add(n - 1)
        ),
    };
    let storage = match &options.mix {
        Some(_) => String::new(),
        None => format!("storage {}; ", options.storage),
    };
    format!(
        "network {}{}; {storage}{seeds}",
        options.link,
        changes(options)
    )
}

fn row(name: &str, value: &str, meaning: &str) -> String {
    format!("{name:<12} {value:>10}  {meaning}")
}

fn fixed(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

/// What is not as the kind of link has it.
fn changes(options: &Sim) -> String {
    let mut text = String::new();
    let mut add = |change: String| {
        text.push_str(", ");
        text.push_str(&change);
    };
    if let Some(delay) = options.delay {
        add(format!("delay {delay:?}"));
    }
    if let Some(jitter) = options.jitter {
        add(format!("jitter {jitter:?}"));
    }
    if let Some(share) = options.loss {
        add(format!("loss {}", percent(share)));
    }
    if let Some((share, length)) = options.burst {
        add(format!("bursts of {length} losing {}", percent(share)));
    }
    if let Some(share) = options.duplicate {
        add(format!("duplicates {}", percent(share)));
    }
    if let Some((share, by)) = options.reorder {
        add(format!("{} held back by up to {by:?}", percent(share)));
    }
    text
}

fn percent(share: f64) -> String {
    // Not 7.000000000000001 %.
    format!("{} %", (share * 1e5).round() / 1e3)
}
