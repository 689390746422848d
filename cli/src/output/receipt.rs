//! Who has what was sent, in words.

use groupcast::{Class, MemberId};

use super::json::called;

/// What became of what was sent: a member by its id and its name.
#[derive(Debug, Default)]
pub(crate) struct Receipt {
    /// They have all of it.
    pub(crate) has: Vec<(MemberId, String)>,
    /// They are there, and came too late for some of it or lost it for ever.
    pub(crate) lacks: Vec<(MemberId, String)>,
    /// They are there, and have not said.
    pub(crate) open: Vec<(MemberId, String)>,
    /// They are there, and take no reliable messages.
    pub(crate) takes_none: Vec<(MemberId, String)>,
}

impl Receipt {
    /// Whether nobody is known to be there who was to have it and has not all of it.
    pub(crate) fn is_whole(&self) -> bool {
        let is_for_nobody = self.has.is_empty() && !self.takes_none.is_empty();
        self.lacks.is_empty() && self.open.is_empty() && !is_for_nobody
    }

    /// As part of a sentence that begins with "sent".
    pub(crate) fn sentence(&self, class: Class) -> String {
        let all = self.has.len() + self.lacks.len() + self.open.len();
        let noun = if all == 1 { "member" } else { "members" };
        let mut text = match self.has.len() {
            0 if all == 0 && self.takes_none.is_empty() => "; nobody else is here".to_owned(),
            0 if all == 0 => "; nobody confirms it here".to_owned(),
            has if has == all => format!(" to {all} {noun}"),
            has => format!(" to {has} of {all} {noun}"),
        };
        let one = self.takes_none.len() == 1;
        let takes_none = match (class, one) {
            (Class::State, true) => "takes values, and confirms none",
            (Class::State, false) => "take values, and confirm none",
            (_, true) => "takes no reliable messages",
            (_, false) => "take no reliable messages",
        };
        for (who, what) in [
            (
                &self.lacks,
                "came too late for some of it, or lost it for ever",
            ),
            (&self.open, "did not confirm it in time"),
            (&self.takes_none, takes_none),
        ] {
            if !who.is_empty() {
                let names: Vec<_> = who.iter().map(|(id, name)| called(name, *id)).collect();
                text += &format!("; {} {what}", names.join(", "));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_it_is_a_sentence() {
        let who = |id: u32, name: &str| (MemberId::new(id).unwrap(), name.to_owned());
        let mut receipt = Receipt::default();
        let sentence = |receipt: &Receipt| receipt.sentence(Class::ReliableOrdered);
        assert_eq!(sentence(&receipt), "; nobody else is here");
        receipt.takes_none.push(who(6, "lamp"));
        assert!(!receipt.is_whole());
        assert_eq!(
            sentence(&receipt),
            "; nobody confirms it here; lamp takes no reliable messages"
        );
        receipt.has.push(who(1, "ana"));
        assert!(receipt.is_whole());
        assert_eq!(
            sentence(&receipt),
            " to 1 member; lamp takes no reliable messages"
        );
        receipt.takes_none.push(who(7, ""));
        assert_eq!(
            receipt.sentence(Class::State),
            " to 1 member; lamp, 00000007 take values, and confirm none"
        );
        receipt.takes_none.clear();
        receipt.has.push(who(2, ""));
        assert_eq!(sentence(&receipt), " to 2 members");
        receipt.lacks.push(who(3, "eva"));
        receipt.open.push(who(4, "ben"));
        receipt.open.push(who(5, ""));
        assert_eq!(
            sentence(&receipt),
            " to 2 of 5 members; eva came too late for some of it, or lost it for ever; ben, 00000005 did not \
             confirm it in time"
        );
    }
}
