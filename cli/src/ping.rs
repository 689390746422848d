//! `groupcast ping`: how long members take to answer, asked by multicast and by unicast side by side.

pub(crate) mod options;
mod prober;

use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

use groupcast::MemberId;
use groupcast_sim::Latency;
use serde::Serialize;

use crate::network::place::say_where;
use crate::options::Common;
use crate::output::Output;
use crate::output::json::{self, called};
use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::columns;
use crate::text::escape::escaped;
use options::Ping;

use prober::{Answer, Present, Prober, Way};

/// How long to look for members before they are asked, and how often to ask them meanwhile.
const LOOK_FOR: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(6);
const ASK_EVERY: Duration = Duration::from_millis(250);

pub(crate) fn run(common: &Common, options: &Ping) -> Result<(), Failure> {
    if common.hidden {
        return Err(Failure::Settings(
            "nobody answers who is not there: leave out --hidden".to_owned(),
        ));
    }
    let mut prober = Prober::join(common)?;
    let protection = if prober.is_sealed() { "sealed" } else { "open" };
    let who = format!("id {}, {protection}", prober.id());
    say_where(common, prober.group(), prober.choice(), &who);

    let mut output = Output::new(common.json);
    let mut tally = Tally::default();
    let asked = find(&mut prober, options)
        .and_then(|()| ask(&mut prober, options, common.json, &mut output, &mut tally));
    let there = who_is_there(&mut prober);
    let left = prober.leave();
    asked?;
    tally.report(common.json, &mut output)?;
    left?;
    if tally.members.is_empty() {
        return Err(Failure::Unmet(match &options.member {
            _ if signal::end_requested() => format!("ended before anybody had answered; {there}"),
            Some(member) => format!("{member} is not there; {there}"),
            None => format!("nobody is there; {there}"),
        }));
    }
    if tally.members.values().any(Measured::is_mute) {
        return Err(Failure::Unmet("not all answered".to_owned()));
    }
    Ok(())
}

/// Whether this is a member that was asked for.
fn is_wanted(options: &Ping, id: MemberId, present: &Present) -> bool {
    options.member.as_deref().is_none_or(|wanted| {
        present.name.as_str() == wanted || id.to_string() == wanted.to_lowercase()
    })
}

/// Waits until those that are wanted are there and have answered: nothing counts before they know us.
fn find(prober: &mut Prober, options: &Ping) -> Result<(), Failure> {
    let start = Instant::now();
    let mut answered = Vec::new();
    while start.elapsed() < PATIENCE && !signal::end_requested() {
        let next = Instant::now() + ASK_EVERY;
        prober.run_until(next, |answer, _| {
            answered.push(answer.from);
            false
        })?;
        let mut wanted = prober.present.iter();
        let wanted: Vec<_> = wanted
            .by_ref()
            .filter(|(id, present)| is_wanted(options, **id, present))
            .map(|(id, _)| *id)
            .collect();
        let is_complete = !wanted.is_empty() && wanted.iter().all(|id| answered.contains(id));
        if is_complete && (options.member.is_some() || start.elapsed() >= LOOK_FOR) {
            break;
        }
        prober.ask_all()?;
        for member in wanted {
            prober.ask(member)?;
        }
    }
    // Answers that are still on their way.
    prober.run_until(Instant::now() + ASK_EVERY / 2, |_, _| false)
}

/// Asks, round by round.
fn ask(
    prober: &mut Prober,
    options: &Ping,
    json: bool,
    output: &mut Output,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut round: u64 = 0;
    while !signal::end_requested() {
        let start = Instant::now();
        let is_last = options.count.is_some_and(|count| round + 1 >= count.get());
        let wanted: Vec<_> = prober
            .present
            .iter()
            .filter(|(id, present)| is_wanted(options, **id, present))
            .map(|(id, present)| {
                let measured = tally.members.entry(*id).or_default();
                measured.name = called(present.name.as_str(), *id);
                measured.address = present.address.to_string();
                *id
            })
            .collect();
        if wanted.is_empty() && round == 0 {
            return Ok(());
        }
        let asked = prober.ask_all()?;
        for id in &wanted {
            tally.asked(*id, Way::Multicast, Some(asked));
        }
        prober.run_until(start + options.interval / 2, |answer, _| {
            tally.answered(answer);
            false
        })?;
        for id in &wanted {
            let asked = prober.ask(*id)?;
            tally.asked(*id, Way::Unicast, asked);
        }
        prober.run_until(start + options.interval, |answer, _| {
            tally.answered(answer);
            is_last && !tally.is_waiting()
        })?;
        if signal::end_requested() {
            tally.forget_waiting();
            break;
        }
        for id in &wanted {
            if let Some(measured) = tally.members.get(id)
                && !json
            {
                output.line(&measured.line())?;
            }
        }
        tally.end_round();
        round += 1;
        if is_last {
            break;
        }
    }
    Ok(())
}

fn who_is_there(prober: &mut Prober) -> String {
    if let Some(text) = prober.unreadable.text(Instant::now()) {
        return format!("{text}; `groupcast doctor` says what to do");
    }
    let members: Vec<_> = prober
        .present
        .iter()
        .map(|(id, present)| called(present.name.as_str(), *id))
        .collect();
    if members.is_empty() {
        "`groupcast interfaces` shows what this machine would use".to_owned()
    } else {
        format!("there are {}", members.join(", "))
    }
}

/// What was measured.
#[derive(Debug, Default)]
struct Tally {
    members: BTreeMap<MemberId, Measured>,
}

/// Of one member.
#[derive(Debug, Default)]
struct Measured {
    name: String,
    address: String,
    ways: [Trips; 2],
}

/// One way.
#[derive(Debug, Default)]
struct Trips {
    sent: u64,
    answered: u64,
    took: Latency,
    /// When the question was asked that is not answered yet.
    waiting: Option<Instant>,
    /// That of this round.
    last: Option<Duration>,
}

impl Tally {
    fn asked(&mut self, id: MemberId, way: Way, at: Option<Instant>) {
        if let Some(measured) = self.members.get_mut(&id) {
            let trips = &mut measured.ways[way as usize];
            trips.sent += 1;
            trips.waiting = at;
        }
    }

    fn answered(&mut self, answer: Answer) {
        if let Some(measured) = self.members.get_mut(&answer.from) {
            let trips = &mut measured.ways[answer.way as usize];
            if let Some(asked) = trips.waiting.take() {
                let took = answer.at.saturating_duration_since(asked);
                trips.answered += 1;
                trips.took.add(took);
                trips.last = Some(took);
            }
        }
    }

    fn trips(&mut self) -> impl Iterator<Item = &mut Trips> {
        let members = self.members.values_mut();
        members.flat_map(|measured| &mut measured.ways)
    }

    fn is_waiting(&self) -> bool {
        let mut members = self.members.values();
        members.any(|measured| measured.ways.iter().any(|way| way.waiting.is_some()))
    }

    /// Whoever has not answered will not.
    fn end_round(&mut self) {
        for trips in self.trips() {
            trips.waiting = None;
            trips.last = None;
        }
    }

    /// Nobody knows whether they would have answered.
    fn forget_waiting(&mut self) {
        for trips in self.trips() {
            if trips.waiting.take().is_some() {
                trips.sent -= 1;
            }
        }
    }

    fn report(&self, json: bool, output: &mut Output) -> Result<(), Failure> {
        if json {
            for (id, measured) in &self.members {
                output.line(&measured.json(*id))?;
            }
            return Ok(());
        }
        if self.members.is_empty() {
            return Ok(());
        }
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        for (id, measured) in &self.members {
            for way in Way::ALL {
                rows.push(measured.row(*id, way));
            }
        }
        columns::lines(&rows)
            .iter()
            .try_for_each(|line| output.line(line))
    }
}

const HEADINGS: [&str; 11] = [
    "MEMBER", "ID", "ADDRESS", "WAY", "ASKED", "LOST", "MIN ms", "P50", "P90", "P99", "MAX",
];

/// Which of the trips are shown: names of fields, and shares.
const SHARES: [f64; 5] = [0.0, 0.5, 0.9, 0.99, 1.0];

impl Measured {
    fn is_mute(&self) -> bool {
        self.ways.iter().all(|way| way.answered == 0)
    }

    /// What this round gave.
    fn line(&self) -> String {
        let ways = Way::ALL.map(|way| {
            let name = way.name();
            match self.ways[way as usize].last {
                Some(took) => format!("{name} {} ms", millis(took)),
                None => format!("{name} lost"),
            }
        });
        format!("{}: {}", escaped(&self.name), ways.join(", "))
    }

    fn row(&self, id: MemberId, way: Way) -> [String; HEADINGS.len()] {
        let trips = &self.ways[way as usize];
        let [min, p50, p90, p99, max] = SHARES.map(|share| {
            let took = trips.took.quantile(share);
            took.map_or_else(|| "-".to_owned(), millis)
        });
        [
            escaped(&self.name).to_string(),
            id.to_string(),
            self.address.clone(),
            way.name().to_owned(),
            trips.sent.to_string(),
            format!("{:.0} %", trips.loss_percent()),
            min,
            p50,
            p90,
            p99,
            max,
        ]
    }

    fn json(&self, id: MemberId) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            event: &'static str,
            from: &'a str,
            sender: String,
            address: &'a str,
            multicast: Numbers,
            unicast: Numbers,
        }
        #[derive(Serialize)]
        struct Numbers {
            asked: u64,
            answered: u64,
            loss_percent: f64,
            min_ms: Option<f64>,
            p50_ms: Option<f64>,
            p90_ms: Option<f64>,
            p99_ms: Option<f64>,
            max_ms: Option<f64>,
        }
        let [multicast, unicast] = [0, 1].map(|way| {
            let trips = &self.ways[way];
            let [min_ms, p50_ms, p90_ms, p99_ms, max_ms] = SHARES.map(|share| {
                let took = trips.took.quantile(share);
                took.map(|took| took.as_micros() as f64 / 1000.0)
            });
            Numbers {
                asked: trips.sent,
                answered: trips.answered,
                loss_percent: trips.loss_percent(),
                min_ms,
                p50_ms,
                p90_ms,
                p99_ms,
                max_ms,
            }
        });
        json::to_line(&Line {
            event: "ping",
            from: &self.name,
            sender: id.to_string(),
            address: &self.address,
            multicast,
            unicast,
        })
    }
}

impl Trips {
    /// How many of a hundred questions were not answered.
    fn loss_percent(&self) -> f64 {
        if self.sent == 0 {
            return 0.0;
        }
        (self.sent - self.answered) as f64 * 100.0 / self.sent as f64
    }
}

fn millis(took: Duration) -> String {
    format!("{:.3}", took.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_answered_is_lost_unless_nobody_waited() {
        let (mut tally, id) = (Tally::default(), MemberId::new(7).unwrap());
        tally.members.insert(id, Measured::default());
        let start = Instant::now();
        let answer = |way, millis| Answer {
            from: id,
            way,
            at: start + Duration::from_millis(millis),
        };
        for round in 1..=4 {
            tally.asked(id, Way::Multicast, Some(start));
            tally.asked(id, Way::Unicast, Some(start));
            if round > 1 {
                tally.answered(answer(Way::Multicast, round));
            }
            tally.answered(answer(Way::Unicast, 10 * round));
            // Once more, or late: not an answer to anything.
            tally.answered(answer(Way::Unicast, 1_000));
            tally.end_round();
        }
        tally.asked(id, Way::Multicast, Some(start));
        assert!(tally.is_waiting());
        tally.forget_waiting();
        let measured = &tally.members[&id];
        let [multicast, unicast] = &measured.ways;
        assert_eq!((multicast.sent, multicast.answered), (4, 3));
        assert_eq!(
            (multicast.loss_percent(), unicast.loss_percent()),
            (25.0, 0.0)
        );
        assert_eq!(unicast.took.quantile(0.5), Some(Duration::from_millis(20)));
        assert_eq!(
            measured.row(id, Way::Unicast)[6..],
            ["10.000", "20.000", "40.000", "40.000", "40.000"]
        );
    }
}
