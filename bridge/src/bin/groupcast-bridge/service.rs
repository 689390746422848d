//! What a tunnel and a gateway have in common: the way to the broker, and what whoever operates them is told.

use core::time::Duration;
use std::io::Write;

use groupcast::Instant;
use groupcast_bridge::Subscription;
use groupcast_std::Clock;

use crate::failure::Failure;
use crate::link::Link;
use crate::log::{Level, say};
use crate::metrics::{Exposition, Metrics};
use crate::options::Shared;
use crate::session::Login;
use crate::signal;
use crate::tls::Tls;
use crate::wait::{Handle, wait};

/// The same trouble is told at most this often.
const AGAIN: Duration = Duration::from_secs(60);

/// Something that is counted: its name, what it means, and how many.
pub(crate) type Count = (&'static str, &'static str, u64);

/// The way to the broker, a clock, and whoever wants to know what happens.
pub(crate) struct Service<'o> {
    shared: &'o Shared,
    command: &'static str,
    pub(crate) clock: Clock,
    pub(crate) link: Link,
    pub(crate) is_up: bool,
    metrics: Option<Metrics>,
    next_stats: Option<Instant>,
    /// When trouble with the network was told.
    told: Option<Instant>,
}

/// The way to the broker, as these options describe it.
pub(crate) fn link(
    shared: &Shared,
    login: Login,
    subscriptions: Vec<Subscription>,
) -> Result<Link, Failure> {
    Ok(Link::new(
        shared.broker.clone(),
        shared.insecure,
        Tls::of(shared)?,
        login,
        subscriptions,
    ))
}

impl<'o> Service<'o> {
    pub(crate) fn new(
        shared: &'o Shared,
        command: &'static str,
        link: Link,
        clock: Clock,
    ) -> Result<Self, Failure> {
        Ok(Self {
            shared,
            command,
            link,
            is_up: false,
            metrics: shared.operator.metrics.map(Metrics::new).transpose()?,
            next_stats: shared.operator.stats.map(|every| clock.now() + every),
            told: None,
            clock,
        })
    }

    /// When the broker is to be reached at the latest, if it was not yet.
    fn limit(&self) -> Option<Instant> {
        let limit = self.shared.timeout.map(|limit| Instant::ZERO + limit);
        limit.filter(|_| self.link.counted().connected == 0)
    }

    /// Writes to the broker, prints counters when it is time to, answers Prometheus, and gives up when the broker is not
    /// there in time. `gauges` writes what the command has beside its counters.
    pub(crate) fn tend(
        &mut self,
        now: Instant,
        group: &str,
        counts: impl Fn() -> Vec<Count>,
        gauges: impl Fn(&mut Exposition),
    ) -> Result<(), Failure> {
        // Trouble with that is met when the link is polled, and told there.
        let _ = self.link.flush(now);
        if let Some(mut metrics) = self.metrics.take() {
            metrics.poll(now, || self.exposition(group, counts(), &gauges));
            self.metrics = Some(metrics);
        }
        if let (Some(next), Some(every)) = (self.next_stats, self.shared.operator.stats)
            && next <= now
        {
            self.next_stats = Some(now + every);
            self.print_stats(counts())?;
        }
        if self.limit().is_some_and(|limit| limit <= now) {
            return Err(Failure::Unmet(self.link.lacks()));
        }
        Ok(())
    }

    /// Waits for one of these, for the broker, for whoever asks for metrics, or until a time. Says which of these are ready.
    pub(crate) fn wait<'a>(
        &'a self,
        now: Instant,
        mut handles: Vec<Handle<'a>>,
        deadline: Instant,
        is_more: bool,
    ) -> Result<Vec<bool>, Failure> {
        let deadlines = [Some(self.link.deadline()), self.next_stats, self.limit()];
        let next = deadlines.into_iter().flatten().fold(deadline, Ord::min);
        let pause = if is_more || self.link.is_more() {
            Duration::ZERO
        } else {
            now.until(next).min(signal::LOOK)
        };
        handles.extend(self.link.handle());
        handles.extend(self.metrics.iter().flat_map(Metrics::handles));
        wait(&handles, pause).map_err(|error| Failure::Trouble(format!("cannot wait: {error}")))
    }

    /// Ends well.
    pub(crate) fn end(
        &mut self,
        now: Instant,
        counts: Vec<Count>,
        text: &str,
    ) -> Result<(), Failure> {
        self.link.leave(now);
        if self.shared.operator.stats.is_some() {
            self.print_stats(counts)?;
        }
        say(Level::Info, "end", &format!("ended: {text}"));
        Ok(())
    }

    /// The broker is away.
    pub(crate) fn down(&mut self, failure: &Failure, pause: Duration) {
        self.is_up = false;
        let seconds = pause.as_secs_f64();
        let text = format!("{failure}; trying again in {seconds:.1} s");
        say(Level::Warning, "down", &text);
    }

    /// Trouble with the group's network that may pass, or be the interface's.
    pub(crate) fn trouble(&mut self, now: Instant, error: &dyn core::fmt::Display) {
        if self.told.is_none_or(|told| now.since(told) >= AGAIN) {
            self.told = Some(now);
            say(Level::Warning, "network", &error.to_string());
        }
    }

    fn print_stats(&self, counts: Vec<Count>) -> Result<(), Failure> {
        let all = counts.into_iter().chain(self.link.counted().described());
        let all = all.map(|(name, _, count)| (name, count));
        let all = all.chain([("up", u64::from(self.is_up))]);
        let all: serde_json::Map<_, _> = all
            .map(|(name, count)| (name.to_owned(), count.into()))
            .collect();
        let mut output = std::io::stdout().lock();
        let line = serde_json::Value::from(all);
        let written = writeln!(output, "{line}").and_then(|()| output.flush());
        written
            .map_err(|error| Failure::Trouble(format!("cannot write to standard output: {error}")))
    }

    fn exposition(
        &self,
        group: &str,
        counts: Vec<Count>,
        gauges: impl Fn(&mut Exposition),
    ) -> String {
        let mut text = Exposition::default();
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("command", self.command),
            ("site", self.shared.site.as_str()),
            ("group", group),
        ];
        text.gauges("info", "What this is.", [(&labels[..], 1)]);
        text.gauge("up", "Whether the broker is there.", u8::from(self.is_up));
        for (name, help, count) in self.link.counted().described() {
            text.counter(name, help, count);
        }
        gauges(&mut text);
        for (name, help, count) in counts {
            text.counter(&format!("{}_{name}", self.command), help, count);
        }
        text.into_text()
    }
}
