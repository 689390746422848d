//! `groupcast groups`: which groups are in use, and who is in them.

mod census;
mod joined;
pub(crate) mod options;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use groupcast::Name;
use groupcast::seal::Keyring;
use groupcast_std::{Choice, key_file, resolve_group_on};

use crate::network::place;
use crate::network::recording::{Packet, Packets, Recording};
use crate::network::socket::Ear;
use crate::options::file::Settings;
use crate::options::{Common, USUAL_GROUP};
use crate::output::Output;
use crate::output::json::results;
use crate::process::clock::end_of;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::columns;
use crate::text::escape::escaped;
use census::{Census, Heard, Kind};
use joined::Eavesdropper;
use options::{Groups, USUAL};

/// How often to look at those who cannot wake us.
const LOOK: Duration = Duration::from_millis(100);

/// Datagrams of a group that are taken in one go.
const AT_ONCE: usize = 1024;

/// Names, or machines, that are shown of a group.
const SHOWN: usize = 4;

/// What groups are on other addresses is not known.
const BLIND: &str =
    "groups that nobody here has joined are not heard: --also ADDR:PORT listens to more";

/// Bytes of the largest datagram there is.
const LARGEST: usize = 65_535;

const HEADINGS: [&str; 5] = ["GROUP", "MEMBERS", "PROTECTION", "PROFILE", "WHO"];

pub(crate) fn run(common: &Common, options: &Groups) -> Result<(), Failure> {
    let (known, groups) = prepare(common, options)?;
    if let Some(file) = &options.capture {
        let mut census = Census::of_all();
        read(&mut census, file, options.timeout)?;
        return tell(common, &census, &known, None);
    }
    let mut ears: Vec<Ear> = Vec::new();
    for group in groups {
        if !ears.iter().any(|ear| plain(ear.group()) == plain(group)) {
            ears.push(Ear::join(common, group)?);
        }
    }
    let limit = options.timeout.unwrap_or(USUAL);
    let heard: Vec<_> = ears.iter().map(|ear| plain(ear.group())).collect();
    let choice = ears.first().map(|ear| ear.choice().clone());
    let silent = choice.as_ref().map_or_else(Vec::new, |choice| {
        joined::all(choice.index.get(), &choice.name, &heard)
    });
    if let Some(choice) = &choice {
        say_start(choice, &heard, &silent, limit);
    }
    let mut census = Census::default();
    listen(&mut census, &mut ears, &silent, limit)?;
    tell(common, &census, &known, choice.as_ref().map(Choice::label))?;
    aside!("groupcast: {BLIND}");
    Ok(())
}

/// Takes what a capture has, up to that long after its beginning. One that grows may be silent for longer.
fn read(census: &mut Census, file: &Path, limit: Option<Duration>) -> Result<(), Failure> {
    let recording = signal::ends_at_once(|| Recording::open(file))?;
    let mut packets = Packets::of(recording);
    let (end, mut begin) = (end_of(limit), None);
    while let Some(packet) = packets.next_by(end) {
        let Packet::Datagram(datagram) = packet? else {
            continue;
        };
        let begin = *begin.get_or_insert(datagram.time);
        if limit.is_some_and(|limit| datagram.time.saturating_sub(begin) > limit) {
            break;
        }
        if datagram.destination.ip().is_multicast() {
            census.hear(datagram.destination, datagram.source, &datagram.payload);
        }
    }
    Ok(())
}

/// Tells who was heard, and by which interface.
fn tell(
    common: &Common,
    census: &Census,
    known: &[Known],
    interface: Option<&str>,
) -> Result<(), Failure> {
    let mut output = Output::new(common.json);
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    for (group, kind, heard) in census.groups() {
        let fitting = || known.iter().filter(|known| known.is(group, kind));
        let name = fitting().find_map(|known| known.group_name(kind));
        let mut profiles: Vec<_> = fitting()
            .filter_map(|known| known.profile.as_deref())
            .collect();
        profiles.dedup();
        if common.json {
            let line = line(group, kind, heard, name, &profiles, interface);
            output.line(&results::group(&line))?;
        } else {
            rows.push(row(group, kind, heard, name, &profiles));
        }
    }
    if census.groups().next().is_none() {
        aside!("groupcast: nobody was heard");
    } else if !common.json {
        for line in columns::lines(&rows) {
            output.line(&line)?;
        }
    }
    Ok(())
}

/// A group that somebody may be in who uses this machine.
#[derive(Debug)]
struct Known {
    group: SocketAddr,
    profile: Option<String>,
    name: Name,
    kinds: Vec<Kind>,
}

impl Known {
    fn new(
        group: SocketAddr,
        profile: Option<&str>,
        name: Option<&str>,
        key_file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let group = plain(group);
        let mut name = Name::new(name.unwrap_or_default()).ok_or_else(|| {
            Failure::Settings("the group's name is longer than 32 bytes".to_owned())
        })?;
        let kinds = match key_file {
            None => vec![census::open(group, &name)],
            Some(path) => {
                let file = signal::ends_at_once(|| key_file::load(path))?;
                if name.is_empty() {
                    name = *file.group_name();
                }
                let ring = Keyring::derive(file.keys(), group, &name);
                let tags = ring.iter().flat_map(Keyring::tags);
                tags.map(|tag| Kind::Sealed(tag.get())).collect()
            }
        };
        Ok(Self {
            group,
            profile: profile.map(str::to_owned),
            name,
            kinds,
        })
    }

    fn is(&self, group: SocketAddr, kind: Kind) -> bool {
        self.group == group && (self.kinds.contains(&kind) || kind == Kind::Raw)
    }

    fn group_name(&self, kind: Kind) -> Option<&str> {
        (kind != Kind::Raw && !self.name.is_empty()).then(|| self.name.as_str())
    }
}

/// What is known of groups, and which to listen to. What one profile has wrong keeps nobody from the others.
fn prepare(common: &Common, options: &Groups) -> Result<(Vec<Known>, Vec<SocketAddr>), Failure> {
    let selector = common.interface.clone().unwrap_or_default();
    let own = place::group(common)?;
    let (name, key) = (common.group_name.as_deref(), common.key_file.as_deref());
    let mut known = vec![Known::new(own, None, name, key)?];
    let mut groups = vec![own];
    if let Some(settings) = Settings::load(common.config.as_deref())? {
        for (name, profile) in settings.profiles() {
            let text = profile
                .group
                .map_or_else(|| common.group.clone(), |said| said.value);
            let look = || {
                let group = resolve_group_on(&text, &selector)?;
                let group_name = profile.group_name.as_ref().map(|said| said.value.as_str());
                let key = profile.key_file.as_ref().map(|said| said.value.as_path());
                Known::new(group, Some(name), group_name, key)
            };
            match signal::ends_at_once(look) {
                Ok(found) => {
                    groups.push(found.group);
                    known.push(found);
                }
                Err(Failure::Settings(why) | Failure::Trouble(why)) => {
                    aside!("groupcast: profile {}: {}", escaped(name), escaped(&why));
                }
                Err(other) => return Err(other),
            }
        }
    }
    // Whoever has set nothing is in the usual one.
    let also = options.also.iter().map(String::as_str);
    for text in also.chain([USUAL_GROUP]) {
        let group = signal::ends_at_once(|| resolve_group_on(text, &selector))?;
        groups.push(group);
        known.push(Known::new(group, None, None, None)?);
        if name.is_some() {
            known.push(Known::new(group, None, name, None)?);
        }
    }
    Ok((known, groups))
}

fn say_start(choice: &Choice, joined: &[SocketAddr], silent: &[Eavesdropper], limit: Duration) {
    let list = |groups: &[SocketAddr]| {
        let mut shown: Vec<_> = groups.iter().take(SHOWN).map(ToString::to_string).collect();
        if groups.len() > SHOWN {
            shown.push(format!("{} more", groups.len() - SHOWN));
        }
        shown.join(", ")
    };
    let (name, seconds) = (choice.label(), limit.as_secs_f64());
    aside!(
        "listening on {} ({}) for {seconds} s to {}",
        escaped(name),
        choice.address,
        list(joined)
    );
    if let Some(text) = place::fallback(choice) {
        aside!("groupcast: {}", escaped(&text));
    }
    if !silent.is_empty() {
        let groups: BTreeSet<_> = silent.iter().map(|ear| ear.group.ip()).collect();
        let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
        aside!(
            "and to what programs here have joined: {}",
            groups.join(", ")
        );
    }
}

/// Hears what is said, until time is up or a signal comes.
fn listen(
    census: &mut Census,
    ears: &mut [Ear],
    silent: &[Eavesdropper],
    limit: Duration,
) -> Result<(), Failure> {
    let end = end_of(Some(limit));
    let mut buffer = vec![0; LARGEST];
    while !signal::end_requested() {
        for ear in &mut *ears {
            let group = plain(ear.group());
            for _ in 0..AT_ONCE {
                let Some((datagram, source)) = ear.hear()? else {
                    break;
                };
                census.hear(group, source, datagram);
            }
            ear.tell_of_changes();
        }
        for ear in silent {
            for _ in 0..AT_ONCE {
                let Some((length, source)) = ear.hear(&mut buffer) else {
                    break;
                };
                census.hear(ear.group, source, &buffer[..length]);
            }
        }
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        match left {
            Some(Duration::ZERO) => break,
            left => std::thread::sleep(left.map_or(LOOK, |left| left.min(LOOK))),
        }
    }
    Ok(())
}

/// A group without what belongs to this machine alone.
const fn plain(group: SocketAddr) -> SocketAddr {
    SocketAddr::new(group.ip(), group.port())
}

fn line<'a>(
    group: SocketAddr,
    kind: Kind,
    heard: &'a Heard,
    name: Option<&'a str>,
    profiles: &'a [&'a str],
    interface: Option<&'a str>,
) -> results::Group<'a> {
    results::Group {
        group: group.to_string(),
        interface,
        protection: match kind {
            Kind::Open(_) => "open",
            Kind::Sealed(_) => "sealed",
            Kind::OtherVersion => "unknown",
            Kind::Raw => "raw",
        },
        group_name: name,
        is_named: match kind {
            Kind::Open(_) => Some(kind != census::open(group, &Name::EMPTY)),
            _ => None,
        },
        members: if kind == Kind::Raw { 0 } else { heard.count() },
        names: heard.names().into_iter().collect(),
        senders: heard.machines().iter().map(ToString::to_string).collect(),
        profiles,
    }
}

fn row(
    group: SocketAddr,
    kind: Kind,
    heard: &Heard,
    name: Option<&str>,
    profiles: &[&str],
) -> [String; 5] {
    let named = match (kind, name) {
        (Kind::Open(_) | Kind::Sealed(_), Some(name)) => format!(", {}", escaped(name)),
        (Kind::Open(_), None) if kind != census::open(group, &Name::EMPTY) => {
            ", by a name".to_owned()
        }
        _ => String::new(),
    };
    let protection = match kind {
        Kind::Open(_) => "open",
        Kind::Sealed(_) => "sealed",
        Kind::OtherVersion => "of another version",
        Kind::Raw => "raw",
    };
    let machines = heard.machines();
    let mut who: Vec<_> = heard
        .names()
        .iter()
        .map(|name| escaped(name).to_string())
        .collect();
    who.extend(machines.iter().map(ToString::to_string));
    if who.len() > SHOWN {
        let more = who.len() - SHOWN;
        who.truncate(SHOWN);
        who.push(format!("{more} more"));
    }
    [
        group.to_string(),
        match kind {
            Kind::Raw => "-".to_owned(),
            _ => heard.count().to_string(),
        },
        format!("{protection}{named}"),
        profiles.join(", "),
        who.join(", "),
    ]
}
