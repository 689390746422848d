//! The log: lines on the host's standard output, with the time since power-on. Only numbers and names leave the
//! board: texts are in a section of the firmware's file that is not in flash, and `../read-log` takes them from there.
//! In firmware of your own `defmt` does the same.
//!
//! ```text
//! 0xf5   length of what follows, 1   milliseconds, 4   number of the text, 2   values
//! value: 0xff and a number, 8; or the length of a text, and the text
//! ```
//!
//! Numbers are little-endian. A line goes out at once, so that a reset does not cut it.

use cortex_m_semihosting::hio;
use groupcast::multicast::UdpError;
use groupcast::{Event, Peer};

const START: u8 = 0xf5;
const NUMBER: u8 = 0xff;
/// What begins a line: its mark and its length.
const HEAD: usize = 2;
const LONGEST: usize = 250;
/// What is longer is cut off.
const LONGEST_TEXT: usize = 160;

/// Logs a line: `log!("{} members, session {:016x}", count, session)`. Formats are Python's.
#[macro_export]
macro_rules! log {
    ($text:literal $(, $value:expr)* $(,)?) => {{
        #[unsafe(link_section = ".log")]
        static TEXT: [u8; $text.len() + 1] = $crate::log::text($text);
        $crate::log::Line::new(TEXT.as_ptr().addr())
            $(.with($crate::log::Value::from($value)))*
            .write();
    }};
}

/// Names the function that tells the log the milliseconds since power-on, which may wrap: `log_clock!(millis)`. Each
/// firmware does so once, or it does not link.
#[macro_export]
macro_rules! log_clock {
    ($millis:path) => {
        #[unsafe(no_mangle)]
        fn groupcast_board_millis() -> u32 {
            let millis: fn() -> u32 = $millis;
            millis()
        }
    };
}

unsafe extern "Rust" {
    /// What [`log_clock`] names.
    safe fn groupcast_board_millis() -> u32;
}

/// Milliseconds since power-on, which wrap.
pub fn millis() -> u32 {
    groupcast_board_millis()
}

/// A text, and a zero behind it.
pub const fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut octets = [0; N];
    let mut at = 0;
    while at < text.len() {
        octets[at] = text.as_bytes()[at];
        at += 1;
    }
    octets
}

/// What a line tells beside its text.
pub enum Value<'a> {
    /// A number.
    Number(u64),
    /// A text that is known only when the program runs.
    Text(&'a str),
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

/// A line that is being put together.
pub struct Line {
    octets: [u8; LONGEST],
    length: usize,
}

impl Line {
    /// A line with the text at this place.
    #[inline(never)]
    pub fn new(text: usize) -> Self {
        let mut line = Self {
            octets: [0; LONGEST],
            length: HEAD,
        };
        line.put(&millis().to_le_bytes());
        line.put(&(text as u16).to_le_bytes());
        line
    }

    /// What does not fit is left out.
    #[inline(never)]
    fn put(&mut self, octets: &[u8]) {
        let end = self.length + octets.len();
        if let Some(to) = self.octets.get_mut(self.length..end) {
            to.copy_from_slice(octets);
            self.length = end;
        }
    }

    /// Adds a value for the next `{}` of its text.
    #[inline(never)]
    pub fn with(&mut self, value: Value<'_>) -> &mut Self {
        match value {
            Value::Number(number) => {
                let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
                self.put(&[NUMBER, a, b, c, d, e, f, g, h]);
            }
            Value::Text(text) => {
                let length = text.len().min(LONGEST_TEXT);
                let octets = text.as_bytes().get(..length).unwrap_or_default();
                if self.length + 1 + length <= LONGEST {
                    self.put(&[length as u8]);
                    self.put(octets);
                }
            }
        }
        self
    }

    /// Sends it to the host.
    #[inline(never)]
    pub fn write(&mut self) {
        self.octets[0] = START;
        self.octets[1] = (self.length - HEAD) as u8;
        if let Ok(mut host) = hio::hstdout() {
            let _ = host.write_all(self.octets.get(..self.length).unwrap_or_default());
        }
    }
}

/// Logs who comes and goes, and what is lost. What arrives is the program's own business.
pub fn event(event: &Event<'_>) {
    match event {
        Event::Joined(member) => status("joined", member),
        Event::Left(member) => status("left", member),
        Event::Lost(member) => status("is lost", member),
        Event::Restarted(member) => status("restarted", member),
        Event::Gap(gap) => {
            log!(
                "* gap: {} to {} of {}",
                gap.lost().first().get(),
                gap.lost().last().get(),
                gap.peer().name()
            );
        }
        Event::DuplicateId(duplicate) => log!("* duplicate id {:08x}", duplicate.id().get()),
        Event::RosterFull { refused } => log!("* roster full, {} refused", *refused),
        _ => {}
    }
}

fn status(what: &str, member: &Peer) {
    let (id, session) = (member.id().get(), member.session().get());
    log!(
        "* {} {}, id {:08x}, session {:016x}",
        member.name(),
        what,
        id,
        session
    );
}

/// Logs that the network failed: what concerns one datagram, and the next turn goes on.
pub fn network<E: UdpError>(error: &E) {
    let kind = error.kind() as u32;
    log!(
        "network: error {} of groupcast::multicast::UdpErrorKind",
        kind
    );
}
