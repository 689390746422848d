//! Applications that run on simulated members.

use core::any::Any;
use core::marker::PhantomData;

use groupcast::{Application, Event, Instant};

use crate::driver::{At, Driver};
use crate::net::MemberKey;

/// Names an application that runs on a member of a [`SimNet`](crate::SimNet): index the net with it to look at it.
pub struct AppKey<A> {
    pub(crate) member: MemberKey,
    application: PhantomData<fn() -> A>,
}

impl<A> AppKey<A> {
    pub(crate) const fn new(member: MemberKey) -> Self {
        Self {
            member,
            application: PhantomData,
        }
    }

    /// The member that it runs on.
    #[must_use]
    pub const fn member(self) -> MemberKey {
        self.member
    }
}

impl<A> Clone for AppKey<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for AppKey<A> {}

impl<A> core::fmt::Debug for AppKey<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("AppKey").field(&self.member).finish()
    }
}

/// What a member runs.
pub(crate) trait Hosted: core::fmt::Debug {
    /// The device starts again: the application remembers nothing.
    fn begin(&mut self);

    fn on_event(&mut self, now: Instant, event: &Event<'_>);

    /// Lets it act on its member, and sends. Returns when to call again.
    fn act(&mut self, now: Instant, driver: &mut dyn Driver) -> Option<Instant>;

    fn as_any(&self) -> &dyn Any;

    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// An application, and how it is made anew when its member starts again.
pub(crate) struct Host<A, F> {
    application: A,
    make: F,
}

impl<A, F: FnMut() -> A> Host<A, F> {
    pub(crate) fn new(mut make: F) -> Self {
        let application = make();
        Self { application, make }
    }
}

impl<A, F> core::fmt::Debug for Host<A, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(core::any::type_name::<A>())
    }
}

impl<A: Application + 'static, F: FnMut() -> A> Hosted for Host<A, F> {
    fn begin(&mut self) {
        self.application = (self.make)();
    }

    fn on_event(&mut self, now: Instant, event: &Event<'_>) {
        self.application.on_event(now, event);
    }

    fn act(&mut self, now: Instant, driver: &mut dyn Driver) -> Option<Instant> {
        let wake = self.application.act(now, &mut At { driver, now });
        // What the stack reports comes with the next poll.
        driver.flush(now);
        wake
    }

    fn as_any(&self) -> &dyn Any {
        &self.application
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        &mut self.application
    }
}
