//! Does what the octets of files say to a fuzz target, and tells what they reach:
//! `replay receive tests/fuzz/corpus/receive/*`. Of `operations` it prints everything that happens, if
//! asked to: `replay operations FILE --trace`.

use std::process::ExitCode;

use groupcast_tests::fuzz::{TARGETS, operations};

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let trace = words.iter().any(|word| word == "--trace");
    words.retain(|word| word != "--trace");
    let target = words.first().cloned().unwrap_or_default();
    let Some((_, run)) = TARGETS.iter().find(|(name, _)| *name == target) else {
        eprintln!("usage: replay decode|receive|sealed|operations|gateway FILE… [--trace]");
        return ExitCode::from(2);
    };
    for path in &words[1..] {
        let octets = match std::fs::read(path) {
            Ok(octets) => octets,
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::from(2);
            }
        };
        if trace && target == "operations" {
            let (plan, _) = operations::run(&octets, true);
            println!("{plan:#?}");
        }
        let reached: Vec<_> = run(&octets).into_iter().collect();
        println!("{path}: {}", reached.join(" "));
    }
    ExitCode::SUCCESS
}
