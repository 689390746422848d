//! A heating system of three devices that find each other: a sensor, a boiler and a panel.
//!
//! ```text
//! cargo run --example heating -- sensor        in one terminal
//! cargo run --example heating -- boiler        in another
//! cargo run --example heating -- panel         in a third
//! ```
//!
//! Type a number into the sensor (how warm it is) or the panel (how warm it shall be). All stays on this machine
//! unless `--interface` names another one. [README.md](README.md) tells how it is tested.

mod app;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};

use app::{Boiler, Panel, Sensor};
use clap::{Parser, ValueEnum};
use groupcast::Application;
use groupcast_std::{InterfaceSelector, Member, key_file, resolve_group};

/// One device of a heating system.
#[derive(Debug, Parser)]
struct Options {
    /// Which device.
    role: Role,

    /// The group.
    #[arg(long, default_value = "239.1.2.3:12345")]
    group: String,

    /// The network interface.
    #[arg(long, default_value = "127.0.0.1")]
    interface: InterfaceSelector,

    /// The keys of a sealed group, as `groupcast keygen` writes them.
    #[arg(long)]
    key_file: Option<PathBuf>,

    /// End after so many seconds.
    #[arg(long, default_value_t = u64::MAX)]
    seconds: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Sensor,
    Boiler,
    Panel,
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let options = Options::parse();
    let name = match options.role {
        Role::Sensor => "sensor",
        Role::Boiler => "boiler",
        Role::Panel => "panel",
    };
    let mut member = Member::builder(resolve_group(&options.group)?)
        .interface(options.interface.clone())
        .name(name);
    if let Some(path) = &options.key_file {
        let file = key_file::load(path)?;
        member = member
            .group_name(file.group_name().as_str())
            .keys(file.keys().clone());
    }
    let member = member.join()?;
    let time = Duration::from_secs(options.seconds);
    match options.role {
        Role::Sensor => drive(
            member,
            time,
            Sensor::new(195),
            |sensor, typed| sensor.reading = typed,
            |sensor| format!("{} °C", degrees(sensor.reading)),
        ),
        Role::Boiler => drive(
            member,
            time,
            Boiler::default(),
            |_, _| {},
            |boiler| {
                let state = if boiler.burns() { "burns" } else { "is off" };
                format!("{state}, target {} °C", degrees(boiler.target()))
            },
        ),
        Role::Panel => drive(
            member,
            time,
            Panel::default(),
            |panel, typed| panel.wanted = Some(typed),
            |panel| {
                let shown = |value: Option<i16>| value.map_or_else(|| "?".to_owned(), degrees);
                let (reading, target) = (shown(panel.reading()), shown(panel.target()));
                let burner = match panel.burns() {
                    Some(true) => "burns",
                    Some(false) => "is off",
                    None => "is not there",
                };
                format!("{reading} °C, target {target} °C, the boiler {burner}")
            },
        ),
    }
}

/// Runs a device: what is typed goes to it, and what it shows is printed when it changes.
fn drive<A: Application>(
    mut member: Member,
    time: Duration,
    mut app: A,
    typed: impl Fn(&mut A, i16),
    show: impl Fn(&A) -> String,
) -> Result<(), Box<dyn core::error::Error>> {
    const STEP: Duration = Duration::from_millis(100);
    let lines = lines();
    let mut shown = String::new();
    let mut left = time;
    while !left.is_zero() {
        member.run(&mut app, STEP.min(left))?;
        left = left.saturating_sub(STEP);
        while let Ok(line) = lines.try_recv() {
            match line.trim().replace(',', ".").parse::<f32>() {
                Ok(degrees) if (-50.0..=100.0).contains(&degrees) => {
                    typed(&mut app, (degrees * 10.0).round() as i16);
                }
                _ => eprintln!("type degrees, such as 21.5"),
            }
        }
        let now = show(&app);
        if now != shown {
            println!("{now}");
            shown = now;
        }
    }
    member.leave()?;
    Ok(())
}

/// The lines that are typed.
fn lines() -> Receiver<String> {
    let (to, from) = mpsc::channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if to.send(line).is_err() {
                return;
            }
        }
    });
    from
}

fn degrees(tenths: i16) -> String {
    format!("{:.1}", f32::from(tenths) / 10.0)
}
