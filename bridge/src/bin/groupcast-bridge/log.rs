//! What the program says on standard error: lines of text, or of JSON for programs that collect them.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

static JSON: AtomicBool = AtomicBool::new(false);

/// How much it matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Level {
    Info,
    /// Something is not as it should be, and may pass.
    Warning,
    /// The program ends.
    Error,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// From now on in lines of JSON.
pub(crate) fn use_json() {
    JSON.store(true, Ordering::Relaxed);
}

pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Says something. The event is a word for programs, which stays the same when the words for people change.
pub(crate) fn say(level: Level, event: &str, text: &str) {
    let line = if is_json() {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        in_json(since.unwrap_or_default(), level, event, text)
    } else {
        format!("groupcast-bridge: {}", Shown(text))
    };
    // Whoever reads it may be gone. That is no reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn in_json(since: Duration, level: Level, event: &str, text: &str) -> String {
    let line = json!({
        "time": utc(since),
        "level": level.name(),
        "event": event,
        "message": text,
    });
    line.to_string()
}

/// A text that others may have written, without what a terminal takes for commands.
struct Shown<'a>(&'a str);

impl core::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => core::fmt::Write::write_char(f, c),
        })
    }
}

/// A time since the beginning of 1970, as RFC 3339 writes it, to the millisecond.
fn utc(since: Duration) -> String {
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Years that begin in March end with the leap day. 719,468 days passed before 1970 since March of the year 0.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!(
        "{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        era * 400 + year + next,
        second / 3_600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (951_868_800, "2000-03-01T00:00:00.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (1_735_689_599, "2024-12-31T23:59:59.007Z"),
            (1_798_761_600, "2027-01-01T00:00:00.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            let since = Duration::from_secs(seconds) + Duration::from_millis(7);
            assert_eq!(utc(since), text);
        }
    }

    #[test]
    fn a_line_of_json_is_one_line_whatever_is_said() {
        let said = "a \"name\"\nof \u{1b}[31mtwo lines\u{7f}\u{85}";
        let line = in_json(Duration::from_millis(1), Level::Warning, "down", said);
        assert!(!line.contains('\n'));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["message"], said);
        assert_eq!(read["level"], "warning");
        assert_eq!(read["event"], "down");
        assert_eq!(read["time"], "1970-01-01T00:00:00.001Z");
        assert_eq!(Shown("a\u{1b}\n").to_string(), "a\\u{1b}\\n");
    }
}
