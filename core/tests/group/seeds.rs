//! Seeds as devices have them: what differs between two starts makes another life.

use groupcast::{Channel, Config, ConfigError, Group, Instant, Seed};

use crate::hub::{Room, address, config, drain, group_address, id, member, ms};

const CHIP: [u8; 12] = *b"\x2a\x00\x17\x00\x0aQ639760";

/// A chip's id, a count of starts and zeros, in all orders.
fn natural(starts: u32) -> Vec<[u8; 32]> {
    let starts = starts.to_le_bytes();
    let zeros = [0; 8];
    let parts: [&[u8]; 4] = [&CHIP, &starts, &zeros, &zeros];
    let mut seeds = Vec::new();
    for chip_at in 0..4 {
        for starts_at in 0..4 {
            if chip_at == starts_at {
                continue;
            }
            let mut order: [&[u8]; 4] = [parts[2]; 4];
            order[chip_at] = parts[0];
            order[starts_at] = parts[1];
            seeds.push(order.concat().try_into().unwrap());
        }
    }
    seeds
}

fn board(seed: impl Into<Seed>) -> Group<Room> {
    let config = Config::new(group_address())
        .with_name("boiler")
        .with_id(id(42));
    Group::new(Room::new(), config, seed).unwrap()
}

/// How many of 20 messages of the board's first life, and of its second, somebody hears.
fn heard(lives: [Group<Room>; 2]) -> [usize; 2] {
    let mut panel = member(config("panel"), 9);
    let mut buffer = [0; 1472];
    let mut heard = [0; 2];
    let mut log = Vec::new();
    for (life, mut board) in lives.into_iter().enumerate() {
        for n in 0..20 {
            let now = ms(life as u64 * 30_000 + n * 100);
            board
                .queue(now, Channel::reliable_ordered(1), b"reading")
                .unwrap();
            while let Some(transmit) = board.poll_transmit(now, &mut buffer).unwrap() {
                let datagram = &buffer[..transmit.len];
                panel.handle(now, address(42), datagram).unwrap();
                drain(&mut panel, &mut log);
            }
        }
        let messages = log.drain(..).filter(|line| line.ends_with("reading"));
        heard[life] = messages.count();
    }
    heard
}

/// PROTOCOL W1.
#[test]
fn after_a_reset_a_board_is_heard_however_its_seed_is_laid_out() {
    for (first, second) in natural(41).into_iter().zip(natural(42)) {
        assert_eq!(heard([board(first), board(second)]), [20, 20], "{first:?}");
    }
    let start = |starts| board(Seed::from_device(&CHIP, starts));
    assert_eq!(heard([start(41), start(42)]), [20, 20]);
}

/// PROTOCOL W1.
#[test]
fn boards_whose_seeds_differ_in_one_bit_share_no_id_no_session_and_no_jitter() {
    let all = |seed: [u8; 32]| {
        let mut group = Group::new(Room::new(), config("a"), seed).unwrap();
        group.handle_timeout(Instant::ZERO);
        let first_hello = group.next_deadline().unwrap();
        (group.id(), group.session(), first_hello)
    };
    for seed in natural(41) {
        let (own_id, session, hello) = all(seed);
        let mut same_jitter = 0;
        for bit in 0..256 {
            let mut other = seed;
            other[bit / 8] ^= 1 << (bit % 8);
            let (other_id, other_session, other_hello) = all(other);
            assert_ne!(own_id, other_id, "bit {bit}");
            assert_ne!(session, other_session, "bit {bit}");
            same_jitter += usize::from(hello == other_hello);
        }
        // One of 100,000 microseconds.
        assert!(same_jitter <= 1, "{same_jitter}");
    }
}

/// PROTOCOL W1.
#[test]
fn what_cannot_differ_between_devices_is_refused() {
    let new = |seed: Seed| {
        let made = Group::new(Room::new(), config("a"), seed);
        made.map(|group| group.id()).map_err(|failed| failed.error)
    };
    for seed in [
        Seed::from([0; 32]),
        Seed::from_device(&[], 5),
        Seed::from_device(&[0xff; 12], 5),
    ] {
        assert_eq!(new(seed), Err(ConfigError::SeedIsZero));
    }
    assert!(new(Seed::from([99; 32])).is_ok());
    assert!(new(Seed::from_device(&[0], 0)).is_ok());
}
