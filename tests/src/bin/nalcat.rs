//! Sends and receives raw datagrams over the std adapter: the program that the labs run.
//!
//! ```text
//! nalcat listen GROUP:PORT INTERFACE          one line a datagram: `heard SOURCE TEXT`
//! nalcat send GROUP:PORT INTERFACE TEXT       sends `TEXT 1`, `TEXT 2`, … every 100 ms
//! nalcat interfaces GROUP                     what there is, and what would be chosen
//! ```
//!
//! Both run until they are ended. Whatever changes is said in a line: `ready`, `rejoins N`,
//! `error TEXT`. An error ends neither; only a wrong argument does.

use core::error::Error;
use core::net::SocketAddr;
use core::time::Duration;
use std::process::ExitCode;
use std::thread::sleep;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast_std::{StdStack, interfaces, wait};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nalcat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["listen", group, interface] => listen(group.parse()?, interface),
        ["send", group, interface, text] => send(group.parse()?, interface, text),
        ["interfaces", group] => {
            for verdict in interfaces::survey(group.parse()?)? {
                let mark = if verdict.chosen { "*" } else { " " };
                let interface = verdict.interface;
                println!(
                    "{mark} {} {} {:?} {:?} {:?} {}",
                    interface.index,
                    interface.name,
                    interface.mtu,
                    verdict.address,
                    verdict.score,
                    verdict.reason
                );
            }
            Ok(())
        }
        _ => {
            Err("usage: nalcat listen|send GROUP:PORT INTERFACE [TEXT], or interfaces GROUP".into())
        }
    }
}

fn stack(group: SocketAddr, interface: &str) -> Result<StdStack, Box<dyn Error>> {
    let stack = StdStack::builder()
        .group(group)
        .interface(interface.parse()?)
        .build()?;
    println!("using {}", stack.choice());
    Ok(stack)
}

/// Says how often groups were joined anew, when that changes.
fn tell_rejoins(stack: &StdStack, told: &mut u64) {
    if stack.rejoins() != *told {
        *told = stack.rejoins();
        println!("rejoins {told} {}", stack.choice());
    }
}

fn listen(group: SocketAddr, interface: &str) -> Result<(), Box<dyn Error>> {
    let mut stack = stack(group, interface)?;
    let mut ear = UdpClientStack::socket(&mut stack)?;
    UdpFullStack::bind(&mut stack, &mut ear, group.port())?;
    stack.join_multicast(&mut ear, group.ip(), Interface::Default)?;
    println!("ready");
    let mut buffer = [0; 2048];
    let mut told = 0;
    loop {
        match UdpClientStack::receive(&mut stack, &mut ear, &mut buffer) {
            Ok((length, source)) => {
                println!(
                    "heard {source} {}",
                    String::from_utf8_lossy(&buffer[..length])
                );
            }
            Err(nb::Error::WouldBlock) => {
                wait(&[&ear], Duration::from_millis(100))?;
            }
            Err(nb::Error::Other(error)) => {
                println!("error {error}");
                sleep(Duration::from_millis(100));
            }
        }
        tell_rejoins(&stack, &mut told);
    }
}

fn send(group: SocketAddr, interface: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let mut stack = stack(group, interface)?;
    let mut mouth = UdpClientStack::socket(&mut stack)?;
    UdpFullStack::bind(&mut stack, &mut mouth, 0)?;
    println!("ready");
    for number in 1.. {
        let datagram = format!("{text} {number}");
        match stack.send_to(&mut mouth, group, datagram.as_bytes()) {
            Ok(()) => println!("sent {number}"),
            Err(nb::Error::WouldBlock) => println!("error no room to send"),
            Err(nb::Error::Other(error)) => println!("error {error}"),
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
