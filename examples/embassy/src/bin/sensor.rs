//! A sensor: it publishes a reading each second, and obeys commands.
//!
//! ```text
//! groupcast chat                    then say: status, led on, rate 500, board-1 stop
//! ```
//!
//! Four tasks: the network, the member, who measures, and who obeys. The member belongs to one of them; the others
//! reach it by queues, which have their sizes.

#![no_std]
#![no_main]

use core::future::poll_fn;
use core::pin::pin;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_rt::entry;
use embassy_executor::Spawner;
use embassy_futures::select::{Either, Either3, select, select3};
use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel as Queue;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use groupcast::{Channel, Event, SendError, Tiny};
use groupcast_embassy::Buffers;
use groupcast_embassy_board::{Board, Led, counted, run};
use kit::{Text, Wakes, log, number, said};
use static_cell::{ConstStaticCell, StaticCell};

/// What `groupcast chat` says goes here.
const COMMANDS: Channel = Channel::reliable_ordered(0);
/// The newest value always arrives, also at members that come late.
const READINGS: Channel = Channel::state(1);
const ANSWERS: Channel = Channel::reliable_ordered(2);

/// In each socket three datagrams wait, and so two of the 1,025 bytes that `Tiny` receives.
type Memory = Buffers<2, 4, 3200, 1060>;
type Member = groupcast_embassy_board::Member<&'static mut Tiny>;

/// A command, and how the member was when it came.
struct Command {
    text: Text<40>,
    members: u32,
    dropped: u32,
    stale: u32,
}

enum Answer {
    Say(Text<160>),
    Stop,
}

static TO_OBEY: Queue<CriticalSectionRawMutex, Command, 2> = Queue::new();
static TO_SAY: Queue<CriticalSectionRawMutex, Answer, 2> = Queue::new();
/// The newest reading: one that was not sent in time is worth nothing.
static TO_TELL: Signal<CriticalSectionRawMutex, u32> = Signal::new();
/// The time between readings, in milliseconds, when it changes.
static RATE: Signal<CriticalSectionRawMutex, u32> = Signal::new();
/// How many readings there have been.
static READINGS_TAKEN: AtomicU32 = AtomicU32::new(0);

#[entry]
fn main() -> ! {
    run(start)
}

fn start(spawner: Spawner) {
    static BOARD: StaticCell<Board> = StaticCell::new();
    let board = BOARD.init(Board::start("sensor"));
    let stack = board.network(spawner);
    spawner.spawn(member(board, stack).expect("it is spawned once"));
    spawner.spawn(measure().expect("it is spawned once"));
    spawner.spawn(obey().expect("it is spawned once"));
}

#[embassy_executor::task]
async fn member(board: &'static Board, stack: Stack<'static>) {
    counted(pin!(be_member(board, stack))).await;
}

async fn be_member(board: &'static Board, stack: Stack<'static>) {
    static BUFFERS: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    static TINY: ConstStaticCell<Tiny> = ConstStaticCell::new(Tiny::new());
    stack.wait_config_up().await;
    let mut member = board.join(stack, BUFFERS.take(), TINY.take());
    loop {
        match select3(hear(board, &mut member), TO_SAY.receive(), TO_TELL.wait()).await {
            Either3::First(()) => {}
            Either3::Second(Answer::Say(text)) => say(board, &mut member, text).await,
            Either3::Second(Answer::Stop) => break,
            Either3::Third(reading) => {
                let text = Text::<40>::new()
                    .with("reading ")
                    .number(reading)
                    .with(": 21.");
                let text = text.number(reading % 10).with(" C");
                let _ = member.try_queue(READINGS, text.as_str().as_bytes());
            }
        }
    }
    // Without a cable nobody can be told.
    let left = with_timeout(Duration::from_secs(5), member.leave()).await;
    log!("{}", if left.is_ok() { "left" } else { "left untold" });
    Board::end(true);
}

/// Takes the next event, when there is room for a command: until then they wait where nothing is lost.
async fn hear(board: &Board, member: &mut Member) {
    poll_fn(|cx| TO_OBEY.poll_ready_to_send(cx)).await;
    let text = match member.recv().await {
        Ok(Event::Message(message)) if message.channel() == COMMANDS => {
            let text = said(&message).unwrap_or("?");
            log!("{}: {}", message.name(), text);
            Text::new().with(board.identity.hears(text).unwrap_or_default())
        }
        Ok(event) => return log::event(&event),
        Err(error) => return log::network(&error),
    };
    if text.as_str().is_empty() {
        return;
    }
    let (node, counters) = (member.node(), member.node().counters());
    let command = Command {
        text,
        members: node.peers().count() as u32,
        dropped: counters.dropped() as u32,
        stale: counters.stale as u32,
    };
    // Nobody else puts anything in.
    let _ = TO_OBEY.try_send(command);
}

/// Says something as soon as there is room for it, and goes on hearing meanwhile.
async fn say(board: &Board, member: &mut Member, text: Text<160>) {
    const AGAIN: Duration = Duration::from_millis(5);
    loop {
        match member.try_queue(ANSWERS, text.as_str().as_bytes()) {
            Ok(_) => return log!("said: {}", text.as_str()),
            Err(SendError::QueueFull) => {
                let _ = with_timeout(AGAIN, hear(board, member)).await;
            }
            Err(_) => return log!("not sent: too long"),
        }
    }
}

#[embassy_executor::task]
async fn measure() {
    let mut interval = 1000;
    let mut due = Instant::now();
    loop {
        match select(Timer::at(due), RATE.wait()).await {
            Either::First(()) => {
                let readings = READINGS_TAKEN.load(Ordering::Relaxed) + 1;
                READINGS_TAKEN.store(readings, Ordering::Relaxed);
                TO_TELL.signal(readings);
                due += Duration::from_millis(interval);
            }
            Either::Second(millis) => interval = millis.into(),
        }
    }
}

#[embassy_executor::task]
async fn obey() {
    let (mut led, mut interval) = (Led::start(), 1000);
    loop {
        let command = TO_OBEY.receive().await;
        let text = command.text.as_str();
        let answer = match text.split_once(' ').unwrap_or((text, "")) {
            ("led", state) => {
                led.set(state == "on");
                Text::new().with("led ").with(led.state())
            }
            ("rate", millis) => {
                interval = number(millis).unwrap_or(interval).clamp(10, 60_000);
                RATE.signal(interval);
                Text::new().with("rate ").number(interval)
            }
            ("status", _) => status(&command),
            ("stop", _) => {
                TO_SAY.send(Answer::Say(Text::new().with("stops"))).await;
                TO_SAY.send(Answer::Stop).await;
                continue;
            }
            _ => Text::new().with("led on, led off, rate MILLISECONDS, status, stop?"),
        };
        TO_SAY.send(Answer::Say(answer)).await;
    }
}

fn status(command: &Command) -> Text<160> {
    let Wakes { timer, network, .. } = Wakes::now();
    let readings = READINGS_TAKEN.load(Ordering::Relaxed);
    let text = Text::new().with("readings ").number(readings);
    let text = text.with(" members ").number(command.members);
    let text = text.with(" dropped ").number(command.dropped);
    let text = text.with(" stale ").number(command.stale);
    let text = text.with(" wake-ups by timer ").number(timer);
    text.with(" by network ").number(network)
}
