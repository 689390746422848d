//! Options of `groupcast record`.

use core::num::{NonZeroU64, NonZeroUsize};
use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::options::{parse_count, parse_seconds};

pub(crate) const HELP: &str = "It says nothing to the group, and records all that comes to its address and port, whole and as it came: \
    members, raw datagrams, and groups of other names. Unicast between members does not come there. Wireshark \
    names the frames with cli/wireshark/groupcast.lua; live: groupcast record - | wireshark -k -i -. Without Wireshark: groupcast read. \
    On a terminal it counts what came.";

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("rotation").args(["rotate_bytes", "rotate_seconds"]).multiple(true)))]
pub(crate) struct Record {
    /// The file to write, in the form pcapng; what was in it is replaced. - is standard output, but not a terminal.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// End after this many datagrams.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = parse_count::<NonZeroU64>)]
    pub(crate) count: Option<NonZeroU64>,

    /// End after this time; exit 3 if fewer datagrams came than --count asks for.
    #[arg(
        short,
        long,
        visible_alias = "seconds",
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,

    /// Begin another file before this one has more bytes. The files are numbered, before the
    /// ending of FILE: talk-00001.pcapng and so on.
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true, value_parser = parse_count::<NonZeroU64>)]
    pub(crate) rotate_bytes: Option<NonZeroU64>,

    /// Begin another file with the first datagram after this time. The files are numbered.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) rotate_seconds: Option<Duration>,

    /// Keep so many of the numbered files, and remove the oldest.
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        requires = "rotation",
        value_parser = parse_count::<NonZeroUsize>
    )]
    pub(crate) keep: Option<NonZeroUsize>,
}

impl Record {
    /// Whether there may be several files.
    pub(crate) const fn rotates(&self) -> bool {
        self.rotate_bytes.is_some() || self.rotate_seconds.is_some()
    }

    /// The name of the file with this number.
    pub(crate) fn path(&self, number: u64) -> PathBuf {
        if !self.rotates() {
            return self.file.clone();
        }
        let mut name = OsString::from(self.file.file_stem().unwrap_or_default());
        name.push(format!("-{number:05}"));
        if let Some(extension) = self.file.extension() {
            name.push(".");
            name.push(extension);
        }
        self.file.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn path(line: &str) -> String {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Command::Record(record) = cli.command else {
            panic!("not record");
        };
        record.path(12).display().to_string()
    }

    #[test]
    fn only_files_that_are_several_are_numbered() {
        assert_eq!(
            path("groupcast record a/b.c/talk.pcapng"),
            "a/b.c/talk.pcapng"
        );
        let rotated = |file: &str| path(&format!("groupcast record --rotate-bytes 9 {file}"));
        assert_eq!(rotated("a/b.c/talk.pcapng"), "a/b.c/talk-00012.pcapng");
        assert_eq!(rotated("talk"), "talk-00012");
    }
}
