//! A talker: it greets who joins, and echoes what others say.
//!
//! ```text
//! groupcast chat                    then say something; board-1 stop
//! ```

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use groupcast::{Board as Storage, Channel, Event};
use groupcast_board::Board;
use groupcast_smoltcp::BoardMemory;
use kit::{Outbox, Text, host, log, said};
use static_cell::ConstStaticCell;

/// As `groupcast chat`.
const TALK: Channel = Channel::reliable_ordered(0);
const BURST: u8 = 8;

/// What an echo begins with. An echo is not echoed, or two boards would never be quiet again.
const ECHO: &str = "> ";

#[entry]
fn main() -> ! {
    static STORAGE: ConstStaticCell<Storage> = ConstStaticCell::new(Storage::new());
    static QUEUES: ConstStaticCell<BoardMemory> = ConstStaticCell::new(BoardMemory::new());

    let board = Board::start("chat");
    let stack = board.network(QUEUES.take());
    let mut node = board.join(&stack, STORAGE.take(), BURST);
    let mut words = Outbox::new(TALK);
    let mut stopping = false;
    loop {
        let now = board.now();
        stack.poll(now);
        while words.send(&mut node, now) {
            match node.poll(now) {
                Ok(Some(Event::Message(message))) if message.channel() == TALK => {
                    let (name, text) = (message.name(), said(&message).unwrap_or("?"));
                    log!("{}: {}", name, text);
                    if board.identity.hears(text) == Some("stop") {
                        stopping = true;
                    } else if !text.starts_with(ECHO) {
                        words.put(Text::new().with(ECHO).with(name).with(": ").with(text));
                    }
                }
                Ok(Some(Event::Joined(member))) => {
                    log::event(&Event::Joined(member));
                    words.put(Text::new().with(ECHO).with("hello, ").with(member.name()));
                }
                Ok(Some(event)) => log::event(&event),
                Ok(None) => break,
                Err(error) => log::network(&error),
            }
        }
        if stopping && words.is_empty() {
            node.leave(now);
            if node.has_left() {
                log!("left");
                host::exit(true);
            }
        }
        board.sleep([stack.next_deadline(), words.wake(now, node.next_deadline())]);
    }
}
