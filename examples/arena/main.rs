//! A game in real time in the terminal, for 2 to 16 players in one group: run for coins, and shoot.
//!
//! ```text
//! cargo run --release --example arena -- --bots 3               you against three bots, on this machine
//! cargo run --release --example arena -- --interface eth0       with all who do the same in your network
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

use std::thread::JoinHandle;

use clap::Parser;
use groupcast_std::{InterfaceSelector, Member, resolve_group};

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
    #[arg(long, value_name = "ADDR:PORT", default_value = "239.1.2.5:12347")]
    group: String,

    /// The interface, by name, index or address. The default stays on this machine.
    #[arg(
        long,
        value_name = "NAME|INDEX|ADDR",
        env = "GROUPCAST_INTERFACE",
        default_value = "127.0.0.1"
    )]
    interface: String,

    /// Your name.
    #[arg(long, default_value = "you")]
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

impl Options {
    fn join(&self) -> Result<Member> {
        let interface: InterfaceSelector = self.interface.parse()?;
        let member = Member::builder(resolve_group(&self.group)?)
            .name(&self.name)
            .interface(interface);
        Ok(member.join()?)
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

    fn play_headless(&self) -> Result<Report> {
        let member = self.join()?;
        let (game, mut bot) = self.game(&member);
        play::play(member, &self.name, game, |game| Ok(Some(bot.input(game))))
    }

    fn play_on_screen(&self) -> Result<Report> {
        let member = self.join()?;
        let (game, mut bot) = self.game(&member);
        let mut screen = Screen::new()?;
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
                std::thread::spawn(move || bot.play_headless())
            })
            .collect()
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    let bots = options.start_bots();
    if options.headless {
        let report = options.play_headless()?;
        println!("{}", serde_json::to_string(&report)?);
    } else {
        let report = options.play_on_screen()?;
        for line in report.scores {
            println!("{:5} {}", line.points, line.name);
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
