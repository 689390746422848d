//! `--sign-key` and `--trust`: messages that are signed, and those that are shown.

use std::path::Path;

use groupcast::Event;
use groupcast::sign::{NotTrusted, SigningKey, Verifier};
use groupcast_std::sign_file::{self, Trusted};

use crate::output::show::Show;
use crate::process::failure::Failure;
use crate::process::signal;

/// Channels of publishers that are remembered, so that no message is shown twice: about 4,096 in all. Every
/// `groupcast send` is a session of its own, and takes one. Sessions are spread over shelves, so that not all of
/// it has to be on the stack first, nor searched for each message.
const SHELVES: usize = 64;
const REMEMBERED: usize = 64;

/// It looks back as far as the largest memory has its window.
type Shelf<'t> = Verifier<'t, REMEMBERED>;

/// The key to sign with that is asked for.
pub(crate) fn signing_key(file: Option<&Path>) -> Result<Option<SigningKey>, Failure> {
    let load = |path| signal::ends_at_once(|| sign_file::load(path)).map_err(Failure::from);
    file.map(load).transpose()
}

/// Who is trusted, if that is asked for.
pub(crate) fn trusted(file: Option<&Path>) -> Result<Option<Trusted>, Failure> {
    let load = |path| signal::ends_at_once(|| sign_file::load_trusted(path)).map_err(Failure::from);
    file.map(load).transpose()
}

/// Tells what is to be shown, and counts.
#[derive(Debug)]
pub(crate) struct Filter<'t> {
    /// Whom to trust, and what of theirs has been there; `None`: everybody is shown.
    trust: Option<(&'t Trusted, Vec<Shelf<'t>>)>,
    /// Messages of those who are not trusted.
    untrusted: u64,
}

impl<'t> Filter<'t> {
    pub(crate) fn new(trusted: Option<&'t Trusted>) -> Self {
        let shelf = |trusted: &'t Trusted| Verifier::new(trusted.keys());
        let shelves = |trusted| (0..SHELVES).map(|_| shelf(trusted)).collect();
        Self {
            trust: trusted.map(|trusted| (trusted, shelves(trusted))),
            untrusted: 0,
        }
    }

    /// What is to be shown of this event.
    pub(crate) fn judge(&mut self, event: &Event<'_>) -> Show<'t> {
        let Some((trusted, shelves)) = &mut self.trust else {
            return Show::Yes;
        };
        let checked = match event {
            Event::Message(message) => {
                // Sessions are random. One that is not known is on none of them.
                let session = message.peer().map_or(0, |member| member.session().get());
                shelves[session as usize % SHELVES].check(message)
            }
            // Raw datagrams have no place for a signature.
            Event::Raw(_) => Err(NotTrusted::NotSigned),
            _ => return Show::Yes,
        };
        match checked {
            Ok(key) => Show::SignedBy(trusted.name_of(key).unwrap_or_default()),
            Err(why) => {
                self.untrusted += 1;
                Show::Untrusted(why)
            }
        }
    }

    /// How many messages were dropped; `None` if nobody asked whom to trust.
    pub(crate) fn untrusted(&self) -> Option<u64> {
        self.trust.as_ref().map(|_| self.untrusted)
    }
}
