//! The two ends of a measurement, each a process of its own.

use core::time::Duration;
use std::ffi::OsString;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use groupcast_std::InterfaceSelector;
use serde::de::DeserializeOwned;

use super::account::Received;
use super::meeting;
use super::options::{How, Load, Throughput};
use super::progress::Progress;
use super::sender::{Sent, interrupted};
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;

/// How often to look whether they are done.
const LOOK: Duration = Duration::from_millis(10);

/// How long they may take beside the time they send.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What one run of a sender and its receivers gave.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) sent: Sent,
    pub(super) received: Vec<Received>,
}

/// What is to run: the arguments that both ends share.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    arguments: Vec<OsString>,
    load: Load,
    leaves: u8,
}

impl Ends {
    /// Members of a group.
    pub(super) fn members(common: &Common, options: &Throughput) -> Self {
        let mut arguments = shared("throughput", common, &options.load, options.size);
        arguments.extend(how_arguments(&options.how));
        arguments.push(format!("--batch={}", options.batch).into());
        arguments.push(format!("--leaves={}", options.leaves).into());
        Self {
            arguments,
            load: options.load,
            leaves: options.leaves,
        }
    }

    /// Plain sockets.
    pub(super) fn plain(common: &Common, load: &Load, size: u32) -> Self {
        Self {
            arguments: shared("floor", common, load, size),
            load: *load,
            leaves: 0,
        }
    }

    /// Starts them, waits until they are done, and returns what they report.
    pub(super) fn run(&self, progress: &Progress) -> Result<Run, Failure> {
        // They are there until the others are done.
        let mut leaves = Processes::default();
        for _ in 0..self.leaves {
            leaves.start(&self.arguments, "leaf")?;
        }
        let mut processes = Processes::default();
        for _ in 0..self.load.receivers {
            processes.start(&self.arguments, "rx")?;
        }
        processes.start(&self.arguments, "tx")?;
        let mut outputs = processes.outputs(self.load.seconds + PATIENCE, progress)?;
        let sent = outputs.pop().map_or_else(|| Err(gibberish()), |o| read(&o));
        let received = outputs.iter().map(read).collect::<Result<_, _>>();
        Ok(Run {
            sent: sent?,
            received: received?,
        })
    }
}

fn shared(what: &str, common: &Common, load: &Load, size: u32) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["bench".into(), what.into(), "--json".into()];
    arguments.extend(common_arguments(common));
    arguments.extend(span_arguments(size, load.seconds));
    arguments.push(format!("--receivers={}", load.receivers).into());
    if let Some(rate) = load.rate {
        arguments.push(format!("--rate={rate}").into());
    }
    arguments
}

/// Size and time, again as arguments.
pub(super) fn span_arguments(size: u32, seconds: Duration) -> [OsString; 2] {
    let seconds = seconds.as_secs_f64();
    [format!("--size={size}"), format!("--seconds={seconds}")].map(OsString::from)
}

/// How messages are sent, again as arguments.
pub(super) fn how_arguments(how: &How) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![format!("--class={}", how.class).into()];
    if how.sealed {
        arguments.push("--sealed".into());
    }
    if let Some(pace) = how.limits.pace {
        arguments.push(format!("--pace={pace}").into());
    }
    if let Some(storage) = how.limits.storage {
        arguments.push(format!("--storage={storage}").into());
    }
    if let Some(bytes) = how.limits.max_datagram {
        arguments.push(format!("--max-datagram={bytes}").into());
    }
    arguments
}

/// The common options that matter to a measurement, again as arguments.
pub(super) fn common_arguments(common: &Common) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        format!("--group={}", common.group).into(),
        format!("--interface={}", selected(&meeting::interface(common))).into(),
        format!("--hop-limit={}", common.hop_limit).into(),
    ];
    if let Some(name) = &common.group_name {
        arguments.push(format!("--group-name={name}").into());
    }
    if let Some(path) = &common.key_file {
        let mut argument = OsString::from("--key-file=");
        argument.push(path);
        arguments.push(argument);
    }
    if common.trust_first {
        arguments.push("--trust-first".into());
    }
    arguments
}

/// An interface as it is selected on the command line.
fn selected(interface: &InterfaceSelector) -> String {
    match interface {
        InterfaceSelector::Name(name) => name.clone(),
        InterfaceSelector::Index(index) => index.to_string(),
        InterfaceSelector::Address(address) => address.to_string(),
        _ => "auto".to_owned(),
    }
}

/// Processes that do not outlive their measurement.
#[derive(Default)]
pub(super) struct Processes(Vec<Child>);

impl Processes {
    /// Starts this program again, as one end.
    pub(super) fn start(&mut self, arguments: &[OsString], role: &str) -> Result<(), Failure> {
        let program = std::env::current_exe().map_err(|error| cannot_start(&error))?;
        let child = Command::new(program)
            .args(arguments)
            .arg(format!("--role={role}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| cannot_start(&error))?;
        self.0.push(child);
        Ok(())
    }

    /// Waits until all are done. The first that fails ends the others.
    pub(super) fn outputs(
        mut self,
        patience: Duration,
        progress: &Progress,
    ) -> Result<Vec<Output>, Failure> {
        let end = Instant::now() + patience;
        loop {
            let mut running = 0;
            for nth in 0..self.0.len() {
                match self.0[nth].try_wait() {
                    Ok(None) => running += 1,
                    Ok(Some(status)) if status.success() => {}
                    Ok(Some(_)) => {
                        let output = self.0.swap_remove(nth).wait_with_output();
                        return Err(output.map_or_else(|error| cannot_start(&error), failure));
                    }
                    Err(error) => return Err(cannot_start(&error)),
                }
            }
            if running == 0 {
                break;
            }
            if signal::end_requested() {
                return Err(interrupted());
            }
            if Instant::now() > end {
                return Err(Failure::Unmet("a process did not end in time".to_owned()));
            }
            progress.tick();
            std::thread::sleep(LOOK);
        }
        let children = core::mem::take(&mut self.0);
        let outputs = children.into_iter().map(Child::wait_with_output);
        outputs
            .collect::<Result<_, _>>()
            .map_err(|error| cannot_start(&error))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a process reports.
pub(super) fn read<T: DeserializeOwned>(output: &Output) -> Result<T, Failure> {
    serde_json::from_slice(&output.stdout).map_err(|_| gibberish())
}

/// Why a process failed, as it said itself.
fn failure(output: Output) -> Failure {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or("a process failed");
    let why = last.strip_prefix("groupcast: ").unwrap_or(last).to_owned();
    match output.status.code() {
        Some(2) => Failure::Settings(why),
        Some(3) => Failure::Unmet(why),
        _ => Failure::Trouble(why),
    }
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::Trouble(format!(
        "cannot run this program as another process: {error}"
    ))
}

fn gibberish() -> Failure {
    Failure::Trouble("a process did not report what it measured".to_owned())
}
