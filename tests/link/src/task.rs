//! All of a node in a task, on any stack.

use core::hint::black_box;
use core::net::SocketAddr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use groupcast::multicast::UdpMulticast;
use groupcast::{
    AnyNode, Application, AsyncNode, Channel, Config, Endpoint, Event, Instant, Node, Reactor, Tiny,
};

/// Is ready if the compiler thinks it might be.
struct Perhaps;

impl<S: UdpMulticast> Reactor<S> for Perhaps {
    fn now(&self) -> Instant {
        black_box(Instant::ZERO)
    }

    fn poll_at(&mut self, _: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
        if black_box(at).is_some() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn poll_readable(
        &mut self,
        _: &mut Context<'_>,
        _: &mut S,
        _: Option<&S::UdpSocket>,
        _: &S::UdpSocket,
    ) -> Poll<Result<(), S::Error>> {
        if black_box(true) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}

/// An application that does everything once.
struct Once;

impl Application for Once {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        black_box(event);
    }

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        let _ = black_box(endpoint.queue(Channel::state(2), black_box(&[0; 8])));
        endpoint.leave();
        black_box(Some(now))
    }
}

/// Joins a group, and does everything again and again until it has left.
pub(crate) fn run<S: UdpMulticast>(stack: S, group: SocketAddr) {
    let mut storage = Tiny::new();
    let config = black_box(Config::new(group).with_name("link"));
    let Ok(node) = Node::new(stack, &mut storage, config, black_box([7; 32])) else {
        return;
    };
    live(AsyncNode::new(node, Perhaps));
}

/// Polls a future until it is done.
fn done<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

// An `async fn` could panic, if somebody polled it after its end.
fn live<N: AnyNode>(mut node: AsyncNode<N, Perhaps>) {
    let payload = black_box([0_u8; 64].as_slice());
    while black_box(true) {
        if let Ok(event) = done(node.recv()) {
            black_box(event);
        }
        for channel in [Channel::best_effort(1), Channel::reliable_ordered(3)] {
            let hear = |event: Event<'_>| {
                black_box(event);
            };
            if let Ok(sequence) = done(node.send(channel, payload, hear)) {
                let _ = black_box(node.confirm(sequence));
            }
            let _ = black_box(done(node.queue(channel, payload, hear)).is_ok());
            let _ = black_box(node.try_queue(channel, payload).is_ok());
        }
        done(node.flush());
        let _ = black_box(done(node.run(&mut Once)).is_ok());
    }
    let _ = black_box(done(node.leave()).is_ok());
    black_box(node.node());
}
