//! A game in real time in the terminal, for 2 to 16 players in one group: run for coins, and shoot.
//!
//! ```text
//! cargo run --release --example arena -- --bots 3               you, three bots, and all who do the same in your network
//! cargo run --release --example arena -- --bots 3 -i lo         you and three bots: it stays on this machine
//! ```
//!
//! Positions are of the class Latest, scores and coins State, what happens ReliableOrdered: see `message.rs`.
//! How all players agree on who scored stands in `game.rs`.

mod bot;
mod field;
mod game;
mod message;
mod other;
mod play;
mod report;
mod screen;
mod text;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;
use std::thread::JoinHandle;

use clap::Parser;
use groupcast::Name;
use groupcast_std::{InterfaceSelector, Member, resolve_group_on};

use bot::Bot;
use field::TICKS_PER_SECOND;
use game::{Game, Rules};
use report::Report;
use screen::Screen;

type Result<T> = core::result::Result<T, Box<dyn core::error::Error + Send + Sync>>;

/// What bots are called.
const BOTS: [&str; 15] = [
    "ana", "ben", "cho", "dan", "eva", "fay", "gil", "hao", "ida", "jon", "kai", "leo", "mia",
    "noa", "oya",
];

/// Run for coins ($, one point), and shoot (three points). The grey ones are yours, for others.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The group.
    #[arg(
        short,
        long,
        value_name = "ADDR:PORT",
        default_value = "239.1.2.5:12347"
    )]
    group: String,

    /// The interface, by name, index or address. Default: chosen, as by all commands of the tool; `groupcast interfaces`
    /// says which and why.
    #[arg(
        short,
        long,
        value_name = "NAME|INDEX|ADDR",
        env = "GROUPCAST_INTERFACE",
        value_parser = parse_interface
    )]
    interface: Option<InterfaceSelector>,

    /// Your name, up to 32 bytes.
    #[arg(short, long, env = "GROUPCAST_NAME", default_value_t = user())]
    name: String,

    /// Let a bot play for you, and watch.
    #[arg(long)]
    bot: bool,

    /// So many bots more, in this process.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..16))]
    bots: u8,

    /// Wait for so many players before the game begins.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    players: u8,

    /// How long the game takes. Default: until you leave.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: Option<u32>,

    /// What bots and coins do by chance begins with this number. Default: a random one.
    #[arg(long)]
    seed: Option<u64>,

    /// No screen and no keys: a bot plays, and the scores at the end are printed as a line of JSON.
    #[arg(long, requires = "seconds")]
    headless: bool,

    /// Do not repair lost events, to see what happens then.
    #[arg(long)]
    unrepaired: bool,
}

/// What others know the person by who plays: they would all be called the same otherwise.
fn user() -> String {
    let names = ["USER", "USERNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    let mut fitting = names.filter(|name| !name.trim().is_empty() && name.len() <= Name::CAPACITY);
    fitting.next().unwrap_or_else(|| "player".to_owned())
}

impl Options {
    fn join(&self) -> Result<Member> {
        let interface = self.interface.clone().unwrap_or_default();
        let member = Member::builder(resolve_group_on(&self.group, &interface)?)
            .name(&self.name)
            .interface(interface);
        Ok(member.join()?)
    }

    /// The group, and how it is reached.
    fn place(&self, member: &Member) -> String {
        let choice = member.choice();
        // For want of a better one.
        let alone = if choice.fallback {
            ", this machine alone"
        } else {
            ""
        };
        format!(
            "{} via {}{alone}",
            member.group(),
            text::plain(choice.label())
        )
    }

    /// Joins, and says where, as the tool does.
    fn join_aloud(&self) -> Result<Member> {
        let member = self.join()?;
        let (choice, id) = (member.choice(), member.id());
        let mtu = choice
            .mtu
            .map_or_else(|| "unknown".to_owned(), |mtu| mtu.to_string());
        let place = self.place(&member);
        eprintln!(
            "group {place} ({}), MTU {mtu}, id {id}, open",
            choice.address
        );
        Ok(member)
    }

    fn game(&self, member: &Member) -> (Game, Bot) {
        let rules = Rules {
            players: self.players.into(),
            ticks: self.seconds.map(|seconds| seconds * TICKS_PER_SECOND),
            is_repaired: !self.unrepaired,
        };
        let seed = self.seed.unwrap_or_else(|| member.session().get());
        (Game::new(member.id(), rules, seed), Bot::new(seed))
    }

    fn play_headless(&self, member: Member) -> Result<Report> {
        let (game, mut bot) = self.game(&member);
        play::play(member, &self.name, game, |game| Ok(Some(bot.input(game))))
    }

    fn play_on_screen(&self) -> Result<Report> {
        if !stdin().is_terminal() || !stdout().is_terminal() {
            let text = "it is played on a terminal; --headless lets a bot play without";
            return Err(Settings(text.to_owned()).into());
        }
        let member = self.join_aloud()?;
        let (game, mut bot) = self.game(&member);
        let mut screen = Screen::new(&self.place(&member))?;
        play::play(member, &self.name, game, |game| {
            screen.draw(game, &self.name)?;
            let keys = screen::input()?;
            Ok(keys.map(|keys| if self.bot { bot.input(game) } else { keys }))
        })
    }

    /// The bots in this process, each with a thread and a socket of its own.
    fn start_bots(&self) -> Vec<JoinHandle<Result<Report>>> {
        let names = BOTS.iter().zip(1_u64..).take(self.bots.into());
        names
            .map(|(name, number)| {
                let bot = Self {
                    name: (*name).to_owned(),
                    seed: self.seed.map(|seed| seed.wrapping_add(number)),
                    ..self.clone()
                };
                std::thread::spawn(move || bot.play_headless(bot.join()?))
            })
            .collect()
    }
}

/// Something asked for cannot be.
#[derive(Debug)]
struct Settings(String);

impl core::fmt::Display for Settings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Settings {}

fn parse_interface(text: &str) -> core::result::Result<InterfaceSelector, &'static str> {
    // A variable of a script that is not set is not a wish to have one chosen.
    if text.trim().is_empty() {
        return Err("an interface is a name, an index or an address; `auto` has one chosen");
    }
    text.parse()
        .map_err(|never: core::convert::Infallible| match never {})
}

fn main() -> ExitCode {
    let Err(error) = run(&Options::parse()) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("arena: {}", text::plain(&error.to_string()));
    // As of the tool: 2 for what was asked for and cannot be, 1 for trouble.
    let is_setting = match error.downcast_ref::<groupcast_std::Error>() {
        Some(error) => error.is_setting(),
        None => error.is::<Settings>(),
    };
    ExitCode::from(if is_setting { 2 } else { 1 })
}

fn run(options: &Options) -> Result<()> {
    let bots = options.start_bots();
    if options.headless {
        let report = options.play_headless(options.join_aloud()?)?;
        println!("{}", serde_json::to_string(&report)?);
    } else {
        for line in options.play_on_screen()?.table() {
            println!("{line}");
        }
    }
    if options.seconds.is_some() {
        for bot in bots {
            bot.join().map_err(|_| "a bot panicked")??;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
