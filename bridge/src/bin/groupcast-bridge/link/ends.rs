//! How connections ended: whether another client has the same name.

use core::time::Duration;
use std::collections::VecDeque;

use groupcast::Instant;

use crate::failure::Failure;
use crate::session::{Login, Session};

/// If the broker ends so many connections within that time since another client has the same name, both would be thrown
/// out for ever.
const ENDS: usize = 3;
const WITHIN: Duration = Duration::from_secs(60);

/// When connections ended that were ready, and whether another client had taken this one's name.
#[derive(Debug)]
pub(super) struct Ends(VecDeque<(Instant, bool)>);

impl Ends {
    pub(super) const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// One more ended, by this failure: what to say of it. An error is for good.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        session: &Session,
        failure: Failure,
        login: &Login,
    ) -> Result<Failure, Failure> {
        self.0.push_back((now, session.is_taken_over()));
        if self.0.len() > ENDS {
            self.0.pop_front();
        }
        let is_often =
            self.0.len() == ENDS && self.0.iter().all(|(end, _)| now.since(*end) <= WITHIN);
        if !is_often {
            return Ok(failure);
        }
        let name = &login.client_id;
        if self.0.iter().all(|(_, is_taken_over)| *is_taken_over) {
            return Err(Failure::Settings(format!(
                "another client takes the name {name} again and again, and each would throw the other out for ever: give \
                 each its own --client-id"
            )));
        }
        // Some brokers do not say why.
        Ok(match failure {
            Failure::Trouble(text) if !session.is_explained() && !login.is_unique => {
                Failure::Trouble(format!(
                    "{text}, {ENDS} times within a minute: has another client the name {name}, too?"
                ))
            }
            failure => failure,
        })
    }
}
