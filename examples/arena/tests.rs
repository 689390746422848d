//! Games of bots: over a simulated network that loses a fifth, and over sockets on this machine.

use core::time::Duration;

use groupcast::{Channel, Config};
use groupcast_sim::{Link, MemberKey, SimNet};

use super::*;
use crate::game::{Input, Phase};
use crate::message::{GameEvent, SCORES};

/// A player on a simulated network.
struct Player {
    key: MemberKey,
    name: String,
    game: Game,
    bot: Bot,
}

impl Player {
    fn tick(&mut self, net: &mut SimNet) {
        let member = &mut net[self.key];
        for event in member.take_events() {
            play::note(&mut self.game, &event);
        }
        self.game.tick(self.bot.input(&self.game));
        for outgoing in self.game.take_outbox() {
            let number = member.send(outgoing.channel, &outgoing.payload).unwrap();
            if outgoing.confirm {
                member.confirm(number).unwrap();
            }
        }
    }
}

/// A game of some seconds on virtual time. Returns what each player knows at the end.
fn simulate(players: u8, seconds: u32, seed: u64, loss: f64, is_repaired: bool) -> Vec<Report> {
    let mut net = SimNet::new(seed).with_link(Link::lan().with_loss(loss));
    let rules = Rules {
        players: players.into(),
        ticks: Some(seconds * TICKS_PER_SECOND),
        is_repaired,
    };
    let config = Config::new("239.1.2.5:12347".parse().unwrap());
    let mut all: Vec<_> = (0..players)
        .map(|number| {
            let name = format!("bot {number}");
            let key = net.join(config.with_name(&name));
            let seed = seed + u64::from(number);
            let id = net[key].node().unwrap().id();
            Player {
                key,
                name,
                game: Game::new(id, rules, seed),
                bot: Bot::new(seed),
            }
        })
        .collect();
    // Ten seconds more: for the meeting, and to agree.
    for _ in 0..(seconds + 10) * TICKS_PER_SECOND {
        for player in &mut all {
            player.tick(&mut net);
        }
        if all.iter().all(|player| player.game.is_settled()) {
            break;
        }
        net.run_for(Duration::from_micros(33_333));
    }
    all.iter()
        .map(|player| Report::new(&player.game, &player.name))
        .collect()
}

/// Whether all players know the same scores, published and counted.
fn agree(reports: &[Report]) -> bool {
    reports.iter().all(|report| {
        let counted = |line: &report::Line| line.counted == line.points;
        report.settled && report.scores == reports[0].scores && report.scores.iter().all(counted)
    })
}

fn points(report: &Report) -> u32 {
    report.scores.iter().map(|line| line.points).sum()
}

#[test]
fn all_agree_on_the_scores_at_a_loss_of_a_fifth() {
    for seed in 0..3 {
        let reports = simulate(4, 15, seed, 0.2, true);
        assert!(agree(&reports), "seed {seed}: {reports:#?}");
        assert!(points(&reports[0]) >= 20, "seed {seed}: {reports:#?}");
        for report in &reports {
            assert_eq!(report.gaps, 0);
            // Where one turns while a position or two are lost.
            assert!(report.jump <= 1.0, "seed {seed}: {reports:#?}");
        }
    }
}

#[test]
fn two_and_sixteen_can_play() {
    for players in [2, 16] {
        let reports = simulate(players, 4, 7, 0.05, true);
        assert!(agree(&reports), "{reports:#?}");
        assert_eq!(reports[0].scores.len(), usize::from(players));
    }
}

#[test]
fn without_repair_they_do_not_agree() {
    let reports = simulate(4, 15, 1, 0.2, false);
    assert!(points(&reports[0]) > 0);
    assert!(!agree(&reports), "{reports:#?}");
}

#[test]
fn bots_play_over_sockets_on_this_machine() {
    // A group and port of this process.
    let [.., high, low] = std::process::id().to_be_bytes();
    let port = 24_000 + u16::from(low);
    let group = format!("239.{high}.{low}.47:{port}");
    let line = format!(
        "arena --headless --seconds 3 --seed 1 --bots 2 --players 3 --interface 127.0.0.1 --group {group}"
    );
    let options = Options::try_parse_from(line.split(' ')).unwrap();
    let bots = options.start_bots();
    let mut reports = vec![options.play_headless(options.join().unwrap()).unwrap()];
    reports.extend(bots.into_iter().map(|bot| bot.join().unwrap().unwrap()));
    assert!(agree(&reports), "{reports:#?}");
    assert_eq!(reports[0].scores.len(), 3);
    assert!(reports[0].positions > 0);
}

/// A game of one, with others that are only said to be there.
fn alone() -> Game {
    let rules = Rules {
        players: 1,
        ticks: None,
        is_repaired: true,
    };
    let mut game = Game::new(id(1), rules, 1);
    while game.own_coins().is_empty() {
        game.tick(Input::default());
    }
    game
}

fn id(number: u32) -> groupcast::MemberId {
    groupcast::MemberId::new(number).unwrap()
}

#[test]
fn a_coin_goes_to_the_first_who_claims_it() {
    let mut game = alone();
    let coin = game.own_coins()[0].number;
    let claim = GameEvent::Claim { owner: id(1), coin };
    for number in [3, 2] {
        game.hear(id(number), "", message::EVENTS.number(), &claim.emit());
    }
    assert_eq!((game.counted(id(3)), game.counted(id(2))), (1, 0));
    let given = GameEvent::Given { coin, to: id(3) }.emit();
    let sent = game.take_outbox();
    assert_eq!(sent.iter().filter(|out| out.payload == given).count(), 1);
}

#[test]
fn whoever_is_gone_is_not_waited_for() {
    let mut game = alone();
    let score = message::Score {
        points: 4,
        is_final: false,
    };
    game.hear(id(2), "ana", SCORES.number(), &score.emit());
    game.stop();
    game.tick(Input::default());
    assert_eq!(game.phase(), Phase::Over);
    assert!(!game.is_settled());
    game.gone(id(2));
    game.tick(Input::default());
    assert!(game.is_settled());
    let last = game.take_outbox().pop().unwrap();
    assert!(last.confirm && last.channel == Channel::state(2));
}

/// The screen of a game with these players, line by line.
fn screen(players: u32, width: u16, height: u16) -> Vec<String> {
    use ratatui::{Terminal, backend::TestBackend};

    let mut game = alone();
    for number in 0..players {
        let points = number / 2;
        let score = message::Score {
            points,
            is_final: false,
        };
        let name = format!("player {number:02} of the school");
        game.hear(id(number + 2), &name, SCORES.number(), &score.emit());
    }
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let drawn = terminal.draw(|frame| screen::draw(frame, &game, "eva", "239.1.2.5:12347 via lo"));
    drawn.unwrap();
    let buffer = terminal.backend().buffer();
    let line = |row| (0..width).map(move |column| buffer[(column, row)].symbol());
    (0..height).map(|row| line(row).collect()).collect()
}

#[test]
fn the_screen_shows_the_group_the_scores_and_what_the_signs_mean() {
    let lines = screen(3, 80, 24);
    assert!(
        lines[0].contains("arena  239.1.2.5:12347 via lo"),
        "{}",
        lines[0]
    );
    // The best first; names that are too long say so.
    assert!(
        lines[1].ends_with("    1 player 02 of th…│"),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].ends_with("    0 eva             │"),
        "{}",
        lines[2]
    );
    for sign in [
        "@ you",
        "a others",
        "$ coin: 1 point",
        "$ yours",
        "* shot: a hit is 3",
    ] {
        assert!(lines.iter().any(|line| line.contains(sign)), "{sign}");
    }
    // Scores come before signs, and all sixteen have room.
    let full = screen(15, 80, 18);
    assert!(!full.iter().any(|line| line.contains("@ you")));
    assert!(full.iter().any(|line| line.contains("player 00")));
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_how_large_it_has_to_be() {
    let shown = |width, height| screen(3, width, height).join(" ");
    let text = shown(59, 16)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(text.contains("needs 60×16 cells, not 59×16"), "{text}");
    assert!(!shown(60, 16).contains("needs"));
    let smallest = shown(20, 5);
    assert!(smallest.contains("q leaves") && smallest.contains("larger"));
    // None is too small for not falling over.
    for (width, height) in [(1, 1), (2, 40), (200, 1)] {
        shown(width, height);
    }
}

#[test]
fn the_last_table_is_sorted_and_equal_points_have_one_place() {
    let mut game = alone();
    for (number, points) in [(2, 4), (3, 9), (4, 4), (5, 0)] {
        let score = message::Score {
            points,
            is_final: true,
        };
        let name = format!("{number}\u{1b}[2J");
        game.hear(id(number), &name, SCORES.number(), &score.emit());
    }
    let table = Report::new(&game, "eva").table();
    assert_eq!(
        table,
        [
            "PLACE  POINTS  PLAYER",
            "    1       9  3?[2J",
            "    2       4  2?[2J",
            "    2       4  4?[2J",
            "    4       0  5?[2J",
            "    4       0  eva",
        ]
    );
}

#[test]
fn the_interface_is_chosen_as_by_the_tool() {
    let parse = |line: &str| Options::try_parse_from(line.split(' '));
    let chosen = |line| parse(line).unwrap().interface;
    // The variable of whoever runs this test counts, too.
    if std::env::var_os("GROUPCAST_INTERFACE").is_none() {
        assert_eq!(chosen("arena"), None);
    }
    assert_eq!(chosen("arena -i auto"), Some(InterfaceSelector::Auto));
    assert!(parse("arena --interface ").is_err());
    let nowhere = parse("arena -i nothing0").unwrap().join().unwrap_err();
    let nowhere = nowhere.downcast::<groupcast_std::Error>().unwrap();
    assert!(nowhere.is_setting());
}
