use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use groupcast_bridge::tunnel::EXPIRY;

use super::*;

fn link(port: u16) -> Link {
    let broker = format!("mqtt://127.0.0.1:{port}").parse().unwrap();
    let login = Login {
        client_id: "x".to_owned(),
        ..Login::default()
    };
    let subscription = Subscription {
        filter: "a/+".to_owned(),
        ..Subscription::default()
    };
    Link::new(broker, false, None, login, vec![subscription])
}

fn datagram(payload: &[u8]) -> Publication {
    Publication {
        topic: "a/b".to_owned(),
        payload: payload.to_vec(),
        expiry: Some(EXPIRY),
        ..Publication::default()
    }
}

/// A link with a clock of its own, and what happened to it that was not looked at.
struct Looked {
    link: Link,
    now: Instant,
    happened: Vec<Happened>,
}

impl Looked {
    fn new(listener: &TcpListener) -> Self {
        Self {
            link: link(listener.local_addr().unwrap().port()),
            now: Instant::from_secs(1),
            happened: Vec::new(),
        }
    }

    /// What happens next. Its clock is slow, so that a busy machine has time.
    fn next(&mut self) -> Happened {
        for _ in 0..6_000 {
            if !self.happened.is_empty() {
                return self.happened.remove(0);
            }
            self.now += Duration::from_millis(2);
            self.link.poll(self.now, &mut self.happened).unwrap();
            thread::sleep(Duration::from_millis(10));
        }
        panic!("nothing happens: {:?}", self.link);
    }
}

/// Greets whoever connects, and says what it is told then.
fn serve(listener: &TcpListener, then: &[u8]) -> (TcpStream, Vec<u8>) {
    serve_granting(listener, 0, then)
}

fn serve_granting(listener: &TcpListener, qos: u8, then: &[u8]) -> (TcpStream, Vec<u8>) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut buffer = [0; 512];
    stream
        .read(&mut buffer)
        .map(|length| assert!(length > 0))
        .unwrap();
    stream.write_all(&[0x20, 3, 0, 0, 0]).unwrap();
    let length = stream.read(&mut buffer).unwrap();
    stream.write_all(&[0x90, 4, 0, 1, 0, qos]).unwrap();
    stream.write_all(then).unwrap();
    (stream, buffer[..length].to_vec())
}

#[test]
fn a_broker_that_goes_away_is_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut looked = Looked::new(&listener);
    let serving = thread::spawn(move || {
        let (stream, subscription) = serve(&listener, b"\x30\x06\0\x01b\0hi");
        assert_eq!(subscription[0], 0x82);
        drop(stream);
        let (mut stream, _) = serve(&listener, b"");
        let mut message = [0; 14];
        stream.read_exact(&mut message).unwrap();
        message
    });
    assert!(matches!(looked.next(), Happened::Up(_)));
    assert!(matches!(looked.next(), Happened::Message(message) if message.payload == b"hi"));
    let Happened::Down(failure, pause) = looked.next() else {
        panic!("it goes on without its broker");
    };
    assert!(matches!(failure, Failure::Trouble(_)));
    assert!(pause >= Duration::from_secs(1));
    looked.now += pause;
    // Nothing is kept for later.
    let published = looked.link.publish(looked.now, &datagram(b"lost"));
    assert_eq!(published, Published::NoRoom);
    assert!(matches!(looked.next(), Happened::Up(_)));
    assert_eq!(looked.link.counted().connected, 2);
    let published = looked.link.publish(looked.now, &datagram(b"x"));
    assert_eq!(published, Published::Sent(None));
    looked.link.flush(looked.now).unwrap();
    assert_eq!(
        &serving.join().unwrap(),
        b"\x30\x0c\0\x03a/b\x05\x02\0\0\0\x02x"
    );
}

#[test]
fn a_name_that_is_not_found_for_long_keeps_nobody_waiting() {
    static IS_ASKED: AtomicBool = AtomicBool::new(false);
    static IS_FOUND: AtomicBool = AtomicBool::new(false);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut looked = Looked::new(&listener);
    looked.link.look_up = |broker, is_insecure| {
        IS_ASKED.store(true, Ordering::SeqCst);
        // The test itself would wait for ever.
        while thread::current().name() == Some("lookup") && !IS_FOUND.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        broker.addresses(is_insecure)
    };
    while !IS_ASKED.load(Ordering::SeqCst) {
        looked.link.poll(looked.now, &mut looked.happened).unwrap();
        thread::yield_now();
    }
    for _ in 0..100 {
        looked.now += PATIENCE;
        looked.link.poll(looked.now, &mut looked.happened).unwrap();
        assert!(looked.link.deadline() > looked.now);
        assert!(matches!(looked.link.state, State::Looking(_)));
        assert!(looked.happened.is_empty());
    }
    IS_FOUND.store(true, Ordering::SeqCst);
    let serving = thread::spawn(move || serve(&listener, b"").0);
    assert!(matches!(looked.next(), Happened::Up(_)));
    drop(serving.join().unwrap());
}

#[test]
fn what_waits_for_longer_than_it_is_worth_is_dropped_and_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut looked = Looked::new(&listener);
    let serving = thread::spawn(move || serve(&listener, b"").0);
    assert!(matches!(looked.next(), Happened::Up(_)));
    let nobody_reads = serving.join().unwrap();
    let payload = datagram(&[0; 1_400]);
    // What the system takes, what may wait, and what has no room.
    for _ in 0..20_000 {
        looked.link.publish(looked.now, &payload);
        looked.link.flush(looked.now).unwrap();
    }
    let without_room = looked.link.counted().late;
    assert!(without_room > 0);
    let State::Live(live) = &looked.link.state else {
        panic!("the broker is away");
    };
    assert!(live.queued <= BACKLOG && live.queue.len() > 500);
    let waiting = live.queue.len() as u64;
    drop(nobody_reads);
    looked.now += EXPIRY;
    let State::Live(live) = &mut looked.link.state else {
        panic!("the broker is away");
    };
    // As if the system had room again.
    live.stream = Stream::new(live.stream.tcp.try_clone().unwrap(), None);
    let _ = looked.link.flush(looked.now);
    assert_eq!(looked.link.counted().late, without_room + waiting);
}

fn acknowledged(payload: &[u8]) -> Publication {
    Publication {
        qos: Qos::AtLeastOnce,
        ..datagram(payload)
    }
}

#[test]
fn what_is_acknowledged_is_told_and_nothing_of_it_outlives_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut looked = Looked::new(&listener);
    looked.link.subscriptions[0].qos = Qos::AtLeastOnce;
    let serving = thread::spawn(move || {
        // The broker has a message to be acknowledged, too.
        let (mut stream, _) = serve_granting(&listener, 1, b"\x32\x08\0\x01b\0\x07\0hi");
        let mut message = [0; 16];
        stream.read_exact(&mut message).unwrap();
        stream.write_all(&[0x40, 2, 0, 1]).unwrap();
        stream.read_exact(&mut message).unwrap();
        drop(stream);
        let (mut stream, _) = serve_granting(&listener, 1, b"");
        let mut again = [0; 16];
        stream.read_exact(&mut again).unwrap();
        (message, again)
    });
    let sent = Published::Sent(Some(1));
    assert!(matches!(looked.next(), Happened::Up(_)));
    assert!(matches!(looked.next(), Happened::Message(message) if message.packet == Some(7)));
    assert_eq!(looked.link.publish(looked.now, &acknowledged(b"1")), sent);
    assert!(matches!(
        looked.next(),
        Happened::Acknowledged {
            ticket: 1,
            reason: 0
        }
    ));
    let next = Published::Sent(Some(2));
    assert_eq!(looked.link.publish(looked.now, &acknowledged(b"2")), next);
    looked.link.flush(looked.now).unwrap();
    let Happened::Down(_, pause) = looked.next() else {
        panic!("it goes on without its broker");
    };
    assert!(!looked.link.acknowledge(7, 0), "the broker is away");
    looked.now += pause;
    assert!(matches!(looked.next(), Happened::Up(_)));
    assert!(
        !looked.link.acknowledge(7, 0),
        "that was another connection"
    );
    // Nothing was sent again by the link itself.
    assert_eq!(looked.link.publish(looked.now, &acknowledged(b"3")), sent);
    looked.link.flush(looked.now).unwrap();
    let (second, third) = serving.join().unwrap();
    assert_eq!((second[15], third[15]), (b'2', b'3'));
    assert_eq!(looked.link.counted().late, 0);
}

/// What a link makes of a broker that ends its connections so, three times or until it gives up.
fn ended_thrice(then: &'static [u8]) -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut looked = Looked::new(&listener);
    let serving = thread::spawn(move || {
        for _ in 0..3 {
            serve(&listener, then);
        }
    });
    let mut happened = Vec::new();
    let mut downs = 0;
    for _ in 0..60_000 {
        looked.now += Duration::from_millis(2);
        thread::sleep(Duration::from_millis(1));
        let polled = looked.link.poll(looked.now, &mut happened);
        // It is only time that passes between the tries.
        if let State::Down { until } = looked.link.state {
            looked.now = looked.now.max(until);
        }
        if let Err(failure) = polled {
            serving.join().unwrap();
            return Err(failure);
        }
        for what in happened.drain(..) {
            if let Happened::Down(failure, _) = what {
                downs += 1;
                if downs == 3 {
                    serving.join().unwrap();
                    return Ok(failure.to_string());
                }
            }
        }
    }
    panic!("it does not end: {:?}", looked.link);
}

#[test]
fn a_name_that_another_client_takes_three_times_within_a_minute_is_given_up() {
    let failure = ended_thrice(&[0xe0, 2, 0x8e, 0]).unwrap_err();
    assert!(
        matches!(&failure, Failure::Settings(text) if text.contains("--client-id")),
        "{failure}"
    );
}

#[test]
fn a_broker_that_ends_connections_and_does_not_say_why_is_tried_again_with_a_guess() {
    let text = ended_thrice(b"").unwrap();
    assert!(
        text.contains("has another client the name x, too?"),
        "{text}"
    );
    // It says why: it is shutting down.
    let text = ended_thrice(&[0xe0, 2, 0x8b, 0]).unwrap();
    assert!(
        text.contains("ServerShuttingDown") && !text.contains("another client"),
        "{text}"
    );
}

#[test]
fn a_broker_that_wants_to_hear_something_more_often_is_asked_more_often() {
    let welcome = Welcome {
        session_present: false,
        receive_maximum: 20,
        maximum_packet_size: None,
        maximum_qos: Qos::AtLeastOnce,
        is_retain_available: true,
        keep_alive: None,
        session_expiry: None,
    };
    let every = |keep_alive| {
        ask(&Welcome {
            keep_alive,
            ..welcome
        })
    };
    assert_eq!(every(None), ASK);
    assert_eq!(every(Some(0)), ASK);
    assert_eq!(every(Some(60)), ASK);
    assert_eq!(every(Some(4)), Duration::from_secs(2));
}
